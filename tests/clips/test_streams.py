"""What the backbone is shown of a clip, alone and within a model."""

import numpy as np
import pytest

from har.backbones.packed import read_features
from har.clips.streams import STREAMS, find_person, show_stream
from har.engine.runtime import keras
from har.models.contract import build_model, settings_type
from har.training.deployment import deployable

SIZE = 8
FUSED = ["frames", "motion", "trace"]


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


@pytest.mark.parametrize("context", [0.7, 1.2])
def test_person_within_a_model_is_the_same_to_the_last_bit_on_a_moving_figure(context):
    clips = walking_square(num_frames=9)[np.newaxis]
    frames = keras.Input(clips.shape[1:], dtype="uint8")
    model = keras.Model(frames, show_stream("person", frames, context=context, xp=keras.ops))
    shown = show_stream("person", clips, context=context)
    assert np.array_equal(model.predict_on_batch(clips), shown)
    assert not np.array_equal(shown, show_stream("person", clips, context=2.0))


def walking_square(num_frames: int = 12, size: int = 64) -> np.ndarray:
    """Return a bright square of 12 pixels that goes right by 3 a frame, from column 8."""
    clip = np.full((num_frames, size, size, 3), 40, np.uint8)
    for place, frame in enumerate(clip):
        frame[20:32, 8 + 3 * place : 20 + 3 * place] = 200
    return clip


def test_find_person_follows_who_moves_with_a_box_of_one_size():
    motion = show_stream("motion", walking_square())
    left, top, side = find_person(motion, context=1.0)
    assert side.shape == (1,)
    assert 16 <= side[0] <= 32
    centres = left + side // 2
    # Near the ends of the clip only frames from one side are near, so that the box lags there.
    assert (np.diff(centres) >= 0).all()
    assert abs(centres[6] - (8 + 6 + 3 * 6)) <= 3
    assert (np.abs(top + side // 2 - 26) <= 3).all()
    wider = find_person(motion, context=1.5)[2]
    assert wider[0] == pytest.approx(1.5 * side[0], abs=1)


@pytest.mark.parametrize("clip", [np.zeros((6, 16, 16, 3), np.uint8), random_clips()[0]])
def test_find_person_takes_the_whole_frame_when_nothing_or_everything_moves(clip):
    left, top, side = find_person(show_stream("motion", clip), context=1.2)
    assert side[0] == clip.shape[1]
    assert not left.any()
    assert not top.any()
    assert np.array_equal(show_stream("person", clip, context=1.2), clip)


def test_person_is_as_large_in_the_picture_wherever_it_walks():
    shown = show_stream("person", walking_square(), context=1.2)
    bright = (shown > 120).all(axis=-1).sum(axis=(1, 2))
    assert bright.min() > 2 * 12 * 12
    assert bright.max() - bright.min() < 0.1 * bright.max()


def test_trace_has_the_frames_around_in_its_colours():
    grey = np.array([10, 50, 90], np.uint8)
    clips = np.repeat(grey, 3).reshape(3, 1, 1, 3)
    trace = show_stream("trace", clips).reshape(3, 3)
    assert trace.tolist() == [[10, 10, 50], [10, 50, 90], [50, 90, 90]]


def test_show_stream_names_the_streams_when_there_is_none_of_that_name():
    with pytest.raises(ValueError, match=r"There is no stream 'sound'; expected one of frames, m"):
        show_stream("sound", random_clips())


def test_fusion_on_frames_gives_what_its_head_gives_on_the_features_of_its_streams():
    inputs = keras.Input((SIZE, SIZE, 3))
    x = keras.layers.Conv2D(5, 3, activation="relu")(keras.layers.Rescaling(1 / 255)(inputs))
    backbone = keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(x))
    streams = list(STREAMS)
    head = build_fusion(num_frames=6, num_features=20, streams=streams)
    head.layers[-1].set_weights([np.random.default_rng(1).normal(size=(80, 3)), np.zeros(3)])
    clips = walking_square(num_frames=12, size=SIZE * 8)[:, ::8, ::8].reshape(2, 6, SIZE, SIZE, 3)
    shown = [show_stream(stream, clips, context=0.6) for stream in streams]
    assert not np.array_equal(shown[streams.index("person")], clips)
    shown = [frames.reshape(12, SIZE, SIZE, 3) for frames in shown]
    features = [backbone.predict_on_batch(frames).reshape(2, 6, 5) for frames in shown]
    expected = head.predict_on_batch(np.concatenate(features, axis=-1))
    whole = deployable(head, backbone, streams, context=0.6)
    assert np.abs(whole.predict_on_batch(clips) - expected).max() < 1e-5
    assert np.abs(expected - 1 / 3).max() > 0.05


def build_fusion(num_frames: int, num_features: int = 15, **params) -> keras.Model:
    settings = settings_type("fusion")(**{"streams": FUSED} | params)
    return build_model(
        "fusion", settings, num_classes=3, num_frames=num_frames, num_features=num_features
    )


def test_fusion_leaves_whole_streams_out_in_training():
    keras.utils.set_random_seed(0)
    head = build_fusion(num_frames=6, dropout=0.0)
    kernel = np.zeros((4, 3, 5, 3))  # statistic, stream, feature, label: the logits count streams
    for stream in range(3):
        kernel[:, stream, :, stream] = 1
    head.layers[-1].set_weights([kernel.reshape(60, 3), np.zeros(3)])
    features = np.random.default_rng(0).random((40, 6, 15)).astype(np.float32)
    probabilities = keras.ops.convert_to_numpy(head(features, training=True))
    # Where all three streams are left out, which is one time in eight, all labels are alike.
    all_left_out = np.isclose(probabilities, 1 / 3).all(axis=1)
    assert 0 < all_left_out.sum() < 20
    assert not np.isclose(head.predict_on_batch(features), 1 / 3).all(axis=1).any()


def test_read_features_tells_the_streams_apart(tmp_path):
    packed = np.arange(2 * 2 * 3 * 4, dtype=np.float32).reshape(2, 2, 3, 4)
    np.save(tmp_path / "a.npy", packed)
    (motion,) = read_features(str(tmp_path / "a.npy"), ("motion",), made=("frames", "motion"))
    assert np.array_equal(motion, packed[:, 1])
