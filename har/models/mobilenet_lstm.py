"""MobileNetV2, frozen, on each frame, and a bidirectional LSTM over time.

Trains on cached features; `har.models.deployable` puts the backbone in front. On MobileNetV2's 1280
features and six classes: 3,734,470 parameters in all, 1,476,486 trainable.


Beside the original's layers there are three things without a parameter, which it took to match a
linear model on pooled features (docs/benchmarks.md): each feature is brought to mean 0 and variance
1; in training, half of the features are dropped, the same in all frames; and the LSTM starts out
remembering for 1 to as many frames as there are, in equal shares of its units.

References: Tallec and Ollivier, "Can recurrent neural networks warp time?", ICLR 2018 (the start);
Srivastava et al., "Dropout", JMLR 2014.
"""

from typing import Any

import numpy as np

from har.runtime import keras

layers = keras.layers


INPUT = "features"
NUM_UNITS = 128


def build(
    *,
    num_classes: int,
    num_frames: int,
    frame_size: int,
    num_features: int,
    statistics: tuple[np.ndarray, np.ndarray] | None,
    params: dict[str, Any],
) -> keras.Model:
    """Build the head.

    Args:
        num_classes: Number of labels.
        num_frames: Frames of a clip that the model takes.
        frame_size: Not used: the backbone has seen the frames.
        num_features: Length of the backbone's feature vector.
        statistics: Mean and variance of each feature over the training videos, float, shape
            (num_features,) each; None to take the features as they are.
        params: The section `models.mobilenet_lstm`: `feature_dropout`, `dropout`.

    Returns:
        A model from float32 features (batch, num_frames, num_features) to probabilities
        (batch, num_classes).
    """
    x = features = keras.Input((num_frames, num_features), name="features")
    if statistics:
        mean, variance = (values.tolist() for values in statistics)
        x = layers.Normalization(mean=mean, variance=variance)(x)
    x = layers.SpatialDropout1D(params["feature_dropout"])(x)
    recurrent = layers.Bidirectional(layers.LSTM(NUM_UNITS))
    x = recurrent(x)
    for layer in (recurrent.forward_layer, recurrent.backward_layer):
        layer.cell.bias.assign(_starting_bias(num_frames))
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(params["dropout"])(x)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(features, probabilities, name="mobilenet_lstm")


def _starting_bias(num_frames: int) -> np.ndarray:
    """Return the biases of the gates (input, forget, cell, output) at the start of training.

    A unit whose forget gate has the bias log(t) forgets after about t frames.
    """
    forget = np.log(np.linspace(1, max(2, num_frames - 1), NUM_UNITS))
    rest = np.zeros(NUM_UNITS)
    return np.concatenate([-forget, forget, rest, rest]).astype(np.float32)
