"""The predictions of a model on its test videos, found by any name that a user has for it."""

import io
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from har.dataset.tables import read_table
from har.engine.repository import find_commit, read_files_at
from har.settings.sections import Extract

WORKSPACE = "workspace"
NAME = "predictions.csv"
PATH = f"metrics/{NAME}"  # below the project's folder, at any revision
RUN_PATH = "metrics/run.json"  # names the MLflow run
COLUMNS = ("video_id", "subject", "label", "predicted")
ALIASES = ("champion", "challenger")  # as in har.tracking.registry, which takes seconds to import
MANIFEST = Path("data/split/manifest.csv")


@dataclass(frozen=True)
class Predictions:
    """What a model said of its test videos.

    Attributes:
        name: What the user calls it.
        about: What was found by that name.
        table: Text columns `video_id`, `subject`, `label` and `predicted`, one row a video.
        find_fingerprint: Returns the fingerprint of its training, None where that is unknown.
    """

    name: str
    about: str
    table: pd.DataFrame
    find_fingerprint: Callable[[], str | None]


def find_predictions(name: str, *, root: Path, extract: Extract) -> Predictions:
    """Find a model's predictions.

    Args:
        name: `workspace`, a folder with predictions.csv, a folder of a model (which is run on the
            test videos of the workspace), a DVC experiment, a git revision, an MLflow run or one
            of MLflow's aliases `champion` and `challenger`.
        root: The project's folder, with MLflow's database.
        extract: The section of params.yaml by which the clips of the workspace were made.

    Raises:
        ValueError: Nothing or more than one thing has that name, or what has it has no predictions.
    """
    if name == WORKSPACE:
        return _in_workspace(name, root)
    finders = {
        "folder": partial(_in_folder, extract=extract),
        "git revision or DVC experiment": partial(_in_git, root=root),
        "MLflow run or alias": partial(_in_mlflow, root=root),
    }
    results = {kind: find(name) for kind, find in finders.items()}
    found = [result for result in results.values() if isinstance(result, Predictions)]
    if len(found) > 1:
        raise ValueError(
            f"{name!r} is ambiguous: {'; and '.join(one.about for one in found)}. Write ./{name} "
            "for a folder, the hash for a git revision or experiment, the run's identifier for "
            "something in MLflow."
        )
    if not found:
        tried = "; ".join(f"as a {kind}: {why}" for kind, why in results.items())
        raise ValueError(
            f"{name!r} has no predictions to compare. Tried {tried}. List experiments and "
            "revisions with `dvc exp show`, runs with `mlflow ui`; `workspace` is what is here now."
        )
    return found[0]


def _in_workspace(name: str, root: Path) -> Predictions:
    if not Path(PATH).is_file():
        raise ValueError(f"There is no {PATH}. Make it with `dvc repro`.")
    return Predictions(
        name,
        f"{PATH} as it is here now",
        _checked(read_table(Path(PATH)), PATH),
        lambda: _fingerprint_of_run(_read_if_there(Path(RUN_PATH)), root),
    )


def _in_folder(name: str, *, extract: Extract) -> Predictions | str:
    folder = Path(name)
    if not folder.is_dir():
        return "there is none"
    if (folder / NAME).is_file():
        table = _checked(read_table(folder / NAME), str(folder / NAME))
        return Predictions(name, f"the folder {folder}", table, lambda: None)
    if (folder / "model.tflite").is_file():
        table = _predict_test_videos(folder, extract)
        about = f"the model in {folder}, run on the test videos here"
        return Predictions(name, about, table, lambda: _fingerprint_of_model(folder))
    return f"it has neither {NAME} nor model.tflite"


def _in_git(name: str, *, root: Path) -> Predictions | str:
    try:
        commit = find_commit(name)
    except ValueError as error:
        return str(error)
    texts = read_files_at(commit, (PATH, RUN_PATH))
    if PATH not in texts:
        return (
            f"commit {commit[:7]} has no {PATH} (run `dvc repro` and commit `metrics/`, or use "
            "`dvc exp run`, which keeps them by itself)"
        )
    return Predictions(
        name,
        f"{PATH} at commit {commit[:7]}",
        _checked(read_table(io.StringIO(texts[PATH])), f"{PATH} at {name}"),
        lambda: _fingerprint_of_run(texts.get(RUN_PATH), root),
    )


def _in_mlflow(name: str, *, root: Path) -> Predictions | str:
    is_run = re.fullmatch("[0-9a-f]{32}", name) is not None
    if not is_run and name not in ALIASES:
        return "it is neither 32 hexadecimal digits nor champion or challenger"
    from har.tracking.connection import connect, explained_errors
    from har.tracking.registry import (
        RUN_TAG,
        find_alias,
        find_run_fingerprint,
        read_run_predictions,
    )

    client = connect(root)
    with explained_errors(required=True):
        run_id, about = name, f"the MLflow run {name}"
        if not is_run:
            version = find_alias(client, name)
            if version is None:
                return (
                    f"no model has that alias yet (docs/experiments.md says how to make it {name})"
                )
            run_id = version.tags.get(RUN_TAG, version.run_id)
            about = f"version {version.version} in MLflow, run {run_id}"
        fingerprint = find_run_fingerprint(client, run_id)
        if fingerprint is None:
            return f"there is no run {run_id}"
        table = read_table(io.StringIO(read_run_predictions(client, run_id)))
    return Predictions(name, about, _checked(table, about), lambda: fingerprint)


def _checked(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return the columns that count.

    Raises:
        ValueError: One is missing, a video is there twice, or there is none.
    """
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing or table.empty:
        raise ValueError(
            f"{where} has {len(table)} rows of {', '.join(table.columns)}; expected one row a "
            f"video with {', '.join(COLUMNS)}. Make it again with `dvc repro`."
        )
    repeated = table["video_id"][table["video_id"].duplicated()]
    if len(repeated):
        raise ValueError(
            f"{where} has more than one row for {len(repeated)} of its videos, as "
            f"{repeated.iloc[0]!r}; expected one prediction a video."
        )
    return table[list(COLUMNS)]


def _fingerprint_of_run(run_json: str | None, root: Path) -> str | None:
    """Return the fingerprint of the run that the content of a run.json names.

    Returns:
        None where there is no such file or no such run.
    """
    from har.tracking.connection import connect, explained_errors
    from har.tracking.registry import find_run_fingerprint

    if run_json is None:
        return None
    client = connect(root)
    with explained_errors(required=True):
        return find_run_fingerprint(client, json.loads(run_json)["mlflow_run"])


def _read_if_there(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def _fingerprint_of_model(folder: Path) -> str:
    return json.loads((folder / "params.json").read_text(encoding="utf-8"))["fingerprint"]


def _predict_test_videos(folder: Path, extract: Extract) -> pd.DataFrame:
    """Run a saved model on the test videos of the workspace."""
    from har.recognizer.recognizer import load_recognizer
    from har.recognizer.scoring import predict_clips

    if not MANIFEST.is_file():
        raise ValueError(f"There is no {MANIFEST}, so no test videos. Make it with `dvc repro`.")
    videos = read_table(MANIFEST)
    test = videos[videos["split"] == "test"]
    recognizer = load_recognizer(folder)
    here = extract.model_dump(include={"num_frames", "size", "aspect"})
    made = {name: recognizer.preprocessing[name] for name in here}
    if made != here:
        raise ValueError(
            f"The model in {folder} takes clips made with {made}; those here are made with {here}. "
            "Set the section `extract` of params.yaml so and run `dvc repro extract split`."
        )
    probabilities, _ = predict_clips(recognizer, test, description=f"score {folder}")
    predicted = [recognizer.labels[int(row.argmax())] for row in probabilities]
    return test[["video_id", "subject", "label"]].assign(predicted=predicted)
