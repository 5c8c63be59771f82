"""Whether one model is better than another on the same test videos, or had luck.

Problem: two classifiers, A (the reference) and B, each with one answer for every test video. A
difference is B minus A, so above 0 where B is better.

The interval of a difference is never narrower than what as many unrelated videos would give, since
a few people who all agree prove little, and one person has no spread at all: Bonett and Price's
interval for accuracy; for macro F1 a bootstrap over videos, and half the width of that interval,
since a bootstrap of videos that all agree has no width either.

McNemar's exact test takes videos as unrelated, so its p value alone promises too much. A verdict
therefore needs both: p below 0.05, corrected by Holm where several models are compared with A, and
an interval without 0. All that decides is accuracy; the other numbers explain.
"""

from typing import Any

import numpy as np
import pandas as pd

from har.engine.seeds import generator_for
from har.evaluation.paired_statistics import (
    bonett_price,
    bootstrap_error,
    count_changes,
    holm,
    mcnemar,
    people_spread,
)
from har.evaluation.scores import NORMAL_QUANTILE, mean_f1

SIGNIFICANCE = 0.05
FEW_PEOPLE = 5
FEWEST_CHANGES = 6  # 2 * 0.5**6 = 0.03 is the first below 0.05
NUM_NAMED = 3  # videos that an error names


def compare(
    tables: list[tuple[str, pd.DataFrame]], *, num_bootstrap: int, seed: int
) -> dict[str, Any]:
    """Compare the first model with each other one.

    Args:
        tables: Name and predictions of two or more models, the reference first: text columns
            `video_id`, `subject`, `label` and `predicted`, one row a video, in any order.
        num_bootstrap: Resamplings behind each interval.
        seed: Of the resamplings, which are the same for all.

    Returns:
        `reference`, `num_videos`, `num_subjects`, `notes` and `comparisons`: for each other model
        what `compare_pair` returns, and `name`, `p_adjusted`, `verdict` (better, worse or
        undecided) and `changed`, the videos that only one got right.

    Raises:
        ValueError: The models were not tested on the same videos with the same labels.
    """
    (reference, first), *others = tables
    first = first.sort_values("video_id", ignore_index=True)
    comparisons, notes = [], []
    for name, table in others:
        _check_same_videos(reference, first, name, table)
        table = table.set_index("video_id").loc[first["video_id"]].reset_index()
        num_regrouped = int((table["subject"] != first["subject"]).sum())
        if num_regrouped:
            notes.append(
                f"{reference} and {name} name different people in {num_regrouped} of the videos; "
                f"those of {reference} are used."
            )
        compared = compare_pair(
            first, table, num_bootstrap=num_bootstrap, rng=generator_for(seed, "compare")
        )
        comparisons.append({"name": name} | compared | {"changed": _changed(first, table)})
    p_values = np.array([comparison["p_value"] for comparison in comparisons])
    for comparison, p_adjusted in zip(comparisons, holm(p_values), strict=True):
        comparison["p_adjusted"] = float(p_adjusted)
        comparison["verdict"] = decide(comparison["accuracy"], p_adjusted)
    return {
        "reference": reference,
        "num_videos": len(first),
        "num_subjects": first["subject"].nunique(),
        "notes": notes + _notes(first, comparisons),
        "comparisons": comparisons,
    }


def compare_pair(
    reference: pd.DataFrame, other: pd.DataFrame, *, num_bootstrap: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Compare two models.

    Args:
        reference: Predictions as in `compare`.
        other: Predictions for the same videos in the same order.
        num_bootstrap: Resamplings behind each interval.
        rng: Draws them.

    Returns:
        `accuracy` and `macro_f1`, each with `reference`, `other`, `difference`, `low` and `high`;
        `gained` and `lost`, how many videos only the other and only the reference got right;
        `p_value`; and `per_class`, for each label `videos`, `recall` and `f1` (as `accuracy`, the
        latter without interval), `gained` and `lost`.
    """
    texts = [reference["label"], reference["predicted"], other["predicted"]]
    labels, indices = np.unique(np.concatenate(texts), return_inverse=True)
    actual, before, after = indices.reshape(3, -1)
    subjects = reference["subject"].to_numpy()
    was_right, is_right = before == actual, after == actual

    options = {"num_bootstrap": num_bootstrap, "rng": rng}
    macro_f1 = f1_difference(actual, before, after, subjects, **options)
    counts = count_changes(was_right, is_right)
    per_class = {}
    for index in np.unique(actual):
        rows = actual == index
        per_class[str(labels[index])] = {
            "videos": int(rows.sum()),
            "recall": accuracy_difference(
                was_right[rows], is_right[rows], subjects[rows], **options
            ),
            "f1": _pair(*(_f1(actual == index, said == index) for said in (before, after))),
            **count_changes(was_right[rows], is_right[rows]),
        }
    return {
        "accuracy": accuracy_difference(was_right, is_right, subjects, **options),
        "macro_f1": macro_f1,
        **counts,
        "p_value": mcnemar(**counts),
        "per_class": per_class,
    }


def accuracy_difference(
    was_right: np.ndarray,
    is_right: np.ndarray,
    subjects: np.ndarray,
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return two accuracies and their difference with its interval.

    Args:
        was_right: bool, shape (num_videos,), of the reference.
        is_right: The same of the other.
        subjects: str, shape (num_videos,).
        num_bootstrap: Resamplings.
        rng: Draws them.

    Returns:
        `reference`, `other`, `difference`, `low` and `high`, in [0, 1] and [-1, 1].
    """
    change = is_right.astype(float) - was_right
    spread = people_spread(
        lambda rows: change[rows].mean(), subjects, num_bootstrap=num_bootstrap, rng=rng
    )
    low, high = bonett_price(**count_changes(was_right, is_right), num_videos=len(change))
    accuracies = _pair(was_right.mean(), is_right.mean())
    difference = accuracies["difference"]
    return accuracies | _bounds(min(difference - spread, low), max(difference + spread, high))


def f1_difference(
    actual: np.ndarray,
    before: np.ndarray,
    after: np.ndarray,
    subjects: np.ndarray,
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Return two macro F1 and their difference with its interval.

    Args:
        actual: int, shape (num_videos,), the labels.
        before: int, shape (num_videos,), the reference's answers.
        after: int, shape (num_videos,), the other's answers.
        subjects: str, shape (num_videos,).
        num_bootstrap: Resamplings.
        rng: Draws them.

    Returns:
        As `accuracy_difference`.
    """

    def difference_of(rows: np.ndarray) -> float:
        return mean_f1(actual[rows], after[rows]) - mean_f1(actual[rows], before[rows])

    options = {"num_bootstrap": num_bootstrap, "rng": rng}
    f1 = _pair(mean_f1(actual, before), mean_f1(actual, after))
    counts = count_changes(before == actual, after == actual)
    low, high = bonett_price(**counts, num_videos=len(actual))
    spread = max(
        people_spread(difference_of, subjects, **options),
        NORMAL_QUANTILE * bootstrap_error(difference_of, np.arange(len(actual)), **options),
        (high - low) / 2,
    )
    return f1 | _bounds(f1["difference"] - spread, f1["difference"] + spread)


def decide(accuracy: dict[str, float], p_value: float) -> str:
    """Return `better`, `worse` or `undecided`, as this module's description says."""
    if p_value < SIGNIFICANCE and accuracy["low"] > 0:
        return "better"
    return "worse" if p_value < SIGNIFICANCE and accuracy["high"] < 0 else "undecided"


def _pair(reference: float, other: float) -> dict[str, float]:
    difference = float(other) - float(reference)
    return {"reference": float(reference), "other": float(other), "difference": difference}


def _bounds(low: float, high: float) -> dict[str, float]:
    return {"low": max(low, -1.0), "high": min(high, 1.0)}


def _f1(actual: np.ndarray, predicted: np.ndarray) -> float:
    """Return the F1 of one label, from what is and what is said to be of it."""
    return float(2 * (actual & predicted).sum() / (actual.sum() + predicted.sum()))


def _changed(reference: pd.DataFrame, other: pd.DataFrame) -> list[dict[str, str | bool]]:
    """Return the videos that only one got right, those that the other gained first."""
    was_right = reference["predicted"] == reference["label"]
    is_right = other["predicted"] == other["label"]
    table = reference[["video_id", "subject", "label"]].assign(
        reference=reference["predicted"], other=other["predicted"], gained=is_right
    )
    changed = table[was_right != is_right]
    return changed.sort_values(["gained", "video_id"], ascending=[False, True]).to_dict("records")


def _check_same_videos(reference: str, first: pd.DataFrame, name: str, table: pd.DataFrame) -> None:
    mine, theirs = (part.set_index("video_id")["label"] for part in (first, table))
    only_mine, only_theirs = (
        mine.index.difference(theirs.index),
        theirs.index.difference(mine.index),
    )
    shared = mine.index.intersection(theirs.index)
    advice = (
        "A comparison needs the same videos: run both on the same data and split, as `dvc exp run "
        "-S model=...` does."
    )
    if len(only_mine) or len(only_theirs):
        raise ValueError(
            f"{reference} and {name} were tested on different videos: {len(shared)} are shared, "
            f"{_named(only_mine)} only in {reference}, {_named(only_theirs)} only in {name}. "
            f"{advice}"
        )
    relabelled = shared[(mine[shared] != theirs[shared]).to_numpy()]
    if len(relabelled):
        example = relabelled[0]
        raise ValueError(
            f"{reference} and {name} were tested on the same {len(shared)} videos, but "
            f"{len(relabelled)} have different labels, as {example}: {mine[example]!r} and "
            f"{theirs[example]!r}. {advice}"
        )


def _named(video_ids: pd.Index) -> str:
    """Return a number of videos with the names of the first ones."""
    if not len(video_ids):
        return "0"
    more = ", ..." if len(video_ids) > NUM_NAMED else ""
    return f"{len(video_ids)} ({', '.join(video_ids[:NUM_NAMED])}{more})"


def _notes(first: pd.DataFrame, comparisons: list[dict[str, Any]]) -> list[str]:
    """Return what a reader must know to trust the numbers no more than they deserve."""
    notes = []
    num_subjects = first["subject"].nunique()
    if num_subjects < FEW_PEOPLE:
        people = "1 person is" if num_subjects == 1 else f"{num_subjects} people are"
        notes.append(
            f"Only {people} in the test. Whatever is found holds for them; test on {FEW_PEOPLE} or "
            "more to say something of others, as cross-validation does."
        )
    elif num_subjects == len(first):
        notes.append(
            "Every video counts as a person of its own. If some show the same person, the "
            "intervals are too narrow: say who is who (docs/own-videos.md)."
        )
    if max(one["gained"] + one["lost"] for one in comparisons) < FEWEST_CHANGES:
        notes.append(
            f"Fewer than {FEWEST_CHANGES} videos changed side: with so few no difference can be "
            "told from luck, even if all of them go one way."
        )
    if len(comparisons) > 1:
        notes.append(
            f"{len(comparisons)} models are compared with one, so the p values are corrected by "
            "Holm's method; each interval is for its comparison alone."
        )
    return notes
