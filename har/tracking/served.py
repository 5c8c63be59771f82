"""A recognizer as MLflow serves it: from videos to what people do in them.

A video is given as a path, as an address (http, https), or in base64: the bytes of a video file, or
those of frames in NumPy's format .npy. It becomes frames as by `har predict`. MLflow loads this
file as code, so nothing else imports it.
"""

import base64
import binascii
import contextlib
import tempfile
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException

from har.clips.clip import even_indices
from har.engine.steps import Limits
from har.integrity.unpacking import read_array
from har.recognizer.prediction import Prediction, rank_labels
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.settings.sections import Predict
from har.timeline.prediction import choose_pace, predict_any
from har.timeline.writing import segment_as_dict

MAX_BYTES = 200 * 10**6  # of a video that is sent or fetched
FETCH_SECONDS = 30.0  # without an answer
STEP_SECONDS = Predict().step_seconds  # from an answer to the next in a long video
LIMITS = Limits(workers=1, timeout_seconds=120, memory_gigabytes=3, max_gigabytes=0)
NPY = b"\x93NUMPY"


class ServedRecognizer(mlflow.pyfunc.PythonModel):
    """Loads the folder that was logged, which needs no TensorFlow."""

    def load_context(self, context: Any) -> None:
        """Read the recognizer."""
        self._recognizer = load_recognizer(Path(context.artifacts["recognizer"]))
        self._lock = threading.Lock()  # its networks are used by one thread

    def predict(
        self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Return what is said of each video.

        Args:
            context: Not used.
            model_input: One row a video, with the column `video`.
            params: None are known.

        Returns:
            `answer`, `predicted` (the most probable label), `probability`, `probabilities` by
            label, `segments` of a long video, and `problem`, empty unless the video failed.

        Raises:
            MlflowException: Every video failed; the server answers with status 400.
        """
        with self._lock:
            rows = [describe(self._recognizer, video) for video in model_input["video"]]
        problems = [row["problem"] for row in rows]
        if problems and all(problems):
            raise MlflowException.invalid_parameter_value(" ".join(problems))
        return pd.DataFrame(rows)


def describe(recognizer: Recognizer, video: str) -> dict[str, Any]:
    """Return the row of one video.

    Args:
        recognizer: The model.
        video: As the module says.
    """
    try:
        with as_file(video) as path:
            if path.suffix == ".npy":
                return _row(recognizer, _predict_frames(recognizer, path))
            pace, longest = choose_pace(recognizer, window_seconds=None, step_seconds=STEP_SECONDS)
            (said,) = predict_any(
                recognizer, [path], pace=pace, longest_seconds=longest, limits=LIMITS
            )
            problem = said.prediction.problem.replace(str(path), _shown(video))
            return _row(recognizer, said.prediction, problem=problem)
    except (ValueError, OSError) as error:
        return _row(recognizer, None, problem=str(error))


@contextlib.contextmanager
def as_file(video: str) -> Iterator[Path]:
    """Give a file with a video, for the body; one that was sent or fetched is removed after it.

    Raises:
        ValueError: It is too large, is no base64, or cannot be fetched.
        FileNotFoundError: There is no such file.
    """
    if not isinstance(video, str) or not video:
        raise ValueError("video is empty; expected a path, an address or base64.")
    if _is_file(video):
        yield Path(video)
        return
    content = _fetch(video) if video.startswith(("http://", "https://")) else _decode(video)
    with tempfile.TemporaryDirectory(prefix="har-") as folder:
        path = Path(folder) / ("video.npy" if content.startswith(NPY) else "video")
        path.write_bytes(content)
        yield path


def _is_file(video: str) -> bool:
    try:
        return Path(video).is_file()
    except (OSError, ValueError):  # too long for a path, as base64 is
        return False


def _fetch(address: str) -> bytes:
    try:
        with urllib.request.urlopen(address, timeout=FETCH_SECONDS) as response:  # noqa: S310
            content = response.read(MAX_BYTES + 1)
    except (urllib.error.URLError, TimeoutError) as error:
        raise ValueError(f"{address} cannot be fetched ({error}).") from error
    return _checked(content)


def _decode(text: str) -> bytes:
    """Return the bytes of base64, with or without `data:video/mp4;base64,` in front."""
    if len(text) > MAX_BYTES * 4 // 3 + 100:
        return _checked(b"0" * (MAX_BYTES + 1))
    try:
        return _checked(base64.b64decode(text.rpartition(",")[2], validate=True))
    except binascii.Error as error:
        raise ValueError(
            f"{_shown(text)} is neither a file here, nor an address, nor base64 of a video."
        ) from error


def _checked(content: bytes) -> bytes:
    if len(content) > MAX_BYTES:
        raise ValueError(
            f"The video is larger than {MAX_BYTES / 10**6:g} MB; expected a smaller one. Cut it, "
            "or give the path of a file."
        )
    return content


def _predict_frames(recognizer: Recognizer, path: Path) -> Prediction:
    """Return the prediction of frames, of which as many are taken as the model needs."""
    frames = read_array(path)
    how = recognizer.preprocessing
    if frames.dtype != np.uint8 or frames.shape[1:] != (how["size"], how["size"], 3):
        raise ValueError(
            f"The frames are {frames.dtype} of shape {frames.shape}; expected uint8 RGB, "
            f"(num_frames, {how['size']}, {how['size']}, 3)."
        )
    clip = frames[even_indices(len(frames), how["num_frames"])]
    row = recognizer.predict(clip)
    probabilities = rank_labels(recognizer.labels, row)
    return Prediction(Path("frames"), probabilities, "", clip, recognizer.answer(row))


def _row(recognizer: Recognizer, said: Prediction | None, *, problem: str = "") -> dict[str, Any]:
    probabilities = {} if said is None else said.probabilities
    return {
        "answer": (said and said.answer) or "",
        "predicted": (said and said.label) or "",
        "probability": max(probabilities.values(), default=0.0),
        "probabilities": {label: probabilities.get(label, 0.0) for label in recognizer.labels},
        "segments": [segment_as_dict(one) for one in said.segments] if said else [],
        "problem": problem,
    }


def _shown(video: str) -> str:
    """Return how a video is called in a message: base64 is long."""
    return video if len(video) <= 80 else f"{video[:20]} … ({len(video)} characters)"


mlflow.models.set_model(ServedRecognizer())
