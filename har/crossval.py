"""Cross-validation: the pipeline once for each fold of people, as DVC experiments, and their sum.

Each fold is an experiment in a copy of the project (`dvc exp run --temp`), with `split.folds` and
`split.test_fold` set. What does not depend on the split is restored there from DVC's cache, and the
features of a clip from the project's own: a fold decodes nothing. Together the folds test every
person once, by a model that has never seen them, so their predictions are scored as one test.

The deviation over folds says how much the score depends on who is tested. It gives no standard
error, since the folds share their training people; the intervals are those of `har.evaluation`,
over people.

Reference: Bengio and Grandvalet, "No Unbiased Estimator of the Variance of K-Fold
Cross-Validation", JMLR 5, 2004.
"""

import functools
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from dvc.api import DVCFileSystem
from dvc.exceptions import DvcException
from dvc.utils.hydra import apply_overrides
from tqdm import tqdm

from har.dataset import read_table
from har.evaluation import (
    confusion_counts,
    resample_subjects,
    score_baselines,
    score_predictions,
)
from har.plots import plot_confusion
from har.progress import progress
from har.splits import PEOPLE
from har.summary import BASELINES, describe_metrics

FOLDER = Path("crossval")
PARAMS = "params.yaml"
OWN_PARAMS = ("split.folds", "split.test_fold")
CODE = ("har", "stages", "dvc.yaml", PARAMS)
SAID = ("predicted", *BASELINES)  # columns of predictions.csv that say a label
NUM_NAMED = 3  # people that a line names


class FoldFailedError(ValueError):
    """The experiment of a fold ended with an error."""


@dataclass(frozen=True)
class Fold:
    """A fold that has been tested.

    Attributes:
        number: Its place among the folds, from 1.
        names: What `split.test_fold` calls the folds, all of them, in order.
        experiment: The DVC experiment.
        revision: Its commit.
        params: Its parameters.
        videos: All videos as its split lists them: `video_id`, `label`, `subject` and `split`.
        predictions: Its metrics/predictions.csv, as text.
        metrics: Its metrics/metrics.json.
        mlflow_run: The run's identifier, or `not logged`.
        seconds: How long it took; None where it had been run before.
    """

    number: int
    names: list[str]
    experiment: str
    revision: str
    params: dict[str, Any]
    videos: pd.DataFrame
    predictions: pd.DataFrame
    metrics: dict[str, Any]
    mlflow_run: str
    seconds: float | None

    @property
    def name(self) -> str:
        """What `split.test_fold` calls it."""
        return self.names[self.number - 1]


def override_params(overrides: list[str]) -> dict[str, Any]:
    """Return the workspace's parameters as `dvc exp run -S` would change them.

    Args:
        overrides: As `model=cnn3d`, in the grammar of `-S`.

    Raises:
        ValueError: One is not in that grammar or names no parameter, or is for crossval to set.
    """
    for override in overrides:
        if override.split("=")[0].lstrip("+~") in OWN_PARAMS:
            raise ValueError(f"-S {override}: crossval sets that itself. Use --folds instead.")
    return _apply(overrides)


def run_folds(name: str, *, folds: str, overrides: list[str]) -> list[Fold]:
    """Run the folds that have no experiment yet, one after another, and return all.

    Args:
        name: Of the cross-validation; the experiments are NAME-1, NAME-2 and so on.
        folds: A number, or `people`; folds in metadata.csv are used instead.
        overrides: Further parameters, as `model=cnn3d`.

    Raises:
        ValueError: A fold failed, or its experiment is there already and made of something else,
            or git lacks a file that experiments need.
    """
    _check_name(name)
    overrides = [*overrides, f"split.folds={folds}"]
    _check_in_git(_apply(overrides)["dataset"]["videos"])
    print(f"{name}: the folds' logs are {FOLDER / name}/fold-1.log and so on")
    # The first fold is asked for as the first: what it is called, and how many there are, it says.
    done, failed = [_run_fold(name, 1, overrides, test_fold=None, first=None)], 0
    names = done[0].names
    _say(done[0])
    num_people = done[0].videos["subject"].nunique()
    if str(len(names)) != (str(num_people) if folds == PEOPLE else folds):
        tqdm.write(f"note: metadata.csv has {len(names)} folds, which are used instead of {folds}")
    rest = range(2, len(names) + 1)
    for number in progress(rest, total=len(names), initial=1, description=name, unit="folds"):
        try:
            fold = _run_fold(
                name, number, overrides, test_fold=names[number - 1], first=done[0].revision
            )
        except FoldFailedError as error:
            failed += 1
            tqdm.write(str(error))
        else:
            done.append(fold)
            _say(fold)
    if failed:
        raise ValueError(
            f"{failed} of {len(names)} folds failed. The others are kept: mend what the logs "
            "say and run the same command again."
        )
    return done


def pool_predictions(folds: list[Fold]) -> pd.DataFrame:
    """Return the predictions of all folds with a column `fold`, one row a video.

    Raises:
        ValueError: A video is not tested exactly once, or a person is in two folds.
    """
    table = pd.concat([fold.predictions.assign(fold=fold.name) for fold in folds])
    tested = table["video_id"].value_counts()
    videos = set().union(*(fold.videos["video_id"] for fold in folds))
    wrong = sorted(tested.index[tested > 1]) + sorted(videos - set(tested.index))
    if wrong:
        raise ValueError(
            f"{len(wrong)} of {len(videos)} videos are not tested exactly once, as {wrong[0]!r}. "
            "The data changed between the folds: use another --name to run all of them anew."
        )
    folds_of_subject = table.groupby("subject")["fold"].nunique()
    shared = folds_of_subject.index[folds_of_subject > 1]
    if len(shared):
        raise ValueError(
            f"{len(shared)} people are in more than one fold, as {shared[0]!r}. Give each person "
            "one fold in metadata.csv."
        )
    return table.reset_index(drop=True)


def score_folds(
    folds: list[Fold], table: pd.DataFrame, *, num_bootstrap: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return the scores of all folds together, named as in metrics.json, and of each.

    Args:
        folds: All of them.
        table: Their predictions, from `pool_predictions`.
        num_bootstrap: Resamplings of the people.
        rng: Draws them.

    Returns:
        The scores of `metrics.json` but for the calibration's; `accuracy_mean` and `accuracy_std`
        over folds (of one degree of freedom less than folds); and `folds`.
    """
    labels = sorted(table["label"].unique())
    columns = {name: table[name].map(labels.index).to_numpy() for name in ("label", *SAID)}
    subjects = table["subject"].to_numpy()
    samples = resample_subjects(subjects, num_bootstrap=num_bootstrap, rng=rng)
    actual = columns.pop("label")
    predicted = columns.pop("predicted")
    accuracies = [fold.metrics["accuracy"] for fold in folds]
    num_videos = [len(fold.predictions) for fold in folds]
    losses = [fold.metrics["loss"] for fold in folds]
    return {
        **{name: folds[0].metrics[name] for name in ("model", "grouped_by")},
        **score_predictions(predicted, actual, subjects, labels, samples=samples),
        "loss": float(np.average(losses, weights=num_videos)),
        "baselines": score_baselines(columns, actual, samples=samples),
        "accuracy_mean": float(np.mean(accuracies)),
        "accuracy_std": float(np.std(accuracies, ddof=1)),
        "folds": [_summarize(fold) for fold in folds],
    }


def write_results(name: str, scores: dict[str, Any], table: pd.DataFrame) -> list[Path]:
    """Write scores, predictions and the confusion matrix into the folder of the name.

    Args:
        name: Of the cross-validation.
        scores: From `score_folds`.
        table: From `pool_predictions`.

    Returns:
        The files.
    """
    names = ("crossval.json", "predictions.csv", "confusion.csv", "confusion.png")
    files = [FOLDER / name / file for file in names]
    files[0].parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"name": name} | scores, indent=2, ensure_ascii=False)
    files[0].write_text(text + "\n", encoding="utf-8")
    table.to_csv(files[1], index=False)
    confusion = table[["label", "predicted"]].set_axis(["actual", "predicted"], axis=1)
    confusion.to_csv(files[2], index=False)
    labels = list(scores["per_class"])
    actual, predicted = (table[key].map(labels.index) for key in ("label", "predicted"))
    title = (
        f"{scores['model']}: accuracy {scores['accuracy']:.2f} ({scores['accuracy_low']:.2f} to "
        f"{scores['accuracy_high']:.2f}), {len(table)} videos, {len(scores['folds'])} folds"
    )
    plot_confusion(confusion_counts(actual, predicted, len(labels)), labels, title, files[3])
    return files


def fingerprint(folds: list[Fold]) -> str:
    """Return a name for these folds and no others: 16 hexadecimal digits."""
    return hashlib.sha256(" ".join(fold.revision for fold in folds).encode()).hexdigest()[:16]


def describe_scores(scores: dict[str, Any]) -> str:
    """Return the scores as a table to read.

    Args:
        scores: From `score_folds`.
    """
    lowest, highest = (
        choose(scores["folds"], key=lambda fold: fold["accuracy"]) for choose in (min, max)
    )
    return (
        f"{describe_metrics(scores)}\n"
        f"Accuracy over {len(scores['folds'])} folds: mean {scores['accuracy_mean']:.1%}, standard "
        f"deviation {scores['accuracy_std']:.1%}, from {lowest['accuracy']:.0%} "
        f"({_name_people(lowest['subjects'])}) to {highest['accuracy']:.0%} "
        f"({_name_people(highest['subjects'])})."
    )


def _run_fold(
    name: str, number: int, overrides: list[str], *, test_fold: str | None, first: str | None
) -> Fold:
    """Return a fold from its experiment, which is run where there is none.

    Args:
        name: Of the cross-validation.
        number: Of the fold, from 1.
        overrides: All but the fold to test on.
        test_fold: The fold to test on; None for the first.
        first: The commit of the first fold's experiment, where that is another.
    """
    started = time.monotonic()
    experiment = f"{name}-{number}"
    reference = _reference(experiment)
    wanted = [*overrides, f"split.test_fold={_quoted(test_fold)}"]
    revision = _find_experiment(reference, _apply(wanted))
    if revision is not None:
        return _read_fold(number, experiment, revision, seconds=None)
    if first is not None:
        changed = _differences(first, _apply([*overrides, "split.test_fold=null"]))
        if changed:
            raise ValueError(
                f"{', '.join(changed)} changed since fold 1 was run, and folds of different makes "
                "cannot be pooled. Put it back and run the same command again, or use another "
                "--name. The folds that are finished are kept."
            )
    _run_experiment(experiment, wanted, FOLDER / name / f"fold-{number}.log")
    revision = _git("rev-parse", reference).strip()
    return _read_fold(number, experiment, revision, seconds=time.monotonic() - started)


def _run_experiment(experiment: str, overrides: list[str], log: Path) -> None:
    command = [sys.executable, "-m", "dvc", "exp", "run", "--temp", "--name", experiment]
    for override in overrides:
        command += ["--set-param", override]
    # The stages are run by `python`: the one that runs this, with or without its `activate`.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=os.environ | {"PATH": path}
        )
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.wait()  # DVC was interrupted too, and puts away its copy of the project
            raise
    if code != 0:
        raise FoldFailedError(f"{experiment} failed: {_find_error(log)}\nAll it said: {log}")


def _find_error(log: Path) -> str:
    """Return the line of a log that says best what went wrong: a stage's own error, or DVC's."""
    lines = [line.strip() for line in log.read_text("utf-8", errors="replace").splitlines()]
    for start in ("error: ", "ERROR: "):
        found = [line.removeprefix(start) for line in lines if line.startswith(start)]
        if found:
            return found[-1]
    return "It said no reason."


def _reference(experiment: str) -> str:
    """Return where git keeps the experiment that DVC makes of the current commit."""
    head = _git("rev-parse", "HEAD").strip()
    return f"refs/exps/{head[:2]}/{head[2:]}/{experiment}"


def _find_experiment(reference: str, params: dict[str, Any]) -> str | None:
    """Return the commit of an experiment of that name that was made of what is here, or None.

    Args:
        reference: As git would keep it now; one made of another commit is as good.
        params: What its parameters should be.

    Raises:
        ValueError: There is that reference, made of something else.
    """
    experiment = reference.rsplit("/", 1)[1]
    listed = _git("for-each-ref", "--format=%(objectname) %(refname)", "refs/exps").splitlines()
    found = dict(line.split(" ", 1)[::-1] for line in listed if line.endswith(f"/{experiment}"))
    for revision in found.values():
        if not _differences(revision, params):
            return revision
    if reference in found:
        changed = ", ".join(_differences(found[reference], params))
        raise ValueError(
            f"The experiment {experiment} is there already, made with another {changed}. Use "
            f"another --name, or remove it: dvc exp remove {experiment}"
        )
    return None


def _differences(revision: str, params: dict[str, Any]) -> list[str]:
    """Return which of the files that an experiment depends on are others in the workspace.

    Args:
        revision: The experiment's commit.
        params: What its parameters should be.
    """
    changed = _git("diff", "--name-only", "--relative", revision, "--", *_dependencies(revision))
    is_same = yaml.safe_load(_git("show", f"{revision}:./{PARAMS}")) == params
    return changed.splitlines() + ([] if is_same else [PARAMS])


@functools.cache
def _dependencies(revision: str) -> list[str]:
    """Return the files in git that decide an experiment's results, but for params.yaml."""
    stages = yaml.safe_load(_git("show", f"{revision}:./dvc.lock"))["stages"].values()
    read, made = (
        {entry["path"] for stage in stages for entry in stage.get(kind, [])}
        for kind in ("deps", "outs")
    )
    outside = ("/", "../")
    inside = sorted(path for path in read - made if not path.startswith(outside))
    return ["dvc.yaml", *inside, *(f"{path}.dvc" for path in inside)]


def _read_fold(number: int, experiment: str, revision: str, *, seconds: float | None) -> Fold:
    files = DVCFileSystem(rev=revision)

    def read(path: str) -> str:
        return files.read_text(path, encoding="utf-8")

    return Fold(
        number=number,
        names=json.loads(read("data/split/split.json"))["folds"],
        experiment=experiment,
        revision=revision,
        params=yaml.safe_load(read(PARAMS)),
        videos=read_table(io.StringIO(read("data/split/manifest.csv"))),
        predictions=read_table(io.StringIO(read("metrics/predictions.csv"))),
        metrics=json.loads(read("metrics/metrics.json")),
        mlflow_run=json.loads(read("metrics/run.json"))["mlflow_run"],
        seconds=seconds,
    )


def _apply(overrides: list[str]) -> dict[str, Any]:
    """Return the content of params.yaml with the overrides, by DVC's own code."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / PARAMS
        copy.write_bytes(Path(PARAMS).read_bytes())
        try:
            apply_overrides(copy, overrides)
        except DvcException as error:
            raise ValueError(f"-S {' -S '.join(overrides)}: {error.__cause__ or error}") from error
        return yaml.safe_load(copy.read_text(encoding="utf-8"))


def _check_name(name: str) -> None:
    """Check that a name can be that of a folder and of DVC experiments."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", name):
        raise ValueError(
            f"The name {name!r} cannot be that of DVC experiments. Expected letters, digits, _ and "
            "-, as --name cv-tall."
        )


def _check_in_git(videos: str) -> None:
    """Check that experiments, which run in a copy that git makes, have all they need."""
    paths = [*CODE, *([] if Path(videos).is_absolute() else [videos, f"{videos}.dvc"])]
    missing = _git(
        "ls-files", "--others", "--exclude-standard", "--directory", "--", *paths
    ).splitlines()
    if not missing:
        return
    if missing[0].startswith(f"{videos}/"):
        fix = f"dvc add {videos}, and git add {videos}.dvc"
    else:
        fix = f"git add {missing[0]}"
    raise ValueError(
        f"Git does not know {', '.join(missing)}, and the folds run in a copy of the project that "
        f"git makes. Run: {fix}"
    )


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ["git", *arguments],  # noqa: S607
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise ValueError(
            f"`git {arguments[0]}` failed: {result.stderr.strip()}. DVC's experiments need a git "
            "repository with a commit."
        )
    return result.stdout


def _quoted(text: str | None) -> str:
    """Return a text as an override's value that stays a text."""
    return "null" if text is None else "'" + text.replace("'", r"\'") + "'"


def _summarize(fold: Fold) -> dict[str, Any]:
    return {
        "fold": fold.name,
        "experiment": fold.experiment,
        "revision": fold.revision,
        "mlflow_run": fold.mlflow_run,
        "subjects": sorted(fold.predictions["subject"].unique()),
        "num_test_videos": len(fold.predictions),
        "accuracy": fold.metrics["accuracy"],
        "macro_f1": fold.metrics["macro_f1"],
    }


def _say(fold: Fold) -> None:
    people = _name_people(sorted(fold.predictions["subject"].unique()))
    time_taken = "run before" if fold.seconds is None else f"{fold.seconds:.0f} s"
    tqdm.write(
        f"fold {fold.number} of {len(fold.names)} ({people}): accuracy "
        f"{fold.metrics['accuracy']:.2f} on {len(fold.predictions)} videos, {time_taken}"
    )


def _name_people(subjects: list[str]) -> str:
    return ", ".join(subjects) if len(subjects) <= NUM_NAMED else f"{len(subjects)} people"
