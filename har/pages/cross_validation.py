"""What a cross-validation leaves behind: its files, and a line for each fold.

Of a learning curve: a table, a picture, and the errors by label and person.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from har.engine.files import write_json, write_table
from har.evaluation.cross_validation import Fold, label_indices
from har.evaluation.learning_curve import count_errors
from har.evaluation.scores import confusion_counts
from har.evaluation.summary import describe_tested
from har.pages.plots import plot_confusion, plot_learning_curve

MAX_NAMED = 5  # labels and people with errors in the terminal; the files have all
VERDICTS = {
    "better": "This is more than luck: the curve still rises, so filming more people is likely to "
    "help.",
    "undecided": "This can be luck: the curve may have levelled off, or too few people are tested "
    "to tell.",
    "worse": "This is more than luck: with these people added the model got worse; look at their "
    "videos.",
}


def write_crossval(scores: dict[str, Any], pooled: pd.DataFrame, folder: Path) -> list[Path]:
    """Write crossval.json, predictions.csv, confusion.csv and confusion.png; return them."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("crossval.json", "predictions.csv", "confusion.csv", "confusion.png")
    files = [folder / name for name in names]
    write_json(scores, files[0])
    write_table(pooled, files[1])
    confusion = pooled[["label", "predicted"]].set_axis(["actual", "predicted"], axis=1)
    write_table(confusion, files[2])
    labels, (actual, predicted) = label_indices(pooled, ["label", "predicted"])
    title = (
        f"{scores['model']}: accuracy {scores['accuracy']:.2f} ({scores['accuracy_low']:.2f} to "
        f"{scores['accuracy_high']:.2f}), {describe_tested(scores)} in {scores['num_folds']} folds"
    )
    counts = confusion_counts(actual, predicted, len(labels))
    plot_confusion(counts, labels, title, files[3])
    return files


def describe_fold(done: Sequence[Fold], *, num_points: int = 1) -> str:
    """Return the line that is printed when the last of these folds has ended.

    Args:
        done: In the order in which they ended.
        num_points: How often all folds are run in the end; more than once for a learning curve.
    """
    fold, seconds = done[-1], [fold.seconds for fold in done if fold.seconds]
    people = ", ".join(sorted(fold.predictions["subject"].unique())[:3])
    took = f"{fold.seconds:.0f} s" if fold.seconds else "there before"
    line = (
        f"fold {1 + fold.names.index(fold.name)} of {len(fold.names)} ({people}): accuracy "
        f"{fold.metrics['accuracy']:.2f} on {fold.metrics['num_test_videos']} videos, {took}"
    )
    num_left = num_points * len(fold.names) - len(done)
    if num_left and seconds:
        line += f"; about {num_left * np.mean(seconds) / 60:.1f} min left"
    return line


def write_curve(
    curve: pd.DataFrame, pooled: pd.DataFrame, folder: Path, *, title: str
) -> list[Path]:
    """Write the table and picture of the curve, and the errors; return the files.

    Args:
        curve: From `curve_table`.
        pooled: The predictions of the point with most people.
        folder: The folder to write to.
        title: Said above the picture.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table, picture = folder / "learning_curve.csv", folder / "learning_curve.png"
    write_table(curve, table)
    plot_learning_curve(curve, title, picture)
    files = [table, picture]
    for column, name in (("label", "label"), ("subject", "person")):
        files.append(folder / f"errors_by_{name}.csv")
        write_table(count_errors(pooled, column), files[-1])
    return files


def describe_curve(curve: pd.DataFrame, step: dict[str, Any] | None, model: str) -> str:
    """Return the table for the terminal, and whether the last people added helped.

    Args:
        curve: From `curve_table`.
        step: From `last_step`.
        model: The model's name.
    """
    lines = [f"{'people':>6}  {model:24}  linear, all frames"]
    for row in curve.to_dict("records"):
        scores = [
            f"{row[name]:.1%} ({row[f'{name}_low']:.1%} to {row[f'{name}_high']:.1%})"
            for name in ("accuracy", "linear")
        ]
        lines.append(f"{row['people']:6d}  {scores[0]:24}  {scores[1]:24}".rstrip())
    lines += ["", "Accuracy with its 95 % interval over people, by the people learned from."]
    if step is not None:
        lines += [
            f"From {step['fewer']} to {step['more']} people: {100 * step['difference']:+.1f} "
            f"points (95 % interval {100 * step['low']:.1f} to {100 * step['high']:.1f}). "
            f"{VERDICTS[step['verdict']]}"
        ]
    return "\n".join(lines)


def describe_errors(pooled: pd.DataFrame, num_people: int) -> str:
    """Return the labels and people with most errors: what and whom to film next.

    Args:
        pooled: The predictions of the point with most people.
        num_people: How many that are.
    """
    num_wrong = int((pooled["label"] != pooled["predicted"]).sum())
    said = f"Errors with {num_people} people: {num_wrong} of {len(pooled)} videos"
    if not num_wrong:
        return f"{said}."
    lines = [f"{said}. Film next the labels, and people like those, with most of them:"]
    for column, name, about in (
        ("label", "label", "most often named"),
        ("subject", "person", "most often missed"),
    ):
        table = count_errors(pooled, column)
        wrong = table[table["errors"] > 0]
        width = max(len(name), *(len(text) for text in wrong[column].head(MAX_NAMED)))
        lines += ["", f"{name:<{width}}  {'errors':>6}  {'videos':>6}  {about}"]
        lines += [
            f"{row[column]:<{width}}  {row['errors']:6d}  {row['videos']:6d}  {row['mistake']}"
            for row in wrong.head(MAX_NAMED).to_dict("records")
        ]
        if len(wrong) > MAX_NAMED:
            lines.append(f"and {len(wrong) - MAX_NAMED} more, in errors_by_{name}.csv")
    return "\n".join(lines)
