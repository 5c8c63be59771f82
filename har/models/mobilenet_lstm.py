"""A frozen backbone (`backbone.name`) on each frame, and a bidirectional LSTM over time.

On MobileNetV2's 1280 features and six classes: 3,734,470 parameters in all, 1,476,486 trainable.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from pydantic import Field

from har.clips.streams import PictureName
from har.engine.runtime import keras
from har.engine.section import Share
from har.models.contract import FeatureSettings, Tensor, layers, ops

INPUT = "features"
SCALING = "centred"  # the layer's name
DEVIATION = 0.5  # of a centred input: where the cell's tanh is still nearly straight


class Settings(FeatureSettings):
    """A bidirectional LSTM on the features of the frames, as in the baseline system."""

    streams: list[PictureName] = Field(["frames", "motion", "person"], min_length=1)
    refit: bool = True
    dropout: Share = 0.5
    """share of the dense layer's outputs that are dropped in training"""


def build(inputs: Tensor, settings: Settings) -> Tensor:
    """Return the last states of a bidirectional LSTM, after a dense layer.

    Args:
        inputs: float32 features of all streams side by side, of which the model takes the mean,
            shape (batch, num_frames, num_features).
        settings: Of the section `models.mobilenet_lstm`.

    Returns:
        Shape (batch, 128).
    """
    recurrent = layers.Bidirectional(layers.LSTM(128))
    num_frames, num_features, num_streams = *inputs.shape[1:], len(settings.streams)
    x = ops.reshape(inputs, (-1, num_frames, num_streams, num_features // num_streams))
    x = recurrent(layers.Rescaling(1.0, name=SCALING)(ops.mean(x, axis=2)))
    for direction in (recurrent.forward_layer, recurrent.backward_layer):
        direction.cell.bias.assign(remembering_bias(128, num_frames))
    x = layers.Dense(128, activation="relu")(x)
    return layers.Dropout(settings.dropout)(x)


def adapt(model: keras.Model, clips: Iterable[np.ndarray]) -> None:
    """Centre the inputs of a model of `build` on the mean of the training videos.

    Features are never negative, and what all frames have in common is larger than what tells the
    actions apart: not centred, it is most of what the gates see. Features are not made equally
    large, since those that hardly vary would become noise.

    Args:
        model: Not trained yet.
        clips: The features of each training video, float32, shape (num_frames, num_features).
    """
    scaling = model.get_layer(SCALING)
    num_features = scaling.output.shape[-1]
    count, total, squares = 0, 0.0, 0.0
    for streams in clips:
        clip = streams.reshape(len(streams), -1, num_features).mean(axis=1)
        count += len(clip)
        total = total + clip.sum(axis=0, dtype=np.float64)
        squares += np.square(clip, dtype=np.float64).sum()
    mean = total / count
    deviation = np.sqrt(squares / count / len(mean) - mean.mean() ** 2)
    scaling.scale = float(DEVIATION / deviation)
    scaling.offset = (-mean * scaling.scale).tolist()


def remembering_bias(num_units: int, num_frames: int) -> np.ndarray:
    """Return the bias that an LSTM starts from so that its units remember up to a whole clip.

    With Keras's own, a unit forgets a frame within about three, and the head would see the last
    frames and, backwards, the first. Here the first unit remembers 1 frame, the last all but one,
    and each takes in as much of a frame as it forgets: Tallec and Ollivier, "Can recurrent neural
    networks warp time?", ICLR 2018, with even steps instead of random ones.

    Args:
        num_units: Of the layer.
        num_frames: Of a clip.

    Returns:
        float32, shape (4 * num_units,): of the input gate, the forget gate, the cell and the output
        gate, as Keras has them.
    """
    forget = np.log(np.linspace(1, max(1, num_frames - 1), num_units))
    nothing = np.zeros(num_units)
    return np.concatenate([-forget, forget, nothing, nothing]).astype(np.float32)
