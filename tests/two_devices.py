"""Trains a model on one device and on two, which are halves of the processor; prints what differs.

python two_devices.py MODEL PRECISION
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

from har.engine.runtime import keras, setup_tensorflow, tf
from har.models.contract import build_model, settings_type
from har.training.devices import Devices
from har.training.examples import Examples
from har.training.loop import Drawing, train

SHAPES = {"cnn3d": (8, 16, 16, 3), "fusion": (6, 53), "mobilenet_lstm": (6, 20)}
OWN = {"cnn3d": {}, "fusion": {"streams": ["pose"]}, "mobilenet_lstm": {"streams": ["frames"]}}


def make_examples(shape: tuple[int, ...], num_videos: int) -> Examples:
    """Return videos of unequal weights, whose last step of four leaves a device of two without."""
    rng, labels = np.random.default_rng(num_videos), np.arange(num_videos) % 2
    inputs = rng.normal(size=(num_videos, *shape)) + labels.reshape(-1, *[1] * len(shape))
    inputs = (60 * inputs + 100).clip(0, 255).astype("uint8" if len(shape) > 2 else "float32")
    return Examples(lambda video, view: inputs[video], labels, 1 + labels / 2)


def run(name: str, devices: Devices, checkpoint: Path) -> tuple[list[np.ndarray], list[dict]]:
    """Return the weights and the history of a short training."""
    keras.utils.set_random_seed(0)
    shape = SHAPES[name]
    sizes = {"frame_size": shape[1]} if len(shape) > 2 else {"num_features": shape[1]}
    settings = settings_type(name)(
        epochs=3, batch_size=4, learning_rate=1e-3, dropout=0, **OWN[name]
    )  # fmt: skip
    with devices.building():
        model = build_model(name, settings, num_classes=2, num_frames=shape[0], **sizes)
    devices.prepare(model)
    result = train(
        model, make_examples(shape, 9), make_examples(shape, 5), settings=settings,
        drawing=Drawing(seed=0, balanced=False), checkpoint=checkpoint, devices=devices,
    )  # fmt: skip
    return model.get_weights(), result.history


def main(name: str, precision: str) -> None:
    """Print the largest differences of a weight and of a number in the history."""
    setup_tensorflow(num_threads=1, seed=0)
    halves = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], halves)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with tempfile.TemporaryDirectory() as folder:
        one, two = (
            run(name, Devices(strategy, precision), Path(folder) / f"{number}.npz")
            for number, strategy in enumerate((None, strategy))
        )
    weights = [float(np.abs(a - b).max()) for a, b in zip(one[0], two[0], strict=True)]
    scores = [
        abs(a[key] - b[key])
        for a, b in zip(one[1], two[1], strict=True)
        for key in ("loss", "accuracy")
    ]
    print(json.dumps({"weights": max(weights), "scores": max(scores), "loss": two[1][-1]["loss"]}))


if __name__ == "__main__":
    main(*sys.argv[1:])
