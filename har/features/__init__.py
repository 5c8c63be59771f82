"""What models on features are shown of a clip: its pictures' features and its landmarks."""
