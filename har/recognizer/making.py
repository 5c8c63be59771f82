"""From a trained Keras model and the settings that it was trained by to a recognizer."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

from har.backbones.building import build_backbone
from har.backbones.conversion import convert_backbone, key_of
from har.clips.streams import POSE, picture_streams
from har.engine.cache import Cache
from har.engine.files import writing
from har.engine.runtime import keras
from har.models.contract import FeatureSettings, count_parameters
from har.pose.networks import find_pose_files
from har.recognizer.recognizer import Recognizer
from har.settings import Settings


def make_recognizer(
    model: keras.Model,
    labels: list[str],
    settings: Settings,
    params: dict[str, Any],
    *,
    clip_seconds: Sequence[float] = (),
) -> Recognizer:
    """Return the recognizer of a trained model.

    Args:
        model: On features or on frames, as `har.models.contract.build_model` returns it.
        labels: The name of each class, in the model's order.
        settings: Those of the training.
        params: What made the model, for the record.
        clip_seconds: The length of each training clip: the median becomes the length of the window
            that slides over longer videos.
    """
    preprocessing, networks = describe_preprocessing(settings), {}
    if len(clip_seconds):
        lengths = {"window_seconds": median(clip_seconds), "longest_seconds": max(clip_seconds)}
        preprocessing |= {name: round(float(length), 3) for name, length in lengths.items()}
    if _has_backbone(settings):
        networks["backbone"] = convert_backbone(**_backbone_options(settings)).network
    if POSE in preprocessing["streams"]:
        networks["pose"] = find_pose_files()
    return Recognizer.of_model(model, labels, preprocessing, params, **networks)


def describe_preprocessing(settings: Settings) -> dict[str, Any]:
    """Return how a video becomes what the model takes, as `Recognizer.preprocessing` has it."""
    chosen = settings.chosen
    if isinstance(chosen, FeatureSettings):
        shown = {"streams": list(chosen.streams), "context": settings.features.context}
    else:
        shown = {"streams": [getattr(chosen, "stream", "frames")], "context": 1.0}
    return {
        "max_side": settings.convert.max_side,
        **settings.extract.model_dump(include={"num_frames", "size", "aspect"}),
        "model_frames": settings.model_frames,
        **shown,
        "person": settings.pose.person,
    }


def count_all_parameters(model: keras.Model, settings: Settings) -> dict[str, int]:
    """Return the parameters of a model, in all (`total`) with its backbone's, and `trainable`."""
    counts = count_parameters(model)
    if _has_backbone(settings):
        counts["total"] += _count_backbone(_backbone_options(settings))
    return counts


def _count_backbone(options: dict[str, Any]) -> int:
    """Return the number of parameters of a backbone, which takes a second and is kept."""
    cache = Cache("parameters", ending=".txt")
    key = cache.key(key_of(**options), parameters={}, code_version="")
    entry = cache.get(key)
    if entry is None:
        number = build_backbone(**options).count_params()
        with writing(cache.new_file()) as made:
            made.write_text(f"{number}\n", encoding="utf-8")
            entry = cache.put(key, made, {"parameters": number})
    return entry.meta["parameters"]


def _has_backbone(settings: Settings) -> bool:
    """Return whether the model sees pictures by way of the backbone."""
    chosen = settings.chosen
    return isinstance(chosen, FeatureSettings) and bool(picture_streams(chosen.streams))


def _backbone_options(settings: Settings) -> dict[str, Any]:
    options = settings.backbone.model_dump()
    return options | {"seed": settings.seed, "frame_size": settings.extract.size}
