"""MobileNetV2 1.0/224 without its classifier, as torch has it.

Torch's MobileNetV2 differs from that of `keras.applications` in two ways that ruin the features
when overlooked (cosine 0.5 to the right ones): it pads each side by 1 where a convolution has
stride 2, and its batch normalization has epsilon 1e-5.

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381, table 2.
"""

import numpy as np

from har.engine.runtime import keras

layers = keras.layers

# Of ImageNet, RGB in [0, 1], as torch's model was trained.
_MEAN = np.array([0.485, 0.456, 0.406])
_STANDARD_DEVIATION = np.array([0.229, 0.224, 0.225])
_EPSILON = 1e-5

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
    x = _convolve(x, 32, "features_0", kernel_size=3, strides=2)
    index = 1
    for expansion, channels, repeats, stride in _BLOCKS:
        for strides in [stride] + [1] * (repeats - 1):
            name = f"features_{index}_conv"
            x = _inverted_residual(x, channels, name, expansion=expansion, strides=strides)
            index += 1
    x = _convolve(x, 1280, f"features_{index}")
    features = layers.GlobalAveragePooling2D(name="features")(x)
    return keras.Model(frames, features, name="mobilenet_v2")


def _inverted_residual(inputs, channels: int, name: str, *, expansion: int, strides: int):
    """Expand by a 1x1 convolution, filter each channel by a 3x3 one, project by a 1x1 one."""
    input_channels = inputs.shape[-1]
    x = inputs
    first = 0
    if expansion != 1:
        x = _convolve(x, input_channels * expansion, name)
        first = 3  # torch counts the convolution, its normalization and the ReLU6 above
    x = _convolve(x, None, name, first=first, kernel_size=3, strides=strides)
    x = _convolve(x, channels, name, first=first + 3, activation=False)
    if strides == 1 and input_channels == channels:
        x = layers.Add(name=f"{name}_add")([inputs, x])
    return x


def _convolve(
    x,
    channels: int | None,
    name: str,
    *,
    first: int = 0,
    kernel_size: int = 1,
    strides: int = 1,
    activation: bool = True,
):
    """Convolve, normalize and apply ReLU6.

    Args:
        x: Input of the block, shape (batch, height, width, channels).
        channels: Output channels; None filters each channel by itself.
        name: Name of torch's Sequential.
        first: Index of the convolution in it; the normalization is the next.
        kernel_size: Height and width of the kernel.
        strides: 1 or 2.
        activation: Whether ReLU6 follows.

    Returns:
        Output of the block.
    """
    convolution, normalization = f"{name}_{first}", f"{name}_{first + 1}"
    padding = "same"
    if strides == 2:
        # Torch pads 1 on each side; "same" would pad 0 before and 1 after. At stride 1 they agree.
        x = layers.ZeroPadding2D(1, name=convolution + "_pad")(x)
        padding = "valid"
    options = {"strides": strides, "padding": padding, "use_bias": False, "name": convolution}
    if channels is None:
        x = layers.DepthwiseConv2D(kernel_size, depthwise_initializer="zeros", **options)(x)
    else:
        x = layers.Conv2D(channels, kernel_size, kernel_initializer="zeros", **options)(x)
    x = layers.BatchNormalization(epsilon=_EPSILON, name=normalization)(x)
    return layers.ReLU(6.0, name=normalization + "_relu")(x) if activation else x
