"""The small (2+1)D network: its size, what it can learn, and its streaming form."""

import numpy as np
import pytest

from har.models import count_parameters, find_model
from har.models.r2plus1d import Stream
from har.runtime import keras

SIZE, NUM_FRAMES = 32, 6
PARAMS = {"dropout": 0.0, "batch_norm_momentum": 0.9}


def build(num_frames: int = NUM_FRAMES, frame_size: int = SIZE, num_classes: int = 3):
    keras.utils.set_random_seed(1)
    model = find_model("r2plus1d").build(
        num_classes=num_classes,
        num_frames=num_frames,
        frame_size=frame_size,
        num_features=0,
        params=PARAMS,
    )
    for layer in model.layers:  # a trained network has seen means and variances
        if isinstance(layer, keras.layers.BatchNormalization):
            rng = np.random.default_rng(2)
            size = layer.gamma.shape
            layer.set_weights([*layer.get_weights()[:2], rng.normal(size=size), rng.random(size)])
    return model


def random_clip(num_frames: int = NUM_FRAMES) -> np.ndarray:
    shape = (num_frames, SIZE, SIZE, 3)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def draw_squares(num_clips: int) -> tuple[np.ndarray, np.ndarray]:
    """Return clips of squares that go left or right, and which: each frame alone says nothing."""
    rng = np.random.default_rng(3)
    clips = np.full((num_clips, NUM_FRAMES, SIZE, SIZE, 3), 40, dtype=np.uint8)
    for index, clip in enumerate(clips):
        top, left = rng.integers(0, 20, 2)
        order = 1 if index % 2 else -1
        for place, frame in enumerate(clip[::order]):
            start = (left + 3 * place) % (SIZE - 8)
            frame[top : top + 12, start : start + 8] = 220
    return clips, np.arange(num_clips) % 2


def test_r2plus1d_has_few_parameters():
    model = build(num_frames=16, frame_size=224, num_classes=6)
    assert count_parameters(model) == {"total": 169_870, "trainable": 168_878}
    assert model.output_shape == (None, 6)


@pytest.mark.parametrize("lengths", [[1] * 6, [6], [2, 1, 3], [5, 1]])
def test_stream_gives_the_probabilities_of_the_whole_clip(lengths):
    model, clip = build(), random_clip()
    stream, start = Stream(model), 0
    for length in lengths:
        probabilities = stream.step(clip[start : start + length])
        start += length
    expected = model.predict_on_batch(clip[np.newaxis])[0]
    assert np.abs(probabilities - expected).max() < 1e-5
    assert np.abs(expected - 1 / 3).max() > 0.01


def test_stream_forgets_at_reset():
    stream, clip = Stream(build()), random_clip()
    first = stream.step(clip)
    assert not np.allclose(stream.step(clip), first)
    stream.reset()
    assert np.array_equal(stream.step(clip), first)


def test_stream_of_a_loaded_model_is_the_same(tmp_path):
    model, clip = build(), random_clip()
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras", compile=False)
    assert np.array_equal(Stream(loaded).step(clip), Stream(model).step(clip))


def test_r2plus1d_sees_nothing_in_a_room_where_nothing_moves():
    model = build()
    rooms = np.stack([np.repeat(random_clip(1), NUM_FRAMES, axis=0), np.zeros_like(random_clip())])
    first, second = model.predict_on_batch(rooms)
    assert np.abs(first - second).max() < 1e-6


def test_r2plus1d_learns_which_way_a_square_goes():
    keras.utils.set_random_seed(0)
    clips, targets = draw_squares(32)
    model = find_model("r2plus1d").build(
        num_classes=2, num_frames=NUM_FRAMES, frame_size=SIZE, num_features=0, params=PARAMS
    )
    model.compile(keras.optimizers.Adam(0.003), "sparse_categorical_crossentropy")
    for _ in range(40):
        model.train_on_batch(clips[:24], targets[:24])
    assert (model.predict_on_batch(clips[24:]).argmax(axis=1) == targets[24:]).mean() >= 0.75
