"""A small Transformer over time for each stream: a frozen backbone's features, and landmarks.

The features of each frame are standardised, projected to a small width and given their place in
time. In pre-norm encoder layers each frame of a stream then attends to all others, and attention
pooling weighs the frames. With `width` 64, MobileNetV2's features and six labels: 385,606
of 393,392 parameters are trained.

In training each example shows one stream alone, drawn at random, and in use the logits of the
streams are added, as in `fusion`: one Transformer over the frames of all streams together
recognizes other people worse (docs/research-notes.md).

References: Vaswani et al., "Attention is all you need", NeurIPS 2017; Xiong et al., "On layer
normalization in the Transformer architecture", ICML 2020, for pre-norm.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from har.clips.streams import StreamName
from har.engine.section import Count, Positive, Share
from har.features.columns import stream_slices
from har.models.contract import FeatureSettings, Tensor, layers, ops, standardize

INPUT = "features"
HEAD_WIDTH = 16  # of an attention head; so many heads as fit into the width
MLP_RATIO = 2  # of the hidden layer of an encoder layer to the width
INNER_DROPOUT = 0.1  # of what an encoder layer adds
EPSILON = 1e-3  # of a variance; a feature that hardly varies stays small
CLASSIFIER = {"kernel_initializer": "zeros"}


class Settings(FeatureSettings):
    """A small Transformer over the frames of each stream."""

    streams: list[StreamName] = Field(["frames", "motion", "person", "pose"], min_length=1)
    epochs: Count = 160
    learning_rate: Positive = 1e-3
    weight_decay: float = Field(1e-2, ge=0)
    refit: bool = True
    dropout: Share = 0.5
    """share of the features that are dropped in training, each in all frames of a clip"""
    width: Literal[16, 32, 64, 128] = 64
    """numbers that describe a frame within the model; one attention head for each 16"""
    num_layers: Annotated[int, Field(ge=1, le=4)] = 1
    """encoder layers of each stream"""


def build(inputs: Tensor, settings: Settings) -> Tensor:
    """Return what the Transformer of each stream says of clips, in training of one an example.

    Args:
        inputs: float32 features of all streams side by side, shape (batch, num_frames,
            num_features).
        settings: Of the section `models.attention`.

    Returns:
        Shape (batch, num_streams * width).
    """
    from har.models.one_stream import OneStream  # here, as it imports Keras

    slices = stream_slices(settings.streams, inputs.shape[-1])
    streams = [_encode(inputs[:, :, columns], settings) for columns in slices.values()]
    return OneStream(name="one_stream")(streams)


def time_encoding(num_frames: int, width: int) -> np.ndarray:
    """Return sines and cosines by which a frame's place in the clip can be told.

    Args:
        num_frames: Of a clip.
        width: Even; numbers for each frame.

    Returns:
        float32 in [-1, 1], shape (num_frames, width).

    Reference:
        Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.5.

    Example:
        >>> time_encoding(3, 4)[0].tolist()
        [0.0, 0.0, 1.0, 1.0]
    """
    frequencies = 10_000.0 ** (-np.arange(0, width, 2) / width)
    angles = np.arange(num_frames)[:, np.newaxis] * frequencies
    return np.concatenate([np.sin(angles), np.cos(angles)], axis=1).astype(np.float32)


def _encode(x: Tensor, settings: Settings) -> Tensor:
    """Return one vector for each clip, (batch, width), of the features of one stream."""
    x = layers.SpatialDropout1D(settings.dropout)(standardize(x, epsilon=EPSILON))
    x = layers.Dense(settings.width)(x)
    x = x + time_encoding(x.shape[1], settings.width)
    for _ in range(settings.num_layers):
        x = _encoder_layer(x)
    x = layers.LayerNormalization()(x)
    shares = ops.softmax(layers.Dense(1, use_bias=False)(x), axis=1)
    return ops.sum(shares * x, axis=1)


def _encoder_layer(x: Tensor) -> Tensor:
    """Return frames after each has attended to all, then passed two dense layers, as before."""
    width = x.shape[-1]
    y = layers.LayerNormalization()(x)
    y = layers.MultiHeadAttention(width // HEAD_WIDTH, HEAD_WIDTH, dropout=INNER_DROPOUT)(y, y)
    x = x + layers.Dropout(INNER_DROPOUT)(y)
    y = layers.LayerNormalization()(x)
    y = layers.Dense(MLP_RATIO * width, activation="gelu")(y)
    return x + layers.Dropout(INNER_DROPOUT)(layers.Dense(width)(y))
