"""People kept apart, labels in every split."""

import numpy as np
import pandas as pd
import pytest
from manifests import FRACTIONS, manifest_of, one_video_each, random_manifest, split, split_fixed

from har.dataset.splits import SPLITS, check_splits


@pytest.mark.parametrize("seed", range(8))
def test_split_by_subject_keeps_its_promises(seed):
    manifest = random_manifest(seed)
    chosen = split(manifest, seed)
    assert chosen.index.equals(manifest.index)
    assert set(chosen) == set(SPLITS)
    assert (chosen.groupby(manifest["subject"]).nunique() == 1).all()
    assert (pd.crosstab(manifest["label"], chosen) > 0).all(axis=None)
    shares = chosen.value_counts(normalize=True)
    assert all(abs(shares[name] - FRACTIONS[name]) < 0.05 for name in SPLITS)


def test_split_by_subject_meets_the_shares_exactly_where_they_can_be_met():
    manifest = one_video_each(20)
    table = pd.crosstab(manifest["label"], split(manifest))
    assert table[list(SPLITS)].to_numpy().tolist() == [[14, 3, 3], [14, 3, 3]]


@pytest.mark.parametrize("seed", range(5))
def test_split_by_subject_puts_every_label_everywhere_when_each_has_three_subjects(seed):
    manifest = manifest_of([(label, f"{label}{i}") for label in "abcd" for i in range(3)])
    table = pd.crosstab(manifest["label"], split(manifest, seed))
    assert (table == 1).all(axis=None)


def test_split_by_subject_depends_on_the_seed_only():
    manifest = random_manifest(3)
    before = np.random.get_state()
    first, again, other = split(manifest, 1), split(manifest, 1), split(manifest, 2)
    after = np.random.get_state()
    assert first.equals(again)
    assert not first.equals(other)
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


@pytest.mark.parametrize("num_subjects", [6, 20])
def test_split_by_subject_moves_nobody_for_a_video_or_a_label_more(num_subjects):
    manifest = one_video_each(num_subjects)
    before = split(manifest)
    for row in [("a", "p00"), ("b", "p05")]:
        more = manifest_of([*zip(manifest["label"], manifest["subject"], strict=True), row])
        assert split(more)[: len(manifest)].equals(before)
    longer = one_video_each(num_subjects, labels="abc")
    assert (
        longer.assign(split=split(longer))
        .groupby("subject")["split"]
        .first()
        .equals(manifest.assign(split=before).groupby("subject")["split"].first())
    )


def test_split_by_subject_counts_videos_where_people_have_very_many_or_few():
    rows = [
        (label, f"p{i:02}") for i in range(12) for label in "ab" for _ in range(1 + 8 * (i < 3))
    ]
    shares = split(manifest_of(rows)).value_counts(normalize=True)
    assert all(abs(shares[name] - FRACTIONS[name]) < 0.1 for name in SPLITS)


def test_split_by_subject_does_not_depend_on_the_order_of_rows():
    manifest = random_manifest(4)
    shuffled = manifest.sample(frac=1, random_state=0)
    assert split(shuffled).sort_index().equals(split(manifest))


def test_split_by_subject_refuses_label_with_too_few_subjects():
    manifest = one_video_each(6, "a")
    manifest = pd.concat([manifest, manifest_of([("rare", "p00"), ("rare", "p01")] * 4)])
    message = (
        r"needs at least 3 subjects, one for each split: 'rare' has 2\..*set split\.by to video"
    )
    with pytest.raises(ValueError, match=message):
        split(manifest.reset_index(drop=True))


@pytest.mark.parametrize(
    "fractions",
    [
        {"train": 0.7, "val": 0.15, "test": 0.2},
        {"train": 1.1, "val": -0.25, "test": 0.15},
        {"train": 0.85, "val": 0.15, "test": 0},
    ],
)
def test_split_by_subject_refuses_fractions(fractions):
    with pytest.raises(
        ValueError, match=r"split\.train, split\.val and split\.test are .*sum to 1"
    ):
        split(one_video_each(20), fractions=fractions)


def test_choose_splits_takes_fixed_splits():
    rows = [(x, f"{name}{i}", name) for x in "ab" for name in SPLITS for i in range(2)]
    assert split_fixed(manifest_of(rows)).tolist() == [name for _, _, name in rows]


def test_choose_splits_takes_missing_validation_from_train_by_subject():
    rows = [(label, f"p{i}", "train") for i in range(14) for label in "ab"]
    rows += [(label, f"t{i}", "test") for i in range(6) for label in "ab"]
    manifest = manifest_of(rows)
    chosen = split_fixed(manifest)
    assert (manifest["split"] == "train").sum() == 28  # the argument is as it was
    assert chosen[manifest["split"] == "test"].eq("test").all()
    assert (chosen.groupby(manifest["subject"]).nunique() == 1).all()
    assert chosen.value_counts().to_dict() == {"train": 24, "test": 12, "val": 4}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("a", "ann", "train"), ("a", "ann", "test"), ("a", "ben", "val")],
            "1 subjects are in more than one split, as 'ann' in test and train",
        ),
        (
            [("a", "ann", "train"), ("a", "ben", "dev"), ("a", "cat", "test")],
            "metadata.csv has the split 'dev'; expected one of train, val, test",
        ),
        (
            [("a", "ann", "train"), ("a", "ben", "val"), ("a", "cat", "")],
            r"gives a split for 2 of 3 videos; none for 'a/2'\. Fill the column for all",
        ),
        (
            [("a", "ann", "train"), ("a", "ben", "val")],
            "all videos are of the split train and val, none of test",
        ),
        (
            [("a", "ann", "test"), ("a", "ben", "test")],
            "all videos are of the split test, none of train",
        ),
        (
            [(x, f"{s}{i}", s) for x in "ab" for s in SPLITS for i in "12"] + [("c", "z", "train")],
            "The val split has no video of 'c'.*Every label needs a subject in each split",
        ),
    ],
)
def test_choose_splits_refuses_table(rows, message):
    with pytest.raises(ValueError, match=message):
        split_fixed(manifest_of(rows))


def test_check_splits_passes_clean_table():
    check_splits(manifest_of([("a", name, name) for name in SPLITS]))
