"""What people edit of their data is a file of its own, never a link into DVC's cache.

`dvc add` leaves read-only hard links where `cache.type` begins with `hardlink`, as here, since the
outputs of the stages then lie on the disk once. A table that is written to by force would change
the old version in DVC's cache too.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

from har.engine.files import whole
from har.folder.metadata import METADATA_NAME


def linked_files(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder that are read-only and have another name elsewhere."""
    for parent, _, names in os.walk(folder):
        for name in names:
            if is_linked(Path(parent, name)):
                yield Path(parent, name)


def is_linked(file: Path) -> bool:
    """Return whether a file is read-only and has another name, or is a link by its kind."""
    if file.is_symlink():
        return file.is_file() and not file.stat().st_mode & stat.S_IWUSR
    found = file.stat()
    return found.st_nlink > 1 and not found.st_mode & stat.S_IWUSR


def unlink_table(folder: Path) -> bool:
    """Make the metadata.csv of a folder a file of its own, to be edited; say whether it was not.

    Its bytes and its time stay, so nothing is made again.
    """
    table = folder / METADATA_NAME
    if not table.is_file() or not is_linked(table):
        return False
    with whole(table, num_bytes=table.stat().st_size) as partial:
        shutil.copyfile(table, partial)
        shutil.copystat(table, partial)
        partial.chmod(table.stat().st_mode | stat.S_IWUSR)
    return True
