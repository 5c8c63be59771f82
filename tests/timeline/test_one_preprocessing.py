"""One clip by every way to use a model: the stages, `predict`, a server, live."""

from pathlib import Path

import numpy as np
import pytest
from drawn_people import whole_people

from har.demo import draw_frames
from har.engine.steps import Limits
from har.models.contract import build_model, settings_type
from har.pose.joints import NUM_POSE_FEATURES
from har.pose.networks import find_pose_files
from har.recognizer.prediction import CLIP_SETTINGS
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.timeline.live import LiveWindow, watch_live
from har.timeline.prediction import choose_pace, predict_any
from har.tracking.served import describe
from har.video.converting import convert_video
from har.video.extracting import extract_clip, stretched_aspect
from har.video.writing import write_video

LIMITS = Limits(workers=1, timeout_seconds=60, memory_gigabytes=2, max_gigabytes=1)
NUM_FRAMES, LABELS = 12, ["sitting", "walking", "waving"]
SECONDS = 2.0


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory) -> Recognizer:
    """One on the pose whose answers depend on all that it sees, saved and loaded."""
    settings = settings_type("fusion")(streams=["pose"])
    shape = {"num_frames": NUM_FRAMES, "num_features": NUM_POSE_FEATURES}
    model = build_model("fusion", settings, num_classes=len(LABELS), **shape)
    kernel, bias = model.layers[-1].get_weights()
    drawn = np.random.default_rng(0).normal(0, 0.005, kernel.shape)
    model.layers[-1].set_weights([drawn.astype(np.float32), bias])
    preprocessing = {
        "max_side": 640, "num_frames": NUM_FRAMES, "size": 224, "aspect": "stretch",
        "model_frames": NUM_FRAMES, "streams": ["pose"], "context": 1.2, "person": "moving",
        "window_seconds": SECONDS, "longest_seconds": SECONDS,
    }  # fmt: skip
    made = Recognizer.of_model(model, LABELS, preprocessing, {}, pose=find_pose_files())
    folder = tmp_path_factory.mktemp("model")
    made.save(folder)
    return load_recognizer(folder)


@pytest.fixture(scope="module")
def video(tmp_path_factory) -> Path:
    """Two seconds of a drawn person who walks."""
    drawn = next(whole_people("walking"))
    frames = [frame for frame, _ in zip(draw_frames(drawn), range(41), strict=False)]
    path = tmp_path_factory.mktemp("video") / "walking.mp4"
    write_video(path, frames, fps=20)
    return path


def by_the_stages(recognizer: Recognizer, video: Path, folder: Path) -> np.ndarray:
    """Return the probabilities by what `convert`, `extract` and `evaluate` do."""
    how = {name: recognizer.preprocessing[name] for name in CLIP_SETTINGS}
    convert_video(video, folder / "converted.mp4", max_side=how.pop("max_side"))
    clip, _ = extract_clip(folder / "converted.mp4", **how)
    aspect = stretched_aspect(folder / "converted.mp4", how["aspect"])
    return recognizer.predict(clip, aspect=aspect)


def by_predict(recognizer: Recognizer, video: Path) -> np.ndarray:
    pace, longest = choose_pace(recognizer, window_seconds=None, step_seconds=0.3)
    (said,) = predict_any(recognizer, [video], pace=pace, longest_seconds=longest, limits=LIMITS)
    assert said.timeline is None
    return np.float32([said.prediction.probabilities[label] for label in recognizer.labels])


def live_answers(recognizer: Recognizer, video: Path) -> np.ndarray:
    """Return the probabilities of each answer while the video plays."""
    window, answers = LiveWindow(recognizer, recognizer.window_seconds), []
    for moment in watch_live(window, recognizer, str(video), limits=LIMITS, on_loss=print):
        answers += [] if moment.answer is None else [moment.answer.probabilities]
    short = window.answer_short()
    return np.stack([*answers, *([] if short is None else [short.probabilities])])


def test_stages_predict_and_server_say_the_same(recognizer, video, tmp_path):
    expected = by_the_stages(recognizer, video, tmp_path)
    assert np.ptp(expected) > 0.01, "the probabilities tell something"
    np.testing.assert_array_equal(by_predict(recognizer, video), expected)
    said = describe(recognizer, str(video))["probabilities"]
    np.testing.assert_array_equal(np.float32([said[label] for label in LABELS]), expected)


def test_live_says_nearly_the_same_of_a_video_as_long_as_the_window(recognizer, video, tmp_path):
    """The person is followed from the first frame, and not from where it is seen surest."""
    expected = by_the_stages(recognizer, video, tmp_path)
    answers = live_answers(recognizer, video)
    np.testing.assert_allclose(answers[-1], expected, atol=0.05)
