"""Fit a model as params.yaml says: once, or again with the validation videos.

The epochs are those of `har.training.loop`; here is which trainings there are, and on what.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from har.engine.runtime import keras
from har.models.contract import build_model, find_model, settings_type
from har.training.examples import Examples, join_examples
from har.training.loop import Drawing, Progress, predict, train


@dataclass(frozen=True)
class Trained:
    """What `fit` made.

    Attributes:
        model: As it was built: on frames, or on features.
        result: The epochs of the training that has validated.
        validated: What it said of the validation videos before it was trained with them too,
            float32, shape (num_videos, num_classes).
    """

    model: keras.Model
    result: Progress
    validated: np.ndarray


def fit(
    read: Callable[[str], Examples],
    params: dict[str, Any],
    *,
    num_classes: int,
    checkpoint: Path,
    on_epoch: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
) -> Trained:
    """Train `model`, and where its `refit` says so, again with the validation videos.

    Args:
        read: Returns the examples of a split.
        params: The content of params.yaml.
        num_classes: Number of labels.
        checkpoint: As for `har.training.loop.train`; the second training has another beside it.
        on_epoch: Called with the new rows of the history after each epoch.
    """
    settings, drawing = _settings(params), _drawing(params)
    training, validation = read("train"), read("val")
    model = _build(training, params, num_classes)
    result = train(
        model,
        training,
        validation,
        settings=settings,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        drawing=drawing,
    )
    validated = predict(model, validation, batch_size=settings["batch_size"])
    if settings["refit"]:
        both = join_examples(training, validation)
        keras.utils.set_random_seed(params["seed"])  # as after a kill, when nothing was drawn
        model = _build(both, params, num_classes)
        train(
            model,
            both,
            None,  # nobody is left to choose an epoch by
            settings=settings,
            checkpoint=second_checkpoint(checkpoint),
            num_epochs=result.best_epoch,
            drawing=drawing,
        )
    return Trained(model, result, validated)


def trained_on(params: dict[str, Any]) -> list[str]:
    """Return the splits whose videos the model has been trained with in the end."""
    return ["train", "val"] if _settings(params)["refit"] else ["train"]


def second_checkpoint(checkpoint: Path) -> Path:
    """Return where the training with the validation videos keeps its own."""
    return checkpoint.with_name(f"{checkpoint.stem}-second.npz")


def _settings(params: dict[str, Any]) -> dict[str, Any]:
    return params["models"][params["model"]]


def _drawing(params: dict[str, Any]) -> Drawing:
    """Return what decides what is drawn in each training."""
    return Drawing(seed=params["seed"], balanced=params["downsample"]["method"] != "class_weight")


def _build(training: Examples, params: dict[str, Any], num_classes: int) -> keras.Model:
    """Build the model, on the scale of what it trains on where its module has `adapt`."""
    name, settings = params["model"], _settings(params)
    module = find_model(name)
    model = build_model(
        name,
        settings_type(name).model_validate(settings),
        num_classes=num_classes,
        num_frames=settings["num_frames"],
        frame_size=params["extract"]["size"],
        num_features=training.read(0, 0).shape[-1] if module.INPUT == "features" else 0,
    )
    if hasattr(module, "adapt"):
        videos = range(len(training.label_indices))
        module.adapt(model, (training.read(video, 0) for video in videos))
    return model
