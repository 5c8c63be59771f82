"""Below which confidence a recognizer is unsure: a threshold chosen on validation videos.

Confidence is the calibrated probability of the label that a model names. An action that it was
never taught tends to get less of it than one that it knows.

Reference: Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
Examples in Neural Networks", ICLR 2017.
"""

import numpy as np

from har.training.calibration import at_temperature, fit_temperature

MOST_LOST = 0.05  # share of the validation videos of actions that may be below the threshold
NUM_DECIMALS = 4  # of a threshold


def fit_confidence(
    validated: np.ndarray, label_indices: np.ndarray, is_action: np.ndarray
) -> dict[str, float]:
    """Return what makes probabilities to answers: `temperature` and `unsure_below`, the threshold.

    Args:
        validated: What a model said of the validation videos before it was trained with them too,
            float, shape (num_videos, num_classes).
        label_indices: Their labels, int, shape (num_videos,).
        is_action: Which of them show an action, bool, shape (num_videos,); only these choose the
            threshold.
    """
    temperature = fit_temperature(validated, label_indices)
    calibrated = at_temperature(validated[is_action], temperature)
    return {"temperature": temperature, "unsure_below": choose_threshold(calibrated)}


def choose_threshold(probabilities: np.ndarray) -> float:
    """Return the highest threshold that loses no more than `MOST_LOST` of the videos.

    Of `n` videos in ascending order of confidence the first `floor(MOST_LOST * n)` may be lost: the
    threshold is the confidence of the next one, rounded down, since another runtime can differ in
    the last bits. So up to 19 videos lose none, 20 to 39 at most one.

    Args:
        probabilities: Calibrated, of videos of actions that the model was not trained on, float,
            shape (num_videos, num_classes), one video or more.

    Example:
        >>> choose_threshold(np.array([[0.9, 0.1], [0.3, 0.7], [0.61239, 0.38761]]))
        0.6123
    """
    confidence = np.sort(probabilities.max(axis=1))
    first_kept = confidence[int(MOST_LOST * len(confidence))]  # 19 videos: 0, the lowest; 20: 1
    return float(np.floor(first_kept * 10**NUM_DECIMALS) / 10**NUM_DECIMALS)
