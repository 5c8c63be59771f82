"""EfficientNet-Lite0 without its classifier: no squeeze-excite, ReLU6 for swish.

Convolutions pad as TensorFlow's "same" does, at any frame size.

References: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, https://arxiv.org/abs/1905.11946, table 1;
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

from __future__ import annotations

from har.backbones.inverted_residuals import Convention, Names, convolve, inverted_residual
from har.engine.runtime import keras, layers

_TENSORFLOW = Convention(epsilon=1e-3, is_padded_evenly=False)

# Rows of table 1: expansion factor, output channels, repeats, stride of the first repeat, kernel.
_BLOCKS = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)


def build_efficientnet_lite0(frame_size: int) -> keras.Model:
    """Build the network, its layers named after the parameters of its port to torch, kernels zero.

    Args:
        frame_size: Height and width of a frame in pixels.

    Returns:
        Model from RGB frames with values 0 to 255, shape (batch, frame_size, frame_size, 3), to
        features, shape (batch, 1280).
    """
    frames = keras.Input((frame_size, frame_size, 3), name="frames")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="preprocess")(frames)
    x = convolve(x, 32, ("conv_stem", "bn0"), _TENSORFLOW, kernel_size=3, strides=2)
    index = 0
    for expansion, channels, repeats, stride, kernel_size in _BLOCKS:
        for strides in [stride] + [1] * (repeats - 1):
            block = f"blocks_{index}"
            x = inverted_residual(
                x,
                channels,
                _names(block, expansion),
                _TENSORFLOW,
                name=block,
                expansion=expansion,
                kernel_size=kernel_size,
                strides=strides,
            )
            index += 1
    x = convolve(x, 1280, ("conv_head", "bn1"), _TENSORFLOW)
    features = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(frames, features, name="efficientnet_lite0")


def _names(name: str, expansion: int) -> list[Names]:
    """Return the names of a block's convolutions and of their normalizations."""
    kinds = ("expand", "depthwise", "project")
    names = [(f"{name}_{kind}_conv", f"{name}_bn{index}") for index, kind in enumerate(kinds)]
    return names[1:] if expansion == 1 else names
