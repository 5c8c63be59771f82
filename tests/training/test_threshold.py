"""The threshold below which a recognizer is unsure."""

import numpy as np
import pytest

from har.training.calibration import at_temperature
from har.training.threshold import choose_threshold, fit_confidence


def with_confidence(confidence: np.ndarray) -> np.ndarray:
    return np.stack([1 - confidence, confidence], axis=1)


@pytest.mark.parametrize(("num_videos", "num_lost"), [(1, 0), (19, 0), (20, 1), (39, 1), (100, 5)])
def test_threshold_loses_no_more_than_one_video_in_twenty(num_videos, num_lost):
    confidence = np.random.default_rng(0).permutation(np.linspace(0.5, 0.99, num_videos))
    threshold = choose_threshold(with_confidence(confidence))
    assert (confidence < threshold).sum() == num_lost
    # The next higher one would lose more.
    assert (confidence < threshold + 0.01).sum() > num_lost


def test_threshold_loses_no_video_by_the_last_bits_of_another_runtime():
    confidence = np.full(30, 0.7)
    threshold = choose_threshold(with_confidence(confidence))
    assert threshold == 0.7 or threshold == 0.6999
    assert with_confidence(np.float32([0.7])).max() >= threshold
    assert choose_threshold(with_confidence(np.array([0.71239999]))) == 0.7123


def test_threshold_of_a_model_that_is_sure_of_all_is_below_one():
    assert choose_threshold(np.array([[1.0, 0.0]])) == 1.0


def test_fit_confidence_takes_the_threshold_from_calibrated_videos_of_actions_alone():
    confidence = np.array([0.9, 0.8, 0.55])
    said, is_action = with_confidence(confidence), np.array([True, True, False])
    fitted = fit_confidence(said, np.array([1, 0, 1]), is_action)
    calibrated = at_temperature(said, fitted["temperature"]).max(axis=1)
    assert fitted["temperature"] > 1  # it was surer than it was right
    assert fitted["unsure_below"] == pytest.approx(calibrated[1], abs=1e-4)
