"""Fit a model as params.yaml says: once, again with the validation videos, or with its backbone.

The epochs are those of `har.training.loop`; here is which trainings there are, and on what.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from har.backbones.building import build_backbone
from har.engine.runtime import keras
from har.models.contract import build_model, find_model, settings_type
from har.training.deployment import deployable
from har.training.examples import Examples, join_examples
from har.training.fine_tuning import fine_tune, split_backbone
from har.training.loop import Drawing, Progress, predict, train


@dataclass(frozen=True)
class Trained:
    """What `fit` made.

    Attributes:
        model: As it was built: on frames, or on features.
        tuned: Backbone and model together, on frames, where the backbone was trained too.
        results: The epochs of the model and, where there are any, those of the fine-tuning.
        validated: What it said of the validation videos before it was trained with them too,
            float32, shape (num_videos, num_classes).
    """

    model: keras.Model
    tuned: keras.Model | None
    results: list[Progress]
    validated: np.ndarray


def fit(
    read: Callable[..., Examples],
    params: dict[str, Any],
    *,
    num_classes: int,
    checkpoint: Path,
    on_epoch: Callable[[list[dict[str, Any]]], None] = lambda rows: None,
) -> Trained:
    """Train `model`, and then again with the validation videos, or the last blocks of its backbone.

    The first where its `refit` says so, the second where `fine_tune` says so; both are not done.

    Args:
        read: `har.training.examples.read_examples` but for `split` and `inputs`.
        params: The content of params.yaml.
        num_classes: Number of labels.
        checkpoint: As for `har.training.loop.train`; what comes second has another one beside it.
        on_epoch: Called with the new rows of the history after each epoch.
    """
    settings, second = _settings(params), second_checkpoint(checkpoint)
    training, validation = read("train"), read("val")
    model = _build(training, params, num_classes)
    backbone = _backbone_to_tune(params) if params["fine_tune"]["num_blocks"] else None
    result = train(
        model,
        training,
        validation,
        settings=settings,
        checkpoint=checkpoint,
        on_epoch=on_epoch,
        drawing=_drawing(params),
    )
    if backbone is None:
        validated = predict(model, validation, batch_size=settings["batch_size"])
        if "val" in trained_on(params):
            both, num_epochs = join_examples(training, validation), result.best_epoch
            model = _refit(both, params, num_classes, num_epochs=num_epochs, checkpoint=second)
        return Trained(model, None, [result], validated)
    tuned_result = _tune(
        model,
        backbone,
        read,
        params,
        num_epochs_before=result.epoch,
        checkpoint=second,
        on_epoch=on_epoch,
    )
    tuned = put_together(model, backbone, params)
    validated = predict(tuned, read("val", "clips"), batch_size=1)
    return Trained(model, tuned, [result, tuned_result], validated)


def predict_split(
    trained: Trained, read: Callable[..., Examples], params: dict[str, Any], split: str
) -> np.ndarray:
    """Return what was trained says of the videos of a split, shape (num_videos, num_classes)."""
    if trained.tuned is not None:  # a clip at a time: frames in the backbone take much memory
        return predict(trained.tuned, read(split, "clips"), batch_size=1)
    return predict(trained.model, read(split), batch_size=_settings(params)["batch_size"])


def trained_on(params: dict[str, Any]) -> list[str]:
    """Return the splits whose videos the model has been trained with in the end."""
    is_refit = _settings(params)["refit"] and not params["fine_tune"]["num_blocks"]
    return ["train", "val"] if is_refit else ["train"]


def make_backbone(params: dict[str, Any]) -> keras.Model:
    """Build the backbone that the features are from."""
    size = params["extract"]["size"]
    return build_backbone(**params["backbone"], seed=params["seed"], frame_size=size)


def put_together(model: keras.Model, backbone: keras.Model, params: dict[str, Any]) -> keras.Model:
    """Return the model on frames, for one that was trained on features."""
    return deployable(model, backbone, **shown(params))


def shown(params: dict[str, Any]) -> dict[str, Any]:
    """Return the `streams` that the model is shown, and the `context` of those of a person."""
    settings = _settings(params)
    if find_model(params["model"]).INPUT == "features":
        return {"streams": settings["streams"], "context": params["features"]["context"]}
    return {"streams": [settings.get("stream", "frames")], "context": 1.0}


def second_checkpoint(checkpoint: Path) -> Path:
    """Return where what comes after the first training keeps its own."""
    return checkpoint.with_name(f"{checkpoint.stem}-second.npz")


def _settings(params: dict[str, Any]) -> dict[str, Any]:
    return params["models"][params["model"]]


def _tuning_settings(params: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of the model, but for those that `fine_tune` has too."""
    tuning = {key: params["fine_tune"][key] for key in ("epochs", "learning_rate", "batch_size")}
    return _settings(params) | tuning


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


def _backbone_to_tune(params: dict[str, Any]) -> keras.Model:
    """Build the backbone, and say before the first training what is wrong with tuning it."""
    backbone = make_backbone(params)
    split_backbone(backbone, params["fine_tune"]["num_blocks"])
    return backbone


def _refit(
    examples: Examples,
    params: dict[str, Any],
    num_classes: int,
    *,
    num_epochs: int,
    checkpoint: Path,
) -> keras.Model:
    """Return the model, trained from its beginning with nobody left to choose an epoch by."""
    keras.utils.set_random_seed(params["seed"])  # as after a kill, when nothing was drawn
    model = _build(examples, params, num_classes)
    train(
        model,
        examples,
        None,
        settings=_settings(params),
        checkpoint=checkpoint,
        num_epochs=num_epochs,
        drawing=_drawing(params),
    )
    return model


def _tune(
    model: keras.Model,
    backbone: keras.Model,
    read: Callable[..., Examples],
    params: dict[str, Any],
    *,
    num_epochs_before: int,
    checkpoint: Path,
    on_epoch: Callable[[list[dict[str, Any]]], None],
) -> Progress:
    """Train the last blocks of the backbone and, once more, the model, in place."""
    return fine_tune(
        model,
        backbone,
        read("train", "clips"),
        read("val", "clips"),
        **shown(params),
        num_blocks=params["fine_tune"]["num_blocks"],
        settings=_tuning_settings(params),
        checkpoint=checkpoint,
        num_epochs_before=num_epochs_before,
        on_epoch=on_epoch,
        drawing=_drawing(params),
    )
