"""A window that slides: what a model is given of it, and how often the backbone runs."""

import numpy as np
import pytest

from har.backbones.conversion import convert_backbone
from har.models.contract import build_model, settings_type
from har.pose.joints import NUM_POSE_FEATURES
from har.pose.networks import find_pose_files
from har.recognizer.recognizer import Recognizer
from har.timeline.window import SlidingWindow

NUM_FRAMES, SIZE = 9, 32
STREAMS = ["frames", "motion", "person", "pose"]


def recognizer_on(streams: list[str]) -> Recognizer:
    networks = {}
    if streams != ["pose"]:
        options = {"weights": "random", "seed": 0, "frame_size": SIZE}
        networks["backbone"] = convert_backbone("mobilenet_v2", **options).network
    if "pose" in streams:
        networks["pose"] = find_pose_files()
    num_features = 1280 * len(set(streams) - {"pose"}) + NUM_POSE_FEATURES * ("pose" in streams)
    settings = settings_type("fusion")(streams=streams)
    shape = {"num_frames": NUM_FRAMES, "num_features": num_features}
    model = build_model("fusion", settings, num_classes=2, **shape)
    preprocessing = {
        "num_frames": NUM_FRAMES,
        "size": SIZE,
        "aspect": "stretch",
        "model_frames": NUM_FRAMES,
        "streams": streams,
        "context": 1.2,
        "person": "moving",
    }
    return Recognizer.of_model(model, ["a", "b"], preprocessing, {}, **networks)


@pytest.fixture(scope="module")
def pictures() -> Recognizer:
    return recognizer_on(["frames", "motion"])


def moving_square(num_frames: int) -> np.ndarray:
    """A bright square that goes from left to right."""
    clip = np.random.default_rng(0).integers(0, 40, (num_frames, SIZE, SIZE, 3), np.uint8)
    for place, frame in enumerate(clip):
        frame[10:20, place : place + 10] = 230
    return clip


def test_window_is_full_once_it_has_a_clip(pictures):
    window = SlidingWindow(pictures)
    states = []
    for frame in moving_square(NUM_FRAMES + 1):
        window.add(frame)
        states.append(window.is_full)
    assert states == [False] * 8 + [True] * 2


@pytest.mark.parametrize("start", [0, 3, 6])
def test_window_gives_what_a_clip_of_its_frames_would(pictures, start):
    clip, window = moving_square(start + NUM_FRAMES), SlidingWindow(pictures)
    for frame in clip:
        window.add(frame)
    np.testing.assert_array_equal(window.inputs(), pictures.inputs(clip[start:]))
    expected = pictures.predict(clip[start:])
    np.testing.assert_array_equal(window.probabilities(), expected)


def test_the_backbone_sees_each_picture_once(pictures, monkeypatch):
    seen = []
    extractor = pictures.extractor
    monkeypatch.setitem(
        pictures.__dict__, "extractor", lambda frames: seen.append(len(frames)) or extractor(frames)
    )
    window = SlidingWindow(pictures)
    for frame in moving_square(18):
        window.add(frame)
        if window.is_full:
            window.probabilities()
    assert sum(seen) == 6 + 17  # every third frame, and each change


def test_window_knows_the_person_up_to_some_frames_ago():
    recognizer = recognizer_on(["person"])
    clip, window = moving_square(2 * NUM_FRAMES), SlidingWindow(recognizer)
    for frame in clip:
        window.add(frame)
    rows = window.inputs()
    assert rows.shape == (NUM_FRAMES, 1280)
    # Frames 9 to 17: of threes 10 is known, as 15 has been seen, 13 and 16 are not yet.
    assert len(np.unique(rows, axis=0)) == 1
    whole = recognizer.extractor(clip[10:11])
    assert not np.allclose(rows[0], whole[0], atol=1e-3), "the person fills the picture"


def test_window_says_in_how_many_frames_somebody_is_found():
    window = SlidingWindow(recognizer_on(["pose"]))
    frame = np.zeros((SIZE, SIZE, 3), np.uint8)
    nobody = np.full((33, 8), np.nan, np.float32)
    for number in range(NUM_FRAMES):
        window.add(frame, nobody if number >= 5 else np.ones((33, 8), np.float32))
    assert window.share_found(3) == pytest.approx(2 / 3)  # of frames 3, 4 and 5
    assert window.share_found(9) == pytest.approx(5 / 9)


def test_nobody_is_missed_where_the_model_sees_no_pose(pictures):
    window = SlidingWindow(pictures)
    for frame in moving_square(NUM_FRAMES):
        window.add(frame)
    assert window.share_found(3) == 1
