"""Files as the project writes them: wholly or not at all, also where the disk is full."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from har.names.escaping import as_cell

if TYPE_CHECKING:  # JSON needs neither, and they are slow to load
    import numpy as np
    import pandas as pd

# What may be deleted, and what is lost by it; also said by `har doctor`.
WHAT_TO_DELETE = (
    "delete .har/cache first, which is made again when it is needed; then `dvc gc --all-commits "
    "--all-experiments` deletes from DVC's cache what neither the workspace nor any commit or "
    "experiment names, which is lost"
)
# How those say it who give no number: NumPy, SQLite within what MLflow raises, TensorFlow.
_FULL = re.compile(
    r"^\d+ requested and \d+ written$|database or disk is full|No space left on device"
)


def write_json(content: Any, path: Path) -> None:
    """Write JSON for people to read and for `git diff`: indented, UTF-8, a line end at the end."""
    write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", path)


def write_text(text: str, path: Path) -> None:
    """Write a text as UTF-8, wholly or not at all; the folder is made.

    Of a file's name, bytes that are no UTF-8 are written as JSON writes them.
    """
    write_bytes(text.encode("utf-8", errors="backslashreplace"), path)


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file wholly or not at all; its folder is made."""
    with whole(path, num_bytes=len(content)) as partial:
        partial.write_bytes(content)


def save_array(array: np.ndarray, path: Path) -> None:
    """Write an array as NumPy's .npy; nothing is left where that fails."""
    import numpy as np

    with writing(path, num_bytes=array.nbytes):
        np.save(path, array, allow_pickle=False)


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote.

    Raises:
        ValueError: The file is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{path} is damaged: it is no JSON ({error}). Make it again with `dvc repro`, or fetch "
            "it again from where it came from."
        ) from error


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV in which no spreadsheet takes a name for a formula.

    `har.dataset.tables.read_table` gives the names back.
    """
    texts = table.select_dtypes(exclude="number")  # numbers are left alone, to the last bit
    safe = texts.map(lambda value: as_cell(value) if isinstance(value, str) else value)
    with whole(path) as partial:
        table.assign(**safe).rename(columns=as_cell).to_csv(
            partial, index=False, errors="backslashreplace"
        )


def is_disk_full(error: BaseException) -> bool:
    """Return whether an error says that a disk, or a user's share of it, is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return bool(_FULL.search(str(error)))


@contextlib.contextmanager
def writing(path: Path, *, num_bytes: int = 0) -> Iterator[Path]:
    """Remove a file where the body, which writes it, fails, and name it where the disk is full.

    Args:
        path: The file; its folder is made.
        num_bytes: How large it gets, if that is known.

    Raises:
        OSError: The disk is full; the error has the file, what it needs and what is free.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    except BaseException as error:
        written = path.stat().st_size if path.is_file() else 0
        path.unlink(missing_ok=True)
        if is_disk_full(error):
            raise disk_full(path, max(num_bytes, written)) from error
        raise


# What `whole` names a file that is not whole yet, and a killed process leaves behind.
LEFTOVER = re.compile(r"\.[0-9a-f]{8}(\..+)?")


@contextlib.contextmanager
def whole(path: Path, *, num_bytes: int = 0) -> Iterator[Path]:
    """Give the body a path to write to, and rename that to `path` when it is whole.

    Args:
        path: The file; its folder is made, and a file that is there stays until then.
        num_bytes: As for `writing`.

    Raises:
        OSError: As for `writing`.
    """
    if path.exists() and not path.is_file():  # /dev/stdout, and /dev/null is to stay what it is
        yield path
        return
    # A short name: a very long one has no room for an ending more.
    partial = path.with_name(f".{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        with writing(partial, num_bytes=num_bytes):
            yield partial
    except OSError as error:
        if error.filename == str(partial):
            error.filename = str(path)
        raise
    os.replace(partial, path)
    partial.unlink(missing_ok=True)  # a link to the file that was there is left where it was


@contextlib.contextmanager
def naming_full_disk(path: Path, *, num_bytes: int = 0) -> Iterator[None]:
    """Name what the body writes where the disk is full; the body removes what is half-written.

    Args:
        path: What is written; its folder is there.
        num_bytes: How large it gets, if that is known.

    Raises:
        OSError: As for `writing`.
    """
    try:
        yield
    except Exception as error:
        if is_disk_full(error):
            raise disk_full(path, num_bytes) from error
        raise


FEW_FILES = 8  # that can be made still, on a disk that is called full though it has space


def disk_full(path: Path, num_bytes: int = 0) -> OSError:
    """Return the error of a full disk that says what is missing.

    Args:
        path: What could not be written.
        num_bytes: What it needs at least; 0 if that is not known.
    """
    needed = f"at least {_size(num_bytes)} needed, " if num_bytes else ""
    place = next(folder for folder in path.absolute().parents if folder.is_dir())
    free, files = shutil.disk_usage(place).free, os.statvfs(place)
    if files.f_files and files.f_favail < FEW_FILES and free > num_bytes:
        return OSError(errno.ENOSPC, "room for no file more (inodes)", str(path))
    return OSError(errno.ENOSPC, f"{needed}{_size(free)} free", str(path))


def check_space(path: Path, num_bytes: int) -> None:
    """Check that a disk has room, before what cannot be removed where it fails is written.

    Args:
        path: What is to be written; its folder is there.
        num_bytes: What it needs.

    Raises:
        OSError: It has not; as for `writing`.
    """
    if shutil.disk_usage(path.parent).free < num_bytes:
        raise disk_full(path, num_bytes)


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 1e5 else f"{num_bytes / 1e3:.1f} kB"


def describe_full_disk(error: BaseException, doing: str) -> str:
    """Return one line about an error for which `is_disk_full` is true.

    Args:
        error: The error.
        doing: The stage or the command.
    """
    what = ""
    if isinstance(error, OSError):
        if error.filename and error.strerror == os.strerror(errno.ENOSPC):  # as the system says it
            error = disk_full(Path(error.filename))
        where = f" {error.filename}" if error.filename else ""
        what = f"{where}: {error.strerror}" if error.strerror else where
    return (
        f"the disk is full: {doing} cannot write{what or ': ' + str(error)}. To free some space, "
        f"{WHAT_TO_DELETE}. Then run the same command again; what is finished is kept."
    )
