"""Fit a model as its settings say: once, or again with the validation videos.

The epochs are those of `har.training.loop`; here is which trainings there are, and on what.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from har.engine.runtime import keras
from har.models.contract import FeatureSettings, build_model, find_model
from har.settings import Settings
from har.training.backwards import add_backwards, find_backwards
from har.training.devices import Devices, choose_devices
from har.training.examples import Examples, join_examples
from har.training.loop import Drawing, Progress, predict, train


@dataclass(frozen=True)
class Trained:
    """What `fit` made.

    Attributes:
        model: As it was built: on frames, or on features; of float32, for one device.
        result: The epochs of the training that has validated.
        validated: What it said of the validation videos before it was trained with them too,
            float32, shape (num_videos, num_classes).
        backwards: Which label was found to be which other one backwards in time.
    """

    model: keras.Model
    result: Progress
    validated: np.ndarray
    backwards: dict[int, int]


def fit(
    read: Callable[[str], Examples],
    settings: Settings,
    *,
    num_classes: int,
    checkpoint: Path,
    on_epoch: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
) -> Trained:
    """Train `model`, and where its `refit` says so, again with the validation videos.

    Where several machines train, each calls it, and only the chief writes a checkpoint.

    Args:
        read: Returns the examples of a split.
        settings: All settings.
        num_classes: Number of labels.
        checkpoint: As for `har.training.loop.train`; the second training has another beside it.
        on_epoch: Called with the new rows of the history after each epoch.
    """
    chosen = settings.chosen
    devices = choose_devices(settings.train, most=chosen.batch_size)
    own = {"settings": chosen, "drawing": _drawing(settings), "devices": devices}
    training, validation = read("train"), read("val")
    shown, backwards = _with_backwards(training, settings)
    model = _build(training, settings, num_classes, devices)
    result = train(model, shown, validation, checkpoint=checkpoint, on_epoch=on_epoch, **own)
    model = _plain(model, training, settings, devices)
    validated = predict(model, validation, batch_size=chosen.batch_size)
    if chosen.refit:
        both = join_examples(training, validation)
        shown, backwards = _with_backwards(both, settings)
        keras.utils.set_random_seed(settings.seed)  # as after a kill, when nothing was drawn
        model = _build(both, settings, num_classes, devices)
        second = second_checkpoint(checkpoint)
        # Nobody is left to choose an epoch by.
        train(model, shown, None, checkpoint=second, num_epochs=result.best_epoch, **own)
        model = _plain(model, both, settings, devices)
    return Trained(model, result, validated, backwards)


def trained_on(settings: Settings) -> list[str]:
    """Return the splits whose videos the model has been trained with in the end."""
    return ["train", "val"] if settings.chosen.refit else ["train"]


def second_checkpoint(checkpoint: Path) -> Path:
    """Return where the training with the validation videos keeps its own."""
    return checkpoint.with_name(f"{checkpoint.stem}-second.npz")


def _drawing(settings: Settings) -> Drawing:
    """Return what decides what is drawn in each training."""
    return Drawing(seed=settings.seed, balanced=settings.downsample.method != "class_weight")


def _with_backwards(examples: Examples, settings: Settings) -> tuple[Examples, dict[int, int]]:
    """Return what a training is shown: of labels that are each other backwards more examples.

    Of drawn people none are looked for: their sequences are drawn as they are needed.

    Returns:
        The examples, and the pairs of `find_backwards`.
    """
    if settings.pose_alone or not getattr(settings.chosen, "backwards", False):
        return examples, {}
    streams = settings.chosen.streams
    pairs = find_backwards(examples, streams)
    # Drawn equally often, labels need no weights; else that of each holds for twice as many.
    weight = 1.0 if _drawing(settings).balanced else 0.5
    return add_backwards(examples, pairs, streams, weight=weight) if pairs else examples, pairs


def _build(
    training: Examples, settings: Settings, num_classes: int, devices: Devices
) -> keras.Model:
    """Build the model, on the scale of what it trains on where its module has `adapt`."""
    on_features, module = isinstance(settings.chosen, FeatureSettings), find_model(settings.model)
    with devices.building():
        model = build_model(
            settings.model,
            settings.chosen,
            num_classes=num_classes,
            num_frames=settings.model_frames,
            frame_size=settings.extract.size,
            num_features=training.read(0, 0).shape[-1] if on_features else 0,
        )
        if hasattr(module, "adapt"):
            videos = range(len(training.label_indices))
            module.adapt(model, (training.read(video, 0) for video in videos))
    devices.prepare(model)
    return model


def _plain(
    model: keras.Model, training: Examples, settings: Settings, devices: Devices
) -> keras.Model:
    """Return the trained model as it is used: of float32, on one device."""
    if devices.are_plain:
        return model
    plain = _build(training, settings, model.output_shape[-1], Devices())
    plain.set_weights(model.get_weights())
    return plain
