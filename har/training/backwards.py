"""Labels that are each other backwards in time, as sitting down and standing up, and their clips.

What does not change when a clip runs backwards, as the room or the clothes, says nothing about
which of the two it is; learnt from few people it is noise. So a clip of the one that runs backwards
is shown as a clip of the other: what both directions share then cancels out.

Which labels these are is found on the training people, left out in groups, by a linear model on the
statistics of `fusion`. Two labels are each other backwards if clips of each that run backwards are
mostly taken for the other one. And what the model says of the one label against the other has a
part that changes its sign when the clip runs backwards, and a part that does not: the first must
tell the two labels apart, and the second must not.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from har.clips.streams import POSE
from har.features.columns import stream_slices
from har.models.fusion import statistics
from har.pose.joints import WAY_OF_HIPS
from har.training.examples import Examples

MAX_CLIPS = 1000  # of which the model is fitted: the time goes by their square
NUM_GROUPS = 10  # of people who are left out together
BATCH = 50  # clips at once
EPSILON, MOST = 3e-3, 6.0  # of statistics: smallest deviation, and how many of them count
PENALTY = 0.3  # of the linear model, for statistics of length 1
BEYOND_CHANCE = 0.01  # largest p value of what tells two labels apart
MAYBE_CHANCE = 0.05  # smallest one of what does not


def find_backwards(examples: Examples, streams: Sequence[str]) -> dict[int, int]:
    """Return which label is which other one backwards: pairs in both directions, often none.

    Args:
        examples: On features. Where people are not known, no label is found.
        streams: Theirs, in order.
    """
    if examples.people is None or len(np.unique(examples.people)) < 2:
        return {}
    every = len(examples.label_indices) // MAX_CLIPS + 1
    videos = np.arange(0, len(examples.label_indices), every)
    labels, people = examples.label_indices[videos], examples.people[videos]
    ahead, back = _leave_out(_similarities(examples, videos, streams), labels, people)
    pairs: dict[int, int] = {}
    for one, other in itertools.combinations(np.unique(labels).tolist(), 2):
        is_new = not {one, other} & pairs.keys()  # a label has one that is it backwards
        if is_new and _are_backwards(one, other, labels, ahead, back):
            pairs |= {one: other, other: one}
    return pairs


def add_backwards(
    examples: Examples, pairs: dict[int, int], streams: Sequence[str], *, weight: float
) -> Examples:
    """Return examples with those of the labels in pairs backwards too, as of the other label.

    Args:
        examples: On features. Those backwards make no epoch longer.
        pairs: As `find_backwards` returns them.
        streams: Of the features, in order.
        weight: By which the weights of these labels are multiplied, as they have more examples.
    """
    videos = np.flatnonzero(np.isin(examples.label_indices, list(pairs)))
    first = len(examples.label_indices)

    def read(video: int, view: int) -> np.ndarray:
        if video < first:
            return examples.read(video, view)
        return run_backwards(examples.read(int(videos[video - first]), view), streams)

    def and_backwards(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, values[videos]])

    weights = examples.weights * np.where(np.isin(np.arange(first), videos), weight, 1.0)
    others = np.array([pairs[label] for label in examples.label_indices[videos]], np.int64)
    return replace(
        examples,
        read=read,
        label_indices=np.concatenate([examples.label_indices, others]),
        weights=and_backwards(weights),
        people=None,
        num_views=and_backwards(np.broadcast_to(examples.num_views, first)),
        num_drawn=examples.num_drawn + len(videos),
    )


def run_backwards(features: np.ndarray, streams: Sequence[str]) -> np.ndarray:
    """Return the features of clips that run backwards, (..., num_frames, num_features)."""
    turned = features[..., ::-1, :].copy()
    if POSE in streams:
        pose = turned[..., stream_slices(streams, features.shape[-1])[POSE]]  # a view
        pose[..., WAY_OF_HIPS] -= pose[..., :1, WAY_OF_HIPS].copy()
    return turned


def _similarities(examples: Examples, videos: np.ndarray, streams: Sequence[str]) -> np.ndarray:
    """Return how alike clips are, those backwards after all others, (2 * clips, 2 * clips)."""
    ahead: dict[str, list[np.ndarray]] = {stream: [] for stream in streams}
    back: dict[str, list[np.ndarray]] = {stream: [] for stream in streams}
    for start in range(0, len(videos), BATCH):
        batch = videos[start : start + BATCH]
        clips = np.stack([examples.read(int(video), 0) for video in batch])
        for rows, shown in ((ahead, clips), (back, run_backwards(clips, streams))):
            for stream, columns in stream_slices(streams, clips.shape[-1]).items():
                of_clips = np.asarray(statistics(stream, shown[:, :, columns]))
                rows[stream].append(of_clips.reshape(len(batch), -1))
    total = np.zeros((2 * len(videos), 2 * len(videos)), np.float32)
    for stream in streams:
        x = np.concatenate(ahead.pop(stream) + back.pop(stream))
        x = np.clip((x - x.mean(axis=0)) / (x.std(axis=0) + EPSILON), -MOST, MOST)
        total += x @ x.T / x.shape[1]
    return total / len(streams)


def _leave_out(
    similarities: np.ndarray, labels: np.ndarray, people: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return what is said of each clip and of it backwards by a model without its person.

    Returns:
        Two arrays of shape (num_clips, 1 + largest label).
    """
    # Here, as most trainings look for no labels, and importing takes a second.
    from sklearn.kernel_ridge import KernelRidge
    from sklearn.model_selection import GroupKFold

    targets = np.eye(labels.max() + 1)[labels]
    targets /= np.maximum(targets.sum(axis=0), 1)  # each label counts the same
    targets *= len(labels) / len(np.unique(labels))
    ahead, back = np.zeros_like(targets), np.zeros_like(targets)
    folds = GroupKFold(min(NUM_GROUPS, len(np.unique(people))))
    for known, left_out in folds.split(targets, groups=people):
        model = KernelRidge(alpha=PENALTY, kernel="precomputed")
        model.fit(similarities[np.ix_(known, known)], targets[known] - targets[known].mean(axis=0))
        for said, first in ((ahead, 0), (back, len(labels))):
            said[left_out] = model.predict(similarities[np.ix_(left_out + first, known)])
    return ahead, back


def _are_backwards(
    one: int, other: int, labels: np.ndarray, ahead: np.ndarray, back: np.ndarray
) -> bool:
    """Return whether what `_leave_out` returned says so of two labels."""
    taken_for = back.argmax(axis=1)
    mostly = [int(np.bincount(taken_for[labels == label]).argmax()) for label in (one, other)]
    if mostly != [other, one]:
        return False
    rows = np.isin(labels, (one, other))
    sign = np.where(labels[rows] == one, 1, -1)
    margin, turned = (sign * (said[rows, one] - said[rows, other]) for said in (ahead, back))
    changing, staying = ((part > 0).sum() for part in (margin - turned, margin + turned))
    return (
        _chance(changing, rows.sum()) < BEYOND_CHANCE
        and _chance(staying, rows.sum()) >= MAYBE_CHANCE
    )


def _chance(right: int, number: int) -> float:
    """Return how probable as many right ones are by chance, of two labels."""
    from scipy.stats import binomtest  # here, as above

    return float(binomtest(int(right), int(number), alternative="greater").pvalue)
