"""Folders of untrained models, small and quick, one of each kind of input."""

import functools
from pathlib import Path

import numpy as np

from har.engine.runtime import keras
from har.models.contract import build_model
from har.pose.joints import NUM_POSE_FEATURES
from har.recognizer.making import make_recognizer
from har.recognizer.recognizer import Recognizer, save_trained
from har.settings.loading import make_settings

LABELS = ["none", "sitting", "waving"]
NUM_FRAMES, SIZE = 9, 128
KINDS = {
    "frames": ("cnn3d", ["frames"]),
    "pictures": ("fusion", ["frames", "motion", "person"]),
    "all": ("attention", ["frames", "motion", "person", "pose"]),
    "pose": ("fusion", ["pose"]),
}


def write_tiny(kind: str, folder: Path) -> Recognizer:
    """Write the folder of an untrained model as the stage `train` does, and return it."""
    model, recognizer = _make(kind)
    recognizer.save(folder)
    save_trained(model, folder)
    return recognizer


@functools.cache
def _make(kind: str) -> tuple["keras.Model", Recognizer]:
    name, streams = KINDS[kind]
    changes = {
        "model": name,
        "extract": {"num_frames": NUM_FRAMES, "size": SIZE},
        "backbone": {"weights": "random"},
        "dataset": {"synthetic": False},
        "models": {name: {"num_frames": NUM_FRAMES}},
    }
    if kind != "frames":
        changes["models"][name]["streams"] = streams
    settings = make_settings(changes)
    keras.utils.set_random_seed(0)
    num_pictures = len(set(streams) - {"pose"})
    model = build_model(
        name,
        settings.chosen,
        num_classes=len(LABELS),
        num_frames=NUM_FRAMES,
        frame_size=SIZE,
        num_features=1280 * num_pictures + NUM_POSE_FEATURES * ("pose" in streams),
    )
    # Not the same for every clip, as models are that start at zero, and sure of what they say.
    kernel, bias = model.layers[-1].get_weights()
    rng = np.random.default_rng(0)
    spread = {"frames": 100.0, "all": 1.0}.get(kind, 0.3 / np.sqrt(len(kernel)))
    model.layers[-1].set_weights([rng.normal(0, spread, kernel.shape), bias])
    params = settings.as_params()
    made_by = {name: params[name] for name in ("seed", "backbone")}
    made_by |= {"model": name, "unsure_below": 0.2, "none_label": "none"}
    return model, make_recognizer(model, LABELS, settings, made_by, clip_seconds=[1.0, 1.5])
