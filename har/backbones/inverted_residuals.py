"""Inverted residual blocks, of which MobileNetV2 and EfficientNet-Lite are made.

Kernels are zero: the weights are put into the layers by their names.

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381, table 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from har.engine.runtime import layers

Names = tuple[str, str]  # of a convolution and of its batch normalization


@dataclass(frozen=True)
class Convention:
    """What frameworks do differently, and what ruins the features when it is overlooked.

    Attributes:
        epsilon: Of batch normalization.
        is_padded_evenly: Whether a 3x3 convolution of stride 2 pads 1 on each side, as torch does.
            TensorFlow's "same" pads 0 before and 1 after. At stride 1 the two agree.
    """

    epsilon: float
    is_padded_evenly: bool


def inverted_residual(
    inputs,
    channels: int,
    names: Sequence[Names],
    convention: Convention,
    *,
    name: str,
    expansion: int,
    kernel_size: int = 3,
    strides: int = 1,
):
    """Expand by a 1x1 convolution, filter each channel by a larger one, project by a 1x1 one.

    Args:
        inputs: Shape (batch, height, width, channels).
        channels: Output channels.
        names: Of the layers, in order; without those of the expansion where it is 1.
        convention: Padding and epsilon.
        name: Of the block.
        expansion: Factor of the channels in between; at 1 nothing expands them.
        kernel_size: Height and width of the kernel that filters each channel.
        strides: Of that kernel, 1 or 2.

    Returns:
        Output of the block.
    """
    *expand, depthwise, project = names
    x = inputs
    for layer_names in expand:
        x = convolve(x, inputs.shape[-1] * expansion, layer_names, convention)
    x = convolve(x, None, depthwise, convention, kernel_size=kernel_size, strides=strides)
    x = convolve(x, channels, project, convention, activation=False)
    if strides == 1 and inputs.shape[-1] == channels:
        x = layers.Add(name=f"{name}_add")([inputs, x])
    return x


def convolve(
    x,
    channels: int | None,
    names: Names,
    convention: Convention,
    *,
    kernel_size: int = 1,
    strides: int = 1,
    activation: bool = True,
):
    """Convolve, normalize and apply ReLU6.

    Args:
        x: Shape (batch, height, width, channels).
        channels: Output channels; None filters each channel by itself.
        names: Of the convolution and of its batch normalization.
        convention: Padding and epsilon.
        kernel_size: Height and width of the kernel; 3 or 1 where padding is even.
        strides: 1 or 2.
        activation: Whether ReLU6 follows.

    Returns:
        The normalized and activated maps.
    """
    convolution, normalization = names
    padding = "same"
    if strides == 2 and convention.is_padded_evenly:
        x = layers.ZeroPadding2D(1, name=convolution + "_pad")(x)
        padding = "valid"
    options = {"strides": strides, "padding": padding, "use_bias": False, "name": convolution}
    if channels is None:
        x = layers.DepthwiseConv2D(kernel_size, depthwise_initializer="zeros", **options)(x)
    else:
        x = layers.Conv2D(channels, kernel_size, kernel_initializer="zeros", **options)(x)
    x = layers.BatchNormalization(epsilon=convention.epsilon, name=normalization)(x)
    return layers.ReLU(6.0, name=normalization + "_relu")(x) if activation else x
