"""From answers that overlap to segments: from when to when people do what.

The sequence of labels is chosen whose windows are most probable, where each change costs as much:
the Viterbi algorithm on a hidden Markov model. Windows that overlap say much the same, so each
counts by how far it lies from the one before.

Reference: Rabiner, "A Tutorial on Hidden Markov Models and Selected Applications in Speech
Recognition", Proceedings of the IEEE 77(2), 1989.
"""

from collections.abc import Sequence

import numpy as np

from har.dataset.none_label import UNSURE
from har.recognizer.prediction import Segment
from har.recognizer.recognizer import Recognizer
from har.timeline.answers import Answer, none_label_of

CHANGE_COST = 0.4  # of a change of the label, in nats
FLOOR = 1e-3  # of a probability: no window alone decides


def find_segments(
    answers: Sequence[Answer], recognizer: Recognizer, *, duration: float
) -> list[Segment]:
    """Return the segments of a video, from its start to its end.

    Args:
        answers: In the order of time, at least one.
        recognizer: The model that gave them.
        duration: Of the video, in seconds.
    """
    probabilities = np.stack([answer.probabilities for answer in answers])
    has_person = np.array([answer.has_person for answer in answers])
    middles = np.array([answer.middle for answer in answers])
    states = smooth(probabilities, has_person, _weights(answers))
    changes = np.flatnonzero(np.diff(states)) + 1
    edges = [0.0, *((middles[changes - 1] + middles[changes]) / 2), duration]
    segments = []
    for number, inside in enumerate(np.split(np.arange(len(states)), changes)):
        label, share = _name(states[inside[0]], probabilities[inside].mean(axis=0), recognizer)
        start, end = float(edges[number]), float(edges[number + 1])
        segments.append(Segment(start, end, label, share))
    return merge_equal(segments)


def smooth(probabilities: np.ndarray, has_person: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the most probable sequence of states.

    Args:
        probabilities: Of each label in each window, shape (num_windows, num_classes).
        has_person: Of each window, whether somebody is there.
        weights: Of each window, how much it counts.

    Returns:
        int, shape (num_windows,): the label's index, or num_classes where nobody is there.
    """
    nobody = np.where(has_person, 0.0, 1.0)[:, np.newaxis]
    said = np.hstack([probabilities * (1 - nobody), nobody])
    scores = np.log(np.maximum(said, FLOOR)) * weights[:, np.newaxis]
    best, came_from = scores[0], []
    for score in scores[1:]:
        change = best.max() - CHANGE_COST
        came_from.append(np.where(best >= change, np.arange(len(best)), best.argmax()))
        best = np.maximum(best, change) + score
    states = [int(best.argmax())]
    for before in reversed(came_from):
        states.append(int(before[states[-1]]))
    return np.array(states[::-1])


def merge_equal(segments: Sequence[Segment]) -> list[Segment]:
    """Return segments of which none has the label of the one before, by their length."""
    merged: list[Segment] = []
    for one in segments:
        if not merged or merged[-1].label != one.label:
            merged.append(one)
            continue
        last = merged.pop()
        lengths = (last.end - last.start, one.end - one.start)
        share = float(np.average([last.probability, one.probability], weights=lengths))
        merged.append(Segment(last.start, one.end, one.label, share))
    return merged


def _weights(answers: Sequence[Answer]) -> np.ndarray:
    """Return how much each window counts: more the less it overlaps with the one before."""
    starts = np.array([answer.start for answer in answers])
    steps = np.diff(starts, prepend=starts[0] - (answers[0].end - answers[0].start))
    lengths = np.array([answer.end - answer.start for answer in answers])
    return np.clip(steps / np.maximum(lengths, 1e-9), 0, 1)


def _name(state: int, probabilities: np.ndarray, recognizer: Recognizer) -> tuple[str, float]:
    """Return the label of a state and its probability."""
    if state == len(recognizer.labels):
        return none_label_of(recognizer), 1.0
    share = float(probabilities[state])
    return (UNSURE if share < recognizer.unsure_below else recognizer.labels[state]), share
