"""The videos as tables: finding them, who is in them, splits, balancing."""
