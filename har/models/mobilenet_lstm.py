"""A frozen backbone (`backbone.name`) on each frame, and a bidirectional LSTM over time.

Trains on cached features; `har.models.deployable` puts the backbone in front. On MobileNetV2's 1280
features and six classes: 3,734,470 parameters in all, 1,476,486 trainable.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np

from har.engine.runtime import keras

layers, ops = keras.layers, keras.ops


INPUT = "features"
SCALING = "centred"  # the layer's name
DEVIATION = 0.5  # of a centred input: where the cell's tanh is still nearly straight


def build(
    *, num_classes: int, num_frames: int, frame_size: int, num_features: int, params: dict[str, Any]
) -> keras.Model:
    """Build the head.

    Args:
        num_classes: Number of labels.
        num_frames: Frames of a clip that the model takes.
        frame_size: Not used: the backbone has seen the frames.
        num_features: Length of the feature vectors of all streams together, which it takes the mean
            of.
        params: The section `models.mobilenet_lstm`: `streams`, `dropout`.

    Returns:
        A model from float32 features (batch, num_frames, num_features) to probabilities
        (batch, num_classes).
    """
    features = keras.Input((num_frames, num_features), name="features")
    recurrent = layers.Bidirectional(layers.LSTM(128))
    num_streams = len(params["streams"])
    x = ops.reshape(features, (-1, num_frames, num_streams, num_features // num_streams))
    x = recurrent(layers.Rescaling(1.0, name=SCALING)(ops.mean(x, axis=2)))
    for direction in (recurrent.forward_layer, recurrent.backward_layer):
        direction.cell.bias.assign(remembering_bias(128, num_frames))
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(params["dropout"])(x)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(features, probabilities, name="mobilenet_lstm")


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
