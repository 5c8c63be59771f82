"""The objects of DVC's cache: those whose bytes are not what their names say.

An object is a file `files/md5/ab/cdef...`, named after the MD5 of its bytes
(https://dvc.org/doc/user-guide/project-structure/internal-files). DVC looks at the bytes of those
alone that can be written to, so it puts one that was damaged back where it is wanted.
"""

import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from har.engine.files import write_json
from har.engine.progress import progress
from har.engine.verification import checked_file, mark_damaged
from har.engine.workers import map_in_threads, num_cores

LOCKED = Path("dvc.lock")
# As dvc.lock writes what a stage has made or read.
OUTPUT = re.compile(r"- path: (\S.*)\n +hash: md5\n +md5: '?([0-9a-f]{32}(?:\.dir)?)")
MARGIN_SECONDS = 2.0  # by which the times of files may be behind
NAME = re.compile(r"[0-9a-f]{30}(\.dir)?")  # below a folder of the first two digits
_MD5 = partial(hashlib.md5, usedforsecurity=False)


def find_damaged_objects(cache: Path, *, since: float = 0.0) -> list[Path]:
    """Return the objects whose bytes are not those of their names; the disk decides how long.

    Args:
        cache: The folder of DVC's cache.
        since: Time (as `time.time()`) before which an object was last written to if it was checked
            before: only those written to after it are read.
    """
    objects = [path for path, written in _list_objects(cache) if written >= since]
    found = map_in_threads(_is_damaged, objects, num_threads=num_cores())
    shown = progress(found, total=len(objects), description="checking DVC's cache", unit="objects")
    return [path for path, damaged in zip(objects, shown, strict=True) if damaged]


def discard_objects(objects: Iterable[Path], aside: Path) -> int:
    """Take damaged objects out of DVC's cache, and let DVC see that what is linked to them changed.

    Args:
        objects: From `find_damaged_objects`.
        aside: The folder for those whose bytes nothing else has: they may be all that is left of a
            video that somebody added to DVC.

    Returns:
        How many were moved there.
    """
    num_moved = 0
    for path in objects:
        mark_damaged(path)
        if path.stat().st_nlink > 1:
            path.unlink()
            continue
        aside.mkdir(parents=True, exist_ok=True)
        shutil.move(path, aside / _name_of(path))
        num_moved += 1
    return num_moved


def name_objects(objects: Sequence[Path], cache: Path) -> list[str]:
    """Return for each object a file that it is, as the folders of DVC's cache or dvc.lock name it.

    Args:
        objects: Of DVC's cache.
        cache: Its folder.

    Returns:
        The path of each, in the project or in a folder that it had; else the object's own name.
    """
    names = _read_lock(LOCKED)
    folders = [path for path, _ in _list_objects(cache) if path.suffix == ".dir"]
    # Those of the last run first: of others it is not known where they were.
    for folder in sorted(folders, key=lambda path: _name_of(path) not in names):
        if all(_name_of(path) in names for path in objects):
            break
        place = Path(names.get(_name_of(folder), ""))
        names = {name: str(place / file) for name, file in _read_folder(folder).items()} | names
    return [names.get(_name_of(path), _name_of(path)) for path in objects]


def last_checked() -> float:
    """Return since when objects must be looked at again; 0 if they have not been checked."""
    try:
        began = float(json.loads(checked_file().read_bytes())["began"])
    except (OSError, ValueError, KeyError, TypeError):  # a damaged one is a missing one
        return 0.0
    return began - MARGIN_SECONDS if began < time.time() else 0.0  # the clock was put back


def note_checked(began: float) -> None:
    """Remember that all objects are whole that were written before a time (as `time.time()`)."""
    write_json({"began": began}, checked_file())


def _list_objects(cache: Path) -> Iterator[tuple[Path, float]]:
    """Yield each object and when it was last written to."""
    folder = cache / "files" / "md5"
    for start in sorted(folder.glob("[0-9a-f][0-9a-f]")):
        with os.scandir(start) as entries:
            for entry in entries:
                if NAME.fullmatch(entry.name) and entry.is_file():
                    yield Path(entry.path), entry.stat().st_mtime


def _name_of(path: Path) -> str:
    return path.parent.name + path.name


def _read_lock(lock: Path) -> dict[str, str]:
    """Return the files and folders that a dvc.lock, torn or not, has by the names of objects."""
    text = lock.read_bytes().decode(errors="replace") if lock.exists() else ""
    return {name: path for path, name in OUTPUT.findall(text)}


def _read_folder(listing: Path) -> dict[str, str]:
    """Return the files of a folder by the names of their objects; none if its object is damaged."""
    try:
        return {file["md5"]: file["relpath"] for file in json.loads(listing.read_bytes())}
    except (ValueError, KeyError, TypeError):
        return {}


def _is_damaged(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, _MD5).hexdigest()
    except FileNotFoundError:  # removed meanwhile, by `dvc gc`
        return False
    return digest != _name_of(path).removesuffix(".dir")
