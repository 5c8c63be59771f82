"""Tables with one row a video, as the stages write and read them."""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from har.engine.verification import check_files
from har.names.escaping import as_text


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of videos as text, so that a label `None` or a subject `007` stays what it is.

    Columns of numbers, where there are any, are numbers: `weight`, `num_views`.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table.map(as_text)
    numbers = {"weight": float, "num_views": int}
    return table.astype({name: kind for name, kind in numbers.items() if name in table})


def check_named_files(
    table: Path, video_ids: Collection[str] | None = None, *, description: str
) -> None:
    """Check the files that a table names in `path` against its `sha256` of them.

    Args:
        table: As a stage has written it.
        video_ids: Those whose files are read; None: all that the table names.
        description: As for `har.engine.verification.check_files`.

    Raises:
        ValueError: A file is damaged or missing.
    """
    rows = read_table(table)
    if video_ids is not None:
        rows = rows[rows["video_id"].isin(video_ids)]
    check_files(rows["path"].tolist(), rows["sha256"].tolist(), description=description)
