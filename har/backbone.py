"""MobileNetV2 1.0/224 without its classifier, frozen, as an ordinary Keras model of RGB frames.

The registry weights come from torch, whose MobileNetV2 differs from `keras.applications` in two
ways that ruin the features when overlooked (cosine 0.5 to the right ones): it pads each side by 1
where a convolution has stride 2, and its batch normalization has epsilon 1e-5. The layers here are
named after torch's parameters, so that porting the weights is one loop.

Reference: Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018,
https://arxiv.org/abs/1801.04381, table 2.
"""

from pathlib import Path

import numpy as np

from har.runtime import keras
from har.weights import find_keras_weights, identify_weights, load_registry_weights

layers = keras.layers

BACKBONES = ("mobilenet_v2",)
NUM_FEATURES = 1280
MIN_FRAME_SIZE = 32  # pixels; the last layers then see one position

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


def build_backbone(
    name: str = "mobilenet_v2",
    weights: str = "registry",
    *,
    seed: int | None = None,
    frame_size: int = 224,
) -> keras.Model:
    """Build the frozen backbone that turns each frame into a vector.

    Args:
        name: One of `BACKBONES`.
        weights: `registry` (ImageNet weights of an installed package), `keras` (the ImageNet
            weights of `keras.applications`, from Keras' cache folder) or `random` (for tests).
        seed: Seed of random weights; the others need none.
        frame_size: Height and width of a frame in pixels, 32 or more. The pretrained weights were
            made for 224.

    Returns:
        Model from RGB frames with values 0 to 255, shape (batch, frame_size, frame_size, 3), any
        dtype, to float32 features, shape (batch, 1280). It has 2,257,984 parameters, none
        trainable, and saves and loads as `.keras` without custom objects.

    Raises:
        ValueError: If a name is unknown, frames are too small, the weights are missing or damaged,
            or random weights come without a seed.

    Example:
        >>> build_backbone(weights="random", seed=0).count_params()
        2257984
    """
    if name not in BACKBONES:
        raise ValueError(
            f"backbone.name is {name!r}, expected one of: {', '.join(BACKBONES)}. "
            "Change it in params.yaml."
        )
    if frame_size < MIN_FRAME_SIZE:
        raise ValueError(
            f"extract.size is {frame_size} pixels, {name} needs {MIN_FRAME_SIZE} or more. "
            "Change it in params.yaml."
        )
    identify_weights(weights, seed=seed)
    if weights == "keras":
        backbone = _build_keras_mobilenet_v2(find_keras_weights(), frame_size)
    else:
        backbone = _build_torch_mobilenet_v2(frame_size)
        if weights == "registry":
            _port_weights(backbone, load_registry_weights())
        else:
            _fill_with_noise(backbone, np.random.default_rng(seed))
    backbone.trainable = False
    return backbone


def _build_torch_mobilenet_v2(frame_size: int) -> keras.Model:
    """Build torch's MobileNetV2, its layers named after torch's parameters, its kernels zero."""
    frames = keras.Input((frame_size, frame_size, 3), name="frames")
    # (x / 255 - mean) / deviation, as one multiplication and one addition per channel.
    x = layers.Rescaling(
        scale=(1 / (255 * _STANDARD_DEVIATION)).tolist(),
        offset=(-_MEAN / _STANDARD_DEVIATION).tolist(),
        name="preprocess",
    )(frames)
    x = _convolve(x, 32, "features.0", kernel_size=3, strides=2)
    index = 1
    for expansion, channels, repeats, stride in _BLOCKS:
        for strides in [stride] + [1] * (repeats - 1):
            name = f"features.{index}.conv"
            x = _inverted_residual(x, channels, name, expansion=expansion, strides=strides)
            index += 1
    x = _convolve(x, NUM_FEATURES, f"features.{index}")
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
        x = layers.Add(name=_layer_name(name, "add"))([inputs, x])
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
    convolution = _layer_name(name, first)
    normalization = _layer_name(name, first + 1)
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


def _layer_name(*parts: str | int) -> str:
    # Keras wants no dots in names: features.1.conv, 3 becomes features_1_conv_3.
    return "_".join(str(part).replace(".", "_") for part in parts)


def _port_weights(backbone: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Copy torch's parameters into the layers that are named after them."""
    by_layer: dict[str, dict[str, np.ndarray]] = {}
    for parameter, array in arrays.items():
        owner, _, kind = parameter.rpartition(".")
        by_layer.setdefault(_layer_name(owner), {})[kind] = array
    for layer in backbone.layers:
        if isinstance(layer, layers.DepthwiseConv2D):
            kernel = by_layer.pop(layer.name)["weight"]  # (channels, 1, height, width)
            layer.set_weights([kernel.transpose(2, 3, 0, 1)])
        elif isinstance(layer, layers.Conv2D):
            kernel = by_layer.pop(layer.name)["weight"]  # (out, in, height, width)
            layer.set_weights([kernel.transpose(2, 3, 1, 0)])
        elif isinstance(layer, layers.BatchNormalization):
            statistics = by_layer.pop(layer.name)
            order = ("weight", "bias", "running_mean", "running_var")
            layer.set_weights([statistics[kind] for kind in order])
    if by_layer:
        raise ValueError(f"Weights without a layer in {backbone.name}: {', '.join(by_layer)}.")


def _fill_with_noise(backbone: keras.Model, rng: np.random.Generator) -> None:
    """Draw kernels that keep the features' scale: He's normal, counting the inputs truly used."""
    for layer in backbone.layers:
        if isinstance(layer, layers.Conv2D | layers.DepthwiseConv2D):
            height, width, num_inputs, _ = layer.kernel.shape
            if isinstance(layer, layers.DepthwiseConv2D):
                num_inputs = 1  # Keras' initializers count all channels: features of 1e-11
            deviation = np.sqrt(2 / (height * width * num_inputs))
            kernel = rng.normal(0, deviation, layer.kernel.shape)
            layer.set_weights([kernel.astype(np.float32)])


def _build_keras_mobilenet_v2(weights_file: Path, frame_size: int) -> keras.Model:
    """Build the MobileNetV2 of `keras.applications`, which expects values from -1 to 1."""
    frames = keras.Input((frame_size, frame_size, 3), name="frames")
    x = layers.Rescaling(1 / 127.5, offset=-1.0, name="preprocess")(frames)
    try:
        return keras.applications.MobileNetV2(
            input_tensor=x, include_top=False, pooling="avg", weights=str(weights_file)
        )
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{weights_file} does not hold the weights of Keras' MobileNetV2: {error}. "
            "Delete it and fetch it again, or set backbone.weights to 'registry'."
        ) from error
