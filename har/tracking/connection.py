"""The connection to MLflow's database: making it, reaching it, and errors that say what to do.

A database that cannot be reached stops a run before it trains. Where the parameter
`tracking.required` is false, the run goes on without MLflow.
"""

import contextlib
import fcntl
import logging
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import event
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from har.engine.files import disk_full, is_disk_full
from har.tracking.left_runs import end_left_runs
from har.tracking.locations import ARTIFACTS_NAME, DATABASE_NAME, SQLITE, is_local, make_relative
from har.tracking.saved_view import VIEW

EXPERIMENT = "har"
# Without the kind `mlflow ui` opens in its mode for language models.
TAGS = {"mlflow.experimentKind": "custom_model_development"} | VIEW
# What MLflow raises: its own, those of its database, and those of the files of artifacts.
ERRORS = (MlflowException, SQLAlchemyError, sqlite3.Error, OSError)
# MLflow's own limits are 7 retries of 2 minutes each for a server that does not answer.
REQUEST_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


SQLITE_START = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html


def connect(root: Path, *, required: bool = True) -> MlflowClient | None:
    """Return a client of the tracking database.

    Args:
        root: The project's folder. The database is `mlflow.db` there, where `mlflow ui` looks,
            unless the environment variable MLFLOW_TRACKING_URI names another.
        required: Whether to fail, not to warn, where it cannot be reached.

    Returns:
        The client; None if the database cannot be reached and is not required.

    Raises:
        ValueError: The database or server cannot be reached and is required.
    """
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # It logs the traceback of what it raises.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    for name, value in REQUEST_LIMITS.items():
        os.environ.setdefault(name, value)
    root = root.resolve()  # MLflow keeps a database open by its name, wherever the name leads
    address, own = os.environ.get("MLFLOW_TRACKING_URI"), root / DATABASE_NAME
    is_own = not address or _database_file(address, root) == own
    mlflow.set_tracking_uri(f"{SQLITE}{own}" if is_own else address)
    client = None
    with explained_errors(required=required):
        client = _open_database(root, is_own=is_own)
    return client


def _database_file(address: str, root: Path) -> Path | None:
    """Return the file that an address as `sqlite:///mlflow.db` names; None for a server."""
    return root / address.removeprefix(SQLITE) if address.startswith(SQLITE) else None


@contextlib.contextmanager
def explained_errors(*, required: bool) -> Iterator[None]:
    """Explain an error of MLflow, or warn of it and leave out the rest of the body.

    Args:
        required: Whether to fail, not to warn.

    Raises:
        ValueError: MLflow failed, or its files cannot be read or written, and it is required.
    """
    try:
        yield
    except ERRORS as error:
        check_disk(error)
        problem = f"MLflow at {mlflow.get_tracking_uri()} cannot be used: {error}."
        if required:
            raise ValueError(f"{problem} {_fix(error)}") from error
        print(f"warning: {problem} It goes on without (tracking.required is false).")


def check_disk(error: Exception) -> None:
    """Let an error of MLflow be that of a full disk, where it is: nothing goes on without.

    Raises:
        OSError: The disk is full.
    """
    if isinstance(error, OSError) and error.filename and is_disk_full(error):
        raise error
    address = mlflow.get_tracking_uri()
    if is_local() and is_disk_full(error):  # a server's disk is another
        raise disk_full(Path(address.removeprefix(SQLITE))) from error


def _fix(error: Exception) -> str:
    """Return what to do about an error, and how to go on."""
    without = "set tracking.required to false in params.yaml to do without"
    if isinstance(error, PermissionError) or "readonly database" in str(error):
        fix = (
            "In the project's folder make these yours, by `chmod -R u+rwX "
            f"{DATABASE_NAME} {ARTIFACTS_NAME} .har` or by their owner, or {without}."
        )
    else:
        fix = (
            "Start that server, unset MLFLOW_TRACKING_URI to use the project's own database, or "
            f"{without}; if it is the project's own, {DATABASE_NAME}, and damaged, move it away: "
            "DVC keeps the scores."
        )
    return f"{fix} Then run the same command again; what is finished is kept."


def _open_database(root: Path, *, is_own: bool) -> MlflowClient:
    """Make the tables and the experiment where they are not there yet, one process at a time.

    Args:
        root: The project's folder.
        is_own: Whether the database is the project's own.
    """
    folder, database = root / ".har", root / DATABASE_NAME
    folder.mkdir(exist_ok=True)
    with (folder / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_own and not database.exists():
            _make_database(database, folder / "mlflow-new")
        elif is_own:
            _check_database(database)
        client = MlflowClient()
        experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            is_file = mlflow.get_tracking_uri().startswith(
                SQLITE
            )  # a server knows its place itself
            location = (root / ARTIFACTS_NAME).as_uri() if is_file else None
            _create_experiment(client, location)
        else:
            for name in TAGS.keys() - experiment.tags.keys():
                client.set_experiment_tag(experiment.experiment_id, name, TAGS[name])
            end_left_runs(client, experiment.experiment_id)
        old = make_relative(database, EXPERIMENT) if is_own else ""
        if old and experiment:
            print(
                f"{DATABASE_NAME}: artifacts are looked for in {ARTIFACTS_NAME}/ of this project, "
                f"no longer in {old}"
            )
    return client


def _create_experiment(client: MlflowClient, location: str | None) -> None:
    try:
        client.create_experiment(EXPERIMENT, artifact_location=location, tags=TAGS)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":  # by another project at this moment
            raise


def _check_database(database: Path) -> None:
    """Check that a file is a database, before MLflow takes an empty one for a new one.

    Raises:
        sqlite3.DatabaseError: It is none.
    """
    with database.open("rb") as file:
        start = file.read(len(SQLITE_START))
    if start != SQLITE_START:
        raise sqlite3.DatabaseError(
            f"{database} is no database ({database.stat().st_size} bytes), so the runs that it had "
            "are not in it; nothing was written. Put a copy of it back, if there is one"
        )


def _make_database(database: Path, unfinished: Path) -> None:
    """Make the tables, which takes a second, in a folder of their own: half of them are no use.

    Args:
        database: Where it is put when it is whole.
        unfinished: The folder.
    """
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    made = unfinished / DATABASE_NAME
    event.listen(Engine, "connect", _write_without_waiting)
    try:
        MlflowClient(f"{SQLITE}{made}")
        with made.open("rb") as file:
            os.fsync(file.fileno())  # before the name, which could else lead to half of it
        made.replace(database)
    finally:
        event.remove(Engine, "connect", _write_without_waiting)
        shutil.rmtree(unfinished, ignore_errors=True)


def _write_without_waiting(connection: sqlite3.Connection, _: object) -> None:
    """Let no statement wait for the disk: hundreds make the tables, which takes seconds then."""
    connection.execute("PRAGMA synchronous = OFF")
