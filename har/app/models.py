"""The trained models that the page offers, each loaded when it is first asked for."""

import threading
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from har.clips.streams import POSE, picture_streams
from har.pose.drawing import draw_skeletons
from har.pose.following import clip_landmarks
from har.recognizer.recognizer import MODEL_NAME, TRAINED_NAME, Recognizer, load_recognizer

if TYPE_CHECKING:
    from har.evaluation.gradcam import FromFrames


@dataclass(frozen=True)
class Look:
    """A row of frames that tells what a model saw.

    Attributes:
        title: What it shows.
        frames: uint8 RGB, shape (num_frames, size, size, 3).
    """

    title: str
    frames: np.ndarray


class Trained:
    """A trained model and its folder.

    Args:
        folder: That of the model.
    """

    def __init__(self, folder: Path):
        self.folder = folder

    @cached_property
    def recognizer(self) -> Recognizer:
        """The model, ready to be used by one thread at a time."""
        return load_recognizer(self.folder)

    def looks(self, clip: np.ndarray, *, aspect: float, label: str) -> list[Look]:
        """Return the frames of a clip, the skeleton in them, and the Grad-CAM heat map of a label.

        The last two only where the model sees a pose, and pictures by convolutions.

        Args:
            clip: uint8 RGB, shape (num_frames, size, size, 3).
            aspect: Width / height of its frames before they were made square.
            label: The most probable one.
        """
        recognizer, shown = self.recognizer, [Look("What the model was shown", clip)]
        how = recognizer.preprocessing
        if POSE in how["streams"]:
            networks, person = recognizer.pose_networks, how["person"]
            landmarks = clip_landmarks(clip, networks, aspect=aspect, person=person)
            shown.append(Look("The skeleton", draw_skeletons(clip, landmarks, aspect)))
        if not self.no_heat:
            title = f"Where it looked: evidence for {label} (Grad-CAM)"
            shown.append(Look(title, self._heat(clip, label)))
        return shown

    @cached_property
    def no_heat(self) -> str:
        """Why Grad-CAM cannot tell where the model looked, in a sentence; empty if it can."""
        if not picture_streams(self.recognizer.preprocessing["streams"]):
            return "This model sees the skeleton alone, so there is no heat map of the picture."
        if not (self.folder / TRAINED_NAME).is_file():
            return f"Where it looked cannot be told: {self.folder} has no {TRAINED_NAME}."
        if self._from_frames.maps_layer is None:
            return "Where it looked cannot be told: this network does not keep places."
        return ""

    def _heat(self, clip: np.ndarray, label: str) -> np.ndarray:
        """Return the frames that the model takes, with Grad-CAM's heat."""
        from har.evaluation.gradcam import find_heat_map, paint_heat_map

        looks = self._from_frames
        heat = find_heat_map(looks, clip, self.recognizer.labels.index(label))
        return paint_heat_map(clip[looks.places], heat)

    @cached_property
    def _from_frames(self) -> "FromFrames":
        from har.evaluation.gradcam import load_from_frames  # TensorFlow, which takes seconds

        return load_from_frames(self.folder, self.recognizer)


class Models:
    """The models that a visitor may choose, by name; a name is never used as a path.

    Args:
        folders: Of the models, the first one being the default.
    """

    def __init__(self, folders: list[Path]):
        places = {folder.name: folder for folder in reversed(folders)}
        self._trained = {
            folder.name if places[folder.name] is folder else folder.as_posix(): Trained(folder)
            for folder in folders
        }
        # Networks are used by one thread at a time, and one clip at a time fills the cores.
        self.in_use = threading.Lock()

    @property
    def names(self) -> list[str]:
        """What they are called, the default first."""
        return list(self._trained)

    def get(self, name: str) -> Trained:
        """Return the model of a name.

        Raises:
            ValueError: There is none.
        """
        if name not in self._trained:
            raise ValueError(f"There is no model {name!r}; there are {', '.join(self.names)}.")
        return self._trained[name]


def find_models(default: Path, among: Path = Path("models")) -> Models:
    """Return the models of a folder, those that `dvc repro` has made, behind a default.

    Args:
        default: Folder of the model that is chosen at first.
        among: The folder that may hold more.
    """
    more = sorted(file.parent for file in among.glob(f"*/{MODEL_NAME}"))
    return Models([default, *(one for one in more if one.resolve() != default.resolve())])


def names_of(model: str, other: str | None) -> list[str]:
    """Return the names of the models that are asked, each once.

    Example:
        >>> names_of("a", None), names_of("a", "a"), names_of("a", "b")
        (['a'], ['a'], ['a', 'b'])
    """
    return list(dict.fromkeys([model, other] if other else [model]))
