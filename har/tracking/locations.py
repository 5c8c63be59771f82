"""Where MLflow's database says that artifacts lie: relative to the project's folder.

MLflow writes absolute locations, so a project that was renamed, copied or cloned would go on
writing into the old folder. Relative ones are looked up in the current folder. That is the
project's for `mlflow ui` and most commands; where DVC runs an experiment in a copy,
`artifacts_found` makes it so.
"""

import contextlib
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import mlflow

SQLITE = "sqlite:///"
DATABASE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlruns"
# The columns of MLflow's tables that name a place.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def make_relative(database: Path, experiment: str) -> str:
    """Make the locations in a project's own database relative to its folder.

    Args:
        database: An SQLite file with MLflow's tables.
        experiment: Name of the experiment whose location holds all artifacts.

    Returns:
        The folder that the database named; empty if nothing was to be changed.

    Raises:
        sqlite3.Error: The database is damaged, or may not be written.
    """
    with contextlib.closing(sqlite3.connect(database, timeout=60)) as connection, connection:
        query = "SELECT artifact_location FROM experiments WHERE name = ?"
        row = connection.execute(query, (experiment,)).fetchone()
        old = row[0] if row else ARTIFACTS_NAME
        if not re.fullmatch(rf"(file:/+|/)(.*/)?{ARTIFACTS_NAME}", old):
            return ""  # relative already, or a place that the user chose
        for table, column in _COLUMNS:
            connection.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - our names
                f"WHERE {column} = ? OR substr({column}, 1, ?) = ?",
                (ARTIFACTS_NAME, len(old) + 1, old, len(old) + 1, f"{old}/"),
            )
        # MLflow's experiment `Default`, which has the folder of the process that made the tables.
        connection.execute(
            "UPDATE experiments SET artifact_location = ? WHERE experiment_id = 0",
            (f"{ARTIFACTS_NAME}/0",),
        )
    return old


def is_local() -> bool:
    """Return whether the project's own database is used, or another one that is a file here."""
    return mlflow.get_tracking_uri().startswith(SQLITE)


@contextlib.contextmanager
def artifacts_found() -> Iterator[None]:
    """Make the folder of the project's own database, if that is used, the current one in the body.

    Other relative paths are to be resolved before.
    """
    path = mlflow.get_tracking_uri().removeprefix(SQLITE)
    with contextlib.chdir(Path(path).parent if path.endswith(f"/{DATABASE_NAME}") else "."):
        yield
