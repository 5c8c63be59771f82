"""What a cross-validation leaves behind: its files, and a line for each fold."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from har.engine.files import write_json
from har.evaluation.cross_validation import Fold, label_indices
from har.evaluation.scores import (
    confusion_counts,
)
from har.evaluation.summary import describe_tested
from har.pages.plots import plot_confusion


def write_crossval(scores: dict[str, Any], pooled: pd.DataFrame, folder: Path) -> list[Path]:
    """Write crossval.json, predictions.csv, confusion.csv and confusion.png; return them."""
    folder.mkdir(parents=True, exist_ok=True)
    names = ("crossval.json", "predictions.csv", "confusion.csv", "confusion.png")
    files = [folder / name for name in names]
    write_json(scores, files[0])
    pooled.to_csv(files[1], index=False)
    confusion = pooled[["label", "predicted"]].set_axis(["actual", "predicted"], axis=1)
    confusion.to_csv(files[2], index=False)
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
