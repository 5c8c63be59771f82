"""The connection to MLflow's database: making it, reaching it, and errors that say what to do.

A database that cannot be reached stops a run before it trains. Where the parameter
`tracking.required` is false, the run goes on without MLflow.
"""

import contextlib
import fcntl
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

EXPERIMENT = "har"
DATABASE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlruns"
# MLflow's own limits are 7 retries of 2 minutes each for a server that does not answer.
REQUEST_LIMITS = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "20"}


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
    for name, value in REQUEST_LIMITS.items():
        os.environ.setdefault(name, value)
    root = root.resolve()  # MLflow keeps a database open by its name, wherever the name leads
    own = f"sqlite:///{root / DATABASE_NAME}"
    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI") or own)
    location = None
    if mlflow.get_tracking_uri() == own:
        location = (root / ARTIFACTS_NAME).as_uri()
    client = None
    with explained_errors(required=required):
        client = _open_database(root, location)
    return client


@contextlib.contextmanager
def explained_errors(*, required: bool) -> Iterator[None]:
    """Explain an error of MLflow, or warn of it and leave out the rest of the body.

    Args:
        required: Whether to fail, not to warn.

    Raises:
        ValueError: MLflow failed and is required.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError) as error:
        problem = f"MLflow at {mlflow.get_tracking_uri()} cannot be used: {error}."
        if required:
            raise ValueError(
                f"{problem} Start that server, unset MLFLOW_TRACKING_URI to use the project's own "
                "database, or set tracking.required to false in params.yaml to do without; if it "
                f"is the project's own, {DATABASE_NAME}, and damaged, move it away: DVC keeps the "
                "scores. Then run the same command again; what is finished is kept."
            ) from error
        print(f"warning: {problem} It goes on without (tracking.required is false).")


def _open_database(root: Path, location: str | None) -> MlflowClient:
    """Make the tables and the experiment where they are not there yet, one process at a time.

    Args:
        root: The project's folder.
        location: URI of the experiment's files in the project's own database; None for another's.
    """
    folder = root / ".har"
    folder.mkdir(exist_ok=True)
    with (folder / "mlflow.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if location and not (root / DATABASE_NAME).exists():
            _make_database(root / DATABASE_NAME, folder / "mlflow-new")
        client = MlflowClient()
        if client.get_experiment_by_name(EXPERIMENT) is None:
            client.create_experiment(EXPERIMENT, artifact_location=location)
    return client


def _make_database(database: Path, unfinished: Path) -> None:
    """Make the tables, which takes seconds, in a folder of their own: half of them are no use.

    Args:
        database: Where it is put when it is whole.
        unfinished: The folder.
    """
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir()
    MlflowClient(f"sqlite:///{unfinished / DATABASE_NAME}")
    (unfinished / DATABASE_NAME).replace(database)
    unfinished.rmdir()
