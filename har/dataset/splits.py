"""Who is trained on, who chooses the best epoch, and who is tested on: people kept apart.

Conventions: a *split* is `train`, `val` or `test`; a *fold* is one of several groups of people
that take turns at being the test. No subject is ever in two splits. Where videos are split `by`
video, or nobody says who is in them, each video is a subject of its own.
"""

import copy
from collections.abc import Sequence

import numpy as np
import pandas as pd

from har.dataset.split_checks import (
    PEOPLE,
    SPLITS,
    check_fractions,
    check_groups_outside_each_fold,
    check_groups_per_label,
    check_number_of_folds,
    check_number_of_people,
    check_splits,
)
from har.dataset.subjects import count_people
from har.dataset.training_people import UNUSED

NEAR_SHARE = 0.05  # of all videos: how far a split may be from its share; or 3/4 of a person
NUM_PROPOSALS = 20_000  # moves and swaps tried; 200 subjects need about a tenth to settle
MISSING_CLASS_COST = 1e6  # outweighs any unevenness of the counts


def split_by_subject(
    manifest: pd.DataFrame,
    *,
    fractions: dict[str, float],
    rng: np.random.Generator,
    by: str = "person",
) -> pd.Series:
    """Give every subject to one split, each label near its share in each.

    Starts from a greedy assignment and improves it by moving and swapping subjects at random
    while the squared distance to the wanted counts falls. What counts is who does what, and how
    often only where the shares would be missed: so a video more moves nobody to another split.

    Args:
        manifest: One row a video, with `label` and `subject`.
        fractions: The share of videos that each split should have; splits without one are left
            out.
        rng: Decides between equally good assignments.
        by: What a subject is, `person` or `video`, for the errors.

    Returns:
        The split of each row, with the index of `manifest`.

    Raises:
        ValueError: The fractions are not positive or do not sum to one, there are fewer people
            than splits, or a label has too few subjects to be in every split.
    """
    check_fractions(fractions)
    names = [name for name in SPLITS if name in fractions]
    check_number_of_people(manifest, splits=names, by=by)
    check_groups_per_label(manifest, num_splits=len(names), by=by)
    counts = pd.crosstab(manifest["subject"], manifest["label"])
    assignment = _assign_shares(counts.to_numpy(), [fractions[name] for name in names], rng)
    split_of_subject = pd.Series([names[i] for i in assignment], index=counts.index)
    split = manifest["subject"].map(split_of_subject)
    check_splits(manifest.assign(split=split), required=names)
    return split


def choose_splits(
    manifest: pd.DataFrame,
    *,
    fractions: dict[str, float],
    folds: int | str | None,
    test_fold: str | None,
    rng: np.random.Generator,
    by: str = "person",
) -> tuple[pd.Series, pd.Series | None]:
    """Split as `metadata.csv` says, or else by subject; test on one fold where there are folds.

    Validation people who are not given are drawn from the training people, in the proportion of
    `fractions`, with folds too: a cross-validation then scores what a single split trains, and the
    test people choose nothing.

    Args:
        manifest: One row a video, with `label`, `subject`, and `split` and `fold` as text, empty
            where `metadata.csv` gives none.
        fractions: As for `split_by_subject`.
        folds: As for `draw_folds`; folds in `metadata.csv` are used instead. None for one split.
        test_fold: The fold to test on; None for the first.
        rng: As for `split_by_subject`.
        by: As for `split_by_subject`.

    Returns:
        The split of each row, and its fold as text (None without folds).

    Raises:
        ValueError: Some rows have no split, or a name is unknown, or a subject is in two splits, or
            a label cannot be in every split; a label may be missing in a fold that is tested on.
    """
    if folds is None and _has(manifest, "split"):
        fold, split, required = None, _from_splits(manifest), SPLITS
    elif folds is None and not _has(manifest, "fold"):
        return split_by_subject(manifest, fractions=fractions, rng=rng, by=by), None
    else:
        fold = _find_folds(manifest, folds, rng, by)
        split, required = _from_folds(fold, test_fold), ("train", "val")
    if not (split == "val").any():
        given = [name for name in required if name != "val"]
        check_splits(manifest.assign(split=split), required=given)
        split = _draw_validation(manifest, split, fractions, rng, by)
    check_splits(manifest.assign(split=split), required=required)
    return split, fold


def draw_folds(
    manifest: pd.DataFrame, *, folds: int | str, rng: np.random.Generator, by: str = "person"
) -> pd.Series:
    """Give every subject to one fold, labels and people as even in all as people allow.

    Args:
        manifest: One row a video, with `label` and `subject`.
        folds: How many; or `people` for a fold for each subject, in the order of their names.
        rng: Decides between equally good assignments.
        by: As for `split_by_subject`.

    Returns:
        The fold of each row as text, from 1, with the index of `manifest`.

    Raises:
        ValueError: `folds` is neither, or there are fewer subjects.
    """
    counts = pd.crosstab(manifest["subject"], manifest["label"])
    if folds == PEOPLE:
        assignment = np.arange(len(counts))
    else:
        check_number_of_folds(folds, num_groups=len(counts), by=by)
        # People are spread as if each were a video of a label that all have: no fold is empty.
        evened = np.column_stack([counts, np.ones(len(counts), dtype=int)])
        wanted = np.outer(np.full(folds, 1 / folds), evened.sum(axis=0))
        assignment = _assign(evened, wanted, rng)
    fold_of_subject = pd.Series([str(1 + number) for number in assignment], index=counts.index)
    return manifest["subject"].map(fold_of_subject)


def describe_splits(manifest: pd.DataFrame, *, by: str) -> str:
    """Return how many videos each split has and, by person, of how many people."""
    said = []
    for name in SPLITS:
        part = manifest[manifest["split"] == name]
        people = f" of {count_people(part['subject'].nunique())}" if by == "person" else ""
        said.append(f"{name} {len(part)} videos{people}")
    num_unused = manifest.loc[manifest["split"] == UNUSED, "subject"].nunique()
    return ", ".join(said) + (f"; {num_unused} people unused" if num_unused else "")


def fold_names(fold: pd.Series) -> list[str]:
    """Return the names of the folds in order; numbers by their value.

    Example:
        >>> fold_names(pd.Series(["10", "9", "9"]))
        ['9', '10']
    """
    names = fold.unique().tolist()
    return sorted(names, key=int if all(name.isdecimal() for name in names) else None)


def _assign_shares(
    counts: np.ndarray, shares: Sequence[float], rng: np.random.Generator
) -> np.ndarray:
    """Return the split of each subject, by who does what where that gives the shares of videos.

    Args:
        counts: As for `_assign`.
        shares: Of the videos, those that each split should have.
        rng: As for `_assign`.
    """
    does, again = (counts > 0).astype(np.int64), copy.deepcopy(rng)
    assignment = _assign(does, np.outer(shares, does.sum(axis=0)), rng)
    videos = np.bincount(assignment, counts.sum(axis=1), minlength=len(shares)) / counts.sum()
    if np.abs(videos - shares).max() < max(NEAR_SHARE, 0.75 / len(counts)):
        return assignment
    return _assign(counts, np.outer(shares, counts.sum(axis=0)), again)


def _assign(counts: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the group of each subject, each label near its wanted number in each.

    Args:
        counts: int, shape (num_subjects, num_labels), the videos of each.
        wanted: float, shape (num_groups, num_labels).
        rng: Decides between equally good assignments.
    """
    return _improve(_greedy(counts, wanted, rng), counts, wanted, rng)


def _greedy(counts: np.ndarray, wanted: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give the subjects with most videos first, each to the split that lacks most of its labels."""
    order = rng.permutation(len(counts))
    order = order[np.argsort(-counts[order].sum(axis=1), kind="stable")]
    assignment = np.zeros(len(counts), dtype=np.int64)
    missing = wanted.copy()
    for subject in order:
        cost = ((missing - counts[subject]) ** 2 - missing**2).sum(axis=1)
        assignment[subject] = cost.argmin()
        missing[assignment[subject]] -= counts[subject]
    return assignment


def _improve(
    assignment: np.ndarray, counts: np.ndarray, wanted: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Move one subject or swap two, at random, wherever that lowers the cost."""
    assignment, (num_subjects, num_splits) = assignment.copy(), (len(counts), len(wanted))
    held = np.stack([counts[assignment == split].sum(axis=0) for split in range(num_splits)])
    cost = _cost(held, wanted)
    for first, second in rng.integers(num_subjects, size=(NUM_PROPOSALS, 2)):
        if rng.random() < 0.5:
            proposed = {first: rng.integers(num_splits)}
        else:
            proposed = {first: assignment[second], second: assignment[first]}
        moved = {subject: to for subject, to in proposed.items() if to != assignment[subject]}
        if not moved:
            continue  # the same cost
        changed = held.copy()
        for subject, split in moved.items():
            changed[assignment[subject]] -= counts[subject]
            changed[split] += counts[subject]
        new_cost = _cost(changed, wanted)
        if new_cost < cost:
            held, cost = changed, new_cost
            for subject, split in moved.items():
                assignment[subject] = split
    return assignment


def _cost(held: np.ndarray, wanted: np.ndarray) -> float:
    return float(((held - wanted) ** 2).sum() + MISSING_CLASS_COST * np.count_nonzero(held == 0))


def _has(manifest: pd.DataFrame, column: str) -> bool:
    """Return whether the column is filled; filled in part is an error."""
    empty = manifest[column] == ""
    if empty.any() and not empty.all():
        raise ValueError(
            f"metadata.csv gives a {column} for {(~empty).sum()} of {len(manifest)} videos; none "
            f"for {manifest.loc[empty, 'video_id'].iloc[0]!r}. Fill the column for all, or drop it."
        )
    return not empty.any()


def _from_splits(manifest: pd.DataFrame) -> pd.Series:
    unknown = sorted(set(manifest["split"]) - set(SPLITS))
    if unknown:
        raise ValueError(
            f"metadata.csv has the split {unknown[0]!r}; expected one of {', '.join(SPLITS)}."
        )
    for name in ("train", "test"):
        if not (manifest["split"] == name).any():
            given = " and ".join(sorted(set(manifest["split"])))
            raise ValueError(
                f"By metadata.csv or the folders, all videos are of the split {given}, none of "
                f"{name}. Expected train and test: rename one. Without val, validation people are "
                "drawn from the training people."
            )
    return manifest["split"]


def _find_folds(
    manifest: pd.DataFrame, folds: int | str | None, rng: np.random.Generator, by: str
) -> pd.Series:
    """Return the fold of each row; where each is to be tested on, check that each can be."""
    if folds is None:
        return manifest["fold"]
    if _has(manifest, "fold"):
        fold = manifest["fold"]
    elif _has(manifest, "split"):
        raise ValueError(
            f"split.folds is {folds!r}, but metadata.csv or the folders fix one split. Drop the "
            "column `split`, put the videos of all splits into the same label folders, give a "
            "column `fold`, or set split.folds to null in params.yaml."
        )
    else:
        check_number_of_people(manifest, splits=list(SPLITS), by=by)
        fold = draw_folds(manifest, folds=folds, rng=rng, by=by)
    check_groups_outside_each_fold(manifest, fold, by=by)
    return fold


def _from_folds(fold: pd.Series, test_fold: str | None) -> pd.Series:
    names = fold_names(fold)
    chosen = names[0] if test_fold is None else str(test_fold)
    if chosen not in names:
        raise ValueError(f"split.test_fold is {chosen!r}; the folds are {', '.join(names)}.")
    return (fold == chosen).map({True: "test", False: "train"})


def _draw_validation(
    manifest: pd.DataFrame,
    split: pd.Series,
    fractions: dict[str, float],
    rng: np.random.Generator,
    by: str,
) -> pd.Series:
    """Return the split with a part of the training people as validation."""
    check_fractions(fractions)
    training = manifest[split == "train"]
    share = fractions["val"] / (fractions["train"] + fractions["val"])
    split = split.copy()
    split[training.index] = split_by_subject(
        training, fractions={"train": 1 - share, "val": share}, rng=rng, by=by
    )
    return split
