"""EfficientNet-Lite 0, 1 and 2 without their classifier: no squeeze-excite, ReLU6 for swish.

Stem, head and the number of the first and the last blocks are the same in all; the multipliers
change what is between. Convolutions pad as TensorFlow's "same" does, at any frame size.

References: Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
ICML 2019, https://arxiv.org/abs/1905.11946, table 1;
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite
"""

import math

from har.engine.runtime import keras

layers = keras.layers

# Width and depth multipliers. They were trained on frames of 224, 240 and 260 pixels.
VARIANTS = {
    "efficientnet_lite0": (1.0, 1.0),
    "efficientnet_lite1": (1.0, 1.1),
    "efficientnet_lite2": (1.1, 1.2),
}
_EPSILON = 1e-3

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


def build_efficientnet_lite(name: str, frame_size: int) -> keras.Model:
    """Build the network, its layers named after the parameters of its port to torch, kernels zero.

    Args:
        name: One of `VARIANTS`.
        frame_size: Height and width of a frame in pixels.

    Returns:
        Model from RGB frames with values 0 to 255, shape (batch, frame_size, frame_size, 3), to
        features, shape (batch, 1280).
    """
    width, depth = VARIANTS[name]
    frames = keras.Input((frame_size, frame_size, 3), name="frames")
    x = layers.Rescaling(1 / 128, offset=-127 / 128, name="preprocess")(frames)
    x = _convolve(x, 32, "conv_stem", "bn0", kernel_size=3, strides=2)
    index = 0
    for row, (expansion, channels, repeats, stride, kernel_size) in enumerate(_BLOCKS):
        if 0 < row < len(_BLOCKS) - 1:
            repeats = math.ceil(depth * repeats)
        for strides in [stride] + [1] * (repeats - 1):
            x = _inverted_residual(
                x,
                _multiple_of_8(width * channels),
                f"blocks_{index}",
                expansion=expansion,
                kernel_size=kernel_size,
                strides=strides,
            )
            index += 1
    x = _convolve(x, 1280, "conv_head", "bn1")
    features = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(frames, features, name=name)


def _multiple_of_8(channels: float) -> int:
    # 44 becomes 48, 123.2 becomes 120. Rounding by more than a tenth, which has a rule of its own,
    # does not occur with these multipliers.
    return int(channels + 4) // 8 * 8


def _inverted_residual(
    inputs, channels: int, name: str, *, expansion: int, kernel_size: int, strides: int
):
    """Expand by a 1x1 convolution, filter each channel by a larger one, project by a 1x1 one."""
    input_channels = inputs.shape[-1]
    x = inputs
    if expansion != 1:
        x = _convolve(x, input_channels * expansion, f"{name}_expand_conv", f"{name}_bn0")
    x = _convolve(
        x, None, f"{name}_depthwise_conv", f"{name}_bn1", kernel_size=kernel_size, strides=strides
    )
    x = _convolve(x, channels, f"{name}_project_conv", f"{name}_bn2", activation=False)
    if strides == 1 and input_channels == channels:
        x = layers.Add(name=f"{name}_add")([inputs, x])
    return x


def _convolve(
    x,
    channels: int | None,
    convolution: str,
    normalization: str,
    *,
    kernel_size: int = 1,
    strides: int = 1,
    activation: bool = True,
):
    """Convolve, normalize and apply ReLU6.

    Args:
        x: Input of the block, shape (batch, height, width, channels).
        channels: Output channels; None filters each channel by itself.
        convolution: Name of the convolution.
        normalization: Name of its batch normalization.
        kernel_size: Height and width of the kernel.
        strides: 1 or 2.
        activation: Whether ReLU6 follows.

    Returns:
        Output of the block.
    """
    options = {"strides": strides, "padding": "same", "use_bias": False, "name": convolution}
    if channels is None:
        x = layers.DepthwiseConv2D(kernel_size, depthwise_initializer="zeros", **options)(x)
    else:
        x = layers.Conv2D(channels, kernel_size, kernel_initializer="zeros", **options)(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=normalization)(x)
    return layers.ReLU(6.0, name=normalization + "_relu")(x) if activation else x
