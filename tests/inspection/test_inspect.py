"""Looking at a folder of videos before any run: the verdict and the problems."""

import re
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from inspected import PATTERN, find_problem, inspect_videos, write_people
from places import REAL
from video_files import (
    set_matrix,
    write_beyond,
    write_damaged,
    write_numbered,
    write_sound,
    write_two,
)

import har.dataset.splits
import har.inspection.inspection
from har.inspection.looking import Look, look_at
from har.pages.inspection import count_kinds, describe_inspection
from har.video.preview import PreviewTask
from har.video.writing import write_video
from stages import convert, extract, split


@pytest.fixture(autouse=True)
def _quick_split(monkeypatch):
    """Improve splits less long, here and in the stages: the few people need little."""
    monkeypatch.setattr(har.dataset.splits, "NUM_PROPOSALS", 300)


def pipeline_error(videos: Path) -> str:
    """Run the stages that judge videos; return the error that stops one, or an empty text."""
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    params["dataset"]["videos"] = videos.as_posix()
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    try:
        convert.main(out=Path("converted"))
        extract.main(converted=Path("converted"), out=Path("clips"))
        split.main(
            report=Path("converted/report.csv"), clips=Path("clips/clips.csv"), out=Path("split")
        )
    except ValueError as error:
        return str(error)
    return ""


def test_inspect_names_videos_in_hdr(tmp_path, project):
    videos = write_people(tmp_path / "videos")
    path = write_beyond(videos / "sit" / "p9_a.mov", "HDR (HLG)")
    inspection = inspect_videos(videos)
    problem = find_problem(inspection, "^1 video in HDR or a wide gamut")
    assert not problem.blocks
    assert problem.details == (f"{path.as_posix()}: HDR (HLG)",)
    assert count_kinds(inspection)["colours"] == [("SDR", 8), ("HDR (HLG)", 1)]
    assert "colours     SDR (8), HDR (HLG) (1)" in describe_inspection(inspection, page="a.html")


def test_inspect_names_what_is_chosen_of_a_file(tmp_path, project):
    """The other videos of a file, and an odd angle."""
    videos = write_people(tmp_path / "videos")
    both = videos / "sit" / "p8_a.mp4"
    write_two(both, default=1, num_frames=(1, 20))
    turned = write_numbered(videos / "sit" / "p9_a.mp4", 70)
    set_matrix(turned, (0.8, 0.6, -0.6, 0.8))
    inspection = inspect_videos(videos)
    several = find_problem(inspection, "^1 file of several videos: the one is taken that players")
    odd = find_problem(inspection, "^1 video turned by an angle other than 0, 90")
    assert not several.blocks | odd.blocks
    assert several.details == (f"{both.as_posix()}: 64x48 is taken, not 32x24",)
    assert odd.details == (f"{turned.as_posix()}: 36.9 degrees, taken as 0",)


def test_inspect_videos_counts_labels_people_and_lengths(good, project):
    inspection = inspect_videos(good)
    assert inspection.can_train
    assert [problem.what.partition(":")[0] for problem in inspection.problems] == [
        "What a score will mean"
    ]
    assert inspection.grouped_by == "dataset.subject_pattern"
    labels = inspection.labels.set_index("label")
    assert labels.loc["sit", ["videos", "people", "failed", "duplicates"]].tolist() == [4, 4, 0, 0]
    seconds = labels.loc["sit", ["min_seconds", "median_seconds", "max_seconds"]].tolist()
    assert seconds == pytest.approx([31 / 25, 32.5 / 25, 34 / 25])
    assert labels[["train", "val", "test"]].sum(axis=1).tolist() == [4, 4]


@pytest.mark.parametrize("change", ["unknown people", "few people", "odd"])
def test_inspect_videos_judges_as_the_pipeline_does(good_copy, set_param, change, capsys):
    set_param("dataset.subject_pattern", None if change == "unknown people" else PATTERN)
    if change == "few people":
        shutil.rmtree(good_copy / "sit")
        for name in ("p0_a", "p0_b", "p1_a"):
            write_numbered(good_copy / "sit" / f"{name}.mp4", 40 + len(list(good_copy.glob("*/*"))))
    if change == "odd":
        (good_copy / "sit" / "p1_bad.mp4").write_bytes(b"no video" * 100)
        set_param("dataset.max_failed_fraction", 0.2)
        shutil.copy(good_copy / "sit" / "p2_a.mp4", good_copy / "sit" / "p2_again.mp4")
        write_numbered(good_copy / "sit" / "p1_short.mp4", 5)
    inspection = inspect_videos(good_copy, None)
    error = pipeline_error(good_copy)
    assert [problem.what for problem in inspection.problems if problem.blocks] == (
        [error] if error else []
    )
    assert inspection.can_train == (change != "few people")
    if not error:
        found = inspection.usable.set_index("video_id")["split"].to_dict()
        manifest = pd.read_csv("split/manifest.csv", dtype=str).set_index("video_id")
        assert found == manifest["split"].to_dict()


@pytest.mark.parametrize("change", ["two labels", "lost label", "one label", "many bad"])
def test_inspect_videos_refuses_what_the_pipeline_refuses(good_copy, set_param, change):
    set_param("dataset.subject_pattern", PATTERN)
    if change == "two labels":
        shutil.copy(good_copy / "sit/p1_a.mp4", good_copy / "walk/p1_b.mp4")
    if change == "lost label":
        (good_copy / "wave").mkdir()
        (good_copy / "wave" / "p1_a.mp4").touch()
        set_param("dataset.max_failed_fraction", 0.2)
    if change == "one label":
        shutil.rmtree(good_copy / "sit")
    if change == "many bad":
        (good_copy / "sit" / "p1_bad.mp4").write_bytes(b"no video" * 100)
        (good_copy / "sit" / "p2_bad.mp4").touch()
    assert not inspect_videos(good_copy).can_train
    assert pipeline_error(good_copy)


def test_inspect_videos_names_each_bad_file_with_its_reason(good_copy):
    (good_copy / "sit" / "p0_empty.mp4").touch()
    (good_copy / "sit" / "p0_noise.mov").write_bytes(b"x" * 1000)
    write_sound(good_copy / "sit" / "p0_sound.mp4")
    write_damaged(good_copy / "sit" / "p0_damaged.avi", keep=0.3)
    content = (good_copy / "sit" / "p1_a.mp4").read_bytes()
    (good_copy / "sit" / "p0_cut.mp4").write_bytes(content[: len(content) // 2])
    (good_copy / "stray.mp4").write_bytes(content + b"\0\0\0\x08free")
    (good_copy / "sit" / "notes.txt").write_text("x")
    inspection = inspect_videos(good_copy)
    problem = find_problem(inspection, r"^6 of 14 videos cannot be used, more than dataset\.max_f")
    assert problem.blocks
    said = "\n".join(problem.details)
    for name, reason in {
        "p0_empty.mp4": r"is empty \(0 bytes\)",
        "p0_noise.mov": "is not a video that can be read",
        "p0_sound.mp4": "has no video stream",
        "p0_damaged.avi": "is damaged: only",
        "p0_cut.mp4": "is cut off|is damaged",
        "stray.mp4": "not in a label folder: move it",
    }.items():
        assert re.search(rf"{re.escape(name)}:? ({reason})", said), said
    ignored = find_problem(inspection, r"^1 file ignored")
    assert not ignored.blocks
    assert ignored.details == ("videos/sit/notes.txt: not a video by its ending '.txt'",)
    assert len(inspection.usable) == 8
    assert inspection.labels.set_index("label").loc["sit", "failed"] == 5


def test_inspect_videos_names_what_dvc_refuses(good_copy):
    (good_copy / "sit" / "broken.mp4").symlink_to("nowhere")
    problem = find_problem(inspect_videos(good_copy), "^1 file at which `dvc add` and")
    assert problem.blocks
    assert problem.details[0].startswith("videos/sit/broken.mp4: a link that leads nowhere")


def test_inspect_videos_names_all_files_with_two_labels_and_copies(good_copy):
    for source, target in {
        "sit/p1_a.mp4": "walk/p1_b.mp4",
        "sit/p2_a.mp4": "walk/p2_b.mp4",
        "walk/p3_a.mp4": "walk/p3_b.mp4",
    }.items():
        shutil.copy(good_copy / source, good_copy / target)
    inspection = inspect_videos(good_copy)
    two_labels = find_problem(inspection, "^2 videos with two labels")
    assert two_labels.blocks
    assert two_labels.details == (
        "videos/sit/p1_a.mp4 = videos/walk/p1_b.mp4",
        "videos/sit/p2_a.mp4 = videos/walk/p2_b.mp4",
    )
    again = find_problem(inspection, "^1 video more than once")
    assert not again.blocks
    assert again.details == ("videos/walk/p3_a.mp4 = videos/walk/p3_b.mp4",)
    assert (inspection.videos["status"] == "duplicate").sum() == 3
    assert inspection.problems[0] is two_labels  # what stops the run comes first


def test_inspect_videos_notes_what_does_not_stop_the_run(good_copy):
    write_numbered(good_copy / "sit" / "p1_short.mp4", 8)
    inspection = inspect_videos(good_copy, None)
    assert inspection.can_train
    short = find_problem(inspection, "^1 video shorter than a clip of 30 frames")
    assert short.details == ("videos/sit/p1_short.mp4: 8 frames",)
    assert "name the subjects" in find_problem(inspection, "^Nobody says who").what
    assert inspection.grouped_by == "video"


def test_inspect_videos_refuses_folders_without_a_video_as_the_pipeline_does(good_copy):
    (good_copy / "empty").mkdir()
    (good_copy / "wave").mkdir()
    (good_copy / "wave" / "p0.mp5").write_bytes(b"\0" * 100)
    (good_copy / "__MACOSX" / "sit").mkdir(parents=True)
    (good_copy / ".git").mkdir()
    problem = find_problem(inspect_videos(good_copy), "^Each folder is a label, and in 2 there is")
    assert problem.blocks
    assert "no video: videos/empty (empty), videos/wave (1 .mp5). Put videos in" in problem.what
    assert pipeline_error(good_copy) == problem.what


def test_inspect_videos_takes_what_the_decoder_opens(good_copy):
    (good_copy / "wave").mkdir()
    for person in range(3):
        write_numbered(Path("a.mp4"), 60 + person)
        Path("a.mp4").rename(good_copy / "wave" / f"p{person}_a{['', '.xyz', '.3g2'][person]}")
    (good_copy / "wave" / "notes.xyz").write_bytes(b"\0 no video")
    (good_copy / "wave" / "readme").write_text("walking")
    (good_copy / "wave" / "metadata.xlsx").touch()
    inspection = inspect_videos(good_copy)
    assert inspection.can_train
    assert inspection.labels.set_index("label").loc["wave", "videos"] == 3
    table = find_problem(inspection, "^1 table not read")
    assert table.details[0].endswith("which is videos/metadata.csv: save it as that")
    assert len(find_problem(inspection, "^2 files ignored").details) == 2


def test_inspect_videos_names_a_folder_that_has_the_name_of_the_table(good_copy):
    (good_copy / "sit").rename(good_copy / "metadata.csv")
    problem = find_problem(
        inspect_videos(good_copy), r"metadata\.csv is a folder; expected the table"
    )
    assert problem.blocks


def test_inspect_videos_refuses_a_folder_without_labels(project):
    write_numbered(Path("videos/a.mp4"))
    with pytest.raises(ValueError, match="no videos in label folders"):
        inspect_videos(Path("videos"))


def test_inspect_videos_names_those_with_a_moving_camera(good_copy, monkeypatch):
    monkeypatch.setattr(har.inspection.inspection, "STRIPS_PER_LABEL", 5)
    wall = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    wall = wall.repeat(8, axis=0).repeat(8, axis=1)
    for name, step in (("p0_still", 0), ("p1_pan", 2)):
        frames = [wall[:192, step * place : step * place + 192] for place in range(50)]
        write_video(good_copy / "sit" / f"{name}.mp4", frames, fps=25, crf=8)
    inspection = inspect_videos(good_copy)
    seen = inspection.videos.set_index("video_id")
    assert seen.loc["sit/p0_still", "camera"] == "still"
    assert seen.loc["sit/p1_pan", "camera"] == "moving"
    # Two pixels of 192 a frame, and every second frame of 50 is one of a clip.
    assert seen.loc["sit/p1_pan", "camera_motion"] == pytest.approx(2 * 2 / 192, rel=0.1)
    problem = find_problem(inspection, "^The camera moves in 1 of 9 videos looked into")
    assert not problem.blocks
    assert problem.details[0].startswith("videos/sit/p1_pan.mp4: by 2.")
    kinds = dict(count_kinds(inspection)["camera"])
    assert kinds == {"cannot be told": 7, "still": 1, "moving": 1, "not looked into": 1}


def hang_at_long_videos(task: PreviewTask) -> Look:
    if "long" in task.path.name:
        time.sleep(1000)
    return look_at(task)


def test_inspect_videos_stops_a_video_that_takes_too_long(good_copy, set_param, monkeypatch):
    set_param("convert.timeout_seconds", 2)
    write_numbered(good_copy / "sit" / "p1_long.avi", 40, codec="mpeg4")
    monkeypatch.setattr(har.inspection.inspection, "look_at", hang_at_long_videos)
    inspection = inspect_videos(good_copy)
    row = inspection.videos.set_index("video_id").loc["sit/p1_long"]
    assert row["status"] == "failed"
    assert "raise convert.timeout_seconds" in row["reason"]


@pytest.mark.skipif(not REAL.is_dir(), reason="the real clips are not in this clone")
@pytest.mark.parametrize(
    ("name", "pattern", "num_people", "can_train"),
    [("weizmann", "^([a-z]+)_", 6, True), ("gmdcsa24", r"^(S\d)_", 2, False)],
)
def test_inspect_videos_reads_real_clips(project, name, pattern, num_people, can_train):
    inspection = inspect_videos(REAL / name, pattern)
    assert (inspection.videos["status"] == "ok").all()
    assert inspection.usable["subject"].nunique() == num_people
    assert inspection.can_train == can_train
