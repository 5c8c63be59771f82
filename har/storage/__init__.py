"""What several machines share: a folder that all of them see, or object storage."""
