"""Who is trained on, who chooses the best epoch, and who is tested on: people kept apart.

Conventions: a *split* is `train`, `val` or `test`; a *fold* is one of several groups of people
that take turns at being the test. No subject is ever in two splits.
"""

import numpy as np
import pandas as pd

SPLITS = ("train", "val", "test")
PEOPLE = "people"  # as a number of folds: one for each person

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
    assignment = _assign(counts.to_numpy(), wanted, rng)
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

    Returns:
        The split of each row, and its fold as text (None without folds).

    Raises:
        ValueError: Some rows have no split, or a name is unknown, or a subject is in two splits, or
            a label cannot be in every split; a label may be missing in a fold that is tested on.
    """
    if folds is None and _has(manifest, "split"):
        fold, split, required = None, _from_splits(manifest), SPLITS
    elif folds is None and not _has(manifest, "fold"):
        return split_by_subject(manifest, fractions=fractions, rng=rng), None
    else:
        fold = _find_folds(manifest, folds, rng)
        split, required = _from_folds(fold, test_fold), ("train", "val")
    if not (split == "val").any():
        given = [name for name in required if name != "val"]
        check_splits(manifest.assign(split=split), required=given)
        split = _draw_validation(manifest, split, fractions, rng)
    check_splits(manifest.assign(split=split), required=required)
    return split, fold


def draw_folds(manifest: pd.DataFrame, *, folds: int | str, rng: np.random.Generator) -> pd.Series:
    """Give every subject to one fold, labels and people as even in all as people allow.

    Args:
        manifest: One row a video, with `label` and `subject`.
        folds: How many; or `people` for a fold for each subject, in the order of their names.
        rng: Decides between equally good assignments.

    Returns:
        The fold of each row as text, from 1, with the index of `manifest`.

    Raises:
        ValueError: `folds` is neither, or there are fewer subjects.
    """
    counts = pd.crosstab(manifest["subject"], manifest["label"])
    if folds == PEOPLE:
        assignment = np.arange(len(counts))
    else:
        _check_number_of_folds(folds, num_subjects=len(counts))
        # People are spread as if each were a video of a label that all have: no fold is empty.
        evened = np.column_stack([counts, np.ones(len(counts), dtype=int)])
        wanted = np.outer(np.full(folds, 1 / folds), evened.sum(axis=0))
        assignment = _assign(evened, wanted, rng)
    fold_of_subject = pd.Series([str(1 + number) for number in assignment], index=counts.index)
    return manifest["subject"].map(fold_of_subject)


def fold_names(fold: pd.Series) -> list[str]:
    """Return the names of the folds in order; numbers by their value.

    Example:
        >>> fold_names(pd.Series(["10", "9", "9"]))
        ['9', '10']
    """
    names = fold.unique().tolist()
    return sorted(names, key=int if all(name.isdecimal() for name in names) else None)


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
        "metadata.csv or dataset.subject_pattern. For a recognizer of these people alone, set "
        "split.by to video: the score is then of the same people in other videos."
    )


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


def _find_folds(
    manifest: pd.DataFrame, folds: int | str | None, rng: np.random.Generator
) -> pd.Series:
    """Return the fold of each row; where each is to be tested on, check that each can be."""
    if folds is None:
        return manifest["fold"]
    if _has(manifest, "fold"):
        fold = manifest["fold"]
    elif _has(manifest, "split"):
        raise ValueError(
            f"split.folds is {folds!r}, but metadata.csv fixes one split. Drop its column `split`, "
            "or give a column `fold`, or set split.folds to null in params.yaml."
        )
    else:
        fold = draw_folds(manifest, folds=folds, rng=rng)
    _check_people_outside_each_fold(manifest, fold)
    return fold


def _from_folds(fold: pd.Series, test_fold: str | None) -> pd.Series:
    names = fold_names(fold)
    chosen = names[0] if test_fold is None else str(test_fold)
    if chosen not in names:
        raise ValueError(f"split.test_fold is {chosen!r}; the folds are {', '.join(names)}.")
    return (fold == chosen).map({True: "test", False: "train"})


def _draw_validation(
    manifest: pd.DataFrame, split: pd.Series, fractions: dict[str, float], rng: np.random.Generator
) -> pd.Series:
    """Return the split with a part of the training people as validation."""
    _check_fractions(fractions)
    training = manifest[split == "train"]
    share = fractions["val"] / (fractions["train"] + fractions["val"])
    split = split.copy()
    split[training.index] = split_by_subject(
        training, fractions={"train": 1 - share, "val": share}, rng=rng
    )
    return split


def _check_number_of_folds(folds: int | str, *, num_subjects: int) -> None:
    if isinstance(folds, bool) or not isinstance(folds, int) or not 2 <= folds <= num_subjects:
        raise ValueError(
            f"split.folds is {folds!r}; expected a number from 2 to the number of people, which is "
            f"{num_subjects}, or `{PEOPLE}` for a fold for each of them. Change it in params.yaml."
        )


def _check_people_outside_each_fold(manifest: pd.DataFrame, fold: pd.Series) -> None:
    """Check that every label has people to train on and to validate on whichever fold is tested."""
    people = manifest.assign(fold=fold).drop_duplicates(["label", "subject", "fold"])
    inside = pd.crosstab(people["label"], people["fold"])
    total = people.groupby("label")["subject"].nunique()
    outside = inside.rsub(total, axis=0)
    if (outside >= 2).all(axis=None):
        return
    label, name = outside.stack().idxmin()
    raise ValueError(
        f"The label {label!r} has {total[label]} people, of whom {inside.loc[label, name]} are in "
        f"the fold {name!r}; at least 2 must be outside each fold, one to train on and one to "
        "validate on. Use more folds (split.folds), record more people for the label, or remove "
        "its folder."
    )


def check_labels(manifest: pd.DataFrame, labels: set[str]) -> None:
    """Check that no label has lost all its videos and that there are two to tell apart.

    Raises:
        ValueError: A label has no clip left, or there are fewer than two labels.
    """
    lost = sorted(labels - set(manifest["label"]))
    if lost:
        raise ValueError(
            f"No video of the label {lost[0]!r} could be used; data/converted_videos/report.csv "
            "and data/clips/failed.csv say why. Replace them or remove the label's folder."
        )
    if len(labels) < 2:
        raise ValueError(
            f"All videos have the label {next(iter(labels))!r}. Expected at least two labels, each "
            "with a folder of its own in `dataset.videos`."
        )
