"""A frozen backbone (`backbone.name`) on each frame, and a bidirectional LSTM over time.

Trains on cached features; `har.models.deployable` puts the backbone in front. On MobileNetV2's 1280
features and six classes: 3,734,470 parameters in all, 1,476,486 trainable.
"""

from typing import Any

from har.runtime import keras

layers = keras.layers


INPUT = "features"


def build(
    *, num_classes: int, num_frames: int, frame_size: int, num_features: int, params: dict[str, Any]
) -> keras.Model:
    """Build the head.

    Args:
        num_classes: Number of labels.
        num_frames: Frames of a clip that the model takes.
        frame_size: Not used: the backbone has seen the frames.
        num_features: Length of the backbone's feature vector.
        params: The section `models.mobilenet_lstm`: `dropout`.

    Returns:
        A model from float32 features (batch, num_frames, num_features) to probabilities
        (batch, num_classes).
    """
    features = keras.Input((num_frames, num_features), name="features")
    x = layers.Bidirectional(layers.LSTM(128))(features)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(params["dropout"])(x)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(features, probabilities, name="mobilenet_lstm")
