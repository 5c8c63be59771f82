"""Clips, their augmented views and the input streams made from them."""
