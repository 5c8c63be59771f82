"""The user's folder of videos: finding, subjects, tables, splits, balancing."""
