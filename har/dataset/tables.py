"""Tables with one row a video, as the stages write and read them."""

from pathlib import Path

import pandas as pd

from har.names.escaping import as_text


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of videos as text, so that a label `None` or a subject `007` stays what it is.

    Columns of numbers, where there are any, are numbers: `weight`, `num_views`.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    table = table.map(as_text)
    numbers = {"weight": float, "num_views": int}
    return table.astype({name: kind for name, kind in numbers.items() if name in table})
