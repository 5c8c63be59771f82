"""The scores as a table to read: the model beside its baselines."""

import textwrap
from typing import Any

from har.dataset.reach import UNKNOWN_PEOPLE, describe_few
from har.dataset.subjects import NO_WORD_ON_OTHERS, SAME_PEOPLE, count_people, knows_people

WIDTH = 100  # columns
BASELINES = {
    "majority": "always the commonest label",
    "single_frame": "linear, one frame",
    "pooled_linear": "linear, all frames",
}


def describe_metrics(metrics: dict[str, Any]) -> str:
    """Return the table.

    Args:
        metrics: The content of scores.json.
    """
    rows = [
        (metrics["model"], metrics["accuracy"], metrics["accuracy_low"], metrics["accuracy_high"])
    ]
    baselines = metrics["baselines"]
    rows += [
        (said, baselines[name], baselines[f"{name}_low"], baselines[f"{name}_high"])
        for name, said in BASELINES.items()
    ]
    lines = [f"{'':28}{'accuracy':>9}   95 % interval"]
    lines += [
        f"{said:28}{value:9.0%}   {low:4.0%} to {high:4.0%}" for said, value, low, high in rows
    ]
    lines += ["", f"{'':28}{'precision':>9}{'recall':>9}{'videos':>9}"]
    lines += [
        f"{label:28}{score['precision']:9.0%}{score['recall']:9.0%}{score['support']:9d}"
        for label, score in metrics["per_class"].items()
    ]
    said = [
        f"On {describe_tested(metrics)}{describe_reach(metrics)}.",
        *describe_rejection(metrics),
    ]
    return "\n".join([*lines, "", *(textwrap.fill(sentence, WIDTH) for sentence in said)])


def describe_rejection(scores: dict[str, Any]) -> list[str]:
    """Return a sentence on what the model is unsure of, and one on videos of no action, if any.

    Args:
        scores: With those of `har.evaluation.rejection.score_answers`.
    """
    said = [f"Unsure of {scores['unsure']:.0%} of them"]
    if scores["accuracy_if_sure"] is not None:
        said = [f"{said[0]}; accuracy on the others {scores['accuracy_if_sure']:.0%}"]
    if "none_rejected" in scores:
        said += [
            f"Of {scores['num_none_videos']} videos of no action {scores['none_rejected']:.0%} "
            f"are rejected (95 % interval {scores['none_rejected_low']:.0%} to "
            f"{scores['none_rejected_high']:.0%}); {scores['lost_to_none']:.0%} of the videos of "
            "actions are taken for no action"
        ]
    return [f"{sentence}." for sentence in said]


def describe_tested(scores: dict[str, Any]) -> str:
    """Return how many test videos there are, and whose.

    Args:
        scores: With `num_test_videos`, `num_test_subjects` and `grouped_by`.
    """
    videos = count_tested(scores["num_test_videos"])
    if scores["grouped_by"] == SAME_PEOPLE:
        return f"{videos} ({SAME_PEOPLE})"
    if not knows_people(scores["grouped_by"]):
        return f"{videos} of unknown people"
    return f"{videos} of {count_people(scores['num_test_subjects'])}"


def count_tested(number: int) -> str:
    """Return a number of test videos.

    Example:
        >>> count_tested(1), count_tested(12)
        ('1 test video', '12 test videos')
    """
    return f"{number} test video{'' if number == 1 else 's'}"


def describe_reach(scores: dict[str, Any]) -> str:
    """Return the end of a sentence on the tested people: what the score says, and of whom."""
    few = describe_few(scores["num_test_videos"])
    few = f"; {few}" if few else ""
    if scores["grouped_by"] == SAME_PEOPLE:
        return f"; {NO_WORD_ON_OTHERS}{few}"
    if not knows_people(scores["grouped_by"]):
        return f", who may have been seen in training: {UNKNOWN_PEOPLE}{few}"
    return f" never seen in training{few}"
