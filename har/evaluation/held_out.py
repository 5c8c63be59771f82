"""The scores of a model on its test videos, beside the baselines and before its calibration."""

from typing import Any

import numpy as np
import pandas as pd

from har.engine.seeds import generator_for
from har.evaluation.baselines import predict_baselines
from har.evaluation.scores import (
    evaluate,
    expected_calibration_error,
    resample_subjects,
    score_baselines,
)
from har.recognizer.recognizer import Recognizer
from har.training.calibration import at_temperature


def score_test_videos(
    recognizer: Recognizer,
    videos: pd.DataFrame,
    probabilities: np.ndarray,
    *,
    num_bootstrap: int,
    seed: int,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return all scores, and the label indices that each baseline predicts, by its name.

    Args:
        recognizer: The model.
        videos: The manifest, with `features_path`: the baselines are fitted on what the model was
            trained on.
        probabilities: Of the test videos, in order, shape (num_videos, num_classes).
        num_bootstrap: Resamplings of people behind each interval.
        seed: Of the resamplings, which are the same for the model and the baselines.
    """
    test = videos[videos["split"] == "test"]
    label_indices = test["label"].map(recognizer.labels.index).to_numpy()
    subjects = test["subject"].to_numpy()
    scores = {"model": recognizer.params["model"]} | evaluate(
        probabilities,
        label_indices,
        subjects,
        recognizer.labels,
        num_bootstrap=num_bootstrap,
        rng=generator_for(seed, "bootstrap"),
    )
    samples = resample_subjects(
        subjects, num_bootstrap=num_bootstrap, rng=generator_for(seed, "bootstrap")
    )
    trained_on = recognizer.params["trained_on"]
    baselines = predict_baselines(videos, recognizer.labels, fit_on=trained_on)
    scores["baselines"] = score_baselines(baselines, label_indices, samples=samples)
    before = uncalibrated(recognizer, probabilities)
    scores["expected_calibration_error_before"] = expected_calibration_error(before, label_indices)
    return scores, baselines


def uncalibrated(recognizer: Recognizer, probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities as they were before the temperature was folded into the weights."""
    return at_temperature(probabilities, 1 / recognizer.params["temperature"])
