"""The label that is no action: the folder of other things that people do, by `dataset.none`.

A model is trained on it as on any label. Its clips are no person's action, so they are left out of
the accuracy and have scores of their own (`har.evaluation.rejection`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from har.names.spelling import clean_name

if TYPE_CHECKING:  # naming new videos needs no tables, and pandas is slow to load
    import numpy as np
    import pandas as pd


UNSURE = "unsure"  # what a recognizer says below its threshold, so that no label may be named so
NONE_OF_THESE = "none of these"  # what people read where the label that is no action is named


def find_none_label(labels: Iterable[str], name: str | None) -> str | None:
    """Return the label that `dataset.none` names, whatever its case, or None where there is none.

    Args:
        labels: Of the videos, any number of each.
        name: The value of `dataset.none`.

    Raises:
        ValueError: Two labels have that name, in different case.

    Example:
        >>> find_none_label(["walking", "None"], "none")
        'None'
    """
    if name is None:
        return None
    wanted = clean_name(name).casefold()
    found = sorted({label for label in labels if clean_name(label).casefold() == wanted})
    if len(found) > 1:
        raise ValueError(
            f"The folders {' and '.join(map(repr, found))} both have the name that `dataset.none` "
            "in params.yaml gives to what is no action. Put their videos into one."
        )
    return found[0] if found else None


def find_actions(labels: pd.Series, none_label: str | None) -> np.ndarray:
    """Return which of the test videos are of actions, bool, shape (num_videos,).

    Raises:
        ValueError: None is, so there is no accuracy.
    """
    is_action = (labels != none_label).to_numpy()
    if len(is_action) and not is_action.any():
        raise ValueError(
            f"All {len(is_action)} test videos are of {none_label!r}, which is no action, so there "
            "is no accuracy to score. Use fewer folds (split.folds), or record actions of the "
            "people in these videos."
        )
    return is_action


def only_actions(videos: pd.DataFrame, name: str | None) -> pd.DataFrame:
    """Return the rows whose `label` is an action, that is, not what `dataset.none` names."""
    return videos[find_actions(videos["label"], find_none_label(videos["label"], name))]
