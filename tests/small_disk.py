"""A disk that is soon full, in memory; it can be mounted by the system's administrator alone."""

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path, *, kilobytes: int, files: int = 1000) -> Iterator[Path]:
    """Mount a disk of a size and a number of files at a new folder, for the body; or skip."""
    folder.mkdir()
    options = f"size={kilobytes}k,nr_inodes={files}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    with contextlib.suppress(FileNotFoundError):
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            try:
                yield folder
            finally:
                # Lazily: the traceback of a caught error can hold a file that is removed.
                subprocess.run(["umount", "--lazy", str(folder)], check=True)
            return
    pytest.skip("no disk can be mounted by this user")


def fill(folder: Path, *, leaving: int) -> None:
    """Fill a disk but for some kilobytes."""
    free = int(subprocess.check_output(["df", "-k", "--output=avail", str(folder)]).split()[1])
    (folder / "filler").write_bytes(bytes(1024 * max(0, free - leaving)))
