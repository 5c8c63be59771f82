"""The SHA-256 of the files of a folder, in a file beside them, so that they stay together."""

import json
from collections.abc import Iterable
from pathlib import Path

from har.engine.cache import file_digest
from har.engine.files import write_json

DIGESTS_NAME = "digests.json"


def write_digests(folder: Path, names: Iterable[str]) -> None:
    """Write the SHA-256 of some files of a folder, in the order of their names."""
    digests = {name: file_digest(folder / name) for name in names}
    write_json(dict(sorted(digests.items())), folder / DIGESTS_NAME)


def read_digests(folder: Path) -> dict[str, str]:
    """Return what `write_digests` wrote; nothing of a folder that was made before there was any.

    Raises:
        ValueError: The file is damaged.
    """
    path = folder / DIGESTS_NAME
    if not path.is_file():
        return {}
    try:
        digests = json.loads(path.read_bytes())
        return {name: str(sha256) for name, sha256 in digests.items()}
    except (ValueError, AttributeError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}. Run `make repro`.") from error


def find_changed(folder: Path, names: Iterable[str]) -> list[Path]:
    """Return those of some files whose bytes are not those that were written together."""
    digests = read_digests(folder)
    return [
        folder / name
        for name in names
        if name in digests
        and (folder / name).is_file()
        and file_digest(folder / name) != digests[name]
    ]
