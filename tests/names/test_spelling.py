"""Names in one spelling, and names that are nearly the same."""

import unicodedata

import pytest

from har.names.spelling import clean_name, describe_near, find_near, near_names

FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    "written",
    [
        unicodedata.normalize("NFD", "Zoë"),
        " Zoë",
        "Zoë\t\u00a0",
        "\ufeffZoë",
        "\u200eZoë\u200b",
        "\u202bZoë\u202c \u200d",
    ],
)
def test_clean_name_gives_one_spelling(written):
    assert clean_name(written) == "Zoë"


@pytest.mark.parametrize(
    "name", ["sit down", FAMILY, "❤️", "می\u200cروم", "ילדה", "1.0", "=x", "🏴󠁧󠁢󠁥󠁮󠁧󠁿"]
)
def test_clean_name_leaves_names_as_they_are(name):
    assert clean_name(name) == name


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna", "anna"),
        ("Zoe", "Zoë"),
        ("walk\u200bing", "walking"),
        ("sit down", "sit_down"),
        ("sit-down", "sit  down"),
        ("1", "1.0"),
        ("p01", "P1"),
        ("Straße", "STRASSE"),
        ("\uff21nna", "Anna"),
        ("❤️", "❤"),
    ],
)
def test_find_near_finds_two_spellings(one, other):
    assert find_near([one, "another", other, one]) == [tuple(sorted([one, other]))]
    assert near_names(one, [other, one, "another"]) == [other]


def test_find_near_leaves_other_names_apart():
    names = ["1", "10", "1.05", "1.5", "p1", "p10", "ann", "anna", "日", "目", "-", "_", "か", "が"]
    assert find_near(names) == []


def test_describe_near_shows_what_cannot_be_seen():
    said = describe_near(["walking", "walk\u200bing"], kind="labels")
    assert said.startswith("These labels have nearly the same name: 'walking' and 'walk\\u200bing'")
    assert describe_near(["walking", "waving"], kind="labels") == ""
