"""The scores of a model on videos, beside baselines and before its calibration.

Those of the accuracy are of the videos of actions alone: videos of what is no action (the label
that `dataset.none` names) have a score of their own, and rows in the table of the labels.
"""

from typing import Any

import numpy as np
import pandas as pd

from har.dataset.none_label import find_actions
from har.engine.seeds import generator_for
from har.evaluation.baselines import predict_baselines
from har.evaluation.rejection import score_answers
from har.evaluation.scores import (
    evaluate,
    expected_calibration_error,
    resample_subjects,
    score_baselines,
    score_classes,
)
from har.recognizer.recognizer import Recognizer
from har.training.calibration import at_temperature
from har.training.examples import Examples


def score_test_videos(
    recognizer: Recognizer,
    videos: pd.DataFrame,
    probabilities: np.ndarray,
    *,
    num_bootstrap: int,
    seed: int,
    drawn: Examples | None = None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return all scores, and the label indices that each baseline predicts, by its name.

    Args:
        recognizer: The model.
        videos: The manifest, with `features_path`: the baselines are fitted on what the model was
            trained on.
        probabilities: Of the test videos, in order, shape (num_videos, num_classes).
        num_bootstrap: Resamplings of people behind each interval.
        seed: Of the resamplings, which are the same for the model and the baselines.
        drawn: Drawn sequences that the model was trained on too.

    Raises:
        ValueError: All test videos are of what is no action.
    """
    test = videos[videos["split"] == "test"]
    find_actions(test["label"], recognizer.none_label)  # before much is fitted
    options = {"fit_on": recognizer.params["trained_on"], "none_label": recognizer.none_label}
    baselines = predict_baselines(videos, recognizer.labels, **options, drawn=drawn)
    options = {"num_bootstrap": num_bootstrap, "seed": seed}
    return score_videos(recognizer, test, probabilities, baselines, **options), baselines


def score_videos(
    recognizer: Recognizer,
    videos: pd.DataFrame,
    probabilities: np.ndarray,
    baselines: dict[str, np.ndarray],
    *,
    num_bootstrap: int,
    seed: int,
) -> dict[str, Any]:
    """Return all scores of a model on some videos, beside those of baselines.

    Args:
        recognizer: The model.
        videos: One row a video, with `label`, one of the model's, and `subject`.
        probabilities: Of the videos, in order, shape (num_videos, num_classes).
        baselines: The label indices that each baseline predicts, by its name.
        num_bootstrap: Resamplings of people behind each interval.
        seed: Of the resamplings, which are the same for the model and the baselines.

    Raises:
        ValueError: All videos are of what is no action.
    """
    none_label = recognizer.none_label
    is_action = find_actions(videos["label"], none_label)
    all_indices = videos["label"].map(recognizer.labels.index).to_numpy()
    label_indices, subjects = all_indices[is_action], videos["subject"].to_numpy()[is_action]
    scores = {"model": recognizer.params["model"]} | evaluate(
        probabilities[is_action],
        label_indices,
        subjects,
        recognizer.labels,
        num_bootstrap=num_bootstrap,
        rng=generator_for(seed, "bootstrap"),
    )
    samples = resample_subjects(
        subjects, num_bootstrap=num_bootstrap, rng=generator_for(seed, "bootstrap")
    )
    of_actions = {name: predicted[is_action] for name, predicted in baselines.items()}
    scores["baselines"] = score_baselines(of_actions, label_indices, samples=samples)
    before = uncalibrated(recognizer, probabilities[is_action])
    scores["expected_calibration_error_before"] = expected_calibration_error(before, label_indices)
    answers = np.array([recognizer.answer(row) for row in probabilities])
    scores |= score_answers(answers, videos["label"].to_numpy(), none_label=none_label)
    # A video of no action that is named as one costs that one precision.
    predicted = probabilities.argmax(axis=1)
    scores["per_class"] = score_classes(all_indices, predicted, recognizer.labels)
    return scores


def uncalibrated(recognizer: Recognizer, probabilities: np.ndarray) -> np.ndarray:
    """Return probabilities as they were before the temperature was folded into the weights."""
    return at_temperature(probabilities, 1 / recognizer.params.get("temperature", 1.0))
