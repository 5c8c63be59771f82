"""The baseline system's 3D CNN, trained from scratch on frames.

Three blocks of Conv3D (3x3x3, same, ReLU), MaxPool3D (2x2x2) and batch normalization, then a dense
layer of 128. On 16 frames of 224x224 and six classes: 19,897,708 trainable parameters, 19,898,096
in all.
"""

from __future__ import annotations

from har.clips.streams import PictureName
from har.engine.section import Count, Share
from har.models.contract import ClipSettings, Tensor, layers

INPUT = "clips"
MIN_FRAMES = 8  # which three poolings halve to 1
FILTERS = (32, 64, 98)
# The dense layer sums 153,664 inputs, so one step of Adam, which moves all of its weights by the
# learning rate, would move its outputs by dozens: the baseline's loss of 35. Smaller inputs make it
# a fraction, the same for frames of any size; what the network can express stays the same.
FLAT_SUM = 384  # of the inputs together, where each is 1


class Settings(ClipSettings):
    """A 3D CNN on the frames, from scratch, as in the baseline system."""

    stream: PictureName = "frames"
    """input stream; of person with a context of 1"""
    epochs: Count = 24
    batch_size: Count = 4
    dropout: Share = 0.2
    """share of the dense layer's outputs that are dropped in training"""
    batch_norm_momentum: Share = 0.9
    """of the running statistics; Keras's 0.99 needs 500 steps to forget its start"""


def build(inputs: Tensor, settings: Settings) -> Tensor:
    """Return the features of clips.

    Args:
        inputs: uint8 RGB frames of `stream`, shape (batch, num_frames, frame_size, frame_size, 3).
        settings: Of the section `models.cnn3d`.

    Returns:
        Shape (batch, 128).
    """
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(inputs)
    for filters in FILTERS:
        x = layers.Conv3D(filters, 3, padding="same", activation="relu")(x)
        # Pooling before normalizing is the baseline's order, and 1.4 times faster than after.
        x = layers.MaxPool3D(2)(x)
        x = layers.BatchNormalization(momentum=settings.batch_norm_momentum)(x)
    x = layers.Flatten()(x)
    x = layers.Rescaling(FLAT_SUM / x.shape[-1])(x)
    x = layers.Dense(128, activation="relu")(x)
    return layers.Dropout(settings.dropout)(x)
