"""Fewer people to train on: who is kept, and what is refused."""

import itertools

import pandas as pd
import pytest

from har.dataset.training_people import UNUSED, keep_training_people

PEOPLE = [f"p{i}" for i in range(12)]


def manifest_of(labels_of: dict[str, str]) -> pd.DataFrame:
    """One video of each of the labels of each person."""
    rows = [(person, label) for person, labels in labels_of.items() for label in labels]
    return pd.DataFrame(rows, columns=["subject", "label"])


def splits_testing(manifest: pd.DataFrame, person: str) -> pd.Series:
    """The split that tests one person and validates on the last other."""
    val = next(name for name in reversed(PEOPLE) if name != person)
    return manifest["subject"].map({person: "test", val: "val"}).fillna("train")


def kept(manifest: pd.DataFrame, number: int, person: str = "p0", seed: int = 1, **options):
    options = {"grouped_by": "metadata.csv"} | options
    split = keep_training_people(
        manifest, splits_testing(manifest, person), number, seed=seed, **options
    )
    before = splits_testing(manifest, person)
    assert split[before != "train"].equals(before[before != "train"])
    assert set(split[before == "train"]) <= {"train", UNUSED}
    people = {name: set(manifest.loc[split == name, "subject"]) for name in ("train", UNUSED)}
    assert not people["train"] & people[UNUSED]
    return people["train"]


EVERYBODY = manifest_of(dict.fromkeys(PEOPLE, "ab"))


def test_keep_training_people_keeps_those_of_a_smaller_number():
    chosen = [kept(EVERYBODY, number) for number in range(1, 11)]
    assert [len(people) for people in chosen] == list(range(1, 11))
    assert all(fewer < more for fewer, more in itertools.pairwise(chosen))


def test_keep_training_people_draws_by_the_seed_and_anew_in_each_fold():
    assert kept(EVERYBODY, 3) == kept(EVERYBODY, 3)
    assert len({frozenset(kept(EVERYBODY, 3, seed=seed)) for seed in range(5)}) > 1
    assert len({frozenset(kept(EVERYBODY, 1, person=person)) for person in PEOPLE[:6]}) > 2


def test_keep_training_people_does_not_depend_on_the_order_of_rows():
    assert kept(EVERYBODY.sample(frac=1, random_state=0), 4) == kept(EVERYBODY, 4)


@pytest.mark.parametrize("seed", range(5))
def test_keep_training_people_begins_with_those_who_have_every_label(seed):
    shown = dict.fromkeys(PEOPLE, "a") | {"p3": "abc", "p0": "abc", "p11": "abc"}
    assert kept(manifest_of(shown), 1, seed=seed) == {"p3"}


def test_keep_training_people_refuses_too_few_for_every_label():
    shown = dict.fromkeys(PEOPLE, "a") | {"p0": "abc", "p11": "abc", "p3": "b", "p4": "c"}
    with pytest.raises(
        ValueError, match=r"train_people is 2, and it takes 3 of.*expected 3 or more"
    ):
        kept(manifest_of(shown), 2)
    assert {"p3", "p4"} < kept(manifest_of(shown), 3)


def test_keep_training_people_refuses_more_than_there_are():
    with pytest.raises(ValueError, match=r"train_people is 11, and the training split has 10 peop"):
        kept(EVERYBODY, 11)


def test_keep_training_people_refuses_more_than_another_fold_has():
    other = splits_testing(EVERYBODY, "p1").mask(EVERYBODY["subject"] == "p5", "test")
    message = "has 9 people in every fold; expected 9 or fewer"
    with pytest.raises(ValueError, match=message):
        kept(EVERYBODY, 10, others=[other])
    assert kept(EVERYBODY, 9, others=[other]) == kept(EVERYBODY, 9)


def test_keep_training_people_refuses_unknown_people():
    with pytest.raises(ValueError, match="nobody says who is in the videos"):
        kept(EVERYBODY, 3, grouped_by="video")
