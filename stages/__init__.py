"""The stages of `dvc.yaml`, one script each: read, call `har`, write, say what was done."""

import har  # noqa: F401 - sets what libraries read when they are imported, before any of them is
