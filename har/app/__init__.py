"""The page on which a trained recognizer is tried out, in a browser."""
