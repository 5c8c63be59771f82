"""Confidence that means what it says: one temperature, fitted on the validation videos.

Dividing the logits by a temperature changes how sure a model is and never which label it names. It
is folded into the weights of the last layer, so that whoever uses the model uses it.

Validation videos are few, and few that are all right would ask for certainty. So the right label of
`n` videos is taken to have a probability of (n + 1) / (n + 2), not of 1: ten videos, all right, ask
for 92 %, a thousand for 99.9 %.

References: Guo et al., "On Calibration of Modern Neural Networks", ICML 2017, section 4.2; for the
targets Platt, "Probabilistic Outputs for Support Vector Machines", 1999, section 2.2.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import softmax

from har.engine.runtime import keras
from har.models.contract import LAST_LAYER

LOWEST, HIGHEST = 0.5, 5.0


def fit_temperature(probabilities: np.ndarray, label_indices: np.ndarray) -> float:
    """Return the temperature with the lowest cross entropy, from `LOWEST` to `HIGHEST`.

    Args:
        probabilities: float, shape (num_videos, num_classes).
        label_indices: int, shape (num_videos,), the right labels.

    Example:
        >>> too_sure = np.array([[0.99, 0.01], [0.99, 0.01], [0.99, 0.01], [0.99, 0.01]])
        >>> temperature = fit_temperature(too_sure, np.array([0, 0, 0, 1]))
        >>> at_temperature(too_sure, temperature)[0].round(2).tolist()
        [0.71, 0.29]
    """
    num_videos, num_classes = probabilities.shape
    targets = np.full(probabilities.shape, 1 / (num_videos + 2) / max(num_classes - 1, 1))
    targets[np.arange(num_videos), label_indices] = (num_videos + 1) / (num_videos + 2)

    def cross_entropy(log_temperature: float) -> float:
        scaled = at_temperature(probabilities, np.exp(log_temperature))
        return float(-(targets * np.log(scaled + 1e-12)).sum(axis=1).mean())

    bounds = (np.log(LOWEST), np.log(HIGHEST))
    best = minimize_scalar(cross_entropy, bounds=bounds, method="bounded")
    return float(np.exp(best.x))


def at_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Return the probabilities after dividing their logits by a temperature.

    Args:
        probabilities: float, shape (..., num_classes).
        temperature: Above 1 for less sure, below 1 for more.

    Returns:
        float64, the same shape.
    """
    logits = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    return softmax(logits / temperature, axis=-1)


def fold_temperature(model: keras.Model, temperature: float) -> None:
    """Divide the logits of a model for good, by way of its last layer's weights.

    Args:
        model: Its last layer is dense with softmax and named `probabilities`.
        temperature: What to divide by.
    """
    layer = model.get_layer(LAST_LAYER)
    layer.set_weights([weights / temperature for weights in layer.get_weights()])
