"""Files as the project writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from har.names.escaping import as_cell

if TYPE_CHECKING:  # JSON needs no tables, and pandas is slow to load
    import pandas as pd


def write_json(content: Any, path: Path) -> None:
    """Write JSON for people to read and for `git diff`: indented, UTF-8, a line end at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return what `write_json` wrote."""
    return json.loads(path.read_text(encoding="utf-8"))


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV in which no spreadsheet takes a name for a formula.

    `har.dataset.tables.read_table` gives the names back.
    """
    texts = table.select_dtypes(exclude="number")  # numbers are left alone, to the last bit
    safe = texts.map(lambda value: as_cell(value) if isinstance(value, str) else value)
    table.assign(**safe).rename(columns=as_cell).to_csv(path, index=False)
