"""Scores, baselines, comparisons, cross-validation and Grad-CAM."""
