"""A small (2+1)D network of what moves, from scratch on frames; it can be fed frame by frame.

Each block is a convolution over three frames at each place, then one over the places of one frame.
It sees how a frame differs from the one before and not the room, which a few clips would teach it
by heart. It looks only back, and the last layer sees the mean over the frames so far: after the
last frame of a clip, `Stream` gives the probabilities of the whole clip. On six classes: 119,470
trainable parameters, 120,206 in all.

References: Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition", CVPR
2018 (factorised convolutions); Kondratyuk et al., "MoViNets: Mobile Video Networks for Efficient
Video Recognition", CVPR 2021 (causal convolutions and their state).
"""

from __future__ import annotations

import numpy as np

from har.engine.runtime import keras
from har.engine.section import Count, Positive, Share
from har.models.contract import LAST_LAYER, ClipSettings, Tensor, layers, ops

INPUT = "clips"
POOLING = 4  # of frames: 224x224 pixels become 56x56
GAIN = 4.0  # of the differences, which are small beside the frames
FILTERS = (24, 32, 64, 128)  # of the blocks; each halves height and width
NUM_PAST = 2  # frames before the present one that a convolution over time sees


class Settings(ClipSettings):
    """The section `models.r2plus1d`."""

    epochs: Count = 80
    patience: Count | None = 30
    batch_size: Count = 8
    learning_rate: Positive = 3e-3
    dropout: Share = 0.3
    """share of the last layer's inputs that are dropped in training"""
    batch_norm_momentum: Share = 0.9
    """of the running statistics; Keras's 0.99 needs 500 steps to forget its start"""


def build(inputs: Tensor, settings: Settings) -> Tensor:
    """Return the features of clips.

    Args:
        inputs: uint8 RGB frames, shape (batch, num_frames, frame_size, frame_size, 3).
        settings: Of the section `models.r2plus1d`.

    Returns:
        Shape (batch, 128).
    """
    return _connect(inputs, _Clip(inputs.shape[1]), settings)


class Stream:
    """A trained model that is fed one video bit by bit.

    Args:
        model: As it was trained, or as loaded from its `.keras` file.

    Example:
        stream = Stream(recognizer.model)
        for frame in frames:  # uint8 RGB, shape (size, size, 3)
            probabilities = stream.step(frame[np.newaxis])
    """

    def __init__(self, model: keras.Model):
        self.network = streaming(model)
        self.reset()

    def reset(self) -> None:
        """Forget all frames; the next is the first of another video."""
        self.state = [np.zeros([1, *x.shape[1:]], np.float32) for x in self.network.inputs[1:]]

    def step(self, frames: np.ndarray) -> np.ndarray:
        """Return the probabilities after some more frames.

        Args:
            frames: uint8 RGB, shape (num_frames, size, size, 3), any number from 1.

        Returns:
            float32, shape (num_classes,): those of a clip of all frames since the start.
        """
        probabilities, *self.state = self.network.predict_on_batch(
            [frames[np.newaxis], *self.state]
        )
        return probabilities[0]


def streaming(model: keras.Model) -> keras.Model:
    """Return the same network with its memory as inputs and outputs.

    Args:
        model: As it was trained, or as loaded from its `.keras` file.

    Returns:
        A model from uint8 RGB frames (1, any number, size, size, 3) and states, all zeros before
        the first frame, to probabilities (1, num_classes) and the states after those frames.
    """
    frame_shape, num_classes = model.input_shape[2:], model.output_shape[-1]
    frames = keras.Input(batch_shape=(1, None, *frame_shape), dtype="uint8", name="frames")
    memory = _Memory()
    features = _connect(frames, memory, Settings())  # its settings change nothing after training
    probabilities = layers.Dense(num_classes, activation="softmax", name=LAST_LAYER)(features)
    network = keras.Model([frames, *memory.before], [probabilities, *memory.after])
    for layer in model.layers:
        if layer.weights:
            network.get_layer(layer.name).set_weights(layer.get_weights())
    return network


class _Clip:
    """Time in a whole clip. Before its first frame it stood still."""

    def __init__(self, num_frames: int):
        self.shape = (-1, num_frames)  # batch and time

    def with_past(self, x: Tensor, num_past: int) -> Tensor:
        """Return x, shape (batch, time, ...), with earlier frames before its first."""
        return layers.Concatenate(axis=1)([x[:, :1]] * num_past + [x])

    def mean(self, x: Tensor) -> Tensor:
        """Return the mean over the frames of x, shape (batch, time, channels)."""
        return layers.GlobalAveragePooling1D()(x)


class _Memory:
    """The same for one stream, whose earlier frames are inputs."""

    def __init__(self) -> None:
        self.shape = (1, -1)
        self.count = keras.Input(batch_shape=(1, 1), name="count")  # frames seen so far
        self.before, self.after = [], []

    def with_past(self, x: Tensor, num_past: int) -> Tensor:
        past = self._remember((num_past, *x.shape[2:]))
        still = ops.repeat(x[:, :1], num_past, axis=1)
        is_first = ops.reshape(ops.equal(self.count, 0), [1] * len(x.shape))
        x = layers.Concatenate(axis=1)([ops.where(is_first, still, past), x])
        self.after.append(x[:, -num_past:])
        return x

    def mean(self, x: Tensor) -> Tensor:
        total = self._remember(x.shape[2:]) + ops.sum(x, axis=1)
        count = self.count + ops.sum(ops.ones_like(x[:, :, :1]), axis=1)
        self.before.append(self.count)
        self.after += [total, count]
        return total / count

    def _remember(self, shape: tuple[int, ...]) -> Tensor:
        self.before.append(keras.Input(batch_shape=(1, *shape)))
        return self.before[-1]


def _connect(frames: Tensor, time: _Clip | _Memory, settings: Settings) -> Tensor:
    """Return the features of frames, shape (batch, time, size, size, 3)."""

    def normalise(x: Tensor, name: str) -> Tensor:
        momentum = settings.batch_norm_momentum
        return layers.BatchNormalization(momentum=momentum, name=f"{name}_norm")(x)

    def over_time(x: Tensor, block: int) -> Tensor:
        # As a picture of time by place, a convolution over time is one of two dimensions, which
        # TensorFlow Lite runs 12 times as fast as one of three.
        size, filters = x.shape[2:]
        y = time.with_past(ops.reshape(x, (*time.shape, size * size, filters)), NUM_PAST)
        y = layers.Conv2D(filters, (NUM_PAST + 1, 1), use_bias=False, name=f"time{block}")(y)
        return ops.reshape(y, (-1, size, size, filters))

    x = ops.reshape(frames, (-1, *frames.shape[2:]))
    x = layers.AveragePooling2D(POOLING)(layers.Rescaling(GAIN / 127.5)(x))
    size, channels = x.shape[1], x.shape[3]
    x = time.with_past(ops.reshape(x, (*time.shape, size * size, channels)), 1)
    x = ops.tanh(x[:, 1:] - x[:, :-1])
    x = ops.reshape(x, (-1, size, size, channels))
    for block, filters in enumerate(FILTERS):
        if block > 0:
            x = layers.ReLU()(layers.Add()([x, normalise(over_time(x, block), f"time{block}")]))
        kernel = 5 if block == 0 else 3
        convolve = layers.Conv2D(
            filters, kernel, strides=2, padding="same", use_bias=False, name=f"place{block}"
        )
        x = layers.ReLU(name=f"place{block}_relu")(normalise(convolve(x), f"place{block}"))
    x = layers.GlobalAveragePooling2D()(x)
    x = time.mean(ops.reshape(x, (*time.shape, FILTERS[-1])))
    return layers.Dropout(settings.dropout)(x)
