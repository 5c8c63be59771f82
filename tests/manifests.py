"""Tables of videos for the tests of splitting."""

import numpy as np
import pandas as pd

from har.dataset.splits import choose_splits, split_by_subject

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


def random_manifest(seed: int) -> pd.DataFrame:
    """Videos of 2 to 8 labels by 12 to 40 people, each with some of the labels, several times."""
    rng = np.random.default_rng(seed)
    labels = [f"label{i}" for i in range(rng.integers(2, 9))]
    rows = [
        (label, f"person{subject}")
        for subject in range(rng.integers(12, 41))
        for label in labels
        for _ in range(rng.choice([0, 1, 1, 2, 5]))
    ]
    return manifest_of(rows)


def manifest_of(rows: list[tuple[str, ...]], column: str = "split") -> pd.DataFrame:
    """Make a manifest of (label, subject) or (label, subject, value of `column`) by row."""
    names = ["label", "subject", column][: len(rows[0])]
    manifest = pd.DataFrame(rows, columns=names)
    manifest["video_id"] = [f"{label}/{i}" for i, label in enumerate(manifest["label"])]
    return manifest.reindex(
        columns=["video_id", "label", "subject", "split", "fold"], fill_value=""
    )


def one_video_each(num_subjects: int, labels: str = "ab") -> pd.DataFrame:
    return manifest_of([(label, f"p{i:02}") for i in range(num_subjects) for label in labels])


def split(manifest: pd.DataFrame, seed: int = 0, fractions: dict = FRACTIONS) -> pd.Series:
    return split_by_subject(manifest, fractions=fractions, rng=np.random.default_rng(seed))


def split_fixed(
    manifest: pd.DataFrame,
    test_fold: str | None = None,
    seed: int = 0,
    folds: int | str | None = None,
) -> pd.Series:
    rng = np.random.default_rng(seed)
    return choose_splits(manifest, fractions=FRACTIONS, folds=folds, test_fold=test_fold, rng=rng)[
        0
    ]
