"""Files against the SHA-256 that a table has of them.

A file that a stage has made, its entry in `.har/cache` and its object in DVC's cache can be one
file by three names (hard links): what damages it in one place damages all three, and DVC, which
trusts times and rights and not bytes, puts the damaged one back.
"""

import contextlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from har.engine.cache import file_digest
from har.engine.progress import progress
from har.engine.repository import project_root
from har.engine.workers import map_in_threads, num_cores

MAX_NAMED = 5
REPAIR = "make repro"


def check_file(path: Path | str, sha256: str) -> None:
    """Check that a file has the bytes that it was made with.

    Args:
        path: The file.
        sha256: Of its bytes, as the table that names it says.

    Raises:
        ValueError: It has other bytes, or is missing.
    """
    _refuse([path] if is_damaged(path, sha256) else [])


def check_files(paths: Sequence[Path | str], sha256s: Sequence[str], *, description: str) -> None:
    """Check some files as `check_file` does, with progress; the disk decides how long it takes.

    Args:
        paths: The files.
        sha256s: Of their bytes, one each.
        description: What the files are read for, in a word.

    Raises:
        ValueError: Some have other bytes or are missing; the message names the first of them.
    """
    pairs = list(zip(paths, sha256s, strict=True))
    found = map_in_threads(lambda pair: is_damaged(*pair), pairs, num_threads=num_cores())
    found = progress(found, total=len(pairs), description=f"{description}: checking", unit="files")
    _refuse([path for (path, _), damaged in zip(pairs, found, strict=True) if damaged])


def is_damaged(path: Path | str, sha256: str) -> bool:
    """Return whether a file is missing or has other bytes than it was made with."""
    path = Path(path)
    return not path.is_file() or file_digest(path) != sha256


def mark_damaged(path: Path) -> None:
    """Let the next run look at a file's bytes, and at those of everything in DVC's cache.

    DVC takes a file as unchanged whose time is, and an object as whole that nobody may write. It
    drops an object that it finds damaged.
    """
    checked_file().unlink(missing_ok=True)
    if path.exists():
        with contextlib.suppress(PermissionError):  # another's file, in a cache that is shared
            path.chmod(path.stat().st_mode | stat.S_IWUSR)
            os.utime(path)


def checked_file() -> Path:
    """Return the file that says until when DVC's cache was checked; see `har.integrity.repair`."""
    return project_root() / ".har" / "checked.json"


def _refuse(damaged: Sequence[Path | str]) -> None:
    if not damaged:
        return
    for path in damaged:
        mark_damaged(Path(path))
    named = ", ".join(map(str, damaged[:MAX_NAMED])) + (", ..." if len(damaged) > MAX_NAMED else "")
    is_are = "is" if len(damaged) == 1 else f"({len(damaged)} files) are"
    raise ValueError(
        f"{named} {is_are} damaged: the bytes are not those that the pipeline made (by the column "
        f"sha256 of the table beside). Run `{REPAIR}`, which makes what is damaged again, and "
        "nothing else; `python -m har doctor` looks for more."
    )
