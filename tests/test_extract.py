"""Tests of the stage `extract`."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from video_files import brightness_of, write_numbered

from har.cache import file_digest
from stages.extract import main as extract

PARAMS = {
    "workers": 2,
    "dataset": {"max_failed_fraction": 0.5},
    "extract": {
        "num_frames": 5,
        "size": 16,
        "aspect": "stretch",
        "timeout_seconds": 60,
        "memory_gigabytes": 2,
    },
    "cache": {"max_gigabytes": 1},
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with parameters and three converted videos, entered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS))
    rows = []
    for name, num_frames in [("walk/a b", 20), ("walk/short", 3), ("sit/ö", 30)]:
        path = write_numbered(Path(f"converted/{name}.mp4"), num_frames)
        rows.append([name, f"videos/{name}.mov", "copied", name[:4], num_frames, path])
    rows.append(["walk/bad", "videos/walk/bad.mov", "failed", "walk", "", ""])
    columns = ["video_id", "source", "status", "label", "num_frames", "path"]
    report = pd.DataFrame(rows, columns=columns)
    report["sha256"] = [file_digest(path) if path else "" for path in report["path"]]
    report.to_csv("converted/report.csv", index=False)
    return tmp_path


def run_extract() -> pd.DataFrame:
    """Run the stage and return its table by video."""
    extract(converted=Path("converted"), out=Path("clips"))
    return pd.read_csv("clips/clips.csv").set_index("video_id")


def test_stage_packs_one_clip_per_video(project, capsys):
    clips = run_extract()
    assert list(clips.index) == ["walk/a b", "walk/short", "sit/ö"]
    clip = np.load(clips.loc["walk/a b", "path"])
    assert (clip.shape, clip.dtype) == ((5, 16, 16, 3), np.uint8)
    expected = [brightness_of(index, 20) for index in (0, 5, 10, 14, 19)]  # 19 / 4 = 4.75
    np.testing.assert_allclose(clip.mean(axis=(1, 2, 3)), expected, atol=2)
    assert clips["num_source_frames"].tolist() == [20, 3, 30]
    assert all(file_digest(Path(row.path)) == row.sha256 for row in clips.itertuples())
    assert "extract: 3 made, 0 reused, 0 failed" in capsys.readouterr().out


def test_stage_says_which_clips_repeat_frames(project, capsys):
    clips = run_extract()
    assert clips["num_repeated"].tolist() == [0, 2, 0]
    said = capsys.readouterr().out
    assert "1 videos have fewer than 5 frames" in said
    assert "walk/short" in said


def test_stage_reuses_clips_until_a_parameter_changes(project, capsys):
    run_extract()
    run_extract()
    assert "extract: 0 made, 3 reused" in capsys.readouterr().out
    params = {**PARAMS, "extract": {**PARAMS["extract"], "size": 8}}
    Path("params.yaml").write_text(yaml.safe_dump(params))
    clips = run_extract()
    assert "extract: 3 made, 0 reused" in capsys.readouterr().out
    assert np.load(clips["path"].iloc[0]).shape == (5, 8, 8, 3)


def test_stage_makes_the_same_bytes_with_any_number_of_workers(project):
    tables = []
    for workers in (1, 3):
        Path("params.yaml").write_text(yaml.safe_dump({**PARAMS, "workers": workers}))
        tables.append(run_extract())
        for entry in Path(".har").rglob("*.json"):
            entry.unlink()
    pd.testing.assert_frame_equal(*tables)


def test_stage_lists_a_failed_video_and_goes_on(project, capsys):
    Path("converted/walk/a b.mp4").write_bytes(b"damaged after it was converted")
    clips = run_extract()
    assert list(clips.index) == ["walk/short", "sit/ö"]
    failed = pd.read_csv("clips/failed.csv")
    assert failed["video_id"].tolist() == ["walk/a b"]
    assert "not a video" in failed["reason"][0]
    assert "extract: videos/walk/a b.mov failed" in capsys.readouterr().out


def test_stage_fails_when_too_many_fail(project):
    for path in Path("converted").rglob("*.mp4"):
        path.write_bytes(b"damaged")
    with pytest.raises(ValueError, match=r"3 of 3 videos failed.*max_failed_fraction 0\.5"):
        run_extract()


def test_stage_makes_clips_of_equal_videos_once(project, capsys):
    report = pd.read_csv("converted/report.csv", dtype=str, keep_default_na=False)
    twin = report.iloc[0].copy()
    twin["video_id"], twin["path"] = "walk/twin", "converted/walk/twin.mp4"
    Path(twin["path"]).write_bytes(Path(report["path"][0]).read_bytes())
    pd.concat([report, twin.to_frame().T]).to_csv("converted/report.csv", index=False)
    clips = run_extract()
    assert clips.loc["walk/twin", "sha256"] == clips.loc["walk/a b", "sha256"]
    assert Path(clips.loc["walk/twin", "path"]).is_file()
    assert "extract: 3 made, 1 reused, 0 failed" in capsys.readouterr().out
