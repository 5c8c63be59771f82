"""Files damaged as a disk or a program does it."""

import os
from pathlib import Path


def flip_bit(path: Path, *, in_silence: bool = False) -> None:
    """Change one bit in the middle of a file, in place, and its rights not at all.

    Args:
        path: The file, which may be write-protected.
        in_silence: Whether the time of the last change stays too, as where a disk fails.
    """
    before = path.stat()
    path.chmod(before.st_mode | 0o200)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    with path.open("r+b") as file:
        file.write(content)
    path.chmod(before.st_mode)
    if in_silence:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
