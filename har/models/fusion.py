"""A frozen backbone on several streams and the body's landmarks, each with a linear layer.

From few videos a layer that is not recurrent learns more. Of each stream it is given which features
there are, how much they vary and how much they change within two and four frames; of those that
follow what moves also their order in time: by how much they differ between the parts of the clip;
and of the body, how it stands at both ends.

In training each example shows one stream alone, drawn at random, so each stream learns to tell the
action by itself; in use their logits are added, which multiplies the probabilities. Trained
together instead, the streams lean on each other, and other people are recognized worse. Among
other streams the pose counts by the share of the frames in which a person is found
(docs/research-notes.md).
"""

from __future__ import annotations

import itertools

from pydantic import Field

from har.clips.streams import POSE, StreamName
from har.engine.section import Count, Positive, Share
from har.features.columns import stream_slices
from har.models.contract import FeatureSettings, Tensor, layers, ops, standardize
from har.pose.joints import IS_FOUND

INPUT = "features"
LAGS = (2, 4)  # frames between the two that are compared; neighbours differ by noise
NUM_PARTS = 3  # of the clip, whose means are compared
NUM_END_FRAMES = 4  # at each end of the clip, whose mean is taken
UNORDERED = ("frames",)  # of the whole picture the order is mostly chance, and costs accuracy
WITH_ENDS = (POSE,)
MIN_FRAMES = max(*LAGS, NUM_PARTS) + 1
EPSILON = 1e-5  # where a feature stands still, Grad-CAM would divide by its deviation
# Inputs of a stream together; fewer ones are made larger, so that its layer learns as fast.
NUM_INPUTS = 4 * 1280
# From noise, which thousands of inputs add up, a few hundred steps would not come back: start at 0.
CLASSIFIER = {"kernel_initializer": "zeros"}


class Settings(FeatureSettings):
    """The default model: a linear layer for each stream, on statistics over time."""

    streams: list[StreamName] = Field(["frames", "motion", "person", "pose"], min_length=1)
    epochs: Count = 180
    learning_rate: Positive = 1e-4
    refit: bool = True
    dropout: Share = 0.5
    """share of the statistics that are dropped in training"""
    backwards: bool = True
    """find labels that are each other backwards in time, and learn them from clips backwards too"""


def build(inputs: Tensor, settings: Settings) -> Tensor:
    """Return the statistics of clips over time, in training of one stream an example.

    Args:
        inputs: float32 features of all streams side by side, shape (batch, num_frames,
            num_features).
        settings: Of the section `models.fusion`.

    Returns:
        Shape (batch, num_statistics of all streams).
    """
    from har.models.one_stream import OneStream  # here, as it imports Keras

    slices = stream_slices(settings.streams, inputs.shape[-1])
    streams = []
    for stream, columns in slices.items():
        x = layers.Flatten()(statistics(stream, inputs[:, :, columns]))
        x = layers.Dropout(settings.dropout)(standardize(x, epsilon=EPSILON))
        if stream == POSE and len(slices) > 1:  # where nobody is found, the pictures decide
            x *= ops.mean(inputs[:, :, columns][:, :, IS_FOUND], axis=1, keepdims=True)
        streams.append(x * (NUM_INPUTS / x.shape[-1]) ** 0.5)
    return OneStream(name="one_stream")(streams)


def statistics(stream: str, x: Tensor) -> Tensor:
    """Return what features are, how they change and in which order, (batch, kinds, features).

    Args:
        stream: Which one they are of.
        x: The features, shape (batch, num_frames, num_features).
    """
    changes = [ops.mean(ops.abs(x[:, lag:] - x[:, :-lag]), axis=1) for lag in LAGS]
    deviation = ops.sqrt(ops.var(x, axis=1) + EPSILON)
    kinds = [ops.mean(x, axis=1), deviation, *changes]
    if stream not in UNORDERED:
        edges = [round(part * x.shape[1] / NUM_PARTS) for part in range(NUM_PARTS + 1)]
        parts = [ops.mean(x[:, start:end], axis=1) for start, end in itertools.pairwise(edges)]
        steps = [after - before for before, after in itertools.pairwise(parts)]
        kinds += [*steps, parts[-1] - parts[0]]
    if stream in WITH_ENDS:
        ends = (x[:, :NUM_END_FRAMES], x[:, -NUM_END_FRAMES:])
        kinds += [ops.mean(end, axis=1) for end in ends]
    return ops.stack(kinds, axis=1)
