"""How a model deals with what it does not know: videos that it is unsure of, or finds no action in.

Problem: an *answer* is a label, or `unsure` where the model's most probable label is below its
threshold (`har.training.threshold`). A video is *rejected* if its answer names no action: `unsure`,
or the label that is none (`dataset.none`). What is known should not be, what is unknown should.
Scores are shares in [0, 1].

Reference: Geng et al., "Recent Advances in Open Set Recognition: A Survey", TPAMI 2021.
"""

import numpy as np

from har.dataset.none_label import UNSURE
from har.evaluation.scores import wilson_interval


def score_answers(
    answers: np.ndarray, actual: np.ndarray, *, none_label: str | None
) -> dict[str, float | None]:
    """Return how often a model is unsure and what that is worth, and how it treats no action.

    Args:
        answers: str, shape (num_videos,), a label or `unsure`.
        actual: str, shape (num_videos,), the right labels; one or more are of actions.
        none_label: The label that is no action; None where there is none.

    Returns:
        Of the videos of actions `unsure`, the share of such answers, and `accuracy_if_sure`, the
        accuracy on the others (None if there are no others). With videos of `none_label` also
        `num_none_videos`, `none_rejected`, the share of them that is rejected, with Wilson's
        `_low` and `_high`, and `lost_to_none`, the share of the videos of actions that are
        answered with it.
    """
    is_action, is_unsure = actual != none_label, answers == UNSURE
    sure = is_action & ~is_unsure
    scores = {
        "unsure": float(is_unsure[is_action].mean()),
        "accuracy_if_sure": float((answers == actual)[sure].mean()) if sure.any() else None,
    }
    num_none = int((~is_action).sum())
    if num_none == 0:
        return scores
    rejected = is_rejected(answers, none_label)[~is_action]
    low, high = wilson_interval(rejected.sum(), num_none)
    return scores | {
        "num_none_videos": num_none,
        "none_rejected": float(rejected.mean()),
        "none_rejected_low": low,
        "none_rejected_high": high,
        "lost_to_none": float((answers[is_action] == none_label).mean()),
    }


def is_rejected(answers: np.ndarray, none_label: str | None) -> np.ndarray:
    """Return which answers name no action, bool, of the same shape."""
    return (answers == UNSURE) | (answers == none_label)
