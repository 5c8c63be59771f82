"""MobileNetV2 1.0/224 without its classifier, as torch has it.

Torch's MobileNetV2 differs from that of `keras.applications` in two ways that ruin the features
when overlooked (cosine 0.5 to the right ones): it pads each side by 1 where a convolution has
stride 2, and its batch normalization has epsilon 1e-5.

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381, table 2.
"""

from __future__ import annotations

import numpy as np

from har.backbones.inverted_residuals import Convention, Names, convolve, inverted_residual
from har.engine.runtime import keras, layers

# Of ImageNet, RGB in [0, 1], as torch's model was trained.
_MEAN = np.array([0.485, 0.456, 0.406])
_STANDARD_DEVIATION = np.array([0.229, 0.224, 0.225])
_TORCH = Convention(epsilon=1e-5, is_padded_evenly=True)

# Rows of table 2: expansion factor, output channels, repeats, stride of the first repeat.
_BLOCKS = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def build_mobilenet_v2(frame_size: int) -> keras.Model:
    """Build the network, its layers named after torch's parameters, its kernels zero.

    Args:
        frame_size: Height and width of a frame in pixels.

    Returns:
        Model from RGB frames with values 0 to 255, shape (batch, frame_size, frame_size, 3), to
        features, shape (batch, 1280).
    """
    frames = keras.Input((frame_size, frame_size, 3), name="frames")
    # (x / 255 - mean) / deviation, as one multiplication and one addition per channel.
    x = layers.Rescaling(
        scale=(1 / (255 * _STANDARD_DEVIATION)).tolist(),
        offset=(-_MEAN / _STANDARD_DEVIATION).tolist(),
        name="preprocess",
    )(frames)
    x = convolve(x, 32, _names("features_0", 0), _TORCH, kernel_size=3, strides=2)
    index = 1
    for expansion, channels, repeats, stride in _BLOCKS:
        for strides in [stride] + [1] * (repeats - 1):
            block = f"features_{index}_conv"
            # Torch counts a convolution, its normalization and its ReLU6.
            names = [_names(block, first) for first in ((0, 3) if expansion == 1 else (0, 3, 6))]
            x = inverted_residual(
                x, channels, names, _TORCH, name=block, expansion=expansion, strides=strides
            )
            index += 1
    x = convolve(x, 1280, _names(f"features_{index}", 0), _TORCH)
    features = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(frames, features, name="mobilenet_v2")


def _names(name: str, first: int) -> Names:
    """Return the names of a convolution and of its normalization, the next in torch's Sequential.

    Args:
        name: Of the Sequential.
        first: Index of the convolution in it.
    """
    return f"{name}_{first}", f"{name}_{first + 1}"
