"""What the backbone is shown of a clip, alone and within a model."""

import numpy as np
import pytest

from har.clips.streams import STREAMS, find_person, show_streams
from har.engine.runtime import keras
from har.features.packed import read_features
from har.models.contract import build_model, settings_type

SIZE = 8
FUSED = ["frames", "motion", "person"]


def random_clip(num_frames: int = 6) -> np.ndarray:
    shape = (num_frames, SIZE, SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def show_stream(name: str, clip: np.ndarray, context: float = 1.0) -> np.ndarray:
    (shown,) = show_streams([name], clip, context=context)
    return shown


def test_motion_is_twice_the_difference_to_the_frame_before():
    clip = random_clip()
    motion = show_stream("motion", clip)
    difference = np.abs(np.diff(clip.astype(int), axis=0))
    assert motion.dtype == np.uint8
    assert np.array_equal(motion[1:], np.minimum(2 * difference, 254))
    assert np.array_equal(motion[0], motion[1])


def test_motion_of_one_frame_is_nothing():
    assert not show_stream("motion", random_clip(1)).any()


def test_show_streams_gives_each_what_it_gives_alone():
    clip = walking_square(num_frames=9)
    together = show_streams(list(STREAMS), clip, context=1.2)
    for name, shown in zip(STREAMS, together, strict=True):
        assert np.array_equal(shown, show_stream(name, clip, context=1.2))
        assert (shown.dtype, shown.shape) == (np.uint8, clip.shape)
    assert not np.array_equal(together[2], show_stream("person", clip, context=2.0))


def walking_square(num_frames: int = 12, size: int = 64) -> np.ndarray:
    """Return a bright square of 12 pixels that goes right by 3 a frame, from column 8."""
    clip = np.full((num_frames, size, size, 3), 40, np.uint8)
    for place, frame in enumerate(clip):
        frame[20:32, 8 + 3 * place : 20 + 3 * place] = 200
    return clip


def test_find_person_follows_who_moves_with_a_box_of_one_size():
    motion = show_stream("motion", walking_square())
    left, top, side = find_person(motion, context=1.0)
    assert 16 <= side <= 32
    centres = left + side // 2
    # Near the ends of the clip only frames from one side are near, so that the box lags there.
    assert (np.diff(centres) >= 0).all()
    assert abs(centres[6] - (8 + 6 + 3 * 6)) <= 3
    assert (np.abs(top + side // 2 - 26) <= 3).all()
    wider = find_person(motion, context=1.5)[2]
    assert wider == pytest.approx(1.5 * side, abs=1)


@pytest.mark.parametrize("clip", [np.zeros((6, 16, 16, 3), np.uint8), random_clip()])
def test_find_person_takes_the_whole_frame_when_nothing_or_everything_moves(clip):
    left, top, side = find_person(show_stream("motion", clip), context=1.2)
    assert side == clip.shape[1]
    assert not left.any()
    assert not top.any()
    assert np.array_equal(show_stream("person", clip, context=1.2), clip)


def test_person_is_as_large_in_the_picture_wherever_it_walks():
    shown = show_stream("person", walking_square(), context=1.2)
    bright = (shown > 120).all(axis=-1).sum(axis=(1, 2))
    assert bright.min() > 2 * 12 * 12
    assert bright.max() - bright.min() < 0.1 * bright.max()


def test_show_stream_names_the_streams_when_there_is_none_of_that_name():
    with pytest.raises(ValueError, match=r"There is no stream 'sound'; expected one of frames, m"):
        show_streams(["frames", "sound"], random_clip())


def test_fusion_learns_from_one_stream_at_a_time_and_adds_their_logits():
    keras.utils.set_random_seed(0)
    settings = settings_type("fusion")(streams=FUSED, dropout=0.0)
    head = build_model("fusion", settings, num_classes=3, num_frames=6, num_features=15)
    sizes = [20, 35, 35]  # statistics of 5 features: 4 of each, and 3 of the order but of frames
    kernel = np.zeros((90, 3))  # the logit of label i is the sum of what stream i is shown
    for stream, end in enumerate(np.cumsum(sizes)):
        kernel[end - sizes[stream] : end, stream] = 0.01
    head.layers[-1].set_weights([kernel, np.zeros(3)])
    features = np.random.default_rng(0).random((40, 6, 15)).astype(np.float32)
    logits = np.log(keras.ops.convert_to_numpy(head(features, training=True)))
    # Streams that are not shown have a logit of 0, so two labels of three are alike.
    ordered = np.sort(logits, axis=1)
    gaps = np.diff(ordered, axis=1)
    assert gaps.min(axis=1) == pytest.approx(0, abs=1e-5)
    assert gaps.max(axis=1).min() > 1e-3
    shown = np.abs(logits - np.median(logits, axis=1, keepdims=True)).argmax(axis=1)
    assert set(shown) == {0, 1, 2}
    used = np.sort(np.log(head.predict_on_batch(features)), axis=1)
    assert (np.diff(used, axis=1) > 1e-4).all()


def test_read_features_tells_the_streams_apart(tmp_path):
    packed = np.arange(2 * 3 * 96, dtype=np.float32).reshape(2, 3, 96)  # 4, 88 of the pose, 4
    np.save(tmp_path / "a.npy", packed)
    made = ("frames", "pose", "motion")
    motion, pose = read_features(str(tmp_path / "a.npy"), ("motion", "pose"), made=made)
    assert np.array_equal(motion, packed[..., 92:])
    assert np.array_equal(pose, packed[..., 4:92])
