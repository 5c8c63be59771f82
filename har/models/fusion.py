"""A frozen backbone on several streams of each frame, their statistics over time, a linear layer.

From few videos a layer that is not recurrent learns more: it has no order in time to find out, only
which features there are, how much they vary, and how much they change within two and four frames.
In training some streams are left out at random, so that each has to tell the action by itself and
none is leaned on.
"""

from __future__ import annotations

from pydantic import Field

from har.clips.streams import StreamName
from har.engine.section import Positive, Share
from har.models.contract import FeatureSettings, Tensor, layers, ops

INPUT = "features"
LAGS = (2, 4)  # frames between the two that are compared; neighbours differ by noise
MIN_FRAMES = max(LAGS) + 1
EPSILON = 1e-6  # where a feature stands still, Grad-CAM would divide by its deviation
BATCH_NORM_MOMENTUM = 0.9  # Keras's 0.99 needs 500 steps to forget its start; a run has fewer
# From noise, which thousands of inputs add up, a few hundred steps would not come back: start at 0.
CLASSIFIER = {"kernel_initializer": "zeros"}


class Settings(FeatureSettings):
    """The section `models.fusion`."""

    streams: list[StreamName] = Field(["frames", "motion", "trace", "person"], min_length=1)
    learning_rate: Positive = 1e-4
    refit: bool = True
    dropout: Share = 0.5
    """share of the statistics that are dropped in training"""
    stream_dropout: Share = 0.5
    """chance that a stream is left out of a training example"""


def build(inputs: Tensor, settings: Settings) -> Tensor:
    """Return the statistics of clips over time.

    Args:
        inputs: float32 features of all streams side by side, shape (batch, num_frames,
            num_features).
        settings: Of the section `models.fusion`.

    Returns:
        Shape (batch, 4 * num_features).
    """
    changes = [ops.mean(ops.abs(inputs[:, lag:] - inputs[:, :-lag]), axis=1) for lag in LAGS]
    deviation = ops.sqrt(ops.var(inputs, axis=1) + EPSILON)
    x = ops.stack([ops.mean(inputs, axis=1), deviation, *changes], axis=1)
    num_statistics, num_features, num_streams = *x.shape[1:], len(settings.streams)
    x = layers.Flatten()(x)
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, center=False, scale=False)(x)
    x = layers.Dropout(settings.dropout)(x)
    x = layers.Reshape((num_statistics, num_streams, num_features // num_streams))(x)
    x = layers.Dropout(settings.stream_dropout, noise_shape=(None, 1, num_streams, 1))(x)
    return layers.Flatten()(x)
