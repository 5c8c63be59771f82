"""Fine-tuning: the last blocks of the backbone are trained on, together with the trained head.

The blocks before them stay as they are, so the *maps* that they make of a clip or view are always
the same. They run apart and before: training holds nothing of them for gradients, and keeps maps in
memory instead of making them again.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from har.clips.streams import show_stream
from har.engine.runtime import keras
from har.training.deployment import with_last_blocks
from har.training.examples import Examples
from har.training.loop import Drawing, Progress, train

KEPT_GIGABYTES = 1.0  # of maps in memory; those beyond are made again, which changes nothing
# As the layers of `mobilenet_v2` and `efficientnet_lite` are named. Neither matches the stem, which
# is before all blocks.
_BLOCK = re.compile(r"(features_[1-9]\d*|blocks_\d+|conv_head)(_|$)")


def split_backbone(backbone: keras.Model, num_blocks: int) -> tuple[keras.Model, keras.Model]:
    """Cut a backbone before its last blocks.

    Args:
        backbone: Of `har.backbones.building.BACKBONES`. Its last 1x1 convolution is the first
            block from the end, its inverted residuals are the others.
        num_blocks: 1 or more.

    Returns:
        The model from frames to maps, and that from maps to features; both share the layers of
        the backbone.

    Raises:
        ValueError: The backbone has fewer blocks.
    """
    first_layers: dict[str, keras.Layer] = {}
    for layer in backbone.layers:
        if match := _BLOCK.match(layer.name):
            first_layers.setdefault(match[1], layer)
    if num_blocks > len(first_layers):
        raise ValueError(
            f"fine_tune.num_blocks is {num_blocks}; {backbone.name} has {len(first_layers)} blocks "
            "that can be trained. Change it in params.yaml."
        )
    maps = list(first_layers.values())[-num_blocks].input
    return keras.Model(backbone.input, maps), keras.Model(maps, backbone.output)


def fine_tune(
    head: keras.Model,
    backbone: keras.Model,
    training: Examples,
    validation: Examples,
    *,
    streams: Sequence[str],
    context: float,
    num_blocks: int,
    settings: dict[str, Any],
    drawing: Drawing,
    checkpoint: Path,
    num_epochs_before: int,
    on_epoch: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
) -> Progress:
    """Train the last blocks of the backbone and the head, in place.

    Args:
        head: The model, trained on features of the backbone.
        backbone: Frozen. Afterwards the blocks that were trained are trainable.
        training: The training clips and their views.
        validation: The validation clips.
        streams: What the backbone is shown, of `har.clips.streams.STREAMS`.
        context: As for `har.clips.streams.show_stream`.
        num_blocks: How many, 1 or more, as for `split_backbone`.
        settings: As for `har.training.loop.train`.
        drawing: Likewise.
        checkpoint: Another one than that of the head.
        num_epochs_before: Epochs of the head's training.
        on_epoch: Called after each epoch.

    Returns:
        What `har.training.loop.train` does.
    """
    trunk, tail = split_backbone(backbone, num_blocks)
    _unfreeze(backbone, tail, head)
    return train(
        with_last_blocks(head, tail, streams),
        _as_maps(training, trunk, streams, context),
        _as_maps(validation, trunk, streams, context),
        settings=settings,
        drawing=drawing,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        section="fine_tune",
        num_epochs_before=num_epochs_before,
    )


def _unfreeze(backbone: keras.Model, tail: keras.Model, head: keras.Model) -> None:
    """Let the tail be trained, but for batch normalization.

    What is not trainable normalizes with the statistics that it has. Those of a batch of a few
    clips, whose frames look alike, would be far from those of ImageNet that the weights were made
    for, and from those of all clips that the head has seen.
    """
    backbone.trainable = True  # and all within it
    for layer in backbone.layers:
        layer.trainable = layer in tail.layers
    for layer in [*tail.layers, *head.layers]:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def _as_maps(
    clips: Examples, trunk: keras.Model, streams: Sequence[str], context: float
) -> Examples:
    """Return the same examples as the trunk sees them, (num_streams, num_frames, ...)."""
    shape = trunk.output_shape[1:]
    num_frames = len(clips.read(0, 0))
    num_bytes = 4 * len(streams) * num_frames * int(np.prod(shape))

    @lru_cache(maxsize=int(KEPT_GIGABYTES * 1e9 / num_bytes))
    def read(video: int, view: int) -> np.ndarray:
        clip = clips.read(video, view)
        frames = np.concatenate([show_stream(stream, clip, context=context) for stream in streams])
        return trunk.predict_on_batch(frames).reshape(len(streams), num_frames, *shape)

    return replace(clips, read=read)
