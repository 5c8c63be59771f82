"""The user's folder of videos: what lies in it, how it is laid out, and its table."""
