"""Below which confidence a recognizer is unsure: a threshold chosen on validation videos.

Confidence is the calibrated probability of the label that a model names. An action that it was
never taught tends to get less of it than one that it knows.

Reference: Hendrycks and Gimpel, "A Baseline for Detecting Misclassified and Out-of-Distribution
Examples in Neural Networks", ICLR 2017.
"""

import numpy as np

MOST_LOST = 0.05  # share of the validation videos of actions that may be below the threshold
NUM_DECIMALS = 4  # of a threshold


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
