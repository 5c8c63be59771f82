"""The files that an evaluation leaves behind: scores, predictions and pictures."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from har.engine.files import write_json, write_table
from har.evaluation.scores import NUM_CALIBRATION_BINS, confusion_counts
from har.evaluation.summary import BASELINES, describe_reach, describe_tested
from har.pages.plots import plot_confusion, plot_reliability
from har.recognizer.recognizer import Recognizer

# Of the scores, what people compare; `scores.json` has all.
COMPARED = (
    "model",
    "grouped_by",
    "num_test_videos",
    "num_test_subjects",
    "accuracy",
    "accuracy_low",
    "accuracy_high",
    "macro_f1",
    "unsure",
    "accuracy_if_sure",
)
OF_PROBABILITIES = ("loss", "expected_calibration_error")  # not of folds, which have labels alone
COMPARED_NONE = ("none_rejected", "lost_to_none")  # where there are videos of no action


def write_results(
    scores: dict[str, Any],
    test: pd.DataFrame,
    probabilities: np.ndarray,
    baselines: dict[str, np.ndarray],
    recognizer: Recognizer,
    metrics: Path,
) -> None:
    """Write scores, predictions, and the confusion matrix as a table and a picture.

    Args:
        scores: All scores, nested.
        test: One row a test video, with `video_id`, `subject` and `label`. Labels that the model
            does not have get a row of their own in the picture.
        probabilities: Of the model, shape (num_videos, num_classes).
        baselines: The label indices that each baseline predicts, by its name.
        recognizer: The model.
        metrics: The folder to write to.
    """
    labels = recognizer.labels
    plots = metrics / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    write_json(compared_scores(scores, baselines), metrics / "metrics.json")
    write_json(scores, metrics / "scores.json")
    predicted = probabilities.argmax(axis=1)
    names = pd.Series(labels)[predicted].to_numpy()
    table = test[["video_id", "subject", "label"]].assign(
        predicted=names,
        probability=probabilities.max(axis=1),
        answer=[recognizer.answer(row) for row in probabilities],
        **{name: pd.Series(labels)[says].to_numpy() for name, says in baselines.items()},
    )
    write_table(table, metrics / "predictions.csv")
    confusion = pd.DataFrame({"actual": test["label"], "predicted": names})
    write_table(confusion, plots / "confusion.csv")
    shown = list(dict.fromkeys([*labels, *test["label"]]))
    indices = test["label"].map(shown.index).to_numpy()
    title = (
        f"{scores['model']}: accuracy {scores['accuracy']:.2f} "
        f"({scores['accuracy_low']:.2f} to {scores['accuracy_high']:.2f}), "
        f"{describe_tested(scores)}"
    )
    counts = confusion_counts(indices, predicted, len(shown))
    plot_confusion(counts, shown, title, plots / "confusion.png")


def compared_scores(
    scores: dict[str, Any], baselines: Iterable[str] = tuple(BASELINES)
) -> dict[str, Any]:
    """Return those of the scores that people compare: few enough for a table of experiments."""
    compared = {name: scores[name] for name in COMPARED}
    optional = (*OF_PROBABILITIES, *COMPARED_NONE)
    compared |= {name: scores[name] for name in optional if name in scores}
    return compared | {"baselines": {name: scores["baselines"][name] for name in baselines}}


def plot_calibration(
    before: np.ndarray,
    after: np.ndarray,
    scores: dict[str, Any],
    actual: pd.Series,
    labels: list[str],
    metrics: Path,
) -> None:
    """Draw how sure the model is and how often it is right, before and after calibration.

    Args:
        before: Probabilities before, shape (num_videos, num_classes).
        after: Those after.
        scores: With the expected calibration errors of both.
        actual: The right labels, in the order of the probabilities.
        labels: Names of the classes.
        metrics: The folder to write to.
    """
    error_before, error = (scores[f"expected_calibration_error{when}"] for when in ("_before", ""))
    curves = {
        f"before calibration: error {error_before:.2f}": before,
        f"after: error {error:.2f}": after,
    }
    indices, path = actual.map(labels.index).to_numpy(), metrics / "plots" / "reliability.png"
    plot_reliability(curves, indices, path, num_bins=NUM_CALIBRATION_BINS)


def describe_scores(scores: dict[str, Any]) -> str:
    """Return the sentence that ends an evaluation."""
    return (
        f"{scores['model']}, accuracy {scores['accuracy']:.2f} (95 % interval "
        f"{scores['accuracy_low']:.2f} to {scores['accuracy_high']:.2f}) on "
        f"{describe_tested(scores)}{describe_reach(scores)}"
    )
