"""The frozen network that turns each frame into a vector, chosen by name.

The registry weights come from torch. The layers of `mobilenet_v2` and `efficientnet_lite`
are named after torch's parameters, so that porting the weights is one loop.
"""

from __future__ import annotations

import numpy as np

from har.backbones.efficientnet_lite import build_efficientnet_lite0
from har.backbones.keras_applications import build_keras_application
from har.backbones.keras_hub import build_keras_hub_preset
from har.backbones.mobilenet_v2 import build_mobilenet_v2
from har.backbones.weights import REGISTRY_WEIGHTS, identify_weights, load_registry_weights
from har.engine.runtime import keras, layers

BACKBONES = tuple(REGISTRY_WEIGHTS)
MIN_FRAME_SIZE = 32  # pixels; the last layers then see one position


def build_backbone(
    name: str = "mobilenet_v2",
    weights: str = "registry",
    *,
    seed: int | None = None,
    frame_size: int = 224,
) -> keras.Model:
    """Build the frozen backbone that turns each frame into a vector.

    Args:
        name: One of `BACKBONES`; with `keras` weights any model of `keras.applications`, with
            `keras_hub` a preset of KerasHub, or a folder that holds one.
        weights: `registry` (ImageNet weights of an installed package), `keras` or `keras_hub` (from
            the cache folder of Keras or kagglehub, or else the internet) or `random` (for tests).
        seed: Seed of random weights; the others need none.
        frame_size: Height and width of a frame in pixels, 32 or more. The pretrained weights were
            made for 224 in most cases.

    Returns:
        Model from RGB frames with values 0 to 255, shape (batch, frame_size, frame_size, 3), any
        dtype, to float32 features, shape (batch, num_features): 1280 for `BACKBONES`. None of its
        parameters is trainable, and it saves and loads as `.keras` without custom objects, but for
        those presets of KerasHub that are made of its own layers.

    Raises:
        ValueError: If a name is unknown, frames are too small, the weights are missing or damaged,
            or random weights come without a seed.

    Example:
        >>> build_backbone(weights="random", seed=0).count_params()
        2257984
    """
    if frame_size < MIN_FRAME_SIZE:
        raise ValueError(
            f"extract.size is {frame_size} pixels, {name} needs {MIN_FRAME_SIZE} or more. "
            "Change it in params.yaml."
        )
    if weights == "keras":
        backbone = build_keras_application(name, frame_size)
    elif weights == "keras_hub":
        backbone = build_keras_hub_preset(name, frame_size)
    else:
        identify_weights(name, weights, seed=seed)
        backbone = _build_torch(name, frame_size)
        if weights == "registry":
            _port_weights(backbone, load_registry_weights(name))
        else:
            _fill_with_noise(backbone, np.random.default_rng(seed))
    backbone.trainable = False
    return backbone


def _build_torch(name: str, frame_size: int) -> keras.Model:
    if name == "mobilenet_v2":
        return build_mobilenet_v2(frame_size)
    return build_efficientnet_lite0(frame_size)


def _port_weights(backbone: keras.Model, arrays: dict[str, np.ndarray]) -> None:
    """Copy torch's parameters into the layers that are named after them."""
    by_layer: dict[str, dict[str, np.ndarray]] = {}
    for parameter, array in arrays.items():
        owner, _, kind = parameter.rpartition(".")
        # Keras wants no dots: features.1.conv.3 is here features_1_conv_3, and _blocks.0._bn1 is
        # blocks_0_bn1.
        layer_name = "_".join(part.lstrip("_") for part in owner.split("."))
        by_layer.setdefault(layer_name, {})[kind] = array
    by_layer.pop("fc", None)  # the classifier
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
