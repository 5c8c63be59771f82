"""The clips of the last run: mistakes first, filtered, and as films that browsers play."""

from pathlib import Path

import pytest
from damage import flip_bit
from run_clips import write_clips_of_run

from har.app.clips import (
    ANY,
    EVERYTHING,
    MISTAKES,
    TESTED,
    choose_clips,
    film_of,
    read_clips,
    read_frames,
)
from har.video.reading import probe_video

ROWS = [  # as `run_clips.COLUMNS`
    ("sit/a1", "sit", "ann", "train", None, None),
    ("sit/b1", "sit", "bob", "test", "sit", 0.9),
    ("sit/b2", "sit", "bob", "test", "wave", 0.6),
    ("wave/b3", "wave", "bob", "test", "none", 0.8),
    ("wave/c1", "wave", "007", "test", "sit", 0.7),
]


@pytest.fixture
def run(tmp_path, monkeypatch) -> Path:
    """A folder with the tables of a run, and the frames of its clips."""
    monkeypatch.chdir(tmp_path)
    write_clips_of_run(ROWS)
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ((MISTAKES, ANY, ANY), ["wave/b3", "wave/c1", "sit/b2"]),
        ((MISTAKES, "wave", ANY), ["wave/b3", "wave/c1"]),
        ((MISTAKES, ANY, "bob"), ["wave/b3", "sit/b2"]),
        ((MISTAKES, "sit", "007"), []),
        ((TESTED, "sit", ANY), ["sit/b2", "sit/b1"]),
        ((EVERYTHING, "sit", ANY), ["sit/b2", "sit/b1", "sit/a1"]),
        ((EVERYTHING, ANY, "ann"), ["sit/a1"]),
    ],
)
def test_choose_clips_filters_and_sorts_by_confidence(run, wanted, found):
    assert choose_clips(read_clips(), *wanted)["video_id"].tolist() == found


def test_read_clips_of_a_run_that_is_not_scored(run):
    Path("metrics/predictions.csv").unlink()
    clips = read_clips()
    assert choose_clips(clips, TESTED, ANY, ANY).empty
    assert len(choose_clips(clips, EVERYTHING, ANY, ANY)) == len(ROWS)


def test_read_clips_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"data/split/manifest\.csv and .*`dvc repro`"):
        read_clips()


def test_film_of_a_clip_has_its_shape_and_length(run):
    row = choose_clips(read_clips(), MISTAKES, ANY, ANY).iloc[0].to_dict()
    info = probe_video(film_of(row, run))
    assert (info.codec, info.width, info.height) == ("h264", 256, 192)
    assert info.duration_seconds == pytest.approx(2.0)


def test_films_have_names_that_are_made_here(run):
    row = read_clips().iloc[0].to_dict() | {"video_id": "../../outside"}
    assert film_of(row, run).parent == run


def test_read_frames_says_what_is_missing(run):
    row = read_clips().iloc[0].to_dict()
    Path(row["path"]).unlink()
    with pytest.raises(ValueError, match=r"The clip data/clips/0\.npy is missing.*dvc repro"):
        read_frames(row)


def test_damaged_frames_are_named_with_the_command(run):
    row = read_clips().iloc[0].to_dict()
    flip_bit(Path(row["path"]), in_silence=True)
    with pytest.raises(ValueError, match=r"data/clips/0\.npy is damaged.*`make repro`"):
        film_of(row, run)
