"""Clips filmed in a browser: kept by a name that is free, with who is in them, and counted."""

import csv
from pathlib import Path

import pytest
from video_files import write_numbered

from har.app.recording import NOBODY, count_clips, keep_clip, labels_and_people
from har.app.uploads import Accepted
from har.engine.errors import VideoError
from har.engine.steps import Limits
from har.video.reading import probe_video

HOW = {
    "accepted": Accepted(seconds=5),
    "limits": Limits(workers=1, timeout_seconds=60, memory_gigabytes=2, max_gigabytes=1),
}


def film(path: Path, num_frames: int = 20) -> Path:
    """Write a clip in the format of its ending."""
    codec = {"codec": "libvpx-vp9"} if path.suffix == ".webm" else {}
    return write_numbered(path, num_frames, **codec)


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_keep_clip_names_clips_one_after_the_other(tmp_path):
    folder = tmp_path / "videos"
    for name in ("one.webm", "two.mp4", "three.mp4"):
        keep_clip(film(tmp_path / name), folder, "waving", " anna ", **HOW)
    kept = ["waving/anna_01.webm", "waving/anna_02.mp4", "waving/anna_03.mp4"]
    assert below(folder) == ["metadata.csv", "waving", *kept]
    with (folder / "metadata.csv").open(encoding="utf-8") as file:
        rows = [(row["path"], row["subject"]) for row in csv.DictReader(file)]
    assert rows == [(path, "anna") for path in kept]


def test_keep_clip_goes_by_what_a_file_holds_and_not_by_its_name(tmp_path):
    sent = film(tmp_path / "sent.webm").rename(tmp_path / "sent.mp4")
    kept = keep_clip(sent, tmp_path / "videos", "waving", "anna", **HOW)
    assert kept.name == "anna_01.webm"
    assert probe_video(kept).num_frames == 20


@pytest.mark.parametrize(
    ("label", "subject", "message"),
    [
        ("../../etc", "anna", r"The label is '\.\./\.\./etc'; expected a name without a slash"),
        ("/etc", "anna", "The label is '/etc'"),
        ("a\\b", "anna", "The label is"),
        ("..", "anna", r"The label is '\.\.'"),
        ("", "anna", "The label is ''"),
        ("waving", "", "The person is ''"),
        ("waving", "an/na", "The person is 'an/na'"),
        ("waving", "an\0na", "The person is"),
        ("waving", "an\x1b[2Jna", "The person is"),
        ("waving", "an\rna", "The person is"),
        ("waving", "\ud800", "The person is"),
        ("waving", "a" * 300, "The person has 300 bytes; expected a name of 200 or fewer"),
    ],
)
def test_keep_clip_refuses_names_that_are_no_folder(tmp_path, label, subject, message):
    sent = film(tmp_path / "sent.mp4")
    with pytest.raises(ValueError, match=message):
        keep_clip(sent, tmp_path / "videos", label, subject, **HOW)
    assert below(tmp_path) == ["sent.mp4"]


@pytest.mark.parametrize(
    ("name", "num_frames", "message"),
    [
        ("a.mp4", 5, r"is 0\.2 s long; expected 0\.5 s or more"),
        ("a.mp4", 200, "is 8 s long; this page takes videos of up to 5 s"),
        ("a.avi", 20, "is avi; expected WebM or MP4"),
    ],
)
def test_keep_clip_refuses_clips(tmp_path, name, num_frames, message):
    sent = film(tmp_path / name, num_frames)
    with pytest.raises(VideoError, match=message):
        keep_clip(sent, tmp_path / "videos", "waving", "anna", **HOW)
    assert below(tmp_path) == [name]


def test_count_clips_counts_by_label_and_person(tmp_path):
    for number, (label, subject) in enumerate([("a", "eva"), ("a", "eva"), ("b", "tom")]):
        sent = film(tmp_path / f"{number}.mp4")
        keep_clip(sent, tmp_path / "videos", label, subject, **HOW)
    (tmp_path / "videos" / "b" / "other.mp4").write_bytes(b"")
    counts = count_clips(tmp_path / "videos", None)
    assert counts.loc["a"].to_dict() == {NOBODY: 0, "eva": 2, "tom": 0}
    assert counts.loc["b"].to_dict() == {NOBODY: 1, "eva": 0, "tom": 1}
    assert labels_and_people(counts) == (["a", "b"], ["eva", "tom"])


def test_count_clips_finds_people_by_the_pattern(tmp_path):
    for name in ("ada_1.mp4", "ben_1.mp4", "ben_2.mp4"):
        path = tmp_path / "a" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert count_clips(tmp_path, "^([a-z]+)_").loc["a"].to_dict() == {"ada": 1, "ben": 2}


@pytest.mark.parametrize("name", ["no such folder", "."])
def test_count_clips_of_nothing(tmp_path, name):
    counts = count_clips(tmp_path / name, None)
    assert counts.empty
    assert labels_and_people(counts) == ([], [])
