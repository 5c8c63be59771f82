"""What a folder of videos holds, looked at before any run: what may be wrong, and the fix."""
