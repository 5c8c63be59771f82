"""How the pictures of a file are stored: in which colours, and when each is shown."""
