"""The camera's motion in each clip: measured once, and taken from the cache from then on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damage import flip_bit

import har.clips.camera_table
from har.clips.camera_table import measure_cameras
from har.engine.cache import file_digest


@pytest.fixture
def clips(project) -> pd.DataFrame:
    """A clip whose camera goes right by 3 of 96 pixels, and one of nothing."""
    wall = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    wall = wall.repeat(8, axis=0).repeat(8, axis=1)
    np.save("a.npy", np.stack([wall[:96, 3 * place : 3 * place + 96] for place in range(5)]))
    np.save("b.npy", np.full((5, 96, 96, 3), 90, np.uint8))
    rows = [(name, f"{name}.npy", file_digest(Path(f"{name}.npy"))) for name in "ab"]
    return pd.DataFrame(rows, columns=["video_id", "path", "sha256"])


def measure(clips: pd.DataFrame, num_threads: int = 2) -> pd.DataFrame:
    return measure_cameras(clips, num_threads=num_threads, max_gigabytes=1)


def test_measure_cameras_returns_a_row_a_clip_in_order(clips):
    table = measure(clips)
    assert table["video_id"].tolist() == ["a", "b"]
    moving, untold = table["camera_motion"]
    assert moving == pytest.approx(3 / 96, rel=0.02)
    assert moving == round(moving, 5)
    assert np.isnan(untold)


def test_measure_cameras_measures_a_clip_once(clips, monkeypatch):
    first = measure(clips)

    def refuse(clip):
        raise AssertionError("measured again")

    monkeypatch.setattr(har.clips.camera_table, "measure_camera", refuse)
    again = measure(clips[::-1].reset_index(drop=True), num_threads=1)
    pd.testing.assert_frame_equal(again[::-1].reset_index(drop=True), first)
    np.save("b.npy", np.full((5, 96, 96, 3), 91, np.uint8))
    other = clips.assign(sha256=[clips["sha256"][0], file_digest(Path("b.npy"))])
    with pytest.raises(AssertionError, match="measured again"):
        measure(other)
    flip_bit(Path("b.npy"))
    with pytest.raises(ValueError, match=r"b\.npy is damaged"):
        measure(other)
