"""The stages of `dvc.yaml`, one script each: read, call `har`, write, say what was done."""
