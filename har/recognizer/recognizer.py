"""A trained model in its folder, with all that is needed to use it, and without TensorFlow.

The folder holds `model.tflite` (from features, or from frames, to probabilities), for a model on
features `backbone.tflite` and, where it sees the pose, `pose_detector.tflite` and
`pose_landmarks.tflite`, which make them; `labels.json`, `preprocessing.json` (how a video
becomes what the networks take) and `params.json` (what made the model). `model.keras` is what was
trained, for those who go on from it. `digests.json` binds all of them to each other. The same
training writes the same bytes.
"""

import contextlib
import json
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from har.backbones.litert import convert_model, try_network
from har.engine.files import whole, write_bytes, write_json
from har.engine.verification import mark_damaged
from har.integrity.digests import find_changed, read_digests, write_digests
from har.integrity.trial import KERAS_GIGABYTES, keras_reason, try_files
from har.integrity.unpacking import Archive, check_keras
from har.recognizer.described import check_described
from har.recognizer.using import (
    BACKBONE_NAME,
    DESCRIBED,
    MODEL_NAME,
    POSE_NAMES,
    REMEDY,
    UsedRecognizer,
    check_model_files,
)

if TYPE_CHECKING:
    from har.engine.runtime import keras

TRAINED_NAME = "model.keras"
NETWORK_NAMES = (MODEL_NAME, BACKBONE_NAME, *POSE_NAMES)


@dataclass(frozen=True)
class Recognizer(UsedRecognizer):
    """A model and what belongs to it: what `UsedRecognizer` has, made and written."""

    @classmethod
    def of_model(cls, model: "keras.Model", *described: Any, **networks: Any) -> "Recognizer":
        """Return the recognizer of a trained Keras model; see the attributes."""
        return cls(convert_model(model), *described, **networks)

    @classmethod
    def check(cls, folder: Path, described: dict[str, Any]) -> None:
        """Check a folder that others may have made, before its networks are opened."""
        check_described(folder, described)
        networks = [name for name in NETWORK_NAMES if (folder / name).is_file()]
        check_model_files(folder, networks)
        try_files(try_network, [folder / name for name in networks], remedy=REMEDY)

    def save(self, folder: Path) -> None:
        """Write the folder; the same recognizer gives the same bytes."""
        networks = {MODEL_NAME: self.network}
        if self.backbone is not None:
            networks[BACKBONE_NAME] = self.backbone
        networks |= dict(zip(POSE_NAMES, self.pose or (), strict=False))
        for name, network in networks.items():
            write_bytes(network, folder / name)
        described = {f"{name}.json": getattr(self, name) for name in DESCRIBED}
        for name, content in described.items():
            write_json(content, folder / name)
        write_digests(folder, [*networks, *described])


def load_recognizer(folder: Path) -> Recognizer:
    """Read what `Recognizer.save` wrote.

    Raises:
        ValueError: The folder has no model, or not all of it, or a file is damaged or too large.
    """
    with _marked_where_damaged(folder):
        return Recognizer.load(folder)


@contextlib.contextmanager
def _marked_where_damaged(folder: Path) -> Iterator[None]:
    """Let `make repro` look at the files of a folder that are found damaged within."""
    try:
        yield
    except ValueError:
        for file in find_changed(folder, read_digests(folder)):
            mark_damaged(file)
        raise


def save_trained(model: "keras.Model", folder: Path) -> None:
    """Write a Keras model into a recognizer's folder, the same model as the same bytes."""
    with whole(folder / TRAINED_NAME) as path:
        model.save(path)
        with Archive(path) as archive:
            entries = {name: archive.read(name) for name in sorted(archive.names)}
        metadata = json.loads(entries["metadata.json"])
        metadata["date_saved"] = ""
        entries["metadata.json"] = json.dumps(metadata).encode()
        numbers: dict[str, int] = {}  # Keras tells shared objects by their address; any number does
        entries["config.json"] = re.sub(
            r'(?<="shared_object_id": )\d+',
            lambda address: str(numbers.setdefault(address[0], len(numbers))),
            entries["config.json"].decode(),
        ).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in entries.items():
                archive.writestr(zipfile.ZipInfo(name), content)
    write_digests(folder, {*read_digests(folder), TRAINED_NAME})


def load_trained(folder: Path) -> "keras.Model":
    """Read what `save_trained` wrote.

    Raises:
        ValueError: It is missing, damaged or too large.
    """
    path = folder / TRAINED_NAME
    with _marked_where_damaged(folder):
        check_model_files(folder, [TRAINED_NAME])
    check_keras(path)
    try_files(_try_trained, [path], gigabytes=KERAS_GIGABYTES, remedy=REMEDY)
    return _load_keras(path)


def _load_keras(path: Path) -> "keras.Model":
    from har.engine.runtime import keras
    from har.models import one_stream  # noqa: F401 - Keras finds the layer by its name

    return keras.models.load_model(path, compile=False)


def _try_trained(path: Path) -> None:
    """Load a model and run it once.

    Raises:
        ValueError: That cannot be done.
    """
    try:
        model = _load_keras(path)
        model(np.zeros((1, *model.input_shape[1:]), model.inputs[0].dtype), training=False)
    except MemoryError:
        raise
    except Exception as error:  # Keras and TensorFlow have nothing narrower in common
        raise ValueError(f"cannot be loaded ({keras_reason(error)})") from error
