"""A trained model in use: from the frames of a clip to probabilities, and from these to an answer.

An export carries a copy of this file and of the code that it uses (`har.exports.carried`).
"""

import contextlib
import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np

from har.backbones.extractor import Extractor, load_extractor
from har.backbones.litert import Network
from har.clips.clip import even_indices
from har.clips.streams import POSE, picture_streams, show_streams
from har.dataset.none_label import UNSURE
from har.engine.files import read_json
from har.features.columns import stream_slices
from har.features.packed import Shown, clip_features
from har.integrity.digests import DIGESTS_NAME, find_changed
from har.pose.following import clip_landmarks
from har.pose.networks import PoseNetworks

MODEL_NAME = "model.tflite"
BACKBONE_NAME = "backbone.tflite"
POSE_NAMES = ("pose_detector.tflite", "pose_landmarks.tflite")

DESCRIBED = ("labels", "preprocessing", "params")
MAX_DESCRIBED_BYTES = 10**7
REMEDY = (
    "Make the folder again by `make repro`, fetch it by `dvc pull`, or export the model once more."
)


@dataclass(frozen=True)
class UsedRecognizer:
    """What a folder of networks answers.

    Attributes:
        network: In LiteRT's format: from features (num_frames, num_features), or from frames of
            a stream, uint8 RGB (num_frames, size, size, 3), to probabilities.
        labels: The name of each class, in the model's order.
        preprocessing: How a video becomes a clip: `max_side` of the section `convert`, and of
            `extract` `num_frames`, `size` in pixels and `aspect`; of the training clips
            `window_seconds`, the median of their lengths, and `longest_seconds`; and how a clip
            becomes the input: `model_frames`, how many of its frames the model takes, `streams`,
            `context` and `person`.
        params: What made the model: its name, settings, seed and the digest of its data; and what
            belongs to its answers: `temperature`, `unsure_below` and `none_label`.
        backbone: In LiteRT's format, from a frame to its features; None: the network takes frames,
            or of features those of the pose alone.
        pose: The detector and the landmark network, in LiteRT's format; None: the model sees no
            pose.
    """

    network: bytes
    labels: list[str]
    preprocessing: dict[str, Any]
    params: dict[str, Any]
    backbone: bytes | None = None
    pose: tuple[bytes, bytes] | None = None

    ending: ClassVar[str] = Path(MODEL_NAME).suffix  # of its networks, but for those of the pose

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read the folder that `har.recognizer.recognizer.Recognizer.save` or an export wrote.

        Raises:
            ValueError: The folder has no model, or not all of it, or a file is damaged.
        """
        model, backbone = (
            Path(name).with_suffix(cls.ending).name for name in (MODEL_NAME, BACKBONE_NAME)
        )
        check_model_files(folder, [model, *(f"{name}.json" for name in DESCRIBED)])
        read = {name: _read_described(folder / f"{name}.json") for name in DESCRIBED}
        cls.check(folder, read)
        networks: dict[str, Any] = {}
        if (folder / backbone).exists():
            check_model_files(folder, [backbone])
            networks["backbone"] = cls.read_network(folder / backbone)
        if POSE in read["preprocessing"]["streams"]:
            check_model_files(folder, POSE_NAMES)
            networks["pose"] = tuple((folder / name).read_bytes() for name in POSE_NAMES)
        recognizer = cls(cls.read_network(folder / model), **read, **networks)
        with _named_where_damaged(folder / model):
            recognizer._run  # noqa: B018 -- a damaged network shows when it is opened
        pictures = picture_streams(read["preprocessing"]["streams"])
        if recognizer.backbone is None and recognizer.takes_features and pictures:
            check_model_files(folder, [backbone])
        return recognizer

    @classmethod
    def check(cls, folder: Path, described: dict[str, Any]) -> None:
        """Check what was read, before networks are opened; an export runs its own code anyway."""

    @classmethod
    def read_network(cls, path: Path) -> bytes:
        """Return what `network` and `backbone` are, of a file; other formats have their own."""
        return path.read_bytes()

    @staticmethod
    def open_network(network: bytes) -> Network:
        """Return a network, ready to run; other formats have their own way."""
        return Network(network)

    def predict(self, clip: np.ndarray, *, aspect: float = 1.0) -> np.ndarray:
        """Return the probability of each label.

        A model that sees the pose alone knows nothing of a clip without a person: all labels are as
        probable then.

        Args:
            clip: uint8 RGB, shape (num_frames, size, size, 3).
            aspect: Width / height of its frames before they were made square.

        Returns:
            float32, shape (num_classes,), with a sum of 1.
        """
        return self.judge(self.inputs(clip, aspect=aspect))

    def judge(self, inputs: np.ndarray) -> np.ndarray:
        """Return the probability of each label, as `predict` does, of what the network takes."""
        if self.preprocessing["streams"] == [POSE] and self.sees_nobody(inputs):
            return np.full(len(self.labels), 1 / len(self.labels), np.float32)
        probabilities = self._run(inputs)
        if len(probabilities) != len(self.labels):
            raise ValueError(
                f"labels.json has {len(self.labels)} labels, and the network beside it answers "
                f"with {len(probabilities)} probabilities: they are not of one model. {REMEDY}"
            )
        return probabilities

    def sees_nobody(self, inputs: np.ndarray) -> bool:
        """Return whether no person was found in a clip; False where the model sees no pose.

        Args:
            inputs: Of the network, as `inputs` returns them.
        """
        streams = self.preprocessing["streams"]
        if POSE not in streams:
            return False
        # The pose of nobody is all 0 (`har.pose.landmarks.pose_features`).
        return not inputs[:, stream_slices(streams, inputs.shape[-1])[POSE]].any()

    @property
    def window_seconds(self) -> float | None:
        """Length of the window that slides over long videos; None in a model made before."""
        return self.preprocessing.get("window_seconds")

    @property
    def longest_seconds(self) -> float:
        """Length of a clip, at most: of all that it was trained on, or two windows."""
        if self.window_seconds is None:
            return math.inf
        return max(self.preprocessing["longest_seconds"], 2 * self.window_seconds)

    @property
    def takes_features(self) -> bool:
        """Whether the network takes a backbone's features of the frames and not the frames."""
        return len(self._run.input_shape) == 2

    @property
    def unsure_below(self) -> float:
        """The confidence below which it is unsure; 0 in a model made before there was one."""
        return self.params.get("unsure_below", 0.0)

    @property
    def none_label(self) -> str | None:
        """The label that is no action; None where it was trained without one."""
        return self.params.get("none_label")

    def answer(self, probabilities: np.ndarray) -> str:
        """Return the most probable label, or `unsure` where that has too low a probability.

        Args:
            probabilities: Of each label, float, shape (num_classes,).
        """
        knows_nothing = probabilities.max() == probabilities.min()
        if knows_nothing or probabilities.max() < self.unsure_below:
            return UNSURE
        return self.labels[int(probabilities.argmax())]

    def inputs(self, clip: np.ndarray, *, aspect: float = 1.0) -> np.ndarray:
        """Return what the network takes of a clip; see `predict`."""
        clip = np.asarray(clip)
        places = even_indices(len(clip), self.preprocessing["model_frames"])
        shown = Shown(self.preprocessing["streams"], self.preprocessing["context"])
        if not self.takes_features:
            return show_streams(shown.streams, clip, context=shown.context)[0][places]
        features = partial(clip_features, clip, shown, self.extractor, places=places)
        if self.pose_networks is None:
            return features(landmarks=None)
        with ThreadPoolExecutor(1) as pool:  # the body is followed while the backbone runs
            person = self.preprocessing["person"]
            found = pool.submit(
                clip_landmarks, clip, self.pose_networks, aspect=aspect, person=person
            )
            return features(landmarks=found)

    @cached_property
    def _run(self) -> Network:
        return self.open_network(self.network)

    @cached_property
    def extractor(self) -> Extractor | None:
        """The backbone, ready to run; None where there is none."""
        return None if self.backbone is None else load_extractor(self.backbone)

    @cached_property
    def pose_networks(self) -> PoseNetworks | None:
        """The networks that find the pose, ready to be used by one thread; None where none are."""
        return None if self.pose is None else PoseNetworks(*self.pose)


@contextlib.contextmanager
def _named_where_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (ValueError, RuntimeError, OSError) as error:
        raise ValueError(f"{path} is damaged: it cannot be opened ({error}). {REMEDY}") from error


def check_model_files(folder: Path, names: Sequence[str]) -> None:
    """Check that files of a model's folder are there, and are those that were written together.

    Raises:
        ValueError: One is missing, or has other bytes than `digests.json` says.
    """
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise ValueError(
            f"{folder} has no {', '.join(missing)}. Train a model with `dvc repro`, or fetch the "
            "whole folder with `dvc pull`."
        )
    changed = find_changed(folder, names)
    if changed:
        raise ValueError(
            f"{', '.join(map(str, changed))} is damaged, or of another model: the bytes are not "
            f"those that were written with this network ({DIGESTS_NAME}). {REMEDY}"
        )


def _read_described(path: Path) -> Any:
    size = path.stat().st_size
    try:
        if size > MAX_DESCRIBED_BYTES:
            raise ValueError(f"it has {size / 1e6:.0f} MB, and such a file has a few kB")
        return read_json(path)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}. {REMEDY}") from error
