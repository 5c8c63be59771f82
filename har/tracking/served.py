"""A recognizer as MLflow serves it: from clips, uint8 RGB, to probabilities."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np

from har.recognizer.recognizer import load_recognizer


class ServedRecognizer(mlflow.pyfunc.PythonModel):
    """Loads the folder that was logged, which needs no TensorFlow."""

    def load_context(self, context: Any) -> None:
        """Read the recognizer."""
        self._recognizer = load_recognizer(Path(context.artifacts["recognizer"]))

    def predict(
        self, context: Any, model_input: np.ndarray, params: dict[str, Any] | None = None
    ) -> np.ndarray:
        """Return the probabilities of clips (batch, num_frames, size, size, 3).

        `params` may have `aspect`, width / height of the videos; 1 if not given.
        """
        aspect = (params or {}).get("aspect", 1.0)
        return np.stack([self._recognizer.predict(clip, aspect=aspect) for clip in model_input])


mlflow.models.set_model(ServedRecognizer())
