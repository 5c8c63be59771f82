"""What stages have made in `data/`, against the SHA-256 in their tables."""

import csv
from collections.abc import Iterator
from pathlib import Path

from har.engine.verification import is_damaged

DATA = Path("data")


def find_damaged_outputs(data: Path = DATA) -> Iterator[Path]:
    """Yield the files whose bytes are not those that a stage's table names.

    Args:
        data: The folder of the stages' folders, each with a table `*.csv` or several.
    """
    for table in sorted(data.glob("*/*.csv")):
        try:
            with table.open(encoding="utf-8", newline="") as file:
                named = [
                    (Path(row["path"]), row["sha256"])
                    for row in csv.DictReader(file)
                    if row.get("path") and row.get("sha256")
                ]
        except (UnicodeDecodeError, csv.Error):
            yield table
            continue
        for path, sha256 in named:
            if path.exists() and is_damaged(path, sha256):
                yield path
