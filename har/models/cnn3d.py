"""The original system's 3D CNN, trained from scratch on frames.

Three blocks of Conv3D (3x3x3, same, ReLU), MaxPool3D (2x2x2) and batch normalisation, then a dense
layer of 128. On 16 frames of 224x224 and six classes: 19,897,708 trainable parameters, 19,898,096
in all.
"""

from typing import Any

from har.clips.streams import show_stream
from har.engine.runtime import keras

layers = keras.layers


INPUT = "clips"
FILTERS = (32, 64, 98)
# The dense layer sums 153,664 inputs, so one step of Adam, which moves all of its weights by the
# learning rate, would move its outputs by dozens: the original's loss of 35. Smaller inputs make it
# a fraction, the same for frames of any size; what the network can express stays the same.
FLAT_SUM = 384  # of the inputs together, where each is 1


def build(
    *, num_classes: int, num_frames: int, frame_size: int, num_features: int, params: dict[str, Any]
) -> keras.Model:
    """Build the network.

    Args:
        num_classes: Number of labels.
        num_frames: Frames of a clip that the model takes.
        frame_size: Height and width of a frame in pixels.
        num_features: Not used: this model sees frames, not features.
        params: The section `models.cnn3d`: `stream`, `dropout`, `batch_norm_momentum`.

    Returns:
        A model from uint8 RGB frames (batch, num_frames, frame_size, frame_size, 3) to
        probabilities (batch, num_classes).
    """
    frames = keras.Input((num_frames, frame_size, frame_size, 3), dtype="uint8", name="frames")
    shown = show_stream(params["stream"], frames, xp=keras.ops)
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(shown)
    for filters in FILTERS:
        x = layers.Conv3D(filters, 3, padding="same", activation="relu")(x)
        # Pooling before normalising is the original's order, and 1.4 times faster than after.
        x = layers.MaxPool3D(2)(x)
        x = layers.BatchNormalization(momentum=params["batch_norm_momentum"])(x)
    x = layers.Flatten()(x)
    x = layers.Rescaling(FLAT_SUM / x.shape[-1])(x)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(params["dropout"])(x)
    probabilities = layers.Dense(num_classes, activation="softmax", name="probabilities")(x)
    return keras.Model(frames, probabilities, name="cnn3d")
