"""What a player shows of a file: which video, which of its frames, when, turned and mirrored."""

import math

import numpy as np
import pytest
from video_files import (
    CORNERS,
    brightness_of,
    corner_colours,
    corner_frames,
    numbered_frames,
    set_edits,
    set_matrix,
    write_at_times,
    write_numbered,
    write_two,
)

from har.video.converting import convert_step, convert_video
from har.video.extracting import extract_clip
from har.video.reading import probe_video
from har.video.writing import write_video

MATRICES = [
    (1, 0, 0, 1), (-1, 0, 0, 1), (1, 0, 0, -1), (-1, 0, 0, -1),
    (0, 1, -1, 0), (0, -1, 1, 0), (0, 1, 1, 0), (0, -1, -1, 0),
]  # fmt: skip


def brightness(frames: np.ndarray) -> list[float]:
    return frames.mean(axis=(1, 2, 3)).tolist()


@pytest.mark.parametrize("matrix", MATRICES)
def test_pictures_are_shown_as_the_matrix_of_the_file_says(tmp_path, matrix):
    path = tmp_path / "a.mp4"
    write_video(path, corner_frames(6), fps=25, crf=8)
    set_matrix(path, matrix)
    a, b, c, d = matrix
    expected = np.zeros((2, 2, 3))
    for row in range(2):
        for column in range(2):
            x, y = 2 * column - 1, 2 * row - 1  # of a quarter, from the middle
            right, down = a * x + c * y, b * x + d * y
            expected[(down + 1) // 2, (right + 1) // 2] = CORNERS[row][column]
    info, is_encoded = convert_video(path, tmp_path / "b.mp4", max_side=640)
    assert is_encoded == (matrix != (1, 0, 0, 1))
    assert (info.width, info.height) == ((64, 48) if a else (48, 64))
    clips = [extract_clip(one, num_frames=1, size=48)[0] for one in (path, tmp_path / "b.mp4")]
    for frame in (*clips[0], *clips[1]):
        assert np.abs(corner_colours(frame) - expected).max() < 12


def test_an_angle_between_is_named_and_taken_as_the_nearest_right_one(tmp_path):
    path = tmp_path / "a.mp4"
    write_video(path, corner_frames(6), fps=25)
    cosine, sine = math.cos(math.radians(100)), math.sin(math.radians(100))
    set_matrix(path, (cosine, sine, -sine, cosine))
    found = convert_step(path, tmp_path / "b.mp4", max_side=640)
    assert (found["rotation"], found["note"]) == (90, "turned by 100 degrees, taken as 90")


@pytest.mark.parametrize(
    ("edits", "shown"),
    [
        ([(1.2, 0.8)], range(30, 50)),  # cut without encoding: what the key frame needs is hidden
        ([(0.4, 0.4), (1.2, 0.4)], [*range(10, 20), *range(30, 40)]),
        ([(-1, 0.4), (1.2, 0.8)], range(30, 50)),  # it starts with a delay
    ],
)
def test_frames_that_an_edit_list_hides_are_neither_taken_nor_missed(tmp_path, edits, shown):
    path = write_numbered(tmp_path / "a.mp4", 50, preset="medium")
    set_edits(path, edits)
    found = convert_step(path, tmp_path / "b.mp4", max_side=640)
    assert (found["num_frames"], found["note"]) == (len(shown), "")
    for source in (path, tmp_path / "b.mp4"):
        clip, num_repeated = extract_clip(source, num_frames=len(shown), size=32)
        assert num_repeated == 0
        expected = [brightness_of(index, 50) for index in shown]
        assert brightness(clip) == pytest.approx(expected, abs=6)


@pytest.mark.parametrize(
    ("ending", "default", "num_frames", "grey"),
    [
        (".mp4", 1, (1, 20), 100),  # a thumbnail first
        (".mp4", 0, (1, 20), 100),
        (".mp4", 1, (20, 20), 100),  # two cameras
        (".mkv", 1, (20, 20), 100),
        (".mkv", 0, (20, 20), 250),
    ],
)
def test_of_several_videos_in_a_file_the_one_is_taken_that_players_show(
    tmp_path, ending, default, num_frames, grey
):
    path = tmp_path / f"a{ending}"
    write_two(path, default=default, num_frames=num_frames)
    found = convert_step(path, tmp_path / "b.mp4", max_side=640)
    taken, other = ("64x48", "32x24") if grey == 100 else ("32x24", "64x48")
    assert found["note"] == (f"several videos in it: {taken} is taken, as players do, not {other}")
    clip, _ = extract_clip(tmp_path / "b.mp4", num_frames=4, size=32)
    assert brightness(clip) == pytest.approx([grey] * 4, abs=4)
    assert extract_clip(path, num_frames=4, size=32)[0].mean() == pytest.approx(grey, abs=4)


@pytest.mark.parametrize(
    "times",
    [
        [*range(0, 1000, 33), 5000],  # the last frame comes very late
        [0, *range(3000, 4000, 33)],
        [*range(0, 100, 10), *range(1000, 2000, 200), *range(3000, 3300, 10)],  # bursts
    ],
)
def test_a_clip_has_the_frames_nearest_to_its_instants_where_the_rate_varies(tmp_path, times):
    frames = numbered_frames(len(times))
    write_at_times(tmp_path / "a.mp4", frames, times)
    convert_video(tmp_path / "a.mp4", tmp_path / "b.mp4", max_side=640)
    assert not probe_video(tmp_path / "a.mp4").constant_frame_rate
    clip, _ = extract_clip(tmp_path / "b.mp4", num_frames=9, size=32)
    for value, instant in zip(brightness(clip), np.linspace(0, times[-1], 9), strict=True):
        shown = [
            brightness_of(index, len(times))
            for index, time in enumerate(times)
            # The nearest one, or the one that a player still shows then.
            if abs(time - instant) <= np.abs(np.array(times) - instant).min() + 20
            or time == max(one for one in times if one <= instant)
        ]
        assert min(abs(value - one) for one in shown) < 5
