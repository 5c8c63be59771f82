"""Whether one model is better than another on the same test videos, or had luck.

Problem: two classifiers, A (the reference) and B, each with one answer for every test video. A
difference is B minus A, so above 0 where B is better.

An interval of 95 % is the difference plus and minus Student's t (of one degree of freedom less than
there are people) times its standard error, from a paired bootstrap over people: both models'
answers to all videos of a drawn person go together, since videos of one person are alike. The usual
percentile interval is too narrow for few people: with 3 it holds the truth in 7 to 9 of 10 cases,
this one in more than 9 (tests/test_compare.py). It is never narrower than what as many
unrelated videos would give, since a few people who all agree prove little, and one person has no
spread at all: Bonett and Price's interval for accuracy; for macro F1 a bootstrap over videos, and
half the width of that interval, since a bootstrap of videos that all agree has no width either.

McNemar's exact test asks how often chance alone would divide the videos that only one of the two
got right so unevenly. It takes videos as unrelated, so its p value alone promises too much. A
verdict therefore needs both: p below 0.05, corrected by Holm where several models are compared
with A, and an interval without 0. All that decides is accuracy; the other numbers explain.

References: McNemar, Psychometrika 12, 1947; Efron and Tibshirani, "An Introduction to the
Bootstrap", 1993, section 12.2 (Student's t); Hesterberg, "What Teachers Should Know About the
Bootstrap", The American Statistician 69, 2015 (few units); Bonett and Price, J. Educational and
Behavioral Statistics 37, 2012; Holm, Scandinavian J. of Statistics 6, 1979.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest, t

from har.engine.seeds import generator_for
from har.evaluation.scores import NORMAL_QUANTILE, mean_f1, resample_subjects

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

    def f1_difference(rows: np.ndarray) -> float:
        return mean_f1(actual[rows], after[rows]) - mean_f1(actual[rows], before[rows])

    options = {"num_bootstrap": num_bootstrap, "rng": rng}
    f1 = _pair(mean_f1(actual, before), mean_f1(actual, after))
    counts = count_changes(was_right, is_right)
    low, high = bonett_price(**counts, num_videos=len(actual))
    f1_spread = max(
        people_spread(f1_difference, subjects, **options),
        NORMAL_QUANTILE * bootstrap_error(f1_difference, np.arange(len(actual)), **options),
        (high - low) / 2,
    )
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
        "macro_f1": f1 | _bounds(f1["difference"] - f1_spread, f1["difference"] + f1_spread),
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


def count_changes(was_right: np.ndarray, is_right: np.ndarray) -> dict[str, int]:
    """Return `gained` and `lost`: how many only the other and only the reference got right."""
    return {
        "gained": int((is_right & ~was_right).sum()),
        "lost": int((was_right & ~is_right).sum()),
    }


def mcnemar(*, gained: int, lost: int) -> float:
    """Return the two-sided p value of McNemar's exact test.

    Example:
        >>> mcnemar(gained=5, lost=1)  # 2 * (1 + 6) / 2**6
        0.21875
    """
    return float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0


def bonett_price(*, gained: int, lost: int, num_videos: int) -> tuple[float, float]:
    """Return Bonett and Price's 95 % interval of a paired difference of two shares.

    One is added to each kind of change, so that it has a width where nothing changed.

    Example:
        >>> [round(bound, 3) for bound in bonett_price(gained=0, lost=0, num_videos=20)]
        [-0.126, 0.126]
    """
    gains, losses = (gained + 1) / (num_videos + 2), (lost + 1) / (num_videos + 2)
    center = gains - losses
    error = np.sqrt((gains + losses - center**2) / (num_videos + 2))
    return float(center - NORMAL_QUANTILE * error), float(center + NORMAL_QUANTILE * error)


def people_spread(
    statistic: Callable[[np.ndarray], float],
    subjects: np.ndarray,
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
) -> float:
    """Return half the width of a 95 % interval over people; 0 for one person, who has no spread.

    Args:
        statistic: Of the places of videos, as `resample_subjects` returns them.
        subjects: str, shape (num_videos,).
        num_bootstrap: Resamplings.
        rng: Draws them.
    """
    num_subjects = len(np.unique(subjects))
    if num_subjects == 1:
        return 0.0
    error = bootstrap_error(statistic, subjects, num_bootstrap=num_bootstrap, rng=rng)
    # The bootstrap divides by n where the unbiased variance divides by n - 1.
    unbiased = error * np.sqrt(num_subjects / (num_subjects - 1))
    return float(t.ppf(0.975, num_subjects - 1) * unbiased)


def bootstrap_error(
    statistic: Callable[[np.ndarray], float],
    units: np.ndarray,
    *,
    num_bootstrap: int,
    rng: np.random.Generator,
) -> float:
    """Return the standard error of a statistic over resamplings of the units."""
    samples = resample_subjects(units, num_bootstrap=num_bootstrap, rng=rng)
    return float(np.std([statistic(rows) for rows in samples]))


def holm(p_values: np.ndarray) -> np.ndarray:
    """Return p values corrected for being several (Holm).

    Example:
        >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values)
    factors = np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(factors * p_values[order]), 1.0)
    return adjusted


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
