"""Fewer people to train on: the points of a learning curve over people.

The training people are drawn in an order that the seed and the tested people decide, so that more
people contain the fewer, and each fold learns from others. Whoever adds most labels that those
before lack comes first: one person is then enough wherever one shows every label.

The people who validate and those who are tested stay as they are.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from har.dataset.subjects import knows_people
from har.engine.seeds import generator_for

UNUSED = "unused"  # in place of a split


def keep_training_people(
    manifest: pd.DataFrame,
    split: pd.Series,
    number: int,
    *,
    seed: int,
    grouped_by: str,
    others: Sequence[pd.Series] = (),
) -> pd.Series:
    """Keep a number of the training people; the split of the others becomes `unused`.

    Args:
        manifest: One row a video, with `label` and `subject`.
        split: The split of each row.
        number: How many people to keep.
        seed: Decides who.
        grouped_by: As `har.dataset.subjects` says.
        others: The splits of other folds, which must allow the same number.

    Returns:
        The split of each row, with the index of `manifest`.

    Raises:
        ValueError: Nobody says who is in the videos, or there are fewer training people, or those
            kept have no video of a label, here or in another fold.
    """
    if not knows_people(grouped_by):
        raise ValueError(
            f"split.train_people is {number}, and nobody says who is in the videos. Name the "
            "subjects in metadata.csv or by dataset.subject_pattern."
        )
    orders = [_draw_order(manifest, one, seed) for one in (split, *others)]
    available = min(len(people) for people, _ in orders)
    everywhere = " in every fold" if others else ""
    if number > available:
        raise ValueError(
            f"split.train_people is {number}, and the training split has {available} people"
            f"{everywhere}; expected {available} or fewer. Lower it, or record more people."
        )
    needed = max(num_needed for _, num_needed in orders)
    if number < needed:
        raise ValueError(
            f"split.train_people is {number}, and it takes {needed} of the training people to have "
            f"every label{everywhere}; expected {needed} or more."
        )
    people, _ = orders[0]
    is_dropped = (split == "train") & ~manifest["subject"].isin(people[:number])
    return split.mask(is_dropped, UNUSED)


def _draw_order(manifest: pd.DataFrame, split: pd.Series, seed: int) -> tuple[list[str], int]:
    """Return the training people in order, and how many of them have every label."""
    tested = sorted(manifest.loc[split == "test", "subject"].unique())
    training = manifest[split == "train"]
    labels = training.groupby("subject")["label"].agg(set).sort_index()
    rng = generator_for(seed, "train_people", *tested)
    left = labels.iloc[rng.permutation(len(labels))]
    missing, order = set(training["label"]), []
    while missing:
        best = left.index[int(np.argmax([len(missing & shown) for shown in left]))]
        missing -= left[best]
        order.append(best)
        left = left.drop(best)
    return [*order, *left.index], len(order)
