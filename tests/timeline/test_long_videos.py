"""`har predict` on videos that are longer than a clip: segments, files, a drawn video."""

import csv
import json
import re
from pathlib import Path

import av
import numpy as np
import pytest
from brightness import LABELS, brightness_recognizer
from command_line import run

from har.engine.steps import Limits
from har.timeline.overlay import draw_label, draw_person, landmarks_at
from har.timeline.prediction import choose_pace, predict_any
from har.video.writing import set_up_stream, write_video

LIMITS = Limits(workers=1, timeout_seconds=60, memory_gigabytes=2, max_gigabytes=1)
FPS = 20
BRIGHT, DARK = 225, 30


def write_greys(path: Path, *parts: tuple[int, float], fps: int = FPS) -> Path:
    """Write a video of grey levels, each for so many seconds."""
    frames = [
        np.full((48, 64, 3), grey, np.uint8)
        for grey, seconds in parts
        for _ in range(round(seconds * fps))
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, frames, fps=fps)
    return path


@pytest.fixture(scope="module")
def recognizer():
    return brightness_recognizer()


@pytest.fixture
def model(project, recognizer) -> str:
    recognizer.save(Path("models/tiny"))
    return "models/tiny"


def said_of(recognizer, *videos: Path, window: float | None = None):
    pace, longest = choose_pace(recognizer, window_seconds=window, step_seconds=0.1)
    return list(predict_any(recognizer, videos, pace=pace, longest_seconds=longest, limits=LIMITS))


def test_five_parts_are_found_within_half_a_second(recognizer, tmp_path):
    parts = [(BRIGHT, 4), (DARK, 2), (BRIGHT, 3), (DARK, 2), (BRIGHT, 4)]
    (said,) = said_of(recognizer, write_greys(tmp_path / "long.mp4", *parts))
    segments = said.prediction.segments
    assert [one.label for one in segments] == ["bright", "dark", "bright", "dark", "bright"]
    ends = [one.end for one in segments]
    np.testing.assert_allclose(ends, [4, 6, 9, 11, 15], atol=0.5)
    assert said.prediction.answer == "bright"
    assert said.prediction.seconds == pytest.approx(15)
    assert list(said.prediction.probabilities) == ["bright", "dark"]
    assert 10 < len(said.prediction.clip) <= 32  # frames to show, of all the video


def test_a_clip_is_answered_as_a_whole_and_a_long_video_over_time(recognizer, tmp_path):
    clip = write_greys(tmp_path / "clip.mp4", (BRIGHT, 1.9))
    longer = write_greys(tmp_path / "longer.mp4", (BRIGHT, 2.2))
    first, second = said_of(recognizer, clip, longer)
    assert first.timeline is None
    assert not first.prediction.segments
    assert second.timeline.segments
    (forced,) = said_of(recognizer, clip, window=1.0)
    assert [one.label for one in forced.timeline.segments] == ["bright"]


def test_a_bad_long_video_costs_itself_only(recognizer, tmp_path):
    good = write_greys(tmp_path / "good.mp4", (BRIGHT, 3))
    cut_off = tmp_path / "cut off.mp4"
    cut_off.write_bytes(good.read_bytes()[:900])
    said = said_of(recognizer, cut_off, good)
    assert "cut off.mp4" in said[0].prediction.problem
    assert said[1].prediction.answer == "bright"


def test_a_model_without_a_window_takes_every_video_as_a_clip(tmp_path):
    older = brightness_recognizer()
    older.preprocessing.pop("window_seconds")
    pace, longest = choose_pace(older, window_seconds=None, step_seconds=0.1)
    assert pace is None
    said = predict_any(
        older,
        [write_greys(tmp_path / "long.mp4", (BRIGHT, 3))],
        pace=pace,
        longest_seconds=longest,
        limits=LIMITS,
    )
    assert [one.timeline for one in said] == [None]


def test_predict_writes_all_files_about_a_long_video(model, capsys):
    video = write_greys(Path("long.mp4"), (BRIGHT, 3), (DARK, 3))
    code, out, _ = run(
        "predict", "--model", model, str(video), "--out", "said", "--csv", "said.csv",
        "--html", "said.html", "--video", "drawn.mp4", capsys=capsys,
    )  # fmt: skip
    assert code == 0
    assert out.splitlines()[0] == "long.mp4, 0:06:"
    assert re.fullmatch(r" +0:00 +0:0[23]\.\d  bright 8\d %", out.splitlines()[1])
    names = sorted(path.name for path in Path("said").iterdir())
    assert names == [f"long.mp4.{ending}" for ending in ("csv", "json", "png", "srt", "vtt")]
    parts = json.loads(Path("said/long.mp4.json").read_text())
    assert [part["label"] for part in parts] == ["bright", "dark"]
    (row,) = csv.DictReader(Path("said.csv").read_text().splitlines())
    assert row["predicted"] in LABELS
    assert "0:00 to 0:0" in Path("said.html").read_text()
    with av.open("drawn.mp4") as drawn:
        frames = [frame.to_ndarray(format="rgb24") for frame in drawn.decode(video=0)]
    assert len(frames) == 120
    assert frames[0].shape == (48, 64, 3)
    assert abs(int(frames[0][5, 5, 0]) - BRIGHT) < 8  # the picture is as it was
    assert frames[0][-20:].min() < 100  # below it is the label


def test_predict_prints_the_segments_as_json(model, capsys):
    video = write_greys(Path("long.mp4"), (BRIGHT, 3))
    code, out, _ = run("predict", "--model", model, str(video), "--json", capsys=capsys)
    assert code == 0
    (part,) = json.loads(out.splitlines()[0])["segments"]
    assert part["label"] == "bright"
    assert part["end"] == 3


def test_predict_draws_one_video_only(model, capsys):
    for name in ("a.mp4", "b.mp4"):
        write_greys(Path(name), (BRIGHT, 1))
    code, _, err = run(
        "predict", "--model", model, "a.mp4", "b.mp4", "--video", "out.mp4", capsys=capsys
    )
    assert code == 2
    assert "takes one video; 2 are named" in err


@pytest.mark.parametrize("sound", ["aac", "pcm_s16le"])  # copied, and encoded again for MP4
def test_predict_draws_a_clip_with_its_sound(model, sound, capsys):
    write_with_sound(Path("clip.mov"), sound)
    code, _, err = run("predict", "--model", model, "clip.mov", "--video", "out.mp4", capsys=capsys)
    assert code == 0, err
    with av.open("out.mp4") as drawn:
        assert [stream.codec_context.name for stream in drawn.streams] == ["h264", "aac"]
        assert drawn.streams.video[0].frames == 20
        samples = sum(frame.samples for frame in drawn.decode(audio=0))
    assert samples / 44100 == pytest.approx(1.0, abs=0.1)


def write_with_sound(path: Path, codec: str) -> None:
    """Write a second of pictures with a second of sound."""
    with av.open(str(path), "w") as output:
        video = output.add_stream("libx264", rate=FPS)
        set_up_stream(video, 64, 48, pixel_format="yuv420p", threads=1)
        audio = output.add_stream(codec, rate=44100)
        for index in range(FPS):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 99, np.uint8), format="rgb24")
            frame.pts = index
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        for _ in range(43):
            silence = np.zeros((2, 1024), np.float32)
            samples = av.AudioFrame.from_ndarray(silence, format="fltp", layout="stereo")
            samples.sample_rate = 44100
            output.mux(audio.encode(samples))
        output.mux(audio.encode(None))


def test_label_is_drawn_in_any_script_and_leaves_the_picture_above_alone():
    frame = np.full((120, 160, 3), 200, np.uint8)
    before = frame.copy()
    draw_label(frame, "歩く é 94 %", 0.5)
    np.testing.assert_array_equal(frame[:98], before[:98])
    assert (frame[98:] > 240).any()  # letters


@pytest.mark.parametrize(
    ("aspect", "place"), [("stretch", (80, 60)), ("pad", (80, 60)), ("crop", (80, 60))]
)
def test_skeleton_lies_where_the_joints_are(aspect, place):
    """A joint in the middle of the square frame is in the middle of the video's frame."""
    frame = np.zeros((120, 160, 3), np.uint8)
    middle = [160 / 120 / 2, 0.5] if aspect == "stretch" else [0.5, 0.5]
    joints = np.tile(np.float32([*middle, 0, 1]), (33, 1))
    draw_person(frame, joints, aspect=aspect)
    rows, columns = np.nonzero(frame.any(axis=-1))
    assert (round(columns.mean()), round(rows.mean())) == place


def test_landmarks_between_two_frames():
    first, second = np.zeros((33, 4)), np.ones((33, 4))
    nobody = np.full((33, 4), np.nan)
    times = [0.0, 1.0, 2.0]
    half = landmarks_at(0.5, times, [first, second, nobody])
    assert (half == 0.5).all()
    assert (landmarks_at(1.2, times, [first, second, nobody]) == 1).all()
    assert np.isnan(landmarks_at(1.8, times, [first, second, nobody])).all()
    assert landmarks_at(1.0, [], []) is None
