"""A trained model in its folder, with all that is needed to use it.

The folder holds `model.keras` (uint8 RGB frames to probabilities), `labels.json`,
`preprocessing.json` (how a video becomes the frames) and `params.json` (what made the model). The
same training writes the same bytes.
"""

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from har.clips.clip import even_indices
from har.engine.files import read_json, write_json
from har.engine.runtime import import_keras_hub, keras

MODEL_NAME = "model.keras"


@dataclass(frozen=True)
class Recognizer:
    """A model and what belongs to it.

    Attributes:
        model: From uint8 RGB frames (batch, num_frames, size, size, 3) to probabilities.
        labels: The name of each class, in the model's order.
        preprocessing: How a video becomes a clip: `max_side` of the section `convert`, and of
            `extract` `num_frames`, `size` in pixels and `aspect`; and `model_frames`, how many
            frames of a clip the model takes.
        params: What made the model: its name, settings, seed and the digest of its data.
    """

    model: keras.Model
    labels: list[str]
    preprocessing: dict[str, Any]
    params: dict[str, Any]

    def predict(self, clips: np.ndarray) -> np.ndarray:
        """Return the probability of each label.

        Args:
            clips: uint8 RGB, shape (batch, num_frames, size, size, 3).

        Returns:
            float32, shape (batch, num_classes), each row summing to 1.
        """
        places = even_indices(clips.shape[1], self.preprocessing["model_frames"])
        return self.model.predict_on_batch(np.ascontiguousarray(clips[:, places]))

    def save(self, folder: Path) -> None:
        """Write the folder; the same recognizer gives the same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL_NAME)
        _make_repeatable(folder / MODEL_NAME)
        for name in ("labels", "preprocessing", "params"):
            write_json(getattr(self, name), folder / f"{name}.json")


def load_recognizer(folder: Path) -> Recognizer:
    """Read what `Recognizer.save` wrote.

    Raises:
        ValueError: The folder has no model, or one with layers of KerasHub, which is missing.
    """
    if not (folder / MODEL_NAME).is_file():
        raise ValueError(
            f"{folder} has no {MODEL_NAME}. Train one with `dvc repro`, or fetch it with "
            "`dvc pull`."
        )
    with zipfile.ZipFile(folder / MODEL_NAME) as archive:
        if b'"module": "keras_hub' in archive.read("config.json"):
            import_keras_hub(f"{folder / MODEL_NAME}")
    read = {
        name: read_json(folder / f"{name}.json") for name in ("labels", "preprocessing", "params")
    }
    return Recognizer(model=keras.models.load_model(folder / MODEL_NAME, compile=False), **read)


def _make_repeatable(path: Path) -> None:
    """Rewrite a `.keras` file, a ZIP archive, without the time of writing and memory addresses."""
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
