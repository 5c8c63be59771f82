"""Videos out of a bucket: a folder on this disk becomes as the one there, and goes on if stopped.

DVC's own `import-url` begins again after a lost connection, and a `dvc pull` of what
`import-url --no-download` names leaves files out then, without a word (DVC 3.67.1).
"""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from har.engine.files import LEFTOVER, is_disk_full, whole
from har.engine.progress import progress
from har.storage.stores import BUCKET, Bucket, Stored

AT_ONCE = 16  # files that are under way; most of the time of a small one is waiting


@dataclass(frozen=True)
class Fetched:
    """What a fetch did.

    Attributes:
        num_files: Files in the bucket's folder, all of which are in the destination now.
        num_fetched: Of them, fetched in this run.
        num_bytes: That they have.
        strangers: Files in the destination that are not in the bucket's folder.
    """

    num_files: int
    num_fetched: int
    num_bytes: int
    strangers: tuple[str, ...]


def fetch_folder(address: str, destination: Path) -> Fetched:
    """Fetch what a bucket's folder has and the destination has not, or has older.

    A file is the same if it is as large, and no older. Nothing is deleted.

    Args:
        address: As `s3://bucket/folder`.
        destination: The folder to fill; made where it is missing.

    Raises:
        ValueError: The address is of another kind, there is nothing, or a name leads elsewhere.
        OSError: The bucket cannot be read, or the disk is full; what was fetched is kept.
    """
    if not address.startswith(BUCKET) or address == BUCKET:
        raise ValueError(f"The address is {address!r}; expected one as s3://bucket/folder.")
    bucket = Bucket(address)
    stored = bucket.list_files()
    if not stored:
        raise ValueError(f"There is no file below {address}. Check the address.")
    _check_names(address, stored)
    for file in destination.rglob(".*"):
        if LEFTOVER.fullmatch(file.name):
            file.unlink()
    waiting = [name for name, one in stored.items() if not _is_there(destination / name, one)]
    _fetch(bucket, {name: stored[name] for name in waiting}, destination, total=len(stored))
    files = (file.relative_to(destination) for file in destination.rglob("*") if file.is_file())
    return Fetched(
        num_files=len(stored),
        num_fetched=len(waiting),
        num_bytes=sum(stored[name].num_bytes for name in waiting),
        strangers=tuple(sorted({file.as_posix() for file in files} - set(stored))),
    )


def _check_names(address: str, names: dict[str, Stored]) -> None:
    """Refuse names that would be files elsewhere than in the destination."""
    for name in names:
        if "\0" in name or {"", ".", ".."} & set(name.split("/")):
            raise ValueError(
                f"{address} has a file named {name!r}, which cannot be a file in a folder. Give "
                "it another name there."
            )


def _is_there(file: Path, stored: Stored) -> bool:
    if not file.is_file():
        return False
    found = file.stat()
    return found.st_size == stored.num_bytes and found.st_mtime >= stored.changed


def _fetch(bucket: Bucket, waiting: dict[str, Stored], destination: Path, *, total: int) -> None:
    num_before = total - len(waiting)
    pool = ThreadPoolExecutor(AT_ONCE)
    try:
        jobs = [pool.submit(_fetch_one, bucket, *one, destination) for one in waiting.items()]
        for job in progress(
            jobs, total=total, initial=num_before, description="fetch", unit="files"
        ):
            job.result()
    except OSError as error:
        if is_disk_full(error):
            raise
        pool.shutdown(cancel_futures=True)  # after those under way, which count too
        num_done = num_before + sum(map(_is_made, jobs))
        raise OSError(
            f"{error} {num_done} of {total} files are in {destination}; the same command goes on "
            "from there."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _is_made(job: Future) -> bool:
    return not job.cancelled() and job.exception() is None


def _fetch_one(bucket: Bucket, name: str, stored: Stored, destination: Path) -> None:
    with whole(destination / name, num_bytes=stored.num_bytes) as partial:
        bucket.get(name, partial)
        if partial.stat().st_size != stored.num_bytes:
            raise OSError(
                f"{bucket.address}/{name} has {partial.stat().st_size} bytes, and had "
                f"{stored.num_bytes} when the folder was listed: it is being written to."
            )
        os.utime(partial, (stored.changed, stored.changed))
