"""Folds: groups of people that are tested in turn."""

import numpy as np
import pandas as pd
import pytest
from manifests import manifest_of, one_video_each, random_manifest, split_fixed

from har.dataset.splits import PEOPLE, SPLITS, draw_folds, fold_names


@pytest.mark.parametrize(
    ("test_fold", "expected"),
    [
        (None, "1"),
        ("1", "1"),
        (10, "10"),  # as params.yaml may give it
    ],
)
def test_choose_splits_takes_folds_and_validates_on_train_people(test_fold, expected):
    rows = [(label, f"p{i}", ("1", "2", "10")[i % 3]) for i in range(18) for label in "ab"]
    manifest = manifest_of(rows, "fold")
    chosen = split_fixed(manifest, test_fold)
    assert (chosen == "test").equals(manifest["fold"] == expected)
    # 12 people are left, and 0.15 / 0.85 of them is 2.1.
    assert manifest.groupby(chosen)["subject"].nunique().to_dict() == {
        "test": 6, "train": 10, "val": 2,
    }  # fmt: skip


def test_choose_splits_refuses_unknown_fold():
    rows = [(label, f"p{fold}", fold) for fold in "123" for label in "ab"]
    message = r"split\.test_fold is '7'; the folds are 1, 2, 3\."
    with pytest.raises(ValueError, match=message):
        split_fixed(manifest_of(rows, "fold"), "7")


def test_choose_splits_refuses_single_fold():
    with pytest.raises(ValueError, match="The train split has no video of 'a'"):
        split_fixed(manifest_of([("a", "ann", "1"), ("a", "ben", "1")], "fold"))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("folds", [3, 7, PEOPLE])
def test_draw_folds_puts_every_person_in_one_fold_and_labels_in_all(seed, folds):
    manifest = random_manifest(seed)
    fold = draw_folds(manifest, folds=folds, rng=np.random.default_rng(seed))
    num_people = manifest["subject"].nunique()
    num_folds = num_people if folds == PEOPLE else folds
    assert fold.index.equals(manifest.index)
    assert fold_names(fold) == [str(1 + number) for number in range(num_folds)]
    assert (fold.groupby(manifest["subject"]).nunique() == 1).all()
    if folds == 3:
        table = pd.crosstab(manifest["label"], fold)
        assert (table > 0).all(axis=None)
        assert (table.max(axis=1) <= 1.5 * table.mean(axis=1)).all()


@pytest.mark.parametrize("fewer", [0, 1, 2])
def test_draw_folds_leaves_no_fold_empty_when_there_are_hardly_more_people(fewer):
    manifest = one_video_each(30, "abc").sample(frac=0.4, random_state=0)
    folds = manifest["subject"].nunique() - fewer
    fold = draw_folds(manifest, folds=folds, rng=np.random.default_rng(0))
    assert fold.nunique() == folds


def test_draw_folds_is_as_even_as_people_allow():
    fold = draw_folds(one_video_each(20), folds=5, rng=np.random.default_rng(0))
    assert fold.value_counts().to_dict() == dict.fromkeys("12345", 8)


def test_draw_folds_depends_on_the_seed_only():
    manifest = random_manifest(3)
    first, again, other = (
        draw_folds(manifest, folds=4, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_draw_folds_gives_people_their_folds_by_name():
    manifest = manifest_of([(label, name) for name in ("zoe", "ann", "ben") for label in "ab"])
    fold = draw_folds(manifest, folds=PEOPLE, rng=np.random.default_rng(0))
    assert fold.tolist() == ["3", "3", "1", "1", "2", "2"]


@pytest.mark.parametrize("folds", [1, 7, True, 2.0, "3", "persons"])
def test_draw_folds_refuses_number(folds):
    message = rf"split\.folds is {folds!r}; expected a number from 2 .* which is 6, or `people`"
    with pytest.raises(ValueError, match=message):
        draw_folds(one_video_each(6), folds=folds, rng=np.random.default_rng(0))


@pytest.mark.parametrize("folds", [3, PEOPLE])
def test_choose_splits_tests_every_video_once_over_all_folds(folds):
    manifest = random_manifest(3)  # of 14 people
    names = fold_names(draw_folds(manifest, folds=folds, rng=np.random.default_rng(0)))
    chosen = [split_fixed(manifest, name, folds=folds) for name in names]
    assert (sum((split == "test").astype(int) for split in chosen) == 1).all()
    for split in chosen:
        assert (split.groupby(manifest["subject"]).nunique() == 1).all()
        table = pd.crosstab(manifest["label"], split)
        assert (table[["train", "val"]] > 0).all(axis=None)


def test_choose_splits_lets_a_person_who_is_tested_alone_lack_a_label():
    rows = [(label, f"p{i}") for i in range(6) for label in "ab" if (i, label) != (0, "b")]
    manifest = manifest_of(rows)
    chosen = split_fixed(manifest, "1", folds=PEOPLE)
    assert manifest.loc[chosen == "test", "label"].tolist() == ["a"]


def test_choose_splits_prefers_folds_of_metadata_when_asked_for_folds():
    rows = [(label, f"p{i}", "left" if i < 5 else "right") for i in range(9) for label in "ab"]
    manifest = manifest_of(rows, "fold")
    chosen = split_fixed(manifest, "right", folds=4)
    assert (chosen == "test").equals(manifest["fold"] == "right")


def test_choose_splits_refuses_folds_where_metadata_fixes_a_split():
    rows = [(x, f"{name}{i}", name) for x in "ab" for name in SPLITS for i in range(2)]
    with pytest.raises(
        ValueError, match=r"split\.folds is 3, but metadata\.csv or the folders fix one"
    ):
        split_fixed(manifest_of(rows), folds=3)


def test_choose_splits_refuses_a_label_that_a_fold_leaves_too_few_people():
    rows = [("a", f"p{i}") for i in range(8)] + [("rare", f"p{i}") for i in range(3)]
    message = r"'rare' has 3 people, of whom 2 are in the fold '.'; at least 2 must be outside"
    with pytest.raises(ValueError, match=message):
        split_fixed(manifest_of(rows), folds=2)
    split_fixed(manifest_of(rows), folds=3)
