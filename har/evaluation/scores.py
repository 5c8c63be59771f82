"""Scores of a classifier on the test videos, each with its interval.

Problem: which action a video shows, one of `num_classes`. Input: the probabilities of each video,
the right label's index and the subject. Scores are in [0, 1], losses in nats. An interval of 95 %
is the percentile bootstrap over subjects, since videos of one person are alike, and never narrower
than Wilson's interval for as many videos, since a bootstrap over a few people who are all right has
no width at all.

References: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13; Wilson,
"Probable inference", JASA 1927; Guo et al., "On Calibration of Modern Neural Networks", ICML 2017.
"""

import numpy as np
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    log_loss,
    precision_recall_fscore_support,
)

NUM_CALIBRATION_BINS = 10
NORMAL_QUANTILE = 1.959964  # of 97.5 %


def evaluate(
    probabilities: np.ndarray,
    label_indices: np.ndarray,
    subjects: np.ndarray,
    labels: list[str],
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, object]:
    """Return all scores of the test videos.

    Args:
        probabilities: float, shape (num_videos, num_classes).
        label_indices: int, shape (num_videos,), the right label of each video.
        subjects: str, shape (num_videos,).
        labels: Names of the classes.
        num_bootstrap: Resamplings of the subjects.
        rng: Draws them.

    Returns:
        `num_test_videos`, `num_test_subjects`, `accuracy` and `macro_f1` with `_low` and `_high`,
        `loss` and `expected_calibration_error`.

    Raises:
        ValueError: There are no videos, or the shapes do not fit.
    """
    validate(probabilities, label_indices, subjects, labels)
    probabilities = probabilities.astype(np.float64)
    probabilities /= probabilities.sum(axis=1, keepdims=True)  # float32 sums to 1 but for 1e-7
    indices = np.arange(len(labels))
    samples = resample_subjects(subjects, num_bootstrap=num_bootstrap, rng=rng)
    predicted = probabilities.argmax(axis=1)
    return {
        **score_predictions(predicted, label_indices, subjects, samples=samples),
        "loss": log_loss(label_indices, _sum_to_one(probabilities), labels=indices),
        "expected_calibration_error": expected_calibration_error(probabilities, label_indices),
    }


def score_predictions(
    predicted: np.ndarray,
    label_indices: np.ndarray,
    subjects: np.ndarray,
    *,
    samples: list[np.ndarray],
) -> dict[str, object]:
    """Return the scores that need no probabilities: those of `evaluate` but for its last two.

    Args:
        predicted: int, shape (num_videos,), the label's index that the classifier says.
        label_indices: As for `evaluate`.
        subjects: As for `evaluate`.
        samples: From `resample_subjects`.
    """
    correct = (predicted == label_indices).astype(float)

    def macro_f1(rows: np.ndarray) -> float:
        return mean_f1(label_indices[rows], predicted[rows])

    f1_low, f1_high = np.quantile([macro_f1(rows) for rows in samples], [0.025, 0.975])
    accuracy_low, accuracy_high = accuracy_interval(correct, samples)
    return {
        "num_test_videos": len(label_indices),
        "num_test_subjects": len(np.unique(subjects)),
        "accuracy": accuracy_score(label_indices, predicted),
        "accuracy_low": accuracy_low,
        "accuracy_high": accuracy_high,
        "macro_f1": macro_f1(np.arange(len(label_indices))),
        "macro_f1_low": float(f1_low),
        "macro_f1_high": float(f1_high),
    }


def score_baselines(
    baselines: dict[str, np.ndarray], label_indices: np.ndarray, *, samples: list[np.ndarray]
) -> dict[str, float]:
    """Return the accuracy of each baseline by its name, with `_low` and `_high`.

    Args:
        baselines: The predicted label indices, int, shape (num_videos,), by name.
        label_indices: As for `evaluate`.
        samples: Those of the model's scores, so that the intervals differ by the classifier only.
    """
    scores = {}
    for name, predicted in baselines.items():
        correct = (predicted == label_indices).astype(float)
        low, high = accuracy_interval(correct, samples)
        scores |= {name: correct.mean(), f"{name}_low": low, f"{name}_high": high}
    return scores


def validate(
    probabilities: np.ndarray, label_indices: np.ndarray, subjects: np.ndarray, labels: list[str]
) -> None:
    """Check that the shapes fit, that there are videos and that the probabilities are such.

    Raises:
        ValueError: The shapes differ, there are no videos, or a row is not of probabilities.
    """
    expected = (len(label_indices), len(labels))
    if len(label_indices) == 0:
        raise ValueError("There are no test videos to score. See the split in data/split.")
    if probabilities.shape != expected or len(subjects) != len(label_indices):
        raise ValueError(
            f"The probabilities have shape {probabilities.shape} and there are {len(subjects)} "
            f"subjects; expected {expected} and {len(label_indices)}."
        )
    if not np.allclose(probabilities.sum(axis=1), 1.0, atol=1e-4):
        raise ValueError("The probabilities of a video must sum to 1; those of some do not.")


def resample_subjects(
    subjects: np.ndarray, *, num_bootstrap: int, rng: np.random.Generator
) -> list[np.ndarray]:
    """Draw as many subjects as there are, with replacement, again and again.

    Returns:
        For each drawing the places of the drawn subjects' videos, int, of varying length.
    """
    places = [np.flatnonzero(subjects == subject) for subject in np.unique(subjects)]
    drawn = rng.integers(len(places), size=(num_bootstrap, len(places)))
    return [np.concatenate([places[i] for i in row]) for row in drawn]


def accuracy_interval(correct: np.ndarray, samples: list[np.ndarray]) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy, as this module's description says.

    Args:
        correct: float, shape (num_videos,), 1 where the prediction is right.
        samples: From `resample_subjects`.
    """
    low, high = np.quantile([correct[rows].mean() for rows in samples], [0.025, 0.975])
    wilson_low, wilson_high = wilson_interval(correct.sum(), len(correct))
    return min(float(low), wilson_low), max(float(high), wilson_high)


def wilson_interval(num_right: float, num_videos: int) -> tuple[float, float]:
    """Return Wilson's 95 % interval of a share.

    Example:
        >>> [round(bound, 2) for bound in wilson_interval(17, 20)]
        [0.64, 0.95]
    """
    share, z_squared = num_right / num_videos, NORMAL_QUANTILE**2
    center = (share + z_squared / (2 * num_videos)) / (1 + z_squared / num_videos)
    spread = np.sqrt(share * (1 - share) / num_videos + z_squared / (4 * num_videos**2))
    half_width = NORMAL_QUANTILE * spread / (1 + z_squared / num_videos)
    return max(0.0, float(center - half_width)), min(1.0, float(center + half_width))


def expected_calibration_error(probabilities: np.ndarray, label_indices: np.ndarray) -> float:
    """Return how far confidence is from accuracy, over bins of equal width (Guo et al. 2017).

    Example:
        >>> always_sure = np.array([[1.0, 0.0], [1.0, 0.0]])
        >>> expected_calibration_error(always_sure, np.array([0, 1]))
        0.5
    """
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == label_indices
    bins = np.minimum((confidence * NUM_CALIBRATION_BINS).astype(int), NUM_CALIBRATION_BINS - 1)
    # The share of a bin times the gap of its means is the gap of its sums over all.
    gaps = [
        abs((confidence[bins == number] - correct[bins == number]).sum())
        for number in np.unique(bins)
    ]
    return float(sum(gaps) / len(correct))


def confusion_counts(
    label_indices: np.ndarray, predicted: np.ndarray, num_classes: int
) -> np.ndarray:
    """Return how often each actual label (rows) was called each label (columns)."""
    return confusion_matrix(label_indices, predicted, labels=np.arange(num_classes))


def mean_f1(label_indices: np.ndarray, predicted: np.ndarray) -> float:
    """Return macro F1, over the labels present: a resampling of people can lack one altogether.

    Args:
        label_indices: int, shape (num_videos,), the right labels.
        predicted: int, the same shape.
    """
    # Counted here since scikit-learn's takes 5 ms, and there are thousands of resamplings.
    num_classes = 1 + max(label_indices.max(), predicted.max())
    right = label_indices[label_indices == predicted]
    num_actual, num_predicted, num_right = (
        np.bincount(indices, minlength=num_classes) for indices in (label_indices, predicted, right)
    )
    present = num_actual > 0
    return float((2 * num_right[present] / (num_actual + num_predicted)[present]).mean())


def score_classes(
    label_indices: np.ndarray, predicted: np.ndarray, labels: list[str]
) -> dict[str, dict[str, float]]:
    """Return `precision`, `recall` with `_low` and `_high`, `f1` and `support` of each label."""
    scores = precision_recall_fscore_support(
        label_indices, predicted, labels=np.arange(len(labels)), zero_division=0
    )
    per_class = {}
    for label, precision, recall, f1, support in zip(labels, *scores, strict=True):
        low, high = wilson_interval(recall * support, int(support)) if support else (0.0, 1.0)
        per_class[label] = {
            "precision": float(precision),
            "recall": float(recall),
            "recall_low": low,
            "recall_high": high,
            "f1": float(f1),
            "support": int(support),
        }
    return per_class


def _sum_to_one(probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities in float64; the sum of a float32 softmax is off by its last bit."""
    probabilities = probabilities.astype(np.float64)
    return probabilities / probabilities.sum(axis=1, keepdims=True)
