"""Pictures of the data and of results, as PNG files that are the same for the same input."""

from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from har.clips.clip import even_indices
from har.engine.files import whole

matplotlib.use("Agg")
matplotlib.rcParams["text.parse_math"] = False  # a label may have dollar signs

SHEET_COLUMNS = 8
SHEET_THUMBNAIL = 112  # pixels, square
COLORS = {"train": "#1f77b4", "val": "#ff7f0e"}


def plot_class_counts(before: pd.DataFrame, after: pd.DataFrame, path: Path) -> None:
    """Draw how many training videos each label has before and after balancing.

    Args:
        before: A manifest with `label` and `split`.
        after: The balanced one.
        path: The PNG to write.
    """
    counts = [
        table.loc[table["split"] == "train", "label"].value_counts().sort_index()
        for table in (before, after)
    ]
    figure, axes = _figure(width=max(6.0, 0.9 * len(counts[0])), height=4)
    places = np.arange(len(counts[0]))
    for shift, count, name, color in zip(
        (-0.2, 0.2), counts, ("before", "after"), ("#9ecae1", "#1f77b4"), strict=True
    ):
        bars = axes.bar(places + shift, count.to_numpy(), width=0.4, label=name, color=color)
        axes.bar_label(bars)
    axes.set_xticks(places, counts[0].index, rotation=30, ha="right")
    axes.set(ylabel="training videos", title="Class balance of the training split")
    axes.legend()
    save_figure(figure, path)


def plot_history(history: pd.DataFrame, path: Path, *, kept_epoch: int) -> None:
    """Draw accuracy and loss by epoch for train and val.

    Args:
        history: Columns `epoch` (from 1), `split`, `accuracy` and `loss`.
        path: The PNG to write.
        kept_epoch: The epoch whose weights the model has.
    """
    figure = Figure(figsize=(10, 4), layout="constrained")
    for axes, column in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        for split, part in history.groupby("split"):
            axes.plot(part["epoch"], part[column], marker=".", label=split, color=COLORS[split])
        label = f"weights of epoch {kept_epoch}"
        axes.axvline(kept_epoch, color="grey", linestyle=":", label=label)
        axes.set(xlabel="epoch", ylabel=column)
        axes.grid(alpha=0.3)
        axes.legend()
    save_figure(figure, path)


def plot_confusion(confusion: np.ndarray, labels: list[str], title: str, path: Path) -> None:
    """Draw a confusion matrix with counts, coloured by the share of each actual class.

    Args:
        confusion: int, shape (num_classes, num_classes); rows actual, columns predicted.
        labels: Names of the classes, in that order.
        title: Said above the picture.
        path: The PNG to write.
    """
    side = max(5.0, 0.7 * len(labels) + 2)
    figure, axes = _figure(width=side + 1, height=side)
    share = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        color = "white" if share[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=color)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set(xlabel="predicted", ylabel="actual", title=title)
    figure.colorbar(image, ax=axes, label="share of the actual class", shrink=0.8)
    save_figure(figure, path)


def plot_learning_curve(curve: pd.DataFrame, title: str, path: Path) -> None:
    """Draw the accuracy of a model and of the linear baseline by the people learned from.

    Args:
        curve: One row a point: `people`, and `accuracy` and `linear`, each with `_low` and `_high`.
        title: Said above the picture.
        path: The PNG to write.
    """
    figure, axes = _figure(width=7, height=4.5)
    for column, label, line, color in (
        ("accuracy", "the model", "o-", "#1f77b4"),
        ("linear", "linear baseline, all frames", "s--", "#ff7f0e"),
    ):
        bounds = curve[f"{column}_low"], curve[f"{column}_high"]
        axes.plot(curve["people"], curve[column], line, color=color, label=label)
        axes.fill_between(curve["people"], *bounds, color=color, alpha=0.15, lw=0)
    axes.set_xscale("log", base=2)  # twice the people is the same step everywhere
    axes.set_xticks(curve["people"], [str(number) for number in curve["people"]])
    axes.minorticks_off()
    axes.set(ylim=(0, 1.02), xlabel="people learned from", ylabel="accuracy on people never seen")
    axes.set_title(f"{title}\nbands: 95 % intervals over the people tested", fontsize=10)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    save_figure(figure, path)


def plot_reliability(
    shown: dict[str, np.ndarray], label_indices: np.ndarray, path: Path, *, num_bins: int
) -> None:
    """Draw how often a model is right against how sure it is.

    Args:
        shown: Probabilities by title, float, shape (num_videos, num_classes); side by side.
        label_indices: int, shape (num_videos,), the right labels.
        path: The PNG to write.
        num_bins: Bins of equal width from 0 to 1.
    """
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    width = 1 / num_bins
    panels = figure.subplots(1, len(shown), squeeze=False)[0]
    for axes, (title, probabilities) in zip(panels, shown.items(), strict=True):
        confidence = probabilities.max(axis=1)
        correct = probabilities.argmax(axis=1) == label_indices
        bins = np.minimum((confidence * num_bins).astype(int), num_bins - 1)
        axes.plot([0, 1], [0, 1], color="grey", linestyle=":")
        for number in np.unique(bins):
            chosen = bins == number
            share, left = correct[chosen].mean(), number * width
            axes.bar(left, share, width=width, align="edge", color="#9ecae1", ec="white")
            axes.plot(confidence[chosen].mean(), share, "o", color="#08519c")
            axes.annotate(str(chosen.sum()), (left + width / 2, 0.02), ha="center")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="confidence", ylabel="share that is right")
        axes.set_title(title)
    figure.suptitle("Reliability on the test videos; numbers are videos")
    save_figure(figure, path)


def save_contact_sheet(rows: list[tuple[str, np.ndarray]], path: Path) -> None:
    """Write a picture with one row of frames per clip, time running from left to right.

    Args:
        rows: Caption and clip (uint8 RGB, shape (num_frames, height, width, 3)) of each row.
        path: The PNG to write.
    """
    side = SHEET_THUMBNAIL
    figure = Figure(figsize=(SHEET_COLUMNS * 1.2 + 1.4, max(1, len(rows)) * 1.2), dpi=100)
    grid = figure.subplots(max(1, len(rows)), 1, squeeze=False)[:, 0]
    for axes, (caption, clip) in zip(grid, rows, strict=False):
        chosen = even_indices(len(clip), SHEET_COLUMNS)
        frames = [cv2.resize(clip[i], (side, side), interpolation=cv2.INTER_AREA) for i in chosen]
        axes.imshow(np.concatenate(frames, axis=1))
        axes.set_ylabel(caption, rotation=0, ha="right", va="center")
        axes.set(xticks=[], yticks=[])
    figure.subplots_adjust(left=0.14, right=0.995, top=0.995, bottom=0.005, hspace=0.02)
    save_figure(figure, path)


def _figure(*, width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG; its folder is made."""
    with whole(path) as partial:
        # Without the version in the metadata the same picture is the same file everywhere.
        figure.savefig(partial, dpi=100, metadata={"Software": None})
