"""Naming new videos: the frames a model is given, what is said of each, and what is written."""

import csv
import json
import math
import multiprocessing
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from command_line import run
from places import REAL, ROOT
from video_files import textured_frames, write_damaged, write_numbered

import har.pages.prediction
import har.recognizer.prediction
import har.timeline.describing
from har.engine.runtime import keras
from har.engine.steps import Limits
from har.pages.templating import NUM_STRIP_FRAMES
from har.recognizer.prediction import list_videos, predict_videos, read_clip
from har.recognizer.recognizer import Recognizer
from har.video.converting import convert_video
from har.video.extracting import extract_clip
from har.video.writing import write_video

LIMITS = Limits(workers=2, timeout_seconds=60, memory_gigabytes=2, max_gigabytes=1)
SETTINGS = {"num_frames": 8, "size": 32, "aspect": "pad", "max_side": 48}
PREPROCESSING = SETTINGS | {"model_frames": 4, "streams": ["frames"], "context": 1.0}
LABELS = ["dark", "bright"]


def brightness_model() -> keras.Model:
    """A model that finds a clip as bright as its mean brightness is."""
    inputs = keras.Input((4, 32, 32, 3), dtype="uint8")
    mean = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    mean = keras.ops.mean(mean, axis=1, keepdims=True)
    return keras.Model(inputs, keras.layers.Concatenate()([1 - mean, mean]), name="brightness")


@pytest.fixture(scope="module")
def recognizer() -> Recognizer:
    return Recognizer.of_model(brightness_model(), LABELS, PREPROCESSING, {"model": "tiny"})


@pytest.fixture
def model(project, recognizer) -> str:
    """The folder of a model, in a project."""
    recognizer.save(Path("models/tiny"))
    return "models/tiny"


def write_grey(path: Path, brightness: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, [np.full((48, 64, 3), brightness, np.uint8)] * 12, fps=25)
    return path


def read_rows(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(path).read_text(encoding="utf-8").splitlines()))


@pytest.mark.parametrize("codec", ["h264", "mpeg4"])  # copied, and encoded again in 48 x 36
def test_read_clip_gives_the_frames_of_the_pipeline(codec, tmp_path):
    video = tmp_path / f"a clip é.{'mp4' if codec == 'h264' else 'avi'}"
    write_video(video, textured_frames(20), fps=25, **({} if codec == "h264" else {"codec": codec}))
    _, is_encoded = convert_video(video, tmp_path / "converted.mp4", max_side=48)
    assert is_encoded == (codec == "mpeg4")
    expected, _ = extract_clip(tmp_path / "converted.mp4", num_frames=8, size=32, aspect="pad")
    clip, aspect = read_clip((video, SETTINGS, str(tmp_path), math.inf))
    assert aspect == 1  # padded, not stretched
    assert clip.shape == (8, 32, 32, 3)
    assert np.array_equal(clip, expected)


def test_predict_videos_leaves_nothing_behind(recognizer, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    good = write_numbered(tmp_path / "a.mp4")
    damaged = write_damaged(tmp_path / "damaged.avi", keep=0.2)
    predictions = predict_videos(recognizer, [good, damaged, good], limits=LIMITS)
    assert [bool(next(predictions).problem) for _ in range(2)] == [False, True]
    assert list(temporary.glob("har-*"))
    predictions.close()  # as an interrupt does
    assert not list(temporary.glob("har-*"))


def test_read_clip_names_the_video_when_its_copy_cannot_be_decoded(tmp_path, monkeypatch):
    def refuse(path, **settings):
        raise har.recognizer.prediction.VideoError(f"{path} has no frames.")

    monkeypatch.setattr(har.recognizer.prediction, "extract_clip", refuse)
    video = write_numbered(tmp_path / "a.mp4")
    with pytest.raises(ValueError, match=f"^{video} has no frames"):
        read_clip((video, SETTINGS, str(tmp_path), math.inf))


def test_list_videos_takes_files_and_folders_each_once(tmp_path):
    for name in ("b/2.MOV", "b/deep/1.mp4", "b/notes.txt", "b/.hidden.mp4", "a.bin"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    named = [tmp_path / "a.bin", tmp_path / "b", tmp_path / "b" / "2.MOV"]
    found = [path.relative_to(tmp_path).as_posix() for path in list_videos(named)]
    assert found == ["a.bin", "b/2.MOV", "b/deep/1.mp4"]


def test_list_videos_refuses_a_folder_without_videos(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(
        ValueError, match=r"has no videos\. Expected files that end as one of \.3g2"
    ):
        list_videos([tmp_path])


def test_predict_videos_says_what_the_model_says_and_goes_on_after_bad_ones(recognizer, tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("no video")
    videos = [
        write_grey(tmp_path / "black.mp4", 20),
        tmp_path / "empty.mp4",
        tmp_path / "text.mp4",
        tmp_path / "removed since.mp4",
        write_grey(tmp_path / "white.mp4", 235),
    ]
    said = list(predict_videos(recognizer, videos, limits=LIMITS))
    assert [one.video for one in said] == videos
    assert [one.label for one in said] == ["dark", None, None, None, "bright"]
    first, *bad, last = said
    assert list(first.probabilities) == ["dark", "bright"]  # the most probable first
    assert list(last.probabilities) == ["bright", "dark"]
    # The picture is 64 x 48, so black bars are a quarter of the square.
    assert last.probabilities["bright"] == pytest.approx(0.75 * 235 / 255, abs=0.02)
    assert np.array_equal(last.clip, read_clip((videos[-1], SETTINGS, str(tmp_path), math.inf))[0])
    for one, reason in zip(
        bad, ("is empty (0 bytes)", "is not a video", "No such file"), strict=True
    ):
        assert str(one.video) in one.problem
        assert reason in one.problem
        assert one.clip is None


def test_predict_videos_takes_the_frames_that_the_model_was_trained_on(tmp_path):
    recognizer = Recognizer.of_model(brightness_model(), LABELS, PREPROCESSING, {})
    video = write_numbered(tmp_path / "a.mp4")
    (said,) = predict_videos(recognizer, [video], limits=LIMITS)
    clip, _ = read_clip((video, SETTINGS, str(tmp_path), math.inf))
    assert np.array_equal(recognizer.inputs(clip), clip[[0, 2, 5, 7]])
    expected = clip[[0, 2, 5, 7]].mean() / 255
    assert said.probabilities["bright"] == pytest.approx(expected, abs=1e-4)


def test_predict_videos_stops_what_takes_too_long_and_says_what_to_raise(recognizer, tmp_path):
    frames = np.random.default_rng(0).integers(0, 256, (400, 480, 640, 3), dtype=np.uint8)
    write_video(tmp_path / "long.avi", frames, fps=25, codec="mjpeg", pixel_format="yuvj420p")
    limits = Limits(workers=1, timeout_seconds=0.05, memory_gigabytes=2, max_gigabytes=1)
    (said,) = predict_videos(recognizer, [tmp_path / "long.avi"], limits=limits)
    assert "raise convert.timeout_seconds" in said.problem


def test_predict_prints_a_line_a_video_and_writes_table_and_page(model, capsys):
    for name, brightness in {"black é.mp4": 20, "<b>white</b>.mp4": 235}.items():
        write_grey(Path("my clips") / name.replace("/", "-"), brightness)
    written = ["--csv", "out/said.csv", "--html", "out/said.html"]
    code, out, _ = run("predict", "my clips", "--model", model, *written, capsys=capsys)
    assert code == 0
    bright, dark, end = out.splitlines()
    assert bright.startswith("my clips/<b>white<-b>.mp4: bright 6")
    assert dark.startswith("my clips/black é.mp4: dark 9")
    assert end == "predict: 2 videos: 1 bright, 1 dark"
    rows = read_rows("out/said.csv")
    columns = ["video", "predicted", "answer", "probability_dark", "probability_bright", "problem"]
    assert list(rows[0]) == columns
    assert [row["predicted"] for row in rows] == ["bright", "dark"]
    for row in rows:
        shares = float(row["probability_dark"]), float(row["probability_bright"])
        assert sum(shares) == pytest.approx(1, abs=1e-5)
    page = Path("out/said.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 2 * NUM_STRIP_FRAMES
    assert "&lt;b&gt;white" in page
    assert "<b>white" not in page
    assert "http" not in page.replace("http-equiv", "")


def test_predict_ends_with_1_when_a_video_failed_and_names_the_others(model, capsys):
    write_grey(Path("clips/a.mp4"), 20)
    Path("clips/b.mp4").touch()
    write_grey(Path("clips/c.mp4"), 235)
    options = ["--model", model, "--csv", "said.csv", "--html", "said.html"]
    code, out, err = run("predict", "clips", *options, capsys=capsys)
    assert code == 1
    assert [line.split()[0] for line in out.splitlines()] == [
        "clips/a.mp4:",
        "clips/c.mp4:",
        "predict:",
    ]
    assert out.endswith("1 failed\n")
    assert "failed: clips/b.mp4 is empty (0 bytes)" in err
    rows = read_rows("said.csv")
    assert [row["predicted"] for row in rows] == ["dark", "", "bright"]
    assert rows[1]["probability_dark"] == ""
    assert "is empty" in rows[1]["problem"]
    assert "<b>Failed</b> clips/b.mp4 is empty" in Path("said.html").read_text(encoding="utf-8")


def test_predict_prints_nothing_but_json_when_asked(model, capsys):
    write_grey(Path("clips/a.mp4"), 20)
    Path("clips/b.mp4").touch()
    code, out, err = run("predict", "clips", "--model", model, "--json", capsys=capsys)
    assert code == 1
    first, second = map(json.loads, out.splitlines())
    assert first["video"] == "clips/a.mp4"
    assert first["predicted"] == "dark"
    assert list(first["probabilities"]) == ["dark", "bright"]
    assert first["problem"] == ""
    assert (second["predicted"], second["probabilities"]) == (None, {})
    assert "is empty" in second["problem"]
    assert "predict: 2 videos: 1 dark, 1 failed" in err


def test_answer_is_unsure_below_the_threshold_only(recognizer):
    said = replace(recognizer, params={"unsure_below": 0.6})
    assert said.answer(np.float32([0.7, 0.3])) == "dark"
    assert said.answer(np.float32([0.41, 0.59])) == "unsure"
    assert said.answer(np.array([0.4, 0.6])) == "bright"
    # A model made before there was a threshold.
    assert recognizer.answer(np.float32([0.49, 0.51])) == "bright"
    assert recognizer.none_label is None


def test_predict_says_unsure_and_none_of_these_everywhere(recognizer, project, capsys):
    params = {"model": "tiny", "unsure_below": 0.6, "none_label": "dark"}
    replace(recognizer, params=params).save(Path("models/tiny"))
    for name, brightness in {"a.mp4": 20, "b.mp4": 190, "c.mp4": 235}.items():
        write_grey(Path("clips") / name, brightness)
    options = ["--model", "models/tiny", "--csv", "said.csv", "--html", "said.html"]
    code, out, _ = run("predict", "clips", *options, capsys=capsys)
    assert code == 0  # an answer as any other
    none, unsure, bright, end = out.splitlines()
    assert none.startswith("clips/a.mp4: none of these 9")
    assert re.fullmatch(r"clips/b\.mp4: unsure \(bright 5\d %\)", unsure)
    assert re.fullmatch(r"clips/c\.mp4: bright 6\d % \(none of these 3\d %\)", bright)
    assert end == "predict: 3 videos: 1 none of these, 1 unsure, 1 bright"
    rows = read_rows("said.csv")
    assert [row["predicted"] for row in rows] == ["dark", "bright", "bright"]
    assert [row["answer"] for row in rows] == ["dark", "unsure", "bright"]
    page = Path("said.html").read_text(encoding="utf-8")
    assert page.count("<b>Unsure</b>") == 1
    assert page.count("<span>none of these</span>") == 4  # how many, and in each video's answers
    assert "below 60.0 %" in page
    code, out, _ = run("predict", "clips/b.mp4", *options[:2], "--json", capsys=capsys)
    said = json.loads(out)
    assert (code, said["predicted"], said["answer"]) == (0, "bright", "unsure")


def test_predict_shows_so_many_on_a_page_and_says_so(model, monkeypatch, capsys):
    monkeypatch.setattr(har.pages.prediction, "MAX_SHOWN", 1)
    for name in "ab":
        write_grey(Path(f"clips/{name}.mp4"), 20)
    run("predict", "clips", "--model", model, "--html", "said.html", capsys=capsys)
    page = Path("said.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") == NUM_STRIP_FRAMES
    assert "The first 1; all are in what --csv writes." in page


def test_predict_takes_the_model_of_params_and_says_when_it_is_missing(model, set_param, capsys):
    write_grey(Path("clips/a.mp4"), 20)
    Path(model).rename("models/cnn3d")
    set_param("model", "cnn3d")
    assert run("predict", "clips", capsys=capsys)[0] == 0
    set_param("model", "fusion")
    code, out, err = run("predict", "clips", capsys=capsys)
    assert (code, out) == (1, "")
    message = "has no model.tflite, labels.json, preprocessing.json, params.json. Train a model"
    assert f"models/fusion {message}" in err


def test_predict_runs_outside_the_project(recognizer, tmp_path, monkeypatch, capsys):
    recognizer.save(tmp_path / "model")
    monkeypatch.chdir(tmp_path)
    write_grey(Path("clips/a.mp4"), 20)
    code, out, _ = run("predict", "clips", "--model", "model", capsys=capsys)
    assert code == 0
    assert out.startswith("clips/a.mp4: dark 9")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "model"]


@pytest.mark.skipif(not REAL.is_dir(), reason="no ../shared/real")
def test_predict_videos_names_real_clips_of_any_kind(recognizer):
    files = [path for path in REAL.rglob("*") if path.suffix.lower() in (".mov", ".mp4", ".avi")]
    by_folder = {path.parent: path for path in sorted(files, reverse=True)}
    chosen = list(by_folder.values())[:10]
    said = list(predict_videos(recognizer, chosen, limits=LIMITS))
    assert [one.problem for one in said] == [""] * len(chosen)
    assert all(one.clip.std() > 1 for one in said)


def workers() -> set[multiprocessing.process.BaseProcess]:
    return set(multiprocessing.active_children())


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_predict_keeps_what_was_named_when_ended(number, code, model, monkeypatch, capsys):
    for name in "abc":
        write_grey(Path(f"clips/{name}.mp4"), 20)
    named = []

    def describe(prediction, none_label):
        named.append(prediction.video.name)
        if len(named) == 2:
            signal.raise_signal(number)
        return "said"

    monkeypatch.setattr(har.timeline.describing, "describe_prediction", describe)
    options, before = ["--model", model, "--csv", "said.csv", "--html", "said.html"], workers()
    assert run("predict", "clips", *options, capsys=capsys)[0] == code
    assert workers() <= before
    assert [Path(row["video"]).name for row in read_rows("said.csv")] == ["a.mp4", "b.mp4"]
    page = Path("said.html").read_text(encoding="utf-8")
    assert "a.mp4" in page
    assert "c.mp4" not in page


@pytest.mark.parametrize(
    ("unused", "modules"),
    [
        ("tensorflow", "stages.train, stages.evaluate, har.commands.predict"),
        ("matplotlib", "har.timeline.describing, har.timeline.prediction, har.timeline.overlay"),
        ("pandas", "har.timeline.describing, har.timeline.prediction, har.recognizer.recognizer"),
    ],
)
def test_using_a_model_imports_no_more_than_it_needs(unused, modules):
    program = f"import sys, {modules}; sys.exit({unused!r} in sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
