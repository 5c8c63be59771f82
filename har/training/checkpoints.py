"""Checkpoints: one file a training, written after each epoch; a kill leaves it whole or not there.

A file is NumPy's `.npz` with the SHA-256 of its bytes behind it, so that one which was cut off or
changed is known before anything of it is used.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from har.engine.files import writing
from har.integrity.unpacking import read_arrays

DIGEST_BYTES = 32


def write_checkpoint(arrays: Mapping[str, np.ndarray], checkpoint: Path) -> None:
    """Write the arrays so that a kill or a power cut leaves the old file or the new one."""
    partial = checkpoint.with_name(checkpoint.name + ".part")
    num_bytes = sum(array.nbytes for array in arrays.values())
    with writing(partial, num_bytes=num_bytes), partial.open("w+b") as file:
        np.savez(file, **arrays)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").digest()
        file.seek(0, os.SEEK_END)
        file.write(digest)
        file.flush()
        os.fsync(file.fileno())  # before the name, which could else lead to an empty file
    os.replace(partial, checkpoint)


def read_checkpoint(checkpoint: Path) -> dict[str, np.ndarray] | None:
    """Return the arrays of a checkpoint, or None where there is none.

    A damaged one is said, and set aside beside it as `.damaged`.
    """
    if not checkpoint.exists():
        return None
    if not is_whole(checkpoint):
        aside = checkpoint.with_name(checkpoint.name + ".damaged")
        os.replace(checkpoint, aside)
        print(
            f"warning: the checkpoint {checkpoint} is damaged (cut off, or changed). It is set "
            f"aside as {aside.name}, and the training starts again from its first epoch."
        )
        return None
    return read_arrays(checkpoint)


def is_whole(checkpoint: Path) -> bool:
    """Return whether there is a checkpoint, with the bytes that were written."""
    if not checkpoint.is_file() or checkpoint.stat().st_size <= DIGEST_BYTES:
        return False
    content = memoryview(checkpoint.read_bytes())
    written, digest = content[:-DIGEST_BYTES], content[-DIGEST_BYTES:]
    return hashlib.sha256(written).digest() == digest
