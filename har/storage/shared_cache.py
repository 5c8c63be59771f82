"""Finished work that several machines share: what one of them has made the others take.

An entry of the cache is one file here, `<step>/<first two letters of the key>/<key><ending>`: the
data, then what the step said about it and the key as JSON, the length of that in 4 bytes, and the
SHA-256 of all before in 32. So an entry is there wholly or not at all, and one that was damaged, or
lies under another key, is told. Before a step what is missing is fetched, after it what is new is
sent: by this process and not by the workers, whose limits are of a video.
"""

import contextlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from har.engine.cache import Cache, file_digest
from har.engine.progress import progress
from har.storage.stores import StorageError, Store, open_store

AT_ONCE = 16  # entries that are under way; most of the time of a small one is waiting
LENGTH_BYTES, DIGEST_BYTES = 4, 32


@dataclass(frozen=True)
class SharedCache:
    """A place where entries lie for other machines too.

    Attributes:
        address: `s3://bucket/folder`, or the path of a folder that all machines see.
    """

    address: str

    @contextlib.contextmanager
    def exchanged(self, cache: Cache, keys: Sequence[str]) -> Iterator[None]:
        """Fetch entries before the body, and send those that it has made.

        A place that cannot be reached is said, and the body works with this machine's cache alone.

        Args:
            cache: Of one step.
            keys: Of all entries that the body uses.

        Raises:
            ValueError: The packages for the place are not installed.
        """
        store, keys = open_store(self.address), list(dict.fromkeys(keys))
        there: set[str] | None = None
        with _said():
            names = store.names(cache.step)
            there = {key for key in keys if _name_of(cache, key) in names}
            missing = [key for key in keys if key in there and not cache.has(key)]
            fetched = _each(missing, lambda key: _fetch(store, cache, key), "shared cache: get")
            there -= {key for key, is_whole in zip(missing, fetched, strict=True) if not is_whole}
        yield
        if there is not None:
            with _said():
                new = [key for key in keys if key not in there and cache.has(key)]
                _each(new, lambda key: _send(store, cache, key), "shared cache: put")


@contextlib.contextmanager
def _said() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        print(
            f"warning: the shared cache is left out: {error} The work goes on with this machine's "
            "own cache.",
            file=sys.stderr,
        )


def _each(keys: Sequence[str], function: Callable[[str], Any], description: str) -> list[Any]:
    """Return the function's result for each key, made in threads; the first error ends it."""
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        results = pool.map(function, keys)
        return list(progress(results, total=len(keys), description=description, unit="entries"))
    finally:
        pool.shutdown(cancel_futures=True)


def _name_of(cache: Cache, key: str) -> str:
    return f"{cache.step}/{key[:2]}/{key}{cache.ending}"


def _fetch(store: Store, cache: Cache, key: str) -> bool:
    """Take an entry into the cache; return whether it was whole."""
    file = cache.new_file()
    try:
        store.get(_name_of(cache, key), file)
        try:
            meta = unseal(file, key)
        except ValueError as error:
            print(
                f"warning: {_name_of(cache, key)} of the shared cache is damaged ({error}); made "
                "again.",
                file=sys.stderr,
            )
            return False
        cache.put(key, file, meta)
        return True
    finally:
        file.unlink(missing_ok=True)


def _send(store: Store, cache: Cache, key: str) -> None:
    entry = cache.get(key)
    if entry is None:  # it was damaged
        return
    file = cache.new_file()
    try:
        shutil.copyfile(entry.data, file)
        seal(file, key, entry.meta)
        store.put(file, _name_of(cache, key))
    finally:
        file.unlink(missing_ok=True)


def seal(file: Path, key: str, meta: dict[str, Any]) -> None:
    """Append to an entry's data what is known about it, and the digest of all."""
    text = json.dumps({"key": key, "meta": meta}).encode()
    with file.open("ab") as opened:
        opened.write(text + len(text).to_bytes(LENGTH_BYTES, "big"))
    digest = bytes.fromhex(file_digest(file))
    with file.open("ab") as opened:
        opened.write(digest)


def unseal(file: Path, key: str) -> dict[str, Any]:
    """Leave of a file that was sealed the data alone; return what is known about it.

    Raises:
        ValueError: It is not whole, or an entry of another key.
    """
    with file.open("r+b") as opened:
        end = max(0, opened.seek(0, 2) - DIGEST_BYTES)
        opened.seek(end)
        digest = opened.read()
        opened.truncate(end)
        if end < LENGTH_BYTES or file_digest(file) != digest.hex():
            raise ValueError("its bytes were changed")
        end -= LENGTH_BYTES
        opened.seek(end)
        end -= int.from_bytes(opened.read(), "big")
        opened.seek(end)
        record = json.loads(opened.read()[:-LENGTH_BYTES])
        if record["key"] != key:
            raise ValueError("it is another entry")
        opened.truncate(end)
    return record["meta"]
