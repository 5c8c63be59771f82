"""A frozen backbone on several streams of each frame, their statistics over time, a linear layer.

From few videos a layer that is not recurrent learns more: it has no order in time to find out, only
which features there are, how much they vary, and how much they change within two and four frames.
`streams` says what of a clip is shown to the backbone; in training some are left out at random, so
that each has to tell the action by itself and none is leaned on.

Trains on cached features; `har.models.deployable` puts the streams and the backbone in front.
"""

from typing import Any

from har.engine.runtime import keras

layers, ops = keras.layers, keras.ops


INPUT = "features"
LAGS = (2, 4)  # frames between the two that are compared; neighbours differ by noise
EPSILON = 1e-6  # where a feature stands still, Grad-CAM would divide by its deviation
BATCH_NORM_MOMENTUM = 0.9  # Keras's 0.99 needs 500 steps to forget its start; a run has fewer


def build(
    *, num_classes: int, num_frames: int, frame_size: int, num_features: int, params: dict[str, Any]
) -> keras.Model:
    """Build the head.

    Args:
        num_classes: Number of labels.
        num_frames: Frames of a clip that the model takes.
        frame_size: Not used: the backbone has seen the frames.
        num_features: Length of the feature vectors of all streams together.
        params: The section `models.fusion`: `streams`, `stream_dropout`, `dropout`.

    Returns:
        A model from float32 features (batch, num_frames, num_features) to probabilities
        (batch, num_classes).

    Raises:
        ValueError: There are too few frames to compare.
    """
    if num_frames <= max(LAGS):
        raise ValueError(
            f"models.fusion.num_frames is {num_frames}, expected {max(LAGS) + 1} or more: it "
            f"compares frames that are {max(LAGS)} apart. Change it in params.yaml."
        )
    features = keras.Input((num_frames, num_features), name="features")
    changes = [ops.mean(ops.abs(features[:, lag:] - features[:, :-lag]), axis=1) for lag in LAGS]
    deviation = ops.sqrt(ops.var(features, axis=1) + EPSILON)
    x = ops.stack([ops.mean(features, axis=1), deviation, *changes], axis=1)
    num_statistics, num_streams = x.shape[1], len(params["streams"])
    x = layers.Flatten()(x)
    x = layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, center=False, scale=False)(x)
    x = layers.Dropout(params["dropout"])(x)
    x = layers.Reshape((num_statistics, num_streams, num_features // num_streams))(x)
    x = layers.Dropout(params["stream_dropout"], noise_shape=(None, 1, num_streams, 1))(x)
    # From noise, which thousands of inputs add up, a few hundred steps would not come back: start
    # at 0.
    probabilities = layers.Dense(
        num_classes, activation="softmax", kernel_initializer="zeros", name="probabilities"
    )(layers.Flatten()(x))
    return keras.Model(features, probabilities, name="fusion")
