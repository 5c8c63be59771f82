"""Cross-validation by people: each video is tested once, by a model that never saw its person.

Each fold is a DVC experiment that tests on its people and validates on some of the others. The
experiments are named after the settings, the code and the data, so that a run that was stopped goes
on, and one with other settings starts from scratch. Their predictions are pooled into one score.

Terms: the *deviation* is that of the folds' accuracies (they share training videos, so it says how
much people differ, not how sure the mean is); the *interval* is that of the pooled accuracy, over
people, as in `har.evaluation.scores`.
"""

import hashlib
import io
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from har.compute.place import LOCAL, Compute
from har.dataset.none_label import find_none_label
from har.dataset.tables import read_table
from har.engine.repository import (
    list_experiments,
    list_git_files,
    read_files_at,
    run_experiment,
)
from har.engine.seeds import generator_for
from har.engine.workers import run_in_workers
from har.evaluation.rejection import score_answers
from har.evaluation.scores import (
    resample_subjects,
    score_baselines,
    score_classes,
    score_predictions,
)
from har.evaluation.summary import BASELINES
from har.settings import Settings
from har.settings.loading import PARAMS, parse_settings

MADE_FROM = ("har", "stages", "dvc.yaml", "params.yaml", "*.dvc")  # decide an experiment's results
OWN_PARAMS = ("split.folds", "split.test_fold")


@dataclass(frozen=True)
class Fold:
    """A fold that has been tested.

    Attributes:
        name: Of the fold, as in `split.test_fold`.
        experiment: The DVC experiment's name.
        predictions: As metrics/predictions.csv.
        manifest: As data/split/manifest.csv: every video.
        metrics: As metrics/metrics.json.
        settings: Those of the experiment.
        clips: The digest of all clips that it was made from.
        mlflow_run: The run's identifier; None if there is none.
        names: Of all folds, in order.
        seconds: What it took; 0 if it was there before.
    """

    name: str
    experiment: str
    predictions: pd.DataFrame
    manifest: pd.DataFrame
    metrics: dict[str, Any]
    settings: Settings
    clips: str
    mlflow_run: str | None
    names: list[str]
    seconds: float


def experiment_prefix(name: str, *, folds: int | str, overrides: Sequence[str]) -> str:
    """Return the beginning of the experiments' names: one for these settings, code and data.

    Args:
        name: What the user calls it.
        folds: The value of `split.folds`.
        overrides: Parameters, as `model=cnn3d`.

    Raises:
        ValueError: A parameter is one that the folds set, or a file that decides the result is not
            in git, so that experiments would lack it.
    """
    for override in overrides:
        if parameter_of(override) in OWN_PARAMS:
            raise ValueError(
                f"-S {override} cannot be given: each fold sets it. Use --folds for their number."
            )
    lost = list_git_files("--others", "--exclude-standard", patterns=MADE_FROM)
    if lost:
        raise ValueError(
            f"{lost[0]} is not in git, and an experiment takes only what is. Run `git add "
            f"{' '.join(lost)}` and then the same command again."
        )
    return f"{name}-{_digest(folds, overrides)}"


def parameter_of(override: str) -> str:
    """Return the name of the parameter that an override sets.

    Example:
        >>> parameter_of("++split.folds=3")
        'split.folds'
    """
    return override.split("=")[0].strip("+~ ")


def run_folds(
    prefix: str,
    *,
    folds: int | str,
    overrides: Sequence[str],
    logs: Path,
    compute: Compute = LOCAL,
) -> Iterator[Fold]:
    """Run the experiment of each fold that is not there yet, and yield them in order.

    Args:
        prefix: From `experiment_prefix`.
        folds: The value of `split.folds`; folds in metadata.csv are used instead.
        overrides: Parameters, as `model=cnn3d`.
        logs: The folder for what the experiments print.
        compute: Which machines train them: this one after the other, others at once.

    Raises:
        ValueError: A fold failed; the message has the end of its log. Or what the folds are made of
            is no longer what the prefix stands for.
    """
    known, names = set(list_experiments()), [None]  # the first fold says what folds there are
    logs.mkdir(parents=True, exist_ok=True)
    run = partial(run_fold, prefix=prefix, folds=folds, overrides=overrides, logs=logs)
    for first in (0, 1):
        numbers = range(first, len(names))
        todo = [(number, names[number]) for number in numbers if _name(prefix, number) not in known]
        ran = _run_all(run, todo, compute)
        for number in numbers:
            name = _name(prefix, number)
            fold = _read_fold(name, number, 0.0 if name in known else next(ran))
            names = fold.names
            yield fold


def _name(prefix: str, number: int) -> str:
    return f"{prefix}-{number + 1}"


def _run_all(
    run: Callable[[tuple[int, str | None]], float],
    todo: list[tuple[int, str | None]],
    compute: Compute,
) -> Iterator[float]:
    """Yield the seconds that each fold takes: one after the other here, else all at once."""
    if compute.engine == "local":
        yield from map(run, todo)
        return
    limits = {"num_workers": 0, "timeout_seconds": None, "memory_gigabytes": None}
    options = {"total": len(todo), "description": "crossval", "unit": "folds", "compute": compute}
    for result in run_in_workers(run, todo, **limits, **options):
        if result.reason:
            raise ValueError(f"A fold {result.reason}.")
        yield result.value


def run_fold(
    fold: tuple[int, str | None],
    *,
    prefix: str,
    folds: int | str,
    overrides: Sequence[str],
    logs: Path,
) -> float:
    """Run the experiment of a fold on this machine and return the seconds that it takes.

    Args:
        fold: Its number, from 0, and its name, which is None for the first.
        prefix: As for `run_folds`, and so are the others.
        folds: Likewise.
        overrides: Likewise.
        logs: Likewise.
    """
    number, name = fold
    if not prefix.endswith(_digest(folds, overrides)):  # DVC takes what is here now
        raise ValueError(
            f"Something of {', '.join(MADE_FROM)} was changed while {prefix} ran, and all its "
            "folds must be made of the same. Put it back to go on with the same command, which "
            "otherwise starts from scratch. The folds that ended are kept."
        )
    changes = [f"split.folds={folds}", f"split.test_fold={_quoted(name)}", *overrides]
    # Its stages work where it runs: they would wait for the workers that folds keep busy.
    changes.append("++compute.engine=local")
    start, experiment = time.perf_counter(), _name(prefix, number)
    run_experiment(experiment, changes, logs / f"{experiment}.log")
    return time.perf_counter() - start


def pool_folds(folds: Sequence[Fold]) -> pd.DataFrame:
    """Return the predictions of all folds in one table, with a column `fold`.

    Raises:
        ValueError: A video was tested twice or not at all, or a person in two folds, or the folds
            were made from different clips.
    """
    for fold in folds:
        if fold.clips != folds[0].clips:
            raise ValueError(
                f"{fold.experiment} was made from other videos than {folds[0].experiment}: they "
                "were changed meanwhile. Run `dvc add --no-relink` on their folder and the same "
                "command again."
            )
    pooled = pd.concat([fold.predictions.assign(fold=fold.name) for fold in folds])
    pooled = pooled.sort_values("video_id", ignore_index=True)
    videos = set(folds[0].manifest["video_id"])
    if pooled["video_id"].duplicated().any() or set(pooled["video_id"]) != videos:
        raise ValueError(
            f"The {len(folds)} folds tested {len(pooled)} videos, {pooled['video_id'].nunique()} "
            f"different ones, of {len(videos)}; expected each once. The experiments do not belong "
            "together: run again with another --name."
        )
    shared = pooled.groupby("subject")["fold"].nunique()
    if (shared > 1).any():
        raise ValueError(
            f"{shared.idxmax()!r} was tested in {shared.max()} folds; a person must be in one. "
            "Correct `fold` in metadata.csv."
        )
    return pooled


def score_folds(
    folds: Sequence[Fold], pooled: pd.DataFrame, *, num_bootstrap: int, seed: int
) -> dict[str, Any]:
    """Return the pooled scores, as in metrics.json, and those of each fold.

    Args:
        folds: All of them.
        pooled: From `pool_folds`.
        num_bootstrap: Resamplings of people behind each interval.
        seed: Draws them.
    """
    none_label = find_none_label(pooled["label"], folds[0].settings.dataset.none)
    is_action = (pooled["label"] != none_label).to_numpy()
    columns = ["label", "predicted", *BASELINES]
    labels, (all_actual, all_predicted, *baselines) = label_indices(pooled, columns)
    actual, predicted = all_actual[is_action], all_predicted[is_action]
    subjects = pooled["subject"].to_numpy()[is_action]
    rng = generator_for(seed, "bootstrap")
    samples = resample_subjects(subjects, num_bootstrap=num_bootstrap, rng=rng)
    of_actions = dict(zip(BASELINES, [one[is_action] for one in baselines], strict=True))
    accuracies = [fold.metrics["accuracy"] for fold in folds]
    return {
        "model": folds[0].metrics["model"],
        "grouped_by": folds[0].metrics["grouped_by"],
        "num_folds": len(folds),
        "mean_accuracy": float(np.mean(accuracies)),
        "deviation_of_accuracy": float(np.std(accuracies, ddof=1)),
        **score_predictions(predicted, actual, subjects, samples=samples),
        **score_answers(
            pooled["answer"].to_numpy(), pooled["label"].to_numpy(), none_label=none_label
        ),
        "per_class": score_classes(all_actual, all_predicted, labels),
        "baselines": score_baselines(of_actions, actual, samples=samples),
        "folds": {
            fold.name: {
                "experiment": fold.experiment,
                "people": sorted(fold.predictions["subject"].unique()),
                "num_test_videos": fold.metrics["num_test_videos"],
                "accuracy": fold.metrics["accuracy"],
                "macro_f1": fold.metrics["macro_f1"],
            }
            for fold in folds
        },
    }


def _digest(folds: int | str, overrides: Sequence[str]) -> str:
    """Return what tells these settings, code and data from others: 6 hexadecimal digits."""
    digest = hashlib.sha256(json.dumps([str(folds), sorted(overrides)]).encode())
    for file in list_git_files("--cached", patterns=MADE_FROM):
        content = Path(file).read_bytes()
        if file == str(PARAMS):
            content = _deciding(content)
        digest.update(f"\0{file}\0".encode() + content)
    return digest.hexdigest()[:6]


def _deciding(params: bytes) -> bytes:
    """Return the content of params.yaml without what changes no result."""
    content = yaml.safe_load(params)
    content.pop("compute", None)
    return json.dumps(content, sort_keys=True).encode()


def _quoted(name: str | None) -> str:
    """Return a fold's name as `dvc exp run -S` takes it for a text, also where it is a number."""
    return "null" if name is None else "'" + name.replace("'", r"\'") + "'"


def label_indices(pooled: pd.DataFrame, columns: list[str]) -> tuple[list[str], list[np.ndarray]]:
    """Return all labels, and the index of the label in each column of each row."""
    labels = sorted(set(pooled["label"]))
    return labels, [pooled[column].map(labels.index).to_numpy() for column in columns]


def _read_fold(experiment: str, number: int, seconds: float) -> Fold:
    paths = ["data/split/split.json", "data/split/manifest.csv", "params.yaml", "dvc.lock"]
    paths += [f"metrics/{name}" for name in ("metrics.json", "run.json", "predictions.csv")]
    texts = {Path(path).name: text for path, text in read_files_at(experiment, paths).items()}
    names = json.loads(texts["split.json"])["folds"]
    run_id = json.loads(texts["run.json"])["mlflow_run"]
    extracted = yaml.safe_load(texts["dvc.lock"])["stages"]["extract"]["outs"]
    return Fold(
        name=names[number],
        experiment=experiment,
        predictions=read_table(io.StringIO(texts["predictions.csv"])),
        manifest=read_table(io.StringIO(texts["manifest.csv"])),
        metrics=json.loads(texts["metrics.json"]),
        settings=parse_settings(texts["params.yaml"], name=f"params.yaml of {experiment}"),
        clips=extracted[0]["md5"],
        mlflow_run=None if run_id == "not logged" else run_id,
        names=names,
        seconds=seconds,
    )
