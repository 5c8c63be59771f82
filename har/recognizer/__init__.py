"""A trained model in its folder, and its use on new videos."""
