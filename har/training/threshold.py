"""Below which confidence a recognizer is unsure: a threshold chosen on validation videos.

Confidence is the calibrated probability of the label that a model names. An action that it was
never taught tends to get less of it than one that it knows.

Reference: Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
Examples in Neural Networks", ICLR 2017.
"""

import numpy as np

from har.training.calibration import at_temperature, fit_temperature

MOST_LOST = 0.05  # chance that a video of an action is below the threshold
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
    """Return the threshold that a new video is expected to be below with a chance of `MOST_LOST`.

    Of `n` videos the one with the lowest confidence but `k - 1` has a new one below it with a
    chance of `k / (n + 1)`, if that is of people like these. So the threshold is the `k`-th lowest
    confidence for `k = MOST_LOST * (n + 1)`, rounded down: of 19 to 38 videos the lowest, of 39 to
    58 the second. With fewer than 19 videos it is below the lowest: `k` is a fraction, by which the
    odds of the lowest are multiplied.

    It is rounded down too, since another runtime can differ in the last bits, and below 1.

    Args:
        probabilities: Calibrated, of videos of actions that the model was not trained on, float,
            shape (num_videos, num_classes), one video or more.

    Reference: Vovk et al., "Algorithmic Learning in a Random World", 2005, for the chance.

    Example:
        >>> nine = np.array([[0.8, 0.2]] * 9)  # k is 0.5, and the odds are 4 to 1
        >>> choose_threshold(nine)  # 2 to 1
        0.6666
    """
    unit = 10**-NUM_DECIMALS
    confidence = np.minimum(np.sort(probabilities.max(axis=1)), 1 - unit)
    rank = MOST_LOST * (len(confidence) + 1)
    lowest = confidence[max(0, int(rank) - 1)]  # 19 videos: the first; 39: the second
    odds = min(1.0, rank) * lowest / (1 - lowest)
    return round(float(np.floor(odds / (1 + odds) / unit) * unit), NUM_DECIMALS)
