"""Scores of what a model is unsure of, and of videos of no action."""

import numpy as np
import pytest

from har.evaluation.rejection import is_rejected, score_answers
from har.evaluation.scores import wilson_interval


def test_score_answers_without_a_folder_of_other_things():
    answers = np.array(["sit", "unsure", "walk", "sit"])
    actual = np.array(["sit", "sit", "walk", "walk"])
    scores = score_answers(answers, actual, none_label=None)
    assert scores == {"unsure": 0.25, "accuracy_if_sure": pytest.approx(2 / 3)}


def test_score_answers_keeps_actions_and_what_is_none_apart():
    answers = np.array(["sit", "none", "walk", "none", "unsure", "sit"])
    actual = np.array(["sit", "sit", "walk", "none", "none", "none"])
    scores = score_answers(answers, actual, none_label="none")
    low, high = wilson_interval(2, 3)
    assert scores == {
        "unsure": 0.0,
        "accuracy_if_sure": pytest.approx(2 / 3),  # an action taken for none is an error
        "num_none_videos": 3,
        "none_rejected": pytest.approx(2 / 3),
        "none_rejected_low": low,
        "none_rejected_high": high,
        "lost_to_none": pytest.approx(1 / 3),
    }


def test_score_answers_has_no_accuracy_where_it_is_never_sure():
    scores = score_answers(np.array(["unsure"] * 2), np.array(["sit", "walk"]), none_label="none")
    assert scores == {"unsure": 1.0, "accuracy_if_sure": None}


def test_is_rejected_takes_unsure_and_none():
    answers = np.array(["unsure", "none", "sit"])
    assert is_rejected(answers, "none").tolist() == [True, True, False]
    assert is_rejected(answers, None).tolist() == [True, False, False]
