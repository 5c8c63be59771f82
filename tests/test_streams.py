"""What the backbone is shown of a clip, alone and within a model."""

import numpy as np
import pytest

from har.models import deployable, find_model
from har.runtime import keras
from har.streams import STREAMS, read_features, show_stream

SIZE = 8


def random_clips(num_frames: int = 6) -> np.ndarray:
    shape = (2, num_frames, SIZE, SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_motion_is_twice_the_difference_to_the_frame_before():
    clips = random_clips()
    motion = show_stream("motion", clips)
    difference = np.abs(np.diff(clips.astype(int), axis=1))
    assert motion.dtype == np.uint8
    assert np.array_equal(motion[:, 1:], np.minimum(2 * difference, 254))
    assert np.array_equal(motion[:, 0], motion[:, 1])


def test_motion_of_one_frame_is_nothing():
    assert not show_stream("motion", random_clips(1)).any()


@pytest.mark.parametrize("stream", STREAMS)
def test_stream_within_a_model_is_the_same_to_the_last_bit(stream):
    frames = keras.Input((6, SIZE, SIZE, 3), dtype="uint8")
    model = keras.Model(frames, show_stream(stream, frames, xp=keras.ops))
    clips = random_clips()
    assert np.array_equal(model.predict_on_batch(clips), show_stream(stream, clips))


def test_two_stream_on_frames_gives_what_its_head_gives_on_the_features_of_both_streams():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    backbone = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    module = find_model("two_stream")
    head = module.build(
        num_classes=3, num_frames=6, frame_size=0, num_features=10, params={"dropout": 0.5}
    )
    head.layers[-1].set_weights([np.random.default_rng(1).normal(size=(40, 3)), np.zeros(3)])
    clips = random_clips()
    shown = [show_stream(stream, clips).reshape(12, SIZE, SIZE, 3) for stream in module.STREAMS]
    features = [backbone.predict_on_batch(frames).reshape(2, 6, 5) for frames in shown]
    expected = head.predict_on_batch(np.concatenate(features, axis=-1))
    whole = deployable(head, backbone, module.STREAMS)
    assert np.abs(whole.predict_on_batch(clips) - expected).max() < 1e-5
    assert np.abs(expected - 1 / 3).max() > 0.05


def test_two_stream_refuses_clips_too_short_to_compare():
    settings = {"num_classes": 3, "frame_size": 0, "num_features": 10, "params": {"dropout": 0.5}}
    with pytest.raises(ValueError, match=r"models\.two_stream\.num_frames is 4, expected 5"):
        find_model("two_stream").build(num_frames=4, **settings)


def test_read_features_tells_the_streams_apart(tmp_path):
    packed = np.arange(2 * 2 * 3 * 4, dtype=np.float32).reshape(2, 2, 3, 4)
    np.save(tmp_path / "a.npy", packed)
    (motion,) = read_features(str(tmp_path / "a.npy"), ("motion",))
    assert np.array_equal(motion, packed[:, 1])
