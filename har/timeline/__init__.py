"""What people do when, in a long video or before a camera, by a window that slides."""
