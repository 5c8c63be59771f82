"""Trained models as folders that run without this project."""
