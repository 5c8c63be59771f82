"""The small (2+1)D network: what it sees, that it learns order in time, and its streaming form."""

import itertools

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from har.engine.runtime import keras, tf
from har.models import r2plus1d
from har.models.contract import build_model, count_parameters
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.training.examples import Examples
from har.training.loop import Drawing, predict, train

NUM_FRAMES, SIZE = 9, 32


def build(
    *, num_frames: int = NUM_FRAMES, frame_size: int = SIZE, num_classes: int = 3
) -> keras.Model:
    return build_model(
        "r2plus1d", num_classes=num_classes, num_frames=num_frames, frame_size=frame_size
    )


def moving_square(direction: int, rng: np.random.Generator) -> np.ndarray:
    """A square that goes right, or the same frames backwards: it goes left."""
    clip = np.full((NUM_FRAMES, SIZE, SIZE, 3), rng.integers(0, 100, 3), dtype=np.uint8)
    top, color = rng.integers(0, SIZE - 12), rng.integers(150, 256, 3)
    for place, frame in enumerate(clip):
        frame[top : top + 12, 2 * place : 2 * place + 12] = color
    return clip[::direction]


@pytest.fixture(scope="module")
def clips() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.stack([moving_square(direction, rng) for direction in (1, -1)])


@pytest.fixture(scope="module")
def model(clips) -> keras.Model:
    """Random weights, but normalised as after training: else no frame would matter much."""
    keras.utils.set_random_seed(1)
    model = build()
    for _ in range(50):
        model(clips, training=True)
    last = model.get_layer("probabilities").kernel
    last.assign(3 * last)
    return model


def test_build_makes_a_network_of_the_documented_size():
    model = build(num_frames=16, frame_size=224, num_classes=6)
    assert count_parameters(model) == {"total": 120_206, "trainable": 119_470}
    assert model.input_shape == (None, 16, 224, 224, 3)
    assert model.inputs[0].dtype == "uint8"
    assert model.output_shape == (None, 6)


def test_build_gives_probabilities_that_differ_between_clips(model, clips):
    probabilities = model.predict_on_batch(clips)
    assert probabilities.sum(axis=1) == pytest.approx([1, 1], abs=1e-6)
    assert np.abs(probabilities[0] - probabilities[1]).max() > 1e-3


def test_build_sees_nothing_but_motion(model, clips):
    still = np.repeat(clips[:, :1], NUM_FRAMES, axis=1)
    probabilities = model.predict_on_batch(still)
    np.testing.assert_allclose(probabilities[0], probabilities[1], atol=1e-6)


@pytest.mark.parametrize("sizes", [(1,) * 9, (9,), (2, 3, 4), (8, 1)], ids=str)
def test_stream_gives_the_probabilities_of_the_whole_clip(sizes, model, clips, tmp_path):
    Recognizer(model, ["a", "b", "c"], {"model_frames": NUM_FRAMES}, {}).save(tmp_path)
    stream = r2plus1d.Stream(load_recognizer(tmp_path).model)
    expected = model.predict_on_batch(clips)
    for clip, wanted in zip(clips, expected, strict=True):
        stream.reset()
        for start, end in itertools.pairwise(itertools.accumulate(sizes, initial=0)):
            probabilities = stream.step(clip[start:end])
        np.testing.assert_allclose(probabilities, wanted, atol=1e-5)


def test_stream_gives_after_each_frame_those_of_a_clip_up_to_it(model, clips):
    stream = r2plus1d.Stream(model)
    for num_frames in range(1, NUM_FRAMES + 1):
        probabilities = stream.step(clips[0, num_frames - 1 : num_frames])
        shorter = build(num_frames=num_frames)
        shorter.set_weights(model.get_weights())
        expected = shorter.predict_on_batch(clips[:1, :num_frames])[0]
        np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def test_stream_remembers_until_it_is_reset(model, clips):
    stream = r2plus1d.Stream(model)
    first = stream.step(clips[0])
    assert np.abs(stream.step(clips[0]) - first).max() > 1e-3
    stream.reset()
    np.testing.assert_allclose(stream.step(clips[0]), first, atol=1e-6)


def test_build_exports_to_tensorflow_lite_with_its_own_operations(model, clips, tmp_path):
    frames = keras.Input(batch_shape=(1, *model.input_shape[1:]), dtype="uint8")
    keras.Model(frames, model(frames)).export(tmp_path / "saved", verbose=False)
    content = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "saved")).convert()
    interpreter = Interpreter(model_content=content)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], clips[:1])
    interpreter.invoke()
    probabilities = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(probabilities, model.predict_on_batch(clips[:1]), atol=1e-4)


def test_train_learns_what_differs_only_in_the_direction_of_time(tmp_path):
    rng = np.random.default_rng(0)
    label_indices = np.arange(44) % 2
    clips = np.stack([moving_square(1 - 2 * label, rng) for label in label_indices])
    training, test = (
        Examples(lambda video, view, part=part: clips[part][video], label_indices[part],
                 np.ones(32))
        for part in (slice(0, 32), slice(32, 44))
    )  # fmt: skip
    keras.utils.set_random_seed(0)
    model = build(num_classes=2)
    settings = {
        "epochs": 12, "patience": 12, "batch_size": 4, "learning_rate": 0.003,
        "weight_decay": 0.0001, "label_smoothing": 0.0,
    }  # fmt: skip
    train(
        model, training, training, settings=settings, drawing=Drawing(seed=0, balanced=True),
        checkpoint=tmp_path / "checkpoint.npz",
    )  # fmt: skip
    found = predict(model, test, batch_size=12).argmax(axis=1)
    assert (found == test.label_indices).all()
