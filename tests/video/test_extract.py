"""Tests of the stage `extract`, and of leaving out the decoding of frames that nothing needs."""

from itertools import accumulate
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from places import REAL
from video_files import brightness_of, textured_frames, write_at_times, write_numbered

from har.engine.cache import file_digest
from har.video import extracting as extract_module
from har.video.extracting import extract_clip
from har.video.reading import open_video, read_packets
from har.video.stored.timing import read_timing
from har.video.writing import write_video
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

NUM_FRAMES = 60
# How a file is encoded, and where decoding of it can start.
CODINGS = {
    "b_frames": ("keyint=250", 1),
    "no_b_frames": ("bframes=0:keyint=250", 1),
    "several_idr": ("keyint=10:min-keyint=10:scenecut=0", 6),
    "open_gop": ("keyint=10:min-keyint=10:scenecut=0:open-gop=1", 1),
    "intra_refresh": ("intra-refresh=1:keyint=10:bframes=0", 1),
    "slices": ("keyint=20:min-keyint=20:scenecut=0:slices=3", 3),
    "interlaced": ("keyint=20:min-keyint=20:scenecut=0:interlaced=1", 3),
}
UNEVEN_STEPS_MS = [20, 40, 25, 100, 33]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project folder with parameters and three converted videos, entered."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Path("params.yaml").write_text(yaml.safe_dump(PARAMS))
    rows = []
    for name, num_frames in [("walk/a b", 20), ("walk/short", 3), ("sit/ö", 30)]:
        path = write_numbered(Path(f"converted/{name}.mp4"), num_frames)
        seconds = num_frames / 25
        rows.append([name, f"videos/{name}.mov", "copied", name[:4], num_frames, seconds, path])
    rows.append(["walk/bad", "videos/walk/bad.mov", "failed", "walk", "", "", ""])
    columns = ["video_id", "source", "status", "label", "num_frames", "duration_seconds", "path"]
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
    assert clips["duration_seconds"].tolist() == [0.8, 0.12, 1.2]
    assert clips["aspect"].tolist() == pytest.approx([64 / 48] * 3)  # of the videos
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


def make_unreadable(*video_ids: str) -> None:
    """Let converted videos be none; by their digests the pipeline made them so."""
    report = pd.read_csv("converted/report.csv", dtype=str, keep_default_na=False)
    for path in report.loc[report["video_id"].isin(video_ids), "path"]:
        Path(path).write_bytes(f"no video: {path}".encode())
        report.loc[report["path"] == path, "sha256"] = file_digest(Path(path))
    report.to_csv("converted/report.csv", index=False)


def test_stage_lists_a_failed_video_and_goes_on(project, capsys):
    make_unreadable("walk/a b")
    clips = run_extract()
    assert list(clips.index) == ["walk/short", "sit/ö"]
    failed = pd.read_csv("clips/failed.csv")
    assert failed["video_id"].tolist() == ["walk/a b"]
    assert "not a video" in failed["reason"][0]
    assert "extract: videos/walk/a b.mov failed" in capsys.readouterr().out


def test_stage_fails_when_too_many_fail(project):
    make_unreadable("walk/a b", "walk/short", "sit/ö")
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


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("coding", CODINGS)
def test_extract_clip_skips_without_changing_a_bit(tmp_path, monkeypatch, name, coding):
    x264, num_restarts = CODINGS[coding]
    path = write_textured(tmp_path / name, x264=x264)
    assert sum(restarts_of(path)) == num_restarts
    check_skipping(path, monkeypatch)


def test_extract_clip_skips_in_a_variable_frame_rate(tmp_path, monkeypatch):
    steps_ms = [UNEVEN_STEPS_MS[index % 5] for index in range(NUM_FRAMES - 1)]
    times_ms = list(accumulate(steps_ms, initial=0))
    path = write_at_times(tmp_path / "a.mp4", textured_frames(NUM_FRAMES), times_ms)
    check_skipping(path, monkeypatch)


def test_extract_clip_does_not_decode_what_nothing_needs(tmp_path):
    path = write_textured(tmp_path / "a.mp4", x264="keyint=20:min-keyint=20:scenecut=0")
    expected, _ = extract_clip(path, num_frames=3, size=32)
    restarts = restarts_of(path)
    with open_video(path) as (container, stream):
        packets = [(p.pts, p.pos, p.size) for p in read_packets(container, stream)]
    with open_video(path) as (container, stream):
        timing = read_timing(read_packets(container, stream), stream, path)
    wanted = extract_module.spaced_indices(timing.times, 3)
    needed = extract_module._needed_packets(timing, wanted, restarts)
    content = bytearray(path.read_bytes())
    num_passed_over = num_left_out = 0
    for time, position, size in packets:
        is_unreferenced = content[position + 4] >> 5 == 0  # nal_ref_idc of H.264
        is_passed_over = is_unreferenced and needed.get(time) is False
        num_left_out += time not in needed
        num_passed_over += is_passed_over
        if time not in needed or is_passed_over:
            content[position + 5 : position + size] = bytes(size - 5)
    path.write_bytes(content)
    assert num_left_out > NUM_FRAMES / 4
    assert num_passed_over > NUM_FRAMES / 10
    np.testing.assert_array_equal(extract_clip(path, num_frames=3, size=32)[0], expected)


@pytest.mark.parametrize(("name", "codec"), [("a.mp4", "libx265"), ("a.avi", "libx264")])
def test_extract_clip_decodes_all_where_the_file_does_not_tell(tmp_path, monkeypatch, name, codec):
    path = tmp_path / name
    write_video(path, textured_frames(20), fps=25, codec=codec)
    monkeypatch.setattr(extract_module, "_decode_needed", refuse)
    assert len(extract_clip(path, num_frames=5, size=32)[0]) == 5


@pytest.mark.parametrize("seed", range(12))
def test_extract_clip_gives_what_decoding_all_gives_when_damaged(tmp_path, monkeypatch, seed):
    path = write_textured(tmp_path / "a.mp4", x264="keyint=20:min-keyint=20:scenecut=0")
    with open_video(path) as (container, stream):
        packets = [(p.pos, p.size) for p in read_packets(container, stream) if p.size > 60]
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in rng.choice(len(packets), 1 + seed % 4, replace=False):
        position, size = packets[place]
        start = position + int(rng.integers(10, size - 40))
        content[start : start + 30] = rng.bytes(30)
    path.write_bytes(content)
    clip, _ = extract_clip(path, num_frames=16, size=32)
    monkeypatch.setattr(extract_module, "_can_skip", lambda *_: False)
    np.testing.assert_array_equal(clip, extract_clip(path, num_frames=16, size=32)[0])


def test_extract_clip_decodes_all_when_a_wanted_frame_is_lost(tmp_path, monkeypatch):
    path = write_textured(tmp_path / "a.mp4", x264="keyint=250")
    with open_video(path) as (container, stream):
        last = max(read_packets(container, stream), key=lambda packet: packet.pts)
        position = last.pos
    content = bytearray(path.read_bytes())
    content[position + 4] = 6  # now it says that it is no picture
    path.write_bytes(content)
    clip, num_repeated = extract_clip(path, num_frames=NUM_FRAMES, size=32)
    assert num_repeated == 1
    monkeypatch.setattr(extract_module, "_can_skip", lambda *_: False)
    np.testing.assert_array_equal(clip, extract_clip(path, num_frames=NUM_FRAMES, size=32)[0])


def test_extract_clip_decodes_all_when_the_file_cannot_be_rewound(tmp_path, monkeypatch):
    path = write_textured(tmp_path / "a.mp4", x264="keyint=250")
    expected, _ = extract_clip(path, num_frames=5, size=32)
    monkeypatch.setattr(extract_module, "_rewind", lambda *_: None)
    np.testing.assert_array_equal(extract_clip(path, num_frames=5, size=32)[0], expected)


@pytest.mark.skipif(not REAL.is_dir(), reason="there are no real clips beside the repository")
@pytest.mark.parametrize("pattern", ["gmdcsa24/**/*.mp4", "kinect_six/**/*.mp4", "kth_s*/**/*.mp4"])
def test_extract_clip_skips_in_real_videos_without_changing_a_bit(monkeypatch, pattern):
    paths = sorted(REAL.glob(pattern))[:4]
    assert paths
    for path in paths:
        check_skipping(path, monkeypatch, counts=(30,))


def write_textured(path: Path, *, x264: str) -> Path:
    """Write textured frames at 25 a second."""
    times_ms = range(0, 40 * NUM_FRAMES, 40)
    return write_at_times(path, textured_frames(NUM_FRAMES), times_ms, x264=x264)


def restarts_of(path: Path) -> list[bool]:
    """Return at which packets decoding can start."""
    restarts: list[bool] = []
    with open_video(path) as (container, stream):
        packets = read_packets(container, stream)
        list(extract_module._note_restarts(packets, stream, restarts))
    return restarts


def refuse(*_):
    """Stand in for a function that must not be called."""
    raise AssertionError("called")


def check_skipping(path: Path, monkeypatch, counts: tuple[int, ...] = (1, 3, 16, 60, 70)) -> None:
    """Check that skipping is done and gives the bits of decoding all, for any number of frames."""
    with monkeypatch.context() as patched:
        patched.setattr(extract_module, "_decode_wanted", refuse)
        skipped = [extract_clip(path, num_frames=count, size=32) for count in counts]
    with monkeypatch.context() as patched:
        patched.setattr(extract_module, "_can_skip", lambda *_: False)
        decoded = [extract_clip(path, num_frames=count, size=32) for count in counts]
    for (clip, num_repeated), (expected, expected_repeated) in zip(skipped, decoded, strict=True):
        np.testing.assert_array_equal(clip, expected)
        assert num_repeated == expected_repeated
