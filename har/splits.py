"""Who is trained on, who chooses the best epoch, and who is tested on: people kept apart.

Conventions: a *split* is `train`, `val` or `test`; a *fold* is one of several groups of people
that take turns at being the test. No subject is ever in two splits.
"""

import numpy as np
import pandas as pd

SPLITS = ("train", "val", "test")

NUM_PROPOSALS = 20_000  # moves and swaps tried; 200 subjects need about a tenth to settle
MISSING_CLASS_COST = 1e6  # outweighs any unevenness of the counts


def split_by_subject(
    manifest: pd.DataFrame, *, fractions: dict[str, float], rng: np.random.Generator
) -> pd.Series:
    """Give every subject to one split, each label near its share in each.

    Starts from a greedy assignment and improves it by moving and swapping subjects at random
    while the squared distance to the wanted counts falls.

    Args:
        manifest: One row a video, with `label` and `subject`.
        fractions: The share of videos that each split should have; splits without one are left
            out.
        rng: Decides between equally good assignments.

    Returns:
        The split of each row, with the index of `manifest`.

    Raises:
        ValueError: The fractions are not positive or do not sum to one, or a label has too few
            subjects to be in every split.
    """
    _check_fractions(fractions)
    names = [name for name in SPLITS if name in fractions]
    _check_subjects_per_label(manifest, num_splits=len(names))
    counts = pd.crosstab(manifest["subject"], manifest["label"])
    wanted = np.outer([fractions[name] for name in names], counts.sum().to_numpy())
    assignment = _improve(_greedy(counts.to_numpy(), wanted, rng), counts.to_numpy(), wanted, rng)
    split_of_subject = pd.Series([names[i] for i in assignment], index=counts.index)
    split = manifest["subject"].map(split_of_subject)
    check_splits(manifest.assign(split=split), required=names)
    return split


def split_by_metadata(
    manifest: pd.DataFrame,
    *,
    fractions: dict[str, float],
    test_fold: str | None,
    rng: np.random.Generator,
) -> pd.Series:
    """Use the splits or folds that `metadata.csv` gives; take a missing validation from train.

    Args:
        manifest: One row a video, with `label`, `subject`, and `split` or `fold` as text.
        fractions: Used for the size of a validation split that is not given.
        test_fold: The fold to test on; None for the first. The next fold validates where there
            are three or more.
        rng: As for `split_by_subject`.

    Raises:
        ValueError: Some rows have no split, or a name is unknown, or a subject is in two splits.
    """
    split = _from_splits(manifest) if _has(manifest, "split") else _from_folds(manifest, test_fold)
    if not (split == "val").any():
        _check_fractions(fractions)
        check_splits(manifest.assign(split=split), required=("train", "test"))
        training = manifest[split == "train"]
        share = fractions["val"] / (fractions["train"] + fractions["val"])
        split = split.copy()
        split[training.index] = split_by_subject(
            training, fractions={"train": 1 - share, "val": share}, rng=rng
        )
    check_splits(manifest.assign(split=split), required=SPLITS)
    return split


def has_fixed_splits(manifest: pd.DataFrame) -> bool:
    """Return whether `metadata.csv` says which videos are trained or tested on."""
    return _has(manifest, "split") or _has(manifest, "fold")


def check_splits(manifest: pd.DataFrame, *, required: tuple[str, ...] | list[str] = SPLITS) -> None:
    """Check that no subject is in two splits and that every label is in every split.

    Raises:
        ValueError: One of the two does not hold.
    """
    splits_of_subject = manifest.groupby("subject")["split"].nunique()
    shared = splits_of_subject[splits_of_subject > 1].index
    if len(shared):
        where = manifest.loc[manifest["subject"] == shared[0], "split"].unique()
        raise ValueError(
            f"{len(shared)} subjects are in more than one split, as {shared[0]!r} in "
            f"{' and '.join(sorted(where))}; a person must be in one. Correct `split` or `fold` in "
            "metadata.csv."
        )
    present = pd.crosstab(manifest["label"], manifest["split"])
    for name in required:
        absent = [label for label in present.index if present.get(name, {}).get(label, 0) == 0]
        if absent:
            raise ValueError(
                f"The {name} split has no video of {', '.join(map(repr, absent))}. Every label "
                "needs a subject in each split: record more people, or change `split` in "
                "params.yaml or in metadata.csv."
            )


def _check_fractions(fractions: dict[str, float]) -> None:
    values = list(fractions.values())
    if min(values) <= 0 or not np.isclose(sum(values), 1.0):
        raise ValueError(
            f"split.train, split.val and split.test are {fractions}; expected shares above 0 "
            "that sum to 1, as 0.7, 0.15 and 0.15. Change them in params.yaml."
        )


def _check_subjects_per_label(manifest: pd.DataFrame, *, num_splits: int) -> None:
    subjects = manifest.groupby("label")["subject"].nunique()
    few = subjects[subjects < num_splits]
    if few.empty:
        return
    described = ", ".join(f"{label!r} has {number}" for label, number in few.items())
    raise ValueError(
        f"Each label needs at least {num_splits} subjects, one for each split: {described}. "
        "Record more people for it, remove the label's folder, or correct the subjects in "
        "metadata.csv or dataset.subject_pattern."
    )


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
    num_subjects, num_splits = len(counts), len(wanted)
    held = np.stack([counts[assignment == split].sum(axis=0) for split in range(num_splits)])
    cost = _cost(held, wanted)
    for first, second in rng.integers(num_subjects, size=(NUM_PROPOSALS, 2)):
        proposed = assignment.copy()
        if rng.random() < 0.5:
            proposed[first] = rng.integers(num_splits)
        else:
            proposed[[first, second]] = assignment[[second, first]]
        changed = held.copy()
        for subject in {first, second}:
            changed[assignment[subject]] -= counts[subject]
            changed[proposed[subject]] += counts[subject]
        new_cost = _cost(changed, wanted)
        if new_cost < cost:
            assignment, held, cost = proposed, changed, new_cost
    return assignment


def _cost(held: np.ndarray, wanted: np.ndarray) -> float:
    return float(((held - wanted) ** 2).sum() + MISSING_CLASS_COST * (held == 0).sum())


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
    return manifest["split"]


def _from_folds(manifest: pd.DataFrame, test_fold: str | None) -> pd.Series:
    folds = sorted(manifest["fold"].unique())
    chosen = folds[0] if test_fold is None else str(test_fold)
    if chosen not in folds:
        raise ValueError(
            f"split.test_fold is {chosen!r}; metadata.csv has the folds {', '.join(folds)}."
        )
    split = pd.Series("train", index=manifest.index)
    split[manifest["fold"] == chosen] = "test"
    if len(folds) >= 3:
        following = folds[(folds.index(chosen) + 1) % len(folds)]
        split[manifest["fold"] == following] = "val"
    return split
