"""Scores and their intervals."""

import warnings

import numpy as np
import pytest
from sklearn.metrics import f1_score

from har.evaluation.scores import (
    accuracy_interval,
    confusion_counts,
    evaluate,
    expected_calibration_error,
    resample_subjects,
    score_classes,
    wilson_interval,
)

LABELS = ["sitting", "walking", "waving"]


def sure(predicted: list[int], confidence: float = 1.0, num_classes: int = 3) -> np.ndarray:
    """Probabilities with `confidence` for the predicted labels and the rest shared out."""
    rest = (1 - confidence) / (num_classes - 1)
    probabilities = np.full((len(predicted), num_classes), rest)
    probabilities[np.arange(len(predicted)), predicted] = confidence
    return probabilities


def score(probabilities: np.ndarray, actual: list[int], subjects: list[str], **options) -> dict:
    settings = {"num_bootstrap": 500, "rng": np.random.default_rng(0), **options}
    actual, subjects = np.array(actual), np.array(subjects)
    scores = evaluate(probabilities, actual, subjects, LABELS, **settings)
    return scores | {"per_class": score_classes(actual, probabilities.argmax(axis=1), LABELS)}


def test_evaluate_perfect_score_is_one_with_an_interval():
    actual = [0, 1, 2] * 4
    scores = score(sure(actual), actual, list("aaabbbcccddd"))
    assert scores["accuracy"] == scores["macro_f1"] == scores["accuracy_high"] == 1.0
    assert scores["accuracy_low"] == pytest.approx(12 / (12 + 3.8415), abs=1e-4)  # Wilson's
    assert scores["loss"] == pytest.approx(0.0, abs=1e-6)
    assert scores["expected_calibration_error"] == 0.0
    assert scores["num_test_videos"] == 12
    assert scores["num_test_subjects"] == 4
    assert [scores["per_class"][label]["f1"] for label in LABELS] == [1.0, 1.0, 1.0]


def test_evaluate_gives_known_scores():
    actual, predicted = [0, 0, 0, 0, 1, 1, 2, 2], [0, 0, 0, 1, 1, 1, 0, 2]
    scores = score(sure(predicted, 0.8), actual, list("abcdabcd"))
    assert scores["accuracy"] == 6 / 8
    sitting = scores["per_class"]["sitting"]
    assert sitting["precision"] == sitting["recall"] == sitting["f1"] == 3 / 4
    assert sitting["support"] == 4
    assert scores["per_class"]["walking"]["precision"] == pytest.approx(2 / 3)
    assert scores["per_class"]["walking"]["recall"] == 1.0
    assert scores["per_class"]["waving"]["recall"] == 1 / 2
    assert scores["macro_f1"] == pytest.approx((3 / 4 + 4 / 5 + 2 / 3) / 3)
    assert scores["loss"] == pytest.approx(-(6 * np.log(0.8) + 2 * np.log(0.1)) / 8)
    assert scores["expected_calibration_error"] == pytest.approx(0.05)
    assert scores["accuracy_low"] < 6 / 8 < scores["accuracy_high"]
    assert scores["macro_f1_low"] < scores["macro_f1"] < scores["macro_f1_high"]
    assert sitting["recall_low"] < 3 / 4 < sitting["recall_high"]


def test_evaluate_agrees_with_scikit_learn_on_macro_f1():
    rng = np.random.default_rng(1)
    actual, predicted = rng.integers(3, size=40), rng.integers(3, size=40)
    scores = score(sure(predicted), actual, [str(i) for i in range(40)])
    assert scores["macro_f1"] == pytest.approx(f1_score(actual, predicted, average="macro"))


def test_evaluate_scores_labels_without_test_videos_as_unknown():
    scores = score(sure([0, 1, 2]), [0, 1, 1], list("abc"))
    assert scores["per_class"]["waving"] == {
        "precision": 0.0, "recall": 0.0, "recall_low": 0.0, "recall_high": 1.0,
        "f1": 0.0, "support": 0,
    }  # fmt: skip
    assert scores["macro_f1"] == pytest.approx((1 + 2 / 3) / 2)  # of the labels there are


def test_evaluate_is_quiet_about_float32_probabilities():
    logits = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    exponentials = np.exp(logits)
    probabilities = exponentials / exponentials.sum(axis=1, keepdims=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        score(probabilities, [0, 1, 2] * 20, ["a", "b"] * 30)


def test_evaluate_depends_on_the_generator_only():
    rng = np.random.default_rng(5)
    actual = rng.integers(3, size=30)
    probabilities = rng.dirichlet(np.ones(3), size=30)
    subjects = [f"p{i % 7}" for i in range(30)]
    before = np.random.get_state()[1].copy()
    first, again, other = (
        score(probabilities, actual, subjects, rng=np.random.default_rng(seed))
        for seed in (0, 0, 1)
    )
    assert first == again
    assert first["macro_f1_low"] != other["macro_f1_low"]
    assert first["accuracy"] == other["accuracy"]
    assert np.array_equal(np.random.get_state()[1], before)


@pytest.mark.parametrize(
    ("probabilities", "actual", "subjects", "message"),
    [
        (np.zeros((0, 3)), [], [], r"There are no test videos to score.*data/split"),
        (sure([0, 1])[:, :2], [0, 1], ["a", "b"], r"shape \(2, 2\).*expected \(2, 3\)"),
        (sure([0, 1]), [0], ["a"], r"shape \(2, 3\).*expected \(1, 3\)"),
        (sure([0, 1]), [0, 1], ["a"], r"there are 1 subjects; expected \(2, 3\) and 2"),
        (2 * sure([0, 1]), [0, 1], ["a", "b"], "must sum to 1"),
        (np.nan * sure([0, 1]), [0, 1], ["a", "b"], "must sum to 1"),
    ],
)
def test_evaluate_refuses_input(probabilities, actual, subjects, message):
    with pytest.raises(ValueError, match=message):
        score(probabilities, actual, subjects)


def test_accuracy_interval_is_wider_over_subjects_when_their_videos_are_alike():
    subjects = np.repeat([f"p{i}" for i in range(10)], 10)
    correct = np.repeat([1.0, 1, 1, 0, 1, 0, 1, 0, 1, 0], 10)
    rng = np.random.default_rng(0)
    widths = [
        np.diff(accuracy_interval(correct, resample_subjects(names, num_bootstrap=1000, rng=rng)))
        for names in (subjects, np.arange(100).astype(str))
    ]
    assert widths[0] == pytest.approx(0.6, abs=0.1)  # 2 * 1.96 * sqrt(0.6 * 0.4 / 10)
    assert widths[1] == pytest.approx(0.19, abs=0.02)  # 2 * 1.96 * sqrt(0.6 * 0.4 / 100)


def test_resample_subjects_draws_whole_subjects():
    subjects = np.array(["a", "b", "a", "c", "c", "c"])
    samples = resample_subjects(subjects, num_bootstrap=50, rng=np.random.default_rng(0))
    assert len(samples) == 50
    for rows in samples:
        counts = np.bincount(rows, minlength=6)
        assert counts[0] == counts[2]
        assert counts[3] == counts[4] == counts[5]
        assert counts[0] + counts[1] + counts[3] == 3


@pytest.mark.parametrize(
    ("num_right", "num_videos", "expected"),
    [(17, 20, (0.6396, 0.9476)), (10, 10, (0.7225, 1.0)), (0, 10, (0.0, 0.2775))],
)
def test_wilson_interval_gives_known_bounds(num_right, num_videos, expected):
    assert wilson_interval(num_right, num_videos) == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("confidence", "num_right", "expected"),
    [(0.8, 8, 0.0), (0.8, 5, 0.3), (0.95, 10, 0.05), (1.0, 0, 1.0)],
)
def test_expected_calibration_error_is_the_gap_of_confidence_and_accuracy(
    confidence, num_right, expected
):
    actual = np.array([0] * num_right + [1] * (10 - num_right))
    error = expected_calibration_error(sure([0] * 10, confidence), actual)
    assert error == pytest.approx(expected, abs=1e-9)


def test_expected_calibration_error_does_not_let_bins_make_up_for_each_other():
    probabilities = np.concatenate([sure([0] * 10, 0.75), sure([0] * 10, 0.95)])
    actual = np.array([0] * 10 + [0] * 7 + [1] * 3)  # 1.0 at 0.75, 0.7 at 0.95
    assert expected_calibration_error(probabilities, actual) == pytest.approx(0.25)


def test_confusion_counts_has_actual_labels_in_rows():
    counts = confusion_counts(np.array([0, 0, 1]), np.array([0, 2, 2]), 4)
    assert counts.tolist() == [[1, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
