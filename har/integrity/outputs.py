"""What stages have made, against the SHA-256 in their tables and in the models' folders."""

import csv
from collections.abc import Iterator
from pathlib import Path

from har.engine.verification import is_damaged
from har.integrity.digests import DIGESTS_NAME, find_changed, read_digests

DATA, MODELS = Path("data"), Path("models")


def find_damaged_outputs(data: Path = DATA, models: Path = MODELS) -> Iterator[Path]:
    """Yield the files whose bytes are not those that a stage's table or a model's folder names.

    Args:
        data: The folder of the stages' folders, each with a table `*.csv` or several.
        models: The folder of the trained models' folders.
    """
    for model in sorted(models.glob("*/")):
        try:
            yield from find_changed(model, read_digests(model))
        except ValueError:
            yield model / DIGESTS_NAME
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
