"""The stage `convert`: a report with one row a file."""

import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from video_files import corner_frames, write_numbered

from har.engine.steps import Job, Limits, run_step
from har.video.converting import convert_step
from har.video.extracting import extract_step
from har.video.reading import probe_video
from har.video.writing import write_video
from stages.convert import main as convert

PARAMS = {
    "workers": 2,
    "dataset": {"videos": "videos", "max_failed_fraction": 0.5},
    "convert": {"max_side": 640, "timeout_seconds": 60, "memory_gigabytes": 2},
    "cache": {"max_gigabytes": 1},
}


@pytest.mark.slow
@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_convert_and_extract_an_hour_in_little_memory(project, codec):
    num_frames = 3600 * 5
    frames = (np.full((48, 64, 3), 20 + index * 215 // num_frames, np.uint8)
              for index in range(num_frames))  # fmt: skip
    write_video(Path("hour.mp4"), frames, fps=5, codec=codec)
    limits = Limits(workers=1, timeout_seconds=300, memory_gigabytes=0.5, max_gigabytes=1)
    step = {"code_version": "1", "limits": limits}
    job = Job(Path("hour.mp4"), "a", Path("out/hour.mp4"))
    (made,) = run_step("convert", convert_step, [job], parameters={"max_side": 640}, **step)
    assert (made.reason, made.meta["num_frames"]) == ("", num_frames)
    job = Job(Path("out/hour.mp4"), made.sha256, Path("out/hour.npy"))
    options = {"num_frames": 5, "size": 16, "aspect": "stretch"}
    (made,) = run_step("extract", extract_step, [job], parameters=options, **step)
    assert made.reason == ""
    brightness = np.load("out/hour.npy").mean(axis=(1, 2, 3))
    np.testing.assert_allclose(brightness, [20, 73.75, 127.5, 181.25, 235], atol=3)


@pytest.fixture
def project(tmp_path, monkeypatch):
    """An empty project folder with parameters, entered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS))
    return tmp_path


def run_convert() -> pd.DataFrame:
    """Run the stage and return its report by video."""
    convert(out=Path("out"))
    report = pd.read_csv("out/report.csv", dtype=str, keep_default_na=False)
    return report.set_index("video_id")


def test_stage_reports_one_row_per_file_with_status_and_reason(project, capsys):
    write_numbered(Path("videos/walk/größe 走路 'a'.mov"))
    write_numbered(Path("videos/walk/-b.avi"), codec="mpeg4")
    shutil.copy("videos/walk/-b.avi", "videos/walk/copy of b.avi")
    Path("videos/walk/empty.mp4").touch()
    Path("videos/walk/notes.txt").write_text("not a video")
    report = run_convert()
    assert report["status"].to_dict() == {
        "walk/-b": "encoded",
        "walk/copy of b": "duplicate",
        "walk/empty": "failed",
        "walk/größe 走路 'a'": "copied",
        "walk/notes": "ignored",
    }
    assert "walk/-b.avi" in report.loc["walk/copy of b", "reason"]
    assert "0 bytes" in report.loc["walk/empty", "reason"]
    made = report[report["path"] != ""]
    assert (made["label"] == "walk").all()
    assert (made["num_frames"] == "20").all()
    for path in made["path"]:
        assert probe_video(path).num_frames == 20
    said = capsys.readouterr().out
    assert "convert: 2 made, 0 reused, 1 failed (1 copied, 1 encoded, 1 duplicate, 1 ign" in said


def test_stage_converts_odd_names_and_links_and_names_what_it_cannot(project):
    names = ["a b", 'it\'s "so"', "größe 走路 🎬", "-rf", "--out", "%d", "line\nbreak", "n" * 251]
    for number, name in enumerate(names):
        write_numbered(Path(f"videos/walk/{name}.mp4"), 4 + number)
    write_numbered(Path("elsewhere/b.mov"), 20)
    Path("videos/walk/link.mov").symlink_to("../../elsewhere/b.mov")
    Path("videos/walk/loop.mov").symlink_to("loop.mov")
    Path("videos/sit").symlink_to("../elsewhere")
    report = run_convert()
    assert report.loc["walk/loop", ["status", "label"]].tolist() == ["failed", "walk"]
    assert "leads nowhere" in report.loc["walk/loop", "reason"]
    assert report.loc["sit", "status"] == "failed"
    assert "DVC does not follow" in report.loc["sit", "reason"]
    made = report.loc[[f"walk/{name}" for name in (*names, "link")]]
    assert (made["status"] == "copied").all()
    assert [probe_video(path).num_frames for path in made["path"]] == [*range(4, 12), 20]


def test_stage_makes_only_what_is_new_and_the_same_bytes(project, capsys):
    write_numbered(Path("videos/walk/a.avi"), codec="mpeg4")
    run_convert()
    write_numbered(Path("videos/walk/b.avi"), 10, codec="mpeg4")
    report = run_convert()
    assert "convert: 1 made, 1 reused, 0 failed" in capsys.readouterr().out
    shutil.rmtree(".har")
    pd.testing.assert_frame_equal(run_convert(), report)


def test_stage_forgets_a_video_that_was_removed(project):
    write_numbered(Path("videos/walk/a.mp4"))
    write_numbered(Path("videos/walk/b.mp4"), 10)
    run_convert()
    Path("videos/walk/b.mp4").unlink()
    run_convert()
    assert sorted(os.listdir("out/walk")) == ["a.mp4"]


def test_stage_makes_the_same_result_once(project, capsys):
    first = write_numbered(Path("videos/walk/a.mp4"))
    # Other bytes, but the same stream: what is converted is the same.
    Path("videos/walk/b.mp4").write_bytes(first.read_bytes() + b"\x00\x00\x00\x0cfree1234")
    report = run_convert()
    assert report["sha256"].nunique() == 1
    assert all(Path(path).is_file() for path in report["path"])


def test_stage_fails_when_one_video_has_two_labels(project):
    write_numbered(Path("videos/walk/a.mp4"))
    write_numbered(Path("videos/sit/b.mp4"))
    with pytest.raises(ValueError, match=r"two labels: videos/sit/b\.mp4 and videos/walk/a\.mp4"):
        run_convert()


def test_stage_fails_and_names_reasons_when_too_many_fail(project):
    write_numbered(Path("videos/walk/a.mp4"))
    for name in ("b", "c"):
        Path(f"videos/walk/{name}.mp4").write_bytes(name.encode() * 100)
    with pytest.raises(ValueError, match=r"2 of 3 videos failed.*max_failed_fraction") as error:
        run_convert()
    assert "videos/walk/b.mp4" in str(error.value)
    assert Path("out/report.csv").is_file()


def test_stage_names_a_video_that_takes_too_long(project):
    frames = corner_frames(100, width=640, height=480)
    write_video(Path("videos/walk/long.avi"), frames, fps=25, codec="mpeg4")
    params = {
        **PARAMS,
        "dataset": {**PARAMS["dataset"], "max_failed_fraction": 1.0},
        "convert": {**PARAMS["convert"], "timeout_seconds": 0.05},
    }
    Path("params.yaml").write_text(yaml.safe_dump(params))
    report = run_convert()
    assert "took longer than 0.05 s" in report.loc["walk/long", "reason"]
    assert "convert.timeout_seconds" in report.loc["walk/long", "reason"]
