"""Pictures: they are written, are the same again, and show what they should."""

import warnings

import cv2
import numpy as np
import pandas as pd
import pytest

from har.pages.plots import (
    SHEET_COLUMNS,
    plot_class_counts,
    plot_confusion,
    plot_history,
    plot_reliability,
    save_contact_sheet,
)

LABELS = ["Übung", "$_$", "_hidden", "sitting down"]


def draw_class_counts(path):
    before = pd.DataFrame({"label": LABELS * 5, "split": "train"})
    plot_class_counts(before, before.iloc[:12], path)


def draw_history(path):
    rows = [
        {"epoch": epoch, "split": split, "accuracy": epoch / 4, "loss": 1 / epoch}
        for epoch in (1, 2, 3)
        for split in ("train", "val")
    ]
    plot_history(pd.DataFrame(rows), path, kept_epoch=3)


def draw_confusion(path):
    plot_confusion(np.eye(4, dtype=int) * 7, LABELS, "cnn3d: accuracy 1.00", path)


def draw_contact_sheet(path):
    clip = np.random.default_rng(0).integers(0, 256, (30, 20, 20, 3), dtype=np.uint8)
    save_contact_sheet([(label, clip) for label in LABELS], path)


@pytest.mark.parametrize(
    "draw", [draw_class_counts, draw_history, draw_confusion, draw_contact_sheet]
)
def test_pictures_are_the_same_again_and_drawn_without_warnings(draw, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        draw(tmp_path / "new folder" / "first.png")
        draw(tmp_path / "second.png")
    first, second = tmp_path / "new folder" / "first.png", tmp_path / "second.png"
    assert first.read_bytes() == second.read_bytes()
    assert cv2.imread(str(first)).std() > 5  # not blank


def test_save_contact_sheet_runs_in_time_from_left_to_right(tmp_path):
    clip = np.zeros((30, 20, 20, 3), np.uint8)
    clip[..., 0] = np.linspace(20, 250, 30).astype(np.uint8)[:, None, None]  # ever redder
    save_contact_sheet([("", clip)], tmp_path / "sheet.png")
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    row = picture[picture.shape[0] // 2].astype(int)
    red = row[(row[:, 2] > row[:, 0] + 10), 2]  # OpenCV's order is BGR
    levels = red[:: len(red) // SHEET_COLUMNS][:SHEET_COLUMNS]
    assert (np.diff(levels) > 0).all()


def test_save_contact_sheet_takes_no_rows(tmp_path):
    save_contact_sheet([], tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


def test_plot_reliability_writes_the_same_picture_again(tmp_path):
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [1.0, 0.0]])
    for name in ("first.png", "second.png"):
        shown = {"before": probabilities, "after": probabilities[:, ::-1]}
        plot_reliability(shown, np.array([0, 1, 0]), tmp_path / name, num_bins=10)
    first = (tmp_path / "first.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert first == (tmp_path / "second.png").read_bytes()
