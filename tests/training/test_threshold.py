"""The threshold below which a recognizer is unsure."""

import numpy as np
import pytest

from har.training.calibration import at_temperature
from har.training.threshold import MOST_LOST, choose_threshold, fit_confidence


def with_confidence(confidence: np.ndarray) -> np.ndarray:
    return np.stack([1 - confidence, confidence], axis=1)


@pytest.mark.parametrize(
    ("num_videos", "num_lost"), [(1, 0), (18, 0), (19, 0), (38, 0), (39, 1), (59, 2), (99, 4)]
)
def test_threshold_loses_no_more_than_one_video_in_twenty(num_videos, num_lost):
    confidence = np.random.default_rng(0).permutation(np.linspace(0.6, 0.99, num_videos))
    threshold = choose_threshold(with_confidence(confidence))
    assert (confidence < threshold).sum() == num_lost
    if num_videos >= 19:
        assert threshold == pytest.approx(np.sort(confidence)[num_lost], abs=1e-4)


def test_threshold_is_lower_the_fewer_videos_there_are():
    thresholds = [choose_threshold(with_confidence(np.full(n, 0.8))) for n in (1, 5, 18, 19, 40)]
    assert thresholds == sorted(thresholds)
    assert thresholds[0] == pytest.approx(0.4 / 1.4, abs=1e-4)  # odds of 4 to 1, times 2 / 20
    assert thresholds[-2:] == pytest.approx([0.8, 0.8], abs=2e-4)


@pytest.mark.parametrize("num_videos", [19, 60])
def test_threshold_loses_as_many_new_videos_as_it_may(num_videos):
    rng, lost = np.random.default_rng(0), []
    for _ in range(2000):
        known, new = rng.uniform(0.5, 1, num_videos), rng.uniform(0.5, 1)
        lost.append(new < choose_threshold(with_confidence(known)))
    assert MOST_LOST - 0.02 < np.mean(lost) < MOST_LOST + 0.01


def test_threshold_loses_no_video_by_the_last_bits_of_another_runtime():
    assert choose_threshold(with_confidence(np.full(30, 0.71239999))) == 0.7123
    # Nor all others where the model was quite sure of a few.
    assert choose_threshold(np.array([[1.0, 0.0]] * 30)) == pytest.approx(0.9999, abs=2e-4)


def test_fit_confidence_takes_the_threshold_from_calibrated_videos_of_actions_alone():
    said = with_confidence(np.array([*[0.8] * 30, 0.55]))
    is_action = np.array([*[True] * 30, False])
    fitted = fit_confidence(said, np.array([*[1] * 20, *[0] * 11]), is_action)
    calibrated = at_temperature(said, fitted["temperature"]).max(axis=1)
    assert fitted["temperature"] > 1  # it was surer than it was right
    assert fitted["unsure_below"] == pytest.approx(calibrated[0], abs=1e-4)
