"""A temperature changes how sure a model is, never what it says."""

import numpy as np
import pytest

from har.models.contract import build_model, settings_type
from har.training.calibration import (
    HIGHEST,
    LOWEST,
    at_temperature,
    fit_temperature,
    fold_temperature,
)


@pytest.fixture
def probabilities():
    rng = np.random.default_rng(0)
    return rng.dirichlet(np.ones(4), size=50)


def test_at_temperature_one_changes_nothing(probabilities):
    np.testing.assert_allclose(at_temperature(probabilities, 1.0), probabilities, atol=1e-12)


def test_at_temperature_keeps_the_order_and_can_be_undone(probabilities):
    cooler = at_temperature(probabilities, 3.0)
    assert (cooler.argsort(axis=1) == probabilities.argsort(axis=1)).all()
    np.testing.assert_allclose(at_temperature(cooler, 1 / 3.0), probabilities, atol=1e-9)


def test_fit_temperature_finds_the_one_that_made_the_labels(probabilities):
    rng = np.random.default_rng(1)
    drawn = np.concatenate([probabilities] * 200)
    labels = np.array([rng.choice(4, p=row) for row in drawn])
    assert fit_temperature(at_temperature(drawn, 0.5), labels) == pytest.approx(2.0, rel=0.05)


def test_fit_temperature_stays_within_bounds():
    right = np.tile([[0.9, 0.1], [0.1, 0.9]], (500, 1))
    assert fit_temperature(right, np.tile([0, 1], 500)) == pytest.approx(LOWEST, rel=0.01)
    assert fit_temperature(right, np.tile([1, 0], 500)) == pytest.approx(HIGHEST, rel=0.01)


@pytest.mark.parametrize("num_videos", [4, 10, 100])
def test_fit_temperature_takes_few_videos_that_are_all_right_for_no_certainty(num_videos):
    nearly_sure = np.tile([[0.999, 0.0005, 0.0005]], (num_videos, 1))
    temperature = fit_temperature(nearly_sure, np.zeros(num_videos, int))
    confidence = at_temperature(nearly_sure, temperature)[0, 0]
    assert confidence == pytest.approx((num_videos + 1) / (num_videos + 2), abs=0.005)


def test_fold_temperature_gives_the_model_that_temperature():
    settings = settings_type("mobilenet_lstm")(streams=["frames"])
    model = build_model("mobilenet_lstm", settings, num_classes=3, num_frames=2, num_features=5)
    features = np.random.default_rng(0).normal(size=(4, 2, 5)).astype(np.float32)
    before = model.predict_on_batch(features)
    fold_temperature(model, 2.0)
    expected = at_temperature(before, 2.0)
    np.testing.assert_allclose(model.predict_on_batch(features), expected, atol=1e-6)
