"""One MLflow run per trained model, a mirror of what DVC keeps.

DVC's files decide; MLflow shows them. A run is opened when training starts and gets its curves as
they come; the evaluation finds it again by the training's fingerprint and adds the scores, the
pictures and the model. Where DVC took the training from its cache there is no such run, and the
evaluation makes one from the files.

A database that is lost during training costs no training: the evaluation adds the epochs that are
missing.
"""

import contextlib
import importlib.metadata
import json
import math
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import yaml
from mlflow import MlflowClient
from mlflow.entities import Dataset, DatasetInput, InputTag, Metric, Param, SourceType
from mlflow.exceptions import MlflowException
from mlflow.utils import mlflow_tags

from har.engine.files import check_space, is_disk_full
from har.engine.repository import git, has_changes
from har.tracking.connection import ERRORS, EXPERIMENT, check_disk
from har.tracking.left_runs import PROCESS_TAG, describe_process, let_go, take_up
from har.tracking.locations import ARTIFACTS_NAME, artifacts_found, is_local

FINGERPRINT_TAG = "har.fingerprint"
MIRROR_SECONDS = 1.0  # from one time that epochs are shown to the next
# What the results can depend on, beside the code and the parameters.
PACKAGES = ("tensorflow", "keras", "numpy", "ai-edge-litert", "av", "dvc", "mlflow")
# Of the dependencies in dvc.lock, those that the git revision and the parameters stand for.
NO_DATA = ("har/", "stages/", "params.yaml")
# Sections and settings that belong to no model: those of the machine, and of what comes after it.
NOT_OF_A_MODEL = (
    "workers",
    "demo",
    "evaluate",
    "predict",
    "tracking",
    "cache",
    "compute",
    "runtime",
)
NOT_OF_A_MODEL += ("timeout_seconds", "memory_gigabytes", "max_failed_fraction")
# The hashes of the data that made a run, by path.
HASHES_NAME = "hashes.json"
# What made a run, in the list of runs.
SOURCE = "dvc.yaml"


def open_run(client: MlflowClient, *, model: str, fingerprint: str, params: dict[str, Any]) -> str:
    """Start a run and return its identifier.

    Args:
        client: From `har.tracking.connection.connect`.
        model: The model's name.
        fingerprint: What tells this training from every other.
        params: The content of params.yaml, of which `params_of_model` is shown.
    """
    experiment = client.get_experiment_by_name(EXPERIMENT)
    name = os.environ.get("DVC_EXP_NAME")
    tags = {
        FINGERPRINT_TAG: fingerprint,
        PROCESS_TAG: describe_process(),
        "dvc.experiment": name or "",
        mlflow_tags.MLFLOW_SOURCE_NAME: SOURCE,
        mlflow_tags.MLFLOW_SOURCE_TYPE: SourceType.to_string(SourceType.LOCAL),
        mlflow_tags.MLFLOW_GIT_COMMIT: git("rev-parse", "HEAD"),
        mlflow_tags.MLFLOW_GIT_DIRTY: str(has_changes()).lower(),
        "environment.python": platform.python_version(),
        "environment.platform": platform.platform(),
        **{f"environment.{name}": importlib.metadata.version(name) for name in PACKAGES},
    }
    run_name = f"{model} {name}" if name else model
    run = client.create_run(experiment.experiment_id, run_name=run_name, tags=tags)
    shown = [Param(key, str(value)) for key, value in params_of_model(params, model).items()]
    client.log_batch(run.info.run_id, params=shown)
    return run.info.run_id


def params_of_model(params: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the parameters that made a model, by names that are the same for all models.

    Two runs then differ in MLflow by what differs, and `models.fusion.epochs` is `epochs` there.

    Args:
        params: The content of params.yaml.
        model: The model's name.
    """
    rest = {name: value for name, value in params.items() if name != "models"}
    flat = _flatten(rest) | _flatten(params["models"][model])
    return {
        name: flat[name]
        for name in sorted(flat)
        if not set(name.split(".")).intersection(NOT_OF_A_MODEL)
    }


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


def resume_run(client: MlflowClient, fingerprint: str) -> str | None:
    """Return a training's newest run, which is shown as running again, or None."""
    run_id = find_run(client, fingerprint)
    if run_id:
        take_up(client, run_id)
    return run_id


def log_history(client: MlflowClient, run_id: str, rows: list[dict[str, Any]]) -> None:
    """Log rows of the history (`epoch`, `split`, `accuracy`, `loss`) that the run lacks."""
    logged = {metric.step for metric in client.get_metric_history(run_id, "val_loss")}
    rows = [row for row in rows if row["epoch"] not in logged]
    timestamp = _now()
    metrics = [
        Metric(f"{row['split']}_{name}", float(row[name]), timestamp, int(row["epoch"]))
        for row in rows
        for name in ("accuracy", "loss")
    ]
    # A server takes at most 1000 at a time.
    for start in range(0, len(metrics), 1000):
        client.log_batch(run_id, metrics=metrics[start : start + 1000])


@contextlib.contextmanager
def ended_run(client: MlflowClient | None, run_id: str | None) -> Iterator[None]:
    """Mark the run as finished, failed or killed when the body ends; `log_results` may come later.

    Args:
        client: From `har.tracking.connection.connect`.
        run_id: The run; None for none.
    """
    status = "FAILED"
    try:
        yield
        status = "FINISHED"
    except KeyboardInterrupt:
        status = "KILLED"
        raise
    finally:
        if run_id is not None:
            try:
                client.set_terminated(run_id, status)
                let_go(client, run_id)
            except ERRORS as error:
                why = "the disk is full" if is_disk_full(error) else error
                print(f"warning: MLflow shows the run {run_id} as running still: {why}.")


class HistoryMirror:
    """Shows the epochs in MLflow as they end; gives up, once, where MLflow is lost meanwhile.

    Those that end within `MIRROR_SECONDS` are shown together: to show one takes longer than some
    models need for it.

    Args:
        client: From `har.tracking.connection.connect`.
        run_id: The run; None to show nothing.
    """

    def __init__(self, client: MlflowClient | None, run_id: str | None):
        self._client, self._run_id = client, run_id
        self._waiting: list[dict[str, Any]] = []
        self._shown_at = -math.inf

    def __call__(self, rows: list[dict[str, Any]]) -> None:
        """Log the rows of an epoch, or keep them for a moment."""
        self._waiting += rows
        if time.monotonic() - self._shown_at >= MIRROR_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Log all rows that are kept."""
        rows, self._waiting, self._shown_at = self._waiting, [], time.monotonic()
        if self._run_id is None or not rows:
            return
        try:
            log_history(self._client, self._run_id, rows)
        except ERRORS as error:
            check_disk(error)
            print(
                f"warning: MLflow at {mlflow.get_tracking_uri()} is lost: {error}. Training goes "
                "on; the evaluation adds what is missing."
            )
            self._run_id = None


def log_results(
    client: MlflowClient,
    run_id: str,
    *,
    metrics: dict[str, Any],
    description: str,
    files: list[Path],
    lock: Path,
    videos: Path,
) -> None:
    """Add the scores, pictures and hashes of the data to a run.

    Args:
        client: From `har.tracking.connection.connect`.
        run_id: The run.
        metrics: The scores that are compared, nested as in metrics.json.
        description: What is to be known of the result, as a sentence.
        files: Pictures and tables to show with the run.
        lock: The file dvc.lock, whose hashes say which data was used.
        videos: The folder of the videos, as dvc.lock names it.
    """
    hashes = _hashes(lock)
    client.set_tag(run_id, mlflow_tags.MLFLOW_RUN_NOTE, description)
    client.log_batch(run_id, metrics=_as_metrics(metrics))
    digest = hashes.get(videos.as_posix())
    if digest:
        client.log_inputs(run_id, [_data_set(videos, digest)])
    log_files(client, run_id, files)
    with artifacts_found():  # not tags: a comparison of runs would list them all
        client.log_dict(run_id, hashes, HASHES_NAME)


def _data_set(videos: Path, digest: str) -> DatasetInput:
    """Return a folder of videos as MLflow's data set, with DVC's digest of it."""
    # Its place as it is named: the class for local files would make it absolute.
    source = json.dumps({"uri": videos.as_posix()})
    data_set = Dataset(videos.as_posix(), digest, source_type="local", source=source)
    return DatasetInput(
        data_set, [InputTag(mlflow_tags.MLFLOW_DATASET_CONTEXT, "training and test")]
    )


def log_files(client: MlflowClient, run_id: str, files: list[Path]) -> None:
    """Keep copies of files with a run."""
    files = [file.resolve() for file in files]
    with artifacts_found():
        if is_local():
            check_space(Path(ARTIFACTS_NAME), sum(file.stat().st_size for file in files))
        for file in files:
            client.log_artifact(run_id, str(file))


def log_crossval(
    client: MlflowClient,
    *,
    name: str,
    params: dict[str, Any],
    scores: dict[str, Any],
    description: str,
    files: list[Path],
    runs: list[str],
) -> str:
    """Log a cross-validation, once, with the folds' runs nested in it; return its run's identifier.

    Args:
        client: From `har.tracking.connection.connect`.
        name: Of the cross-validation: one for its settings, code and data.
        params: The content of params.yaml of the first fold.
        scores: Those of the pooled scores that are compared.
        description: What is to be known of the result, as a sentence.
        files: To show with the run.
        runs: Identifiers of the folds' runs; one that is deleted is left out.
    """
    run_id = find_run(client, name) or open_run(
        client, model=scores["model"], fingerprint=name, params=params
    )
    with ended_run(client, run_id):
        client.update_run(run_id, name=name)
        client.set_tag(run_id, "crossval", name)
        client.set_tag(run_id, mlflow_tags.MLFLOW_RUN_NOTE, description)
        client.log_batch(run_id, metrics=_as_metrics(scores))
        log_files(client, run_id, files)
        for fold in runs:
            _nest(client, fold, run_id)
    return run_id


def _nest(client: MlflowClient, run_id: str, parent: str) -> None:
    try:
        client.set_tag(run_id, mlflow_tags.MLFLOW_PARENT_RUN_ID, parent)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise


def _as_metrics(scores: dict[str, Any]) -> list[Metric]:
    """Return the numbers among nested scores as metrics of a whole run."""
    timestamp = _now()
    return [
        Metric(_allowed(key), value, timestamp, 0)
        for key, value in _flatten(scores).items()
        if _is_number(value)
    ]


def _now() -> int:
    """Return the time in milliseconds, as MLflow counts it."""
    return int(np.datetime64("now", "ms").astype(np.int64))


def _flatten(nested: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat = {}
    for key, value in nested.items():
        name = f"{prefix}{key}"
        flat |= _flatten(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return flat


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _allowed(key: str) -> str:
    """Replace what MLflow does not allow in the name of a metric."""
    return "".join(c if c.isalnum() or c in "_-./ " else "_" for c in key)


def _hashes(lock: Path) -> dict[str, str]:
    """Return the hash of every file and folder that the training read or made, by path."""
    if not lock.is_file():
        return {}
    stages = yaml.safe_load(lock.read_text(encoding="utf-8"))["stages"]
    entries = [
        entry
        for name, stage in stages.items()
        if name != "evaluate"  # until it ends, dvc.lock has what was evaluated before
        for entry in stage.get("deps", []) + stage.get("outs", [])
    ]
    return {
        entry["path"]: entry["md5"]
        for entry in entries
        if "md5" in entry and not entry["path"].startswith(NO_DATA)
    }
