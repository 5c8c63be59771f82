"""Patterns that find people in file names."""

import pytest

from har.dataset.subjects import subject_from_name
from har.inspection.proposals import describe_proposal, propose_pattern
from har.settings.sections import Dataset

PEOPLE = ("daria", "denis", "eli")


def videos(form: str, labels=("run", "skip"), people=PEOPLE, takes=(1, 2)):
    """Return the paths of videos and their labels."""
    rows = [
        (f"videos/{label}/{form.format(label=label, person=person, take=take)}", label)
        for label in labels
        for person in people
        for take in takes
    ]
    return [path for path, _ in rows], [label for _, label in rows]


@pytest.mark.parametrize(
    ("form", "people"),
    [
        ("{person}_{label}{take}.avi", PEOPLE),
        ("{person} {take}.mov", PEOPLE),
        ("{person}-{label}-{take}.mp4", PEOPLE),
        ("{person}{take}.mp4", PEOPLE),
        ("{label}_{person}_{take}.mp4", PEOPLE),
        ("v_{label}_{person}_c0{take}.avi", ("g01", "g02", "g03")),
        ("{label}{take} {person}.mp4", PEOPLE),
        ("S001C00{take}{person}R001.avi", ("P001", "P002", "P003")),
        ("{take}{label}person{person}.avi", ("01", "02", "03")),
    ],
)
def test_propose_pattern_finds_people(form, people):
    paths, labels = videos(form, people=people)
    pattern, found = propose_pattern(paths, labels)
    assert len(found) == 3
    said = [subject_from_name(path.rpartition("/")[2], pattern) for path in paths]
    assert all(any(person in one for person in people) for one in said)
    assert len(set(said)) == 3
    assert Dataset(subject_pattern=pattern).subject_pattern == pattern


@pytest.mark.parametrize(
    "form", ["{label}_{take}.mp4", "clip{take}.mp4", "{label}-1-{take}.mp4", "{take}.mp4"]
)
def test_propose_pattern_takes_no_labels_and_takes_for_people(form):
    paths, labels = videos(form, takes=range(4), people=["x"])
    assert propose_pattern(paths, labels) is None


def test_propose_pattern_takes_no_splits_for_people():
    assert propose_pattern(*videos("{person}_{take}.mp4", people=("train", "val", "test"))) is None


def test_describe_proposal_names_the_people_and_the_setting():
    said = describe_proposal(*videos("{person}_{label}{take}.avi"))
    assert "3 people (daria, denis, eli)" in said
    assert "--subject-pattern '^([^_]+)_'" in said
    assert describe_proposal(["a/1.mp4"], ["a"]) == "Their file names show no people."
