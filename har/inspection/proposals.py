"""A pattern that finds people in the file names, where nobody says who is who."""

import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from har.folder.layout import split_of
from har.names.spelling import clean_name, find_near

# In front, before a word, in the middle, at the end. Each with one group, as the setting wants it.
PATTERNS = (
    r"^([^_]+)_",
    r"^([^ _-]+)[ _-]",
    r"^([^\d_ .-]+)\d",
    r"(?i)((?:person|subject|actor|participant)[ _-]?\d+)",
    r"(?i)(?<![a-z])(p\d+)(?!\d)",
    r"(?i)(?<![a-z])(s\d+)(?!\d)",
    r"_([^_.]+)_[^_.]*\.",
    r"[ _-]([^ _.-]+)\.[^.]+$",
)
FRONT = "^"
MIN_PEOPLE = 3
MIN_SHARE_IN_TWO_LABELS = 0.6  # of the people: what finds the label is each in one label only
MAX_NAMED = 4


def propose_pattern(paths: Sequence[str], labels: Sequence[str]) -> tuple[str, list[str]] | None:
    """Return a pattern that finds people in all file names, and who they are; None for none.

    People are told from other parts of a name by what they do: most are in several labels, and each
    label has several. Numbers behind a name count takes, so people are none.

    Args:
        paths: Of the videos.
        labels: Their labels.

    Example:
        >>> names = [f"{label}/{person}_{label}.avi" for label in ("run", "skip")
        ...          for person in ("daria", "denis", "eli")]
        >>> propose_pattern(names, ["run"] * 3 + ["skip"] * 3)
        ('^([^_]+)_', ['daria', 'denis', 'eli'])
    """
    names = [clean_name(Path(path).name) for path in paths]
    for pattern in PATTERNS:
        found = [re.search(pattern, name) for name in names]
        if not all(found):
            continue
        people = [clean_name(match[1]) for match in found]
        if _are_people(people, labels, is_front=pattern.startswith(FRONT)):
            return pattern, sorted(set(people))
    return None


def _are_people(people: list[str], labels: Sequence[str], *, is_front: bool) -> bool:
    videos = pd.DataFrame({"person": people, "label": list(labels)})
    distinct = set(people)
    if not all(distinct) or len(distinct) < MIN_PEOPLE or len(distinct) == len(people):
        return False
    if any(split_of(name) for name in distinct):
        return False
    if not is_front and all(name.isdecimal() for name in distinct):
        return False
    if find_near([*distinct, *(set(labels) - distinct)]) or distinct & set(labels):
        return False
    in_two = videos.groupby("person")["label"].nunique() > 1
    num_people = videos.groupby("label")["person"].nunique()
    return in_two.mean() >= MIN_SHARE_IN_TWO_LABELS and bool((num_people > 1).all())


def describe_proposal(paths: Sequence[str], labels: Sequence[str]) -> str:
    """Return a sentence on the pattern, or on what to do where the names show none."""
    proposal = propose_pattern(paths, labels)
    if proposal is None:
        return "Their file names show no people."
    pattern, people = proposal
    named = ", ".join(people[:MAX_NAMED]) + (", …" if len(people) > MAX_NAMED else "")
    return (
        f"Their file names show {len(people)} people ({named}), if it is they: try "
        f"--subject-pattern '{pattern}', and then set it as dataset.subject_pattern in params.yaml."
    )
