"""What a split must hold to, and what an error says where the videos do not allow it.

Conventions: a *group* is what stays together in one split, a person or, `by` video, a single video.
"""

import numpy as np
import pandas as pd

from har.dataset.none_label import UNSURE, find_none_label

SPLITS = ("train", "val", "test")
MAX_NAMED = 6  # folders in a sentence
PEOPLE = "people"  # as a number of folds: one for each person
MANY = {"person": "people", "video": "videos"}  # groups in words
ONE_PERSON = (  # what may be done where people are too few
    "set split.by to video in params.yaml to train and test on different videos of the same people "
    "(the score then holds for them only and does not tell how the recognizer does on other people)"
)


def check_splits(manifest: pd.DataFrame, *, required: tuple[str, ...] | list[str] = SPLITS) -> None:
    """Check that no subject is in two splits and that every label is in every split.

    Raises:
        ValueError: One of the two does not hold.
    """
    splits_of_subject = manifest.groupby("subject")["split"].nunique()
    shared = splits_of_subject[splits_of_subject > 1].index
    if len(shared):
        where = manifest.loc[manifest["subject"] == shared[0], "split"].unique()
        few = len(splits_of_subject) < len(SPLITS)
        raise ValueError(
            f"{len(shared)} subjects are in more than one split, as {shared[0]!r} in "
            f"{' and '.join(sorted(where))}; a person must be in one. Correct `split` or `fold` in "
            f"metadata.csv, or the folders of the splits{f', or {ONE_PERSON}' if few else ''}."
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


def check_fractions(fractions: dict[str, float]) -> None:
    """Check that the shares are above 0 and sum to 1.

    Raises:
        ValueError: They are not or do not.
    """
    values = list(fractions.values())
    if min(values) <= 0 or not np.isclose(sum(values), 1.0):
        raise ValueError(
            f"split.train, split.val and split.test are {fractions}; expected shares above 0 "
            "that sum to 1, as 0.7, 0.15 and 0.15. Change them in params.yaml."
        )


def check_number_of_people(manifest: pd.DataFrame, *, splits: list[str], by: str) -> None:
    """Check that there is a person for each of the splits.

    Raises:
        ValueError: There are fewer.
    """
    people = sorted(manifest["subject"].unique())
    if by == "video" or len(people) >= len(splits):
        return
    shown = "one person is" if len(people) == 1 else f"{len(people)} people are"
    raise ValueError(
        f"Only {shown} in the videos to divide ({', '.join(people)}), and {_listed(splits)} need "
        f"one each, since nobody may be in two. Record more people, or {ONE_PERSON}."
    )


def check_groups_per_label(manifest: pd.DataFrame, *, num_splits: int, by: str) -> None:
    """Check that each label has a group for each split.

    Raises:
        ValueError: A label has fewer.
    """
    groups = manifest.groupby("label")["subject"].nunique()
    few = groups[groups < num_splits]
    if few.empty:
        return
    described = ", ".join(f"{label!r} has {number}" for label, number in few.items())
    if by == "video":
        raise ValueError(
            f"Each label needs at least {num_splits} videos, one for each split: {described} (all "
            "parts of one long video count as one). Record more videos of it, or remove the "
            "label's folder."
        )
    raise ValueError(
        f"Each label needs at least {num_splits} subjects, one for each split: {described}. "
        "Record more people for it, remove the label's folder, or correct the subjects in "
        "metadata.csv or dataset.subject_pattern. For a recognizer of these people alone, set "
        "split.by to video: the score is then of the same people in other videos."
    )


def check_number_of_folds(folds: int | str, *, num_groups: int, by: str) -> None:
    """Check that the number of folds is one that so many groups allow.

    Raises:
        ValueError: It is not.
    """
    if isinstance(folds, bool) or not isinstance(folds, int) or not 2 <= folds <= num_groups:
        each = f", or `{PEOPLE}` for a fold for each of them" if by == "person" else ""
        raise ValueError(
            f"split.folds is {folds!r}; expected a number from 2 to the number of {MANY[by]}, "
            f"which is {num_groups}{each}. Change it in params.yaml."
        )


def check_groups_outside_each_fold(manifest: pd.DataFrame, fold: pd.Series, *, by: str) -> None:
    """Check that every label has groups to train on and to validate on whichever fold is tested.

    Raises:
        ValueError: A label has fewer than two outside a fold.
    """
    groups = manifest.assign(fold=fold).drop_duplicates(["label", "subject", "fold"])
    inside = pd.crosstab(groups["label"], groups["fold"])
    total = groups.groupby("label")["subject"].nunique()
    outside = inside.rsub(total, axis=0)
    if (outside >= 2).all(axis=None):
        return
    label, name = outside.stack().idxmin()
    more = "record more people for the label" if by == "person" else "record more videos of it"
    raise ValueError(
        f"The label {label!r} has {total[label]} {MANY[by]}, of whom {inside.loc[label, name]} are "
        f"in the fold {name!r}; at least 2 must be outside each fold, one to train on and one to "
        f"validate on. Use more folds (split.folds), {more}, or remove its folder."
    )


def check_labels(manifest: pd.DataFrame, labels: set[str], *, none: str | None) -> None:
    """Check that no label has lost all its videos and that there are two actions to tell apart.

    Args:
        manifest: One row a usable video, with `video_id` and `label`.
        labels: All labels, also those without a usable video.
        none: The value of `dataset.none`.

    Raises:
        ValueError: A label has no clip left, is named as what a recognizer says when it is unsure,
            or there are fewer than two actions.
    """
    if UNSURE in labels:
        raise ValueError(
            f"A label folder is named {UNSURE!r}, which is what `predict` says of a video below "
            "the threshold. Rename the folder."
        )
    lost = sorted(labels - set(manifest["label"]))
    if lost:
        raise ValueError(
            f"No video of the label {lost[0]!r} could be used; data/converted_videos/report.csv "
            "and data/clips/failed.csv say why. Replace them or remove the label's folder."
        )
    none_label = find_none_label(labels, none)
    actions = labels - {none_label}
    if none_label is not None and len(actions) < 2:
        raise ValueError(
            f"The folder {none_label!r} holds what is no action (`dataset.none` in params.yaml), "
            f"and beside it there is {f'only {min(actions)!r}' if actions else 'nothing'}. "
            "Expected at least two actions, each with a folder of its own in `dataset.videos`; if "
            f"{none_label!r} is an action, set `dataset.none` to null."
        )
    if len(labels) < 2:
        raise ValueError(
            f"All videos have the label {next(iter(labels))!r}. Expected at least two labels, each "
            f"with a folder of its own in `dataset.videos`.{_hint_at_inner_folders(manifest)}"
        )


def _hint_at_inner_folders(manifest: pd.DataFrame) -> str:
    """Return a sentence on folders in the only label folder, as of a data set packed in one."""
    folders = manifest["video_id"].str.split("/").str[:-1]
    inner = sorted({names[1] for names in folders if len(names) > 1})
    if len(inner) < 2:
        return ""
    named = ", ".join(map(repr, inner[:MAX_NAMED])) + (", …" if len(inner) > MAX_NAMED else "")
    return (
        f" If the folders in it are the labels or the splits ({named}), set `dataset.videos` to "
        f"the folder {folders.iloc[0][0]!r} itself."
    )


def _listed(names: list[str]) -> str:
    """Return names in words.

    Example:
        >>> _listed(["train", "val", "test"])
        'train, val and test'
    """
    return f"{', '.join(names[:-1])} and {names[-1]}"
