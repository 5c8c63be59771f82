"""Parts of long videos by rows of metadata.csv: the same as files that were cut before."""

import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from inspected import find_problem, inspect_videos
from places import ROOT
from small_data_sets import barcode_frames, numbers_of

import har.dataset.cutting
from har.dataset.subjects import SAME_PEOPLE, UNKNOWN, find_subjects
from har.dataset.videos import find_videos, survey_videos
from har.pages.inspection import describe_inspection
from har.video.cutting import cut_video
from har.video.parts import Cut, Span
from har.video.writing import write_video
from stages import convert, extract, split

FPS = 10
ROWS = ["day.mp4,0,1,sit,anna", "day.mp4,1,2.5,walk,anna", "day.mp4,3.2,4,sit,ben"]
PARAMS = {
    "workers": 1,
    "dataset": {"videos": "videos", "max_failed_fraction": 0.5},
    "convert": {"max_side": 640, "timeout_seconds": 60, "memory_gigabytes": 2},
    "cache": {"max_gigabytes": 1},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder with parameters, entered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS))


def write_long(path: Path, *, num_frames: int = 40, first: int = 0) -> Path:
    """Write a video of frames that tell their numbers, 10 a second."""
    frames = barcode_frames(first + num_frames)[first:]
    write_video(path, frames, fps=FPS, gop=10, crf=8)
    return path


def write_table(*rows: str, heading: str = "path,start,end,label,subject") -> None:
    Path("videos").mkdir(exist_ok=True)
    Path("videos/metadata.csv").write_text("\n".join([heading, *rows]), encoding="utf-8")


def run_convert(out: str = "out") -> pd.DataFrame:
    convert.main(out=Path(out))
    report = pd.read_csv(f"{out}/report.csv", dtype=str, keep_default_na=False)
    return report.set_index("video_id")


def problems_of(*rows: str, **options) -> str:
    write_table(*rows, **options)
    return "\n".join(survey_videos(Path("videos")).problems)


def test_parts_become_what_cut_files_become(project):
    day = write_long(Path("videos/day.mp4"))
    write_table(*ROWS)
    parts = run_convert()
    assert parts["label"].tolist() == ["sit", "walk", "sit"]
    assert parts["subject"].tolist() == ["anna", "anna", "ben"]
    assert parts.index.tolist() == ["sit/day_0-1", "walk/day_1-2.5", "sit/day_3.2-4"]
    assert set(parts["source"]) == {"videos/day.mp4"}
    assert numbers_of(Path("out/walk/day_1-2.5.mp4")) == list(range(10, 25))
    cut = Path("cut")
    for name, start, end in [("sit/a", 0, 1), ("walk/b", 1, 2.5), ("sit/c", 3.2, 4)]:
        cut_video(day, [Cut(cut / f"{name}.mp4", Span(start, end, "seconds"))])
    day.unlink()
    Path("videos/metadata.csv").unlink()
    Path("videos").rmdir()
    cut.rename("videos")
    files = run_convert("others")
    assert sorted(parts["sha256"]) == sorted(files["sha256"])
    assert files["status"].tolist() == ["copied"] * 3


def test_parts_are_cut_once(project, capsys, monkeypatch):
    write_long(Path("videos/day.mp4"))
    write_table(*ROWS)
    run_convert()
    made = capsys.readouterr().out
    assert "convert: 3 made, 0 reused, 0 failed" in made
    monkeypatch.setattr(har.dataset.cutting, "cut_video", None)  # would fail
    run_convert()
    assert "convert: 0 made, 3 reused, 0 failed" in capsys.readouterr().out


def test_a_changed_row_makes_its_own_part_again(project, capsys):
    write_long(Path("videos/day.mp4"))
    write_table(*ROWS)
    run_convert()
    write_table(*ROWS[:2], "day.mp4,3.1,4,walk,ben")
    report = run_convert()
    assert "convert: 1 made, 2 reused, 0 failed" in capsys.readouterr().out
    assert "walk/day_3.1-4" in report.index


def test_many_parts_of_a_long_file_are_cut_in_several_goes(project, monkeypatch):
    monkeypatch.setattr(har.dataset.cutting, "BATCH_SECONDS", 1.0)
    write_long(Path("videos/day.mp4"))
    write_table(*(f"day.mp4,{at / 2},{at / 2 + 0.5},{'ab'[at % 2]},x" for at in range(8)))
    report = run_convert()
    assert (report["status"] == "copied").all()
    assert numbers_of(Path("out/b/day_3.5-4.mp4")) == list(range(35, 40))


def test_long_files_may_lie_anywhere_and_their_folder_is_no_label(project):
    write_long(Path("videos/recordings/monday/day.mp4"))
    write_long(Path("videos/walk/ben.mp4"), first=3)
    write_table("recordings/monday/day.mp4,1,2,sit,anna", "walk/ben.mp4,,,,ben")
    assert not survey_videos(Path("videos")).problems
    report = run_convert()
    assert report["label"].to_dict() == {
        "sit/recordings/monday/day_1-2": "sit",
        "walk/ben": "walk",
    }


def test_long_files_in_folders_of_splits_keep_their_split(project):
    write_long(Path("videos/train/day.mp4"))
    write_long(Path("videos/test/day.mp4"), first=5)
    write_table("train/day.mp4,0,1,sit,a", "train/day.mp4,1,2,walk,a", "test/day.mp4,0,1,sit,b")
    table = find_videos(Path("videos")).set_index("video_id")
    assert table["split"].to_dict() == {
        "sit/train/day_0-1": "train",
        "walk/train/day_1-2": "train",
        "sit/test/day_0-1": "test",
    }
    assert set(table["label"]) == {"sit", "walk"}


def test_rows_without_a_label_have_that_of_the_folder(project):
    write_long(Path("videos/sit/day.mp4"))
    write_table("sit/day.mp4,0,1", "sit/day.mp4,2,3", heading="path,start,end")
    table = find_videos(Path("videos"))
    assert table["video_id"].tolist() == ["sit/day_0-1", "sit/day_2-3"]
    assert set(table["label"]) == {"sit"}


@pytest.mark.parametrize(
    ("heading", "row"),
    [
        ("file_name\tstart_time\tend_time\taction", "day.mp4\t00:00:01.000\t00:00:02,500\twalk"),
        ("Media file name;Start (s);Stop (s);Behavior", "day.mp4;1,0;2,5;walk"),  # BORIS
        ("video,begin (ms),end (ms),class", "day.mp4,1000,2500,walk"),
        (
            "Video,Begin Time - ss.msec,End Time - ss.msec,Annotation",
            "day.mp4,1.0,2.5,walk",
        ),  # ELAN
        ("Video,Begin Time - msec,End Time - msec,Annotation", "day.mp4,1000,2500,walk"),
        (
            "filename,temporal_segment_start,temporal_segment_end,label",
            "day.mp4,1,2.500,walk",
        ),  # VIA
        ("label,path,time_start,time_end,split", "walk,day.mp4,1,2.5,train"),  # Kinetics
    ],
)
def test_columns_are_those_of_annotation_tools(project, heading, row):
    write_long(Path("videos/day.mp4"))
    write_table(row, heading=heading)
    table = find_videos(Path("videos"))
    assert table["video_id"].tolist() == ["walk/day_1-2.5"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["day.mp4,2,2,sit,a"], r"metadata.csv, line 2: start 2 of 'day.mp4' is not before end 2"),
        (["day.mp4,5,1,sit,a"], r"line 2: start 5 of 'day.mp4' is not before end 1\. Correct"),
        (["day.mp4,soon,1,sit,a"], "line 2: start of 'day.mp4' is 'soon', which is no time; expec"),
        (["day.mp4,-1,1,sit,a"], "line 2: start of 'day.mp4' is '-1', which is no time"),
        (["day.mp4,nan,1,sit,a"], "line 2: start of 'day.mp4' is 'nan', which is no time"),
        (
            ["day.mp4,1,,sit,a"],
            "line 2: end of 'day.mp4' is empty; expected seconds from the start",
        ),
        (["day.mp4,1,2,a/b,a"], "line 2: the label of 'day.mp4' is 'a/b'; expected a name without"),
        (["no.mp4,1,2,sit,a"], r"names 1 videos that are not there, as 'no.mp4' in line 2"),
        (
            ["day.mp4,0,2,sit,a", "day.mp4,1.5,3,walk,a"],
            "lines 2 and 3, give two labels to the same frames: 'sit' to 0 to 2 s of 'day.mp4', "
            "'walk' to 1.5 to 3 s",
        ),
        (["day.mp4,0,2,sit,a", "day.mp4,0,2,sit,a"], "lines 2 and 3, give the same 0 to 2 s of"),
        (
            ["day.mp4,,,,a", "day.mp4,0,2,sit,a"],
            "gives all of 'day.mp4' in line 2 and a part of it",
        ),
    ],
)
def test_rows_that_cannot_be_are_named_with_the_file(project, rows, message):
    write_long(Path("videos/day.mp4"))
    write_long(Path("videos/sit/other.mp4"), first=7)
    problems = problems_of(*rows)
    assert message.replace("\\", "") in problems
    with pytest.raises(ValueError, match=r"metadata\.csv"):
        run_convert()


def test_only_so_many_wrong_rows_are_named(project):
    write_long(Path("videos/day.mp4"))
    write_long(Path("videos/sit/other.mp4"), first=7)
    problems = problems_of(*(f"day.mp4,{i},{i},sit,a" for i in range(30))).splitlines()
    assert len(problems) == 21
    assert problems[-1] == "videos/metadata.csv has 10 more such rows."


def test_parts_of_one_label_may_overlap_and_touch_those_of_another(project):
    write_long(Path("videos/day.mp4"))
    assert problems_of("day.mp4,0,2,sit,a", "day.mp4,1,3,sit,a", "day.mp4,3,4,walk,a") == ""


def test_a_part_beyond_the_end_costs_itself(project):
    write_long(Path("videos/day.mp4"))
    write_table(*ROWS[:2], "day.mp4,3,7.25,walk,ben", "day.mp4,2.91,2.95,sit,ben")
    report = run_convert()
    assert report.loc["walk/day_3-7.25", ["status", "path"]].tolist() == ["failed", ""]
    assert report.loc["walk/day_3-7.25", "reason"] == (
        "videos/day.mp4 from 3 to 7.25 s ends after the video, which has 4.000 s. Correct the row "
        "of metadata.csv."
    )
    assert "from 2.91 to 2.95 s has no frame" in report.loc["sit/day_2.91-2.95", "reason"]
    assert (report["status"] == "copied").sum() == 2


def test_a_long_file_that_is_no_video_costs_its_parts(project):
    write_long(Path("videos/day.mp4"))
    Path("videos/broken.mp4").write_bytes(b"no video at all")
    write_table(*ROWS, "broken.mp4,0,1,sit,a")
    report = run_convert()
    assert report.loc["sit/broken_0-1", "status"] == "failed"
    assert "broken.mp4 is not a video that can be read" in report.loc["sit/broken_0-1", "reason"]


def test_the_same_part_of_a_copied_file_is_a_duplicate(project):
    content = write_long(Path("videos/day.mp4")).read_bytes()
    Path("videos/copy.mp4").write_bytes(content)
    write_table(*ROWS, "copy.mp4,0,1,sit,anna", "copy.mp4,2.5,3,sit,anna")
    report = run_convert()
    assert report.loc["sit/day_0-1", "status"] == "duplicate"
    assert report.loc["sit/day_0-1", "reason"] == "the same bytes as videos/copy.mp4 from 0 to 1 s"
    assert report.loc["sit/copy_2.5-3", "status"] == "copied"
    write_table(*ROWS, "copy.mp4,0,1,walk,anna")
    with pytest.raises(ValueError, match=r"two labels: videos/copy.mp4 from 0 to 1 s and videos/"):
        run_convert()


@pytest.mark.parametrize(("by", "expected"), [("person", UNKNOWN), ("video", SAME_PEOPLE)])
def test_parts_of_one_file_stay_together_where_nobody_is_named(by, expected):
    manifest = pd.DataFrame(
        [
            ("sit/day_0-1", "videos/day.mp4", ""),
            ("walk/day_1-2", "videos/day.mp4", ""),
            ("sit/a", "videos/sit/a.mp4", ""),
        ],
        columns=["video_id", "source", "subject"],
    )
    groups, grouped_by = find_subjects(manifest, None, by=by)
    assert grouped_by == expected
    assert groups.tolist() == ["videos/day.mp4", "videos/day.mp4", "sit/a"]


def test_the_split_of_the_pipeline_keeps_parts_of_a_file_together(project):
    params = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    params["dataset"] |= {"videos": "videos", "subject_pattern": None}
    Path("params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")
    days = [f"day{number}" for number in range(5)]
    for number, day in enumerate(days):
        write_long(Path(f"videos/{day}.mp4"), num_frames=20, first=number)
    rows = [
        f"{day}.mp4,{at / 2},{at / 2 + 0.5},{('sit', 'walk')[at % 2]}"
        for day in days
        for at in range(4)
    ]
    write_table(*rows, heading="path,start,end,label")
    convert.main(out=Path("out"))
    extract.main(converted=Path("out"), out=Path("clips"))
    split.main(report=Path("out/report.csv"), clips=Path("clips/clips.csv"), out=Path("split"))
    manifest = pd.read_csv("split/manifest.csv")
    assert len(manifest) == 20
    assert set(manifest["split"]) == {"train", "val", "test"}
    day = manifest["video_id"].str.extract(r"/(day\d)_")[0]
    assert (manifest.groupby(day)["split"].nunique() == 1).all()


def test_inspect_counts_parts_and_names_wrong_ones(project):
    for number, person in enumerate(["anna", "ben", "cleo"]):
        write_long(Path(f"videos/{person}.mp4"), num_frames=80, first=number)
    rows = [
        f"{person}.mp4,{at},{at + 3.1},{label},{person}"
        for person in ("anna", "ben", "cleo")
        for at, label in ((0, "sit"), (3.2, "walk"))
    ]
    write_table(*rows, "ben.mp4,6.5,9,walk,ben")
    inspection = inspect_videos(Path("videos"), None)
    assert inspection.can_train
    assert inspection.labels.set_index("label")["videos"].to_dict() == {"sit": 3, "walk": 3}
    assert "6 usable videos of 3 files (6 are parts of 3 long files), 2 labels, 3 people" in (
        describe_inspection(inspection, page="a.html")
    )
    problem = find_problem(inspection, "^1 video cannot be used and will be left out")
    assert problem.details[0].startswith("videos/ben.mp4 from 6.5 to 9 s ends after the video")
    seconds = inspection.usable["duration_seconds"].astype(float)
    assert seconds.tolist() == pytest.approx([3.1] * 6)


def test_a_table_of_whole_videos_may_name_other_labels_which_are_not_used(project, capsys):
    write_long(Path("videos/sit/a.mp4"))
    write_table("sit/a.mp4,walk", heading="path,label")
    assert find_videos(Path("videos"))["label"].tolist() == ["sit"]
    assert "gives 1 whole videos another label than their folder, as line 2" in (
        capsys.readouterr().err
    )


@pytest.mark.skipif(sys.platform == "darwin", reason="such names cannot be made there")
def test_parts_of_a_file_with_too_long_a_name_are_refused_by_name(project):
    name = f"{'x' * 248}.mp4"
    write_long(Path("videos") / name)
    write_long(Path("videos/sit/a.mp4"), first=2)
    write_table(f"{name},0.123,1.456,sit,a")
    table = find_videos(Path("videos")).set_index("label")
    assert any("a name too long" in problem for problem in table["problem"])
