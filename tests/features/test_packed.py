"""Packed features: what the stage makes of a clip is what a recognizer makes of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from damage import flip_bit

from har.backbones.extractor import Extractor
from har.clips.views import View, apply_view
from har.engine.cache import file_digest
from har.features.columns import stream_slices
from har.features.packed import Shown, clip_features, pack_features, read_features
from har.pose.joints import NUM_POSE_FEATURES
from har.pose.landmarks import pose_features, view_landmarks

NUM_FRAMES, SIZE, ASPECT = 6, 16, 1.5
STREAMS = ["frames", "motion", "pose", "person"]
SHOWN = Shown(STREAMS, 1.2)
VIEWS = [View(flip=True), View(speed=2.0, crop_size=0.8, crop_left=0.1)]


def run(frames: np.ndarray) -> np.ndarray:
    """Return the mean of each colour, as a backbone of three features."""
    return frames.mean(axis=(1, 2), dtype=np.float32)


@pytest.fixture
def clip() -> np.ndarray:
    shape = (NUM_FRAMES, SIZE, SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.fixture
def landmarks() -> np.ndarray:
    return np.random.default_rng(1).random((NUM_FRAMES, 33, 8)).astype(np.float32)


@pytest.fixture
def pack(project, clip, landmarks):
    """Return the table and how many were made, of one video with two views."""
    np.save("clip.npy", clip)
    np.save("landmarks.npy", landmarks)
    digests = [file_digest(Path(name)) for name in ("clip.npy", "landmarks.npy")]
    row = ("a", "clip.npy", digests[0], ASPECT, "landmarks.npy", digests[1])
    names = ["video_id", "path", "sha256", "aspect", "path_of_landmarks", "sha256_of_landmarks"]
    videos = pd.DataFrame([row], columns=names)

    def pack(shown: Shown = SHOWN, **changes) -> tuple[pd.DataFrame, int]:
        extractor = Extractor([run], runtime="fake", fingerprint="f", frame_size=SIZE)
        return pack_features(
            videos.assign(**changes),
            {"a": VIEWS},
            extractor,
            project / "out",
            shown=shown,
            max_gigabytes=1,
        )

    return pack


def test_the_clip_itself_has_the_features_that_a_recognizer_makes(pack, clip, landmarks):
    table, num_made = pack()
    assert num_made == 1
    packed = np.load(table["path"][0])
    assert packed.shape == (3, NUM_FRAMES, 3 * 3 + NUM_POSE_FEATURES)
    places = np.array([0, 2, 5])
    features = clip_features(clip, SHOWN, run, landmarks=landmarks, places=places)
    assert np.array_equal(features, packed[0, places])


def test_views_have_the_features_of_what_they_show(pack, clip, landmarks):
    table, _ = pack()
    frames, pose = read_features(table["path"][0], ["frames", "pose"], made=STREAMS)
    for number, view in enumerate(VIEWS, start=1):
        seen = apply_view(clip, view)[[1, 1, 1, 4, 4, 4]]
        assert np.array_equal(frames[number], run(seen))
        assert np.array_equal(pose[number], pose_features(view_landmarks(landmarks, view, ASPECT)))


def test_the_backbone_sees_a_third_of_the_frames_and_every_step_of_the_motion(clip, landmarks):
    seen = []

    def count(frames: np.ndarray) -> np.ndarray:
        seen.append(len(frames))
        return run(frames)

    extractor = Extractor([count], runtime="fake", fingerprint="f", frame_size=SIZE)
    places = np.arange(NUM_FRAMES)
    for stream, num_seen in {"frames": 2, "person": 2, "motion": 5}.items():  # 0 moves as 1 does
        clip_features(clip, Shown([stream], 1.2), extractor.run, landmarks=None, places=places)
        assert seen.pop() == num_seen


def test_what_was_made_before_is_made_again_only_for_other_inputs(pack, landmarks):
    assert [pack()[1] for _ in range(2)] == [1, 0]
    assert pack(aspect=1.0)[1] == 1
    np.save("landmarks.npy", landmarks[::-1])
    assert pack(sha256_of_landmarks=file_digest(Path("landmarks.npy")))[1] == 1
    without = Shown(["frames"], 1.2)
    assert [pack(without)[1], pack(without, sha256_of_landmarks="4")[1]] == [1, 0]


@pytest.mark.parametrize("name", ["clip.npy", "landmarks.npy"])
def test_nothing_is_made_of_a_damaged_file(pack, name):
    flip_bit(Path(name))
    with pytest.raises(ValueError, match=f"{name} is damaged"):
        pack()


def test_stream_slices_follow_each_other():
    slices = stream_slices(STREAMS, 3 * 5 + NUM_POSE_FEATURES)
    assert [(one.start, one.stop) for one in slices.values()] == [
        (0, 5),
        (5, 10),
        (10, 10 + NUM_POSE_FEATURES),
        (10 + NUM_POSE_FEATURES, 15 + NUM_POSE_FEATURES),
    ]


def test_read_features_tells_the_streams_apart(tmp_path):
    width = 4 + NUM_POSE_FEATURES + 4
    packed = np.arange(2 * 3 * width, dtype=np.float32).reshape(2, 3, width)
    np.save(tmp_path / "a.npy", packed)
    made = ("frames", "pose", "motion")
    motion, pose = read_features(str(tmp_path / "a.npy"), ("motion", "pose"), made=made)
    assert np.array_equal(motion, packed[..., -4:])
    assert np.array_equal(pose, packed[..., 4:-4])
