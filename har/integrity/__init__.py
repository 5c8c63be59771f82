"""What the pipeline keeps on the disk: whether it is whole, and how it is put right."""
