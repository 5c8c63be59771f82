"""Frames at a steady pace: which ones, at which instants."""

import numpy as np
import pytest
from video_files import (
    brightness_of,
    numbered_frames,
    write_at_times,
    write_damaged,
    write_numbered,
)

from har.engine.errors import VideoError
from har.video.extracting import extract_clip
from har.video.steady import steady_frames

SHOWN = {"size": 32, "aspect": "stretch"}


def test_frames_are_those_nearest_to_the_instants(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 20)  # 25 a second: frame 19 is at 0.76 s
    found = list(steady_frames(path, interval=0.1, **SHOWN))
    assert [at for at, _ in found] == pytest.approx(np.arange(8) / 10)
    # 0.1 s is between frames 2 (0.08) and 3 (0.12): the later of two equally near.
    nearest = [0, 3, 5, 8, 10, 13, 15, 18]
    shown = [frame.mean() for _, frame in found]
    assert shown == pytest.approx([brightness_of(index, 20) for index in nearest], abs=4)


def test_frames_repeat_where_the_video_has_fewer(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 5)
    found = list(steady_frames(path, interval=0.02, **SHOWN))
    shown = [frame.mean() for _, frame in found]
    nearest = [0, 1, 1, 2, 2, 3, 3, 4, 4]
    assert shown == pytest.approx([brightness_of(index, 5) for index in nearest], abs=4)


def test_frames_are_the_pixels_of_a_clip(tmp_path):
    path = write_numbered(tmp_path / "a.mp4", 21)
    clip, _ = extract_clip(path, num_frames=5, size=32)
    found = [frame for _, frame in steady_frames(path, interval=20 / 25 / 4, **SHOWN)]
    np.testing.assert_array_equal(found, clip)


def test_frames_follow_the_times_in_the_file(tmp_path):
    times = [0, 40, 80, 1000, 1040]  # a long still in the middle
    path = write_at_times(tmp_path / "a.mp4", numbered_frames(5), times)
    found = list(steady_frames(path, interval=0.25, **SHOWN))
    shown = [frame.mean() for _, frame in found]
    assert shown == pytest.approx([brightness_of(index, 5) for index in [0, 2, 2, 3, 3]], abs=4)


def test_a_damaged_video_fails_at_its_end(tmp_path):
    frames = steady_frames(write_damaged(tmp_path / "a.avi", keep=0.2), interval=0.1, **SHOWN)
    with pytest.raises(VideoError, match=r"a\.avi is damaged: only"):
        list(frames)
