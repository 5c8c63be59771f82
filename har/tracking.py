"""MLflow, and only here: one run per trained model, a mirror of what DVC keeps.

DVC's files decide; MLflow shows them. A run is opened when training starts and gets its curves as
they come; the evaluation finds it again by the training's fingerprint and adds the scores, the
pictures and the model. Where DVC took the training from its cache there is no such run, and the
evaluation makes one from the files.
"""

import contextlib
import logging
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import yaml
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature

from har.recognizer import Recognizer
from har.runtime import keras

EXPERIMENT = "har"
FINGERPRINT_TAG = "har.fingerprint"
DATABASE_NAME = "mlflow.db"
ARTIFACTS_NAME = "mlruns"
# For the first request only: MLflow's own are 7 retries, 4 minutes for a server that is not there.
FIRST_REQUEST = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "10"}


def connect(root: Path) -> MlflowClient:
    """Return a client of the tracking database.

    Args:
        root: The project's folder. The database is `mlflow.db` there, where `mlflow ui` looks,
            unless the environment variable MLFLOW_TRACKING_URI names another.

    Raises:
        ValueError: The database or server cannot be reached.
    """
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    own = f"sqlite:///{root.resolve() / DATABASE_NAME}"
    mlflow.set_tracking_uri(os.environ.get("MLFLOW_TRACKING_URI") or own)
    client = MlflowClient()
    try:
        with _environment(FIRST_REQUEST):
            experiment = client.get_experiment_by_name(EXPERIMENT)
        if experiment is None:
            location = None
            if mlflow.get_tracking_uri() == own:
                location = (root.resolve() / ARTIFACTS_NAME).as_uri()
            client.create_experiment(EXPERIMENT, artifact_location=location)
    except MlflowException as error:
        raise ValueError(
            f"MLflow at {mlflow.get_tracking_uri()} cannot be used: {error}. Start that server, or "
            "unset MLFLOW_TRACKING_URI to use the project's own database."
        ) from error
    return client


def open_run(client: MlflowClient, *, model: str, fingerprint: str, params: dict[str, Any]) -> str:
    """Start a run and return its identifier.

    Args:
        client: From `connect`.
        model: The model's name.
        fingerprint: What tells this training from every other.
        params: All parameters, nested as in params.yaml.
    """
    experiment = client.get_experiment_by_name(EXPERIMENT)
    name = os.environ.get("DVC_EXP_NAME")
    tags = {
        FINGERPRINT_TAG: fingerprint,
        "model": model,
        "dvc.experiment": name or "",
        "git.revision": _git("rev-parse", "HEAD"),
        "git.dirty": str(bool(_git("status", "--porcelain", "--untracked-files=no"))).lower(),
    }
    run_name = f"{model} {name}" if name else model
    run = client.create_run(experiment.experiment_id, run_name=run_name, tags=tags)
    flat = _flatten(params)
    client.log_batch(run.info.run_id, params=[Param(key, str(flat[key])) for key in sorted(flat)])
    return run.info.run_id


def find_run(client: MlflowClient, fingerprint: str) -> str | None:
    """Return the identifier of a training's newest run, or None."""
    experiment = client.get_experiment_by_name(EXPERIMENT)
    runs = client.search_runs(
        [experiment.experiment_id],
        f"tags.`{FINGERPRINT_TAG}` = '{fingerprint}'",
        order_by=["attributes.start_time DESC"],
        max_results=1,
    )
    return runs[0].info.run_id if runs else None


def log_history(client: MlflowClient, run_id: str, rows: list[dict[str, Any]]) -> None:
    """Log rows of the history (`epoch`, `split`, `accuracy`, `loss`) that the run lacks."""
    logged = {metric.step for metric in client.get_metric_history(run_id, "val_loss")}
    rows = [row for row in rows if row["epoch"] not in logged]
    timestamp = int(np.datetime64("now", "ms").astype(np.int64))
    metrics = [
        Metric(f"{row['split']}_{name}", float(row[name]), timestamp, int(row["epoch"]))
        for row in rows
        for name in ("accuracy", "loss")
    ]
    # A server takes at most 1000 at a time.
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


def log_results(
    client: MlflowClient,
    run_id: str,
    *,
    metrics: dict[str, Any],
    files: list[Path],
    recognizer: Recognizer,
    clip: np.ndarray,
    lock: Path,
    requirements: Path,
) -> None:
    """Add the scores, pictures, model and hashes of the data to a run and end it.

    Args:
        client: From `connect`.
        run_id: The run.
        metrics: The scores, nested as in metrics.json.
        files: Pictures and tables to show with the run.
        recognizer: Logged with signature and input example.
        clip: The example, uint8 RGB, shape (1, num_frames, size, size, 3) as the model takes it.
        lock: The file dvc.lock, whose hashes say which data was used.
        requirements: The file requirements.txt, what the model needs.
    """
    flat = {key: value for key, value in _flatten(metrics).items() if _is_number(value)}
    timestamp = int(np.datetime64("now", "ms").astype(np.int64))
    tags = [RunTag(_allowed(f"data.{path}"), digest) for path, digest in _hashes(lock).items()]
    client.log_batch(
        run_id,
        metrics=[Metric(_allowed(key), value, timestamp, 0) for key, value in flat.items()],
        tags=tags,
    )
    for file in files:
        client.log_artifact(run_id, str(file))
    keras.utils.disable_interactive_logging()  # no progress bar while MLflow tries the example
    with mlflow.start_run(run_id=run_id):
        mlflow.tensorflow.log_model(
            recognizer.model,
            name="model",
            signature=infer_signature(clip, recognizer.model.predict_on_batch(clip)),
            input_example=clip,
            pip_requirements=str(requirements),
            metadata={"labels": recognizer.labels, "preprocessing": recognizer.preprocessing},
        )


@contextlib.contextmanager
def _environment(variables: dict[str, str]) -> Iterator[None]:
    """Set environment variables for a while, those that the user has not set."""
    added = {name: value for name, value in variables.items() if name not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for name in added:
            del os.environ[name]


def _git(*arguments: str) -> str:
    """Return what git prints, or nothing where there is no git or no commit."""
    if shutil.which("git") is None:
        return ""
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    return result.stdout.strip() if result.returncode == 0 else ""


def _flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        flat |= _flatten(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _allowed(key: str) -> str:
    """Replace what MLflow does not allow in the name of a metric or a tag."""
    return "".join(c if c.isalnum() or c in "_-./ " else "_" for c in key)


def _hashes(lock: Path) -> dict[str, str]:
    """Return the hash of every file and folder of data that dvc.lock names, by path."""
    if not lock.is_file():
        return {}
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    entries = [
        entry
        for stage in stages.values()
        for entry in stage.get("deps", []) + stage.get("outs", [])
    ]
    return {
        entry["path"]: entry["md5"]
        for entry in entries
        if "md5" in entry and not entry["path"].endswith(".py")
    }
