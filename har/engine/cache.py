"""The per-video cache: what was made once from the same bytes is not made again.

Layout, below `.har/cache` of the repository::

    <step>/<first two letters of the key>/<key>.json    how it was made, digest and size of the data
    <step>/<first two letters of the key>/<key><ending>    the data

Failures are not kept: a disk that was full, or a machine that was busy, would be remembered as a
bad video. The JSON file is written last, so an entry is there wholly or not at all, and several
processes may read and write at once, each within `keep_entries`. The cache is outside DVC's outputs
and shared by all experiments of a repository.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import stat
import sys
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from har.engine.files import whole, writing
from har.engine.repository import project_root

GIGABYTE = 10**9
DAY_SECONDS = 24 * 3600
DAYS_SET_ASIDE, MIN_GIGABYTES_ASIDE = 30, 1.0  # what was damaged may be all that is left of a video


@dataclass(frozen=True)
class CacheEntry:
    """One video's result in the cache.

    Attributes:
        meta: What the step said about it; JSON.
        data: The file made.
        sha256: Digest of that file.
    """

    meta: dict[str, Any]
    data: Path
    sha256: str


class Shared(Protocol):
    """Where entries lie for other machines too, as `har.storage.shared_cache` has it."""

    def exchanged(self, cache: "Cache", keys: Sequence[str]) -> AbstractContextManager[None]:
        """Fetch entries before the body, and send those that it has made."""


class Cache:
    """The results of one step, by what they were made from.

    Args:
        step: Name of the step, such as `convert`.
        ending: Ending of the files that the step makes, such as `.mp4`.
        folder: The cache of all steps; by default that of the repository.
    """

    def __init__(self, step: str, *, ending: str, folder: Path | None = None):
        self.folder = default_folder() if folder is None else folder
        self.step, self.ending = step, ending
        self._owner = os.getpid()  # also in a worker, which gets the cache from this process

    def key(self, digest: str, *, parameters: dict[str, Any], code_version: str) -> str:
        """Return the key of a result: the digest of all that decides it.

        Args:
            digest: SHA-256 of the input's bytes.
            parameters: All parameters of the step that can change the result; JSON.
            code_version: Changed when the step's code or library gives other results.
        """
        made_from = [digest, self.step, parameters, code_version]
        return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()

    def get(self, key: str) -> CacheEntry | None:
        """Return the entry, or None if there is none; a damaged one is said and removed."""
        meta_file, data = self._files(key)
        try:
            text = meta_file.read_bytes()
        except FileNotFoundError:
            return None
        problem = _find_problem(text, data)
        if problem:
            print(f"warning: {meta_file} is damaged ({problem}); made again.", file=sys.stderr)
            meta_file.unlink(missing_ok=True)
            return None
        with contextlib.suppress(FileNotFoundError):  # another process found it damaged
            os.utime(meta_file)  # the time of the last use, for `prune`
        record = json.loads(text)["record"]
        return CacheEntry(record["meta"], data, record["sha256"])

    def has(self, key: str) -> bool:
        """Return whether there is an entry, whole or not."""
        return self._files(key)[0].is_file()

    def new_file(self) -> Path:
        """Return a path on the cache's disk at which a result can be made before `put`."""
        folder = self.folder / "partial"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self._owner}-{uuid.uuid4().hex}{self.ending}"

    def put(self, key: str, made: Path, meta: dict[str, Any]) -> CacheEntry:
        """Move a made file into the cache.

        Args:
            key: As `key` returns it.
            made: The file, at a path that `new_file` returned.
            meta: What to keep about it; JSON.
        """
        _, data = self._files(key)
        sha256 = file_digest(made)
        data.parent.mkdir(parents=True, exist_ok=True)
        if data.exists() and data.stat().st_nlink > 1:  # damaged, or just made by another process
            _overwrite(data, made)
        else:
            os.replace(made, data)
        self._write(key, {"meta": meta, "sha256": sha256})
        return CacheEntry(meta, data, sha256)

    def _files(self, key: str) -> tuple[Path, Path]:
        folder = self.folder / self.step / key[:2]
        return folder / f"{key}.json", folder / f"{key}{self.ending}"

    def _write(self, key: str, record: dict[str, Any]) -> None:
        meta_file, _ = self._files(key)
        meta_file.parent.mkdir(parents=True, exist_ok=True)
        partial = self.new_file()
        text = json.dumps({"record": record, "checksum": _checksum(record)})
        with writing(partial):
            partial.write_text(text + "\n", encoding="utf-8")
        os.replace(partial, meta_file)


def find_damaged_entries(folder: Path) -> Iterator[list[Path]]:
    """Yield the files of each damaged entry of all steps, the record first.

    Args:
        folder: The cache of all steps.
    """
    for record in sorted(folder.glob("*/??/*.json")):
        data = [file for file in record.parent.glob(f"{record.stem}.*") if file != record]
        with contextlib.suppress(FileNotFoundError):  # trimmed meanwhile
            if not data or _find_problem(record.read_bytes(), data[0]):
                yield [record, *data]


def default_folder() -> Path:
    """Return the cache folder of the repository, also from within an experiment's copy of it."""
    return project_root().resolve() / ".har" / "cache"


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def place(data: Path, destination: Path) -> None:
    """Put a file of the cache where it is wanted: as a hard link, or else as a copy.

    Args:
        data: The file in the cache.
        destination: Where to; its folder is made, and a file that is there is replaced.
    """
    with whole(destination, num_bytes=data.stat().st_size) as partial:
        try:
            os.link(data, partial)
        except OSError:
            # Another disk, one without hard links, or another process put the same entry again in
            # this very moment: the file linked to had no name any more.
            shutil.copyfile(data, partial)


def place_or_make(
    cache: Cache,
    wanted: Sequence[tuple[str, Path]],
    make: Callable[[set[str]], dict[str, CacheEntry]],
    *,
    max_gigabytes: float,
    shared: Shared | None = None,
) -> tuple[list[CacheEntry], int]:
    """Put entries where they are wanted, after making those that are not in the cache.

    Args:
        cache: Of one step.
        wanted: A key and a place for it each.
        make: Takes the keys that are missing and returns their new entries.
        max_gigabytes: As for `keep_entries`.
        shared: Where entries lie for other machines too, if anywhere.

    Returns:
        The entry of each that is wanted, and how many of them were missing.
    """
    with keep_entries(max_gigabytes), exchanged(shared, cache, [key for key, _ in wanted]):
        entries = {key: cache.get(key) for key, _ in wanted}
        missing = {key for key, entry in entries.items() if entry is None}
        entries |= make(missing)
        for key, destination in wanted:
            place(entries[key].data, destination)
    return [entries[key] for key, _ in wanted], sum(key in missing for key, _ in wanted)


def exchanged(shared: Shared | None, cache: Cache, keys: Sequence[str]) -> AbstractContextManager:
    """Return what brings entries here before its body, and those it makes to other machines."""
    return shared.exchanged(cache, keys) if shared else contextlib.nullcontext()


def _overwrite(data: Path, made: Path) -> None:
    """Give a file of the cache the bytes of another one, and so all that is linked to it.

    DVC's own cache is linked to it and would put the damaged bytes back where they are wanted.
    """
    mode = data.stat().st_mode
    data.chmod(mode | stat.S_IWUSR)  # DVC takes the right to write
    with made.open("rb") as source, data.open("r+b") as target:
        shutil.copyfileobj(source, target)
        target.truncate()
    data.chmod(mode)
    made.unlink()


@contextlib.contextmanager
def keep_entries(max_gigabytes: float, *, folder: Path | None = None) -> Iterator[None]:
    """Let no process remove entries while the body uses them, and trim the cache after it.

    Of several processes at once, the last to end trims. A killed one holds nothing.

    Args:
        max_gigabytes: As for `prune`; what the body used is kept whatever the size.
        folder: The cache of all steps; by default that of the repository.

    Raises:
        ValueError: max_gigabytes is negative.
    """
    if max_gigabytes < 0:
        raise ValueError(f"cache.max_gigabytes is {max_gigabytes}; expected 0 or more.")
    folder = default_folder() if folder is None else folder
    folder.mkdir(parents=True, exist_ok=True)
    started = time.time()
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        try:
            yield
        finally:
            for left in (folder / "partial").glob(f"{os.getpid()}-*"):  # by a stopped worker
                left.unlink(missing_ok=True)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return  # another process uses the cache, and trims it when it ends
        prune(max_gigabytes, used_since=started, folder=folder)
        trim_set_aside(max_gigabytes, folder.parent)


def prune(max_gigabytes: float, *, used_since: float, folder: Path) -> int:
    """Remove the entries used longest ago until the cache is small enough; see `keep_entries`.

    Args:
        max_gigabytes: Size that the cache of all steps may have, in 10^9 bytes.
        used_since: Time (as `time.time()`) since which a used entry is kept whatever the size.
        folder: The cache of all steps.

    Returns:
        Number of entries removed.
    """
    entries = sorted(_entries(folder), key=lambda entry: entry[0])
    num_bytes = sum(size for _, size, _ in entries)
    num_removed = 0
    for last_used, size, files in entries:
        if num_bytes <= max_gigabytes * GIGABYTE:
            break
        if last_used >= used_since:
            continue
        for file in files:  # the record first, so that no record is ever without its data
            file.unlink(missing_ok=True)
        num_bytes -= size
        num_removed += 1
    return num_removed


def list_set_aside(folder: Path) -> list[Path]:
    """Return what was set aside as damaged, the latest first: objects of DVC, and checkpoints.

    Args:
        folder: The `.har` of the repository.
    """
    files = [*(folder / "damaged").glob("*"), *(folder / "checkpoints").glob("*.damaged")]
    return sorted(files, key=lambda file: file.stat().st_ctime, reverse=True)


def trim_set_aside(max_gigabytes: float, folder: Path) -> None:
    """Delete of what was set aside what is older than `DAYS_SET_ASIDE`, or too much together.

    Args:
        max_gigabytes: Size that it may have, in 10^9 bytes, where that is more than
            `MIN_GIGABYTES_ASIDE`; the oldest goes first.
        folder: As for `list_set_aside`.
    """
    most = max(max_gigabytes, MIN_GIGABYTES_ASIDE) * GIGABYTE
    num_bytes, until = 0, time.time() - DAYS_SET_ASIDE * DAY_SECONDS
    for file in list_set_aside(folder):
        stat = file.stat()
        num_bytes += stat.st_size
        # Its time of change is when it was set aside: to rename a file changes that.
        if stat.st_ctime < until or num_bytes > most:
            file.unlink(missing_ok=True)


def _entries(folder: Path) -> list[tuple[float, int, list[Path]]]:
    """Return (last use, bytes, files with the record first) of every entry and every left-over."""
    groups: dict[Path, list[Path]] = {}
    for file in folder.glob("*/*/*"):
        groups.setdefault(file.with_suffix(""), []).append(file)
    for file in (folder / "partial").glob("*"):
        groups[file] = [file]  # left behind by a process that was killed
    entries = []
    for files in groups.values():
        files.sort(key=lambda file: file.suffix != ".json")
        stats = [file.stat() for file in files]
        entries.append((stats[0].st_mtime, sum(stat.st_size for stat in stats), files))
    return entries


def _checksum(record: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()


def _find_problem(text: bytes, data: Path) -> str:
    """Return what is wrong with an entry, by its record and its data, or an empty text."""
    try:
        content = json.loads(text)
        record = content["record"]
        if content["checksum"] != _checksum(record):
            return "its record was changed"
    except (ValueError, KeyError, TypeError):  # of bytes that are not UTF-8 too
        return "its record is torn"
    if not data.is_file():
        return "its data is missing"
    return "" if file_digest(data) == record["sha256"] else "its data was changed"
