"""A trained model in its folder, with all that is needed to use it, and without TensorFlow.

The folder holds `model.tflite` (from features, or from frames, to probabilities), for a model on
features `backbone.tflite` and, where it sees the pose, `pose_detector.tflite` and
`pose_landmarks.tflite`, which make them; `labels.json`, `preprocessing.json` (how a video
becomes what the networks take) and `params.json` (what made the model). `model.keras` is what was
trained, for those who go on from it. The same training writes the same bytes.
"""

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from har.backbones.litert import convert_model
from har.engine.files import whole, write_bytes, write_json
from har.recognizer.using import BACKBONE_NAME, MODEL_NAME, POSE_NAMES, UsedRecognizer

if TYPE_CHECKING:
    from har.engine.runtime import keras

TRAINED_NAME = "model.keras"


@dataclass(frozen=True)
class Recognizer(UsedRecognizer):
    """A model and what belongs to it: what `UsedRecognizer` has, made and written."""

    @classmethod
    def of_model(cls, model: "keras.Model", *described: Any, **networks: Any) -> "Recognizer":
        """Return the recognizer of a trained Keras model; see the attributes."""
        return cls(convert_model(model), *described, **networks)

    def save(self, folder: Path) -> None:
        """Write the folder; the same recognizer gives the same bytes."""
        write_bytes(self.network, folder / MODEL_NAME)
        if self.backbone is not None:
            write_bytes(self.backbone, folder / BACKBONE_NAME)
        for name, network in zip(POSE_NAMES, self.pose or (), strict=False):
            write_bytes(network, folder / name)
        for name in ("labels", "preprocessing", "params"):
            write_json(getattr(self, name), folder / f"{name}.json")


def load_recognizer(folder: Path) -> Recognizer:
    """Read what `Recognizer.save` wrote.

    Raises:
        ValueError: The folder has no model, or not all of it.
    """
    return Recognizer.load(folder)


def save_trained(model: "keras.Model", folder: Path) -> None:
    """Write a Keras model into a recognizer's folder, the same model as the same bytes."""
    with whole(folder / TRAINED_NAME) as path:
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            entries = {name: archive.read(name) for name in sorted(archive.namelist())}
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


def load_trained(folder: Path) -> "keras.Model":
    """Read what `save_trained` wrote."""
    from har.engine.runtime import keras
    from har.models import one_stream  # noqa: F401 - Keras finds the layer by its name

    return keras.models.load_model(folder / TRAINED_NAME, compile=False)
