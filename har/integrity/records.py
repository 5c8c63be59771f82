"""DVC's own files that it writes in place, so that a kill can cut them off: dvc.lock and rwlock.

What is lost of dvc.lock DVC finds again in its run cache, which has every stage that ended.
"""

import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from har.engine.files import write_bytes
from har.engine.repository import explain_lock, git, holding_rwlock

LOCK = Path("dvc.lock")
RWLOCKS = (Path(".dvc/tmp/rwlock"), Path(".dvc/tmp/exps/rwlock"))  # the second is of experiments
START = b"schema: '2.0'\nstages:\n"
STAGE = re.compile(rb"^  (?=\S)", re.MULTILINE)  # where the record of a stage starts


def find_torn_records() -> Iterator[Path]:
    """Yield those in the folder of the project that DVC cannot read."""
    if LOCK.exists() and explain_lock(LOCK.read_bytes()):
        yield LOCK
    for file in RWLOCKS:
        if file.exists():
            with holding_rwlock(file):
                is_torn = not _is_rwlock(file.read_bytes())
            if is_torn:
                yield file


def fix_record(file: Path) -> str:
    """Put a torn record right, and return what was done.

    Args:
        file: From `find_torn_records`.
    """
    if file != LOCK:
        with holding_rwlock(file):
            if not _is_rwlock(file.read_bytes()):
                file.unlink()
        return "removed: no process holds anything"
    fixed = fix_lock(file.read_bytes(), git("show", f"HEAD:./{LOCK}").encode())
    num_stages = len(STAGE.findall(fixed))
    if not num_stages:
        file.unlink()
        return "removed: DVC finds finished stages in its run cache"
    write_bytes(fixed, file)
    return f"{num_stages} stages of it are whole; DVC finds the others in its run cache"


def fix_lock(text: bytes, committed: bytes = b"") -> bytes:
    """Return a dvc.lock that DVC can read: the whole stages, and the others of the last commit.

    Args:
        text: The torn one.
        committed: That of the last commit, where there is one.
    """
    stages = _split_stages(text)
    while stages and explain_lock(START + b"".join(stages)):
        stages.pop()
    if not explain_lock(committed):
        names = {stage.partition(b":")[0] for stage in stages}
        committed_stages = _split_stages(committed.rstrip(b"\n") + b"\n")
        stages += [one for one in committed_stages if one.partition(b":")[0] not in names]
    return START + b"".join(stages)


def _split_stages(text: bytes) -> list[bytes]:
    """Return the record of each stage in a dvc.lock, the last of them perhaps cut off."""
    _, _, records = text.partition(b"stages:\n")
    starts = [match.start() for match in STAGE.finditer(records)]
    return [records[start:end] for start, end in pairwise([*starts, len(records)])]


def _is_rwlock(content: bytes) -> bool:
    """Return whether DVC can read a file `rwlock`: by path, who writes it, and all who read it."""
    try:
        holders = json.loads(content)
        writing, reading = holders.get("write", {}), holders.get("read", {})
        held = [*writing.values(), *(one for several in reading.values() for one in several)]
        return all(isinstance(one["pid"], int) and isinstance(one["cmd"], str) for one in held)
    except (ValueError, AttributeError, TypeError, KeyError):
        return False
