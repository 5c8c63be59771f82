"""Who is in each video: by metadata.csv, by the file name, or nobody knows.

Conventions: `grouped_by` says what keeps videos together in one split: `metadata.csv` or
`dataset.subject_pattern`, which name people; or that each video is a group of its own, `UNKNOWN`
where nobody says who is in the videos and `SAME_PEOPLE` where `split.by` is `video`. All parts of
one long file are one group then.
"""

from pathlib import Path
from unicodedata import normalize

import pandas as pd

from har.folder.metadata import METADATA_NAME
from har.names.patterns import PatternError, search
from har.names.spelling import clean_name, describe_near

UNKNOWN = "video"
SAME_PEOPLE = "the same people, other videos"
NO_WORD_ON_OTHERS = "the score does not tell how the recognizer does on other people"


def knows_people(grouped_by: str) -> bool:
    """Return whether groups are people who have names."""
    return grouped_by not in ("", UNKNOWN, SAME_PEOPLE)


def find_subjects(
    manifest: pd.DataFrame, pattern: str | None, *, by: str = "person"
) -> tuple[pd.Series, str]:
    """Return the subject of each video and what it is grouped by.

    Args:
        manifest: One row a video, with `video_id`, `source` and `subject`, empty where metadata.csv
            names none.
        pattern: The value of `dataset.subject_pattern`.
        by: The value of `split.by`; by `video`, nobody's name is looked for.

    Raises:
        ValueError: Some videos have a subject and others have none.
    """
    if by == "video":
        print(
            "note: videos are split one by one (split.by is video), so a person can be trained on "
            f"and tested on: {NO_WORD_ON_OTHERS}."
        )
        return _recordings(manifest), SAME_PEOPLE
    named = manifest["subject"] != ""
    if named.all():
        return manifest["subject"], "metadata.csv"
    if pattern:
        found = manifest["source"].map(lambda path: subject_from_name(Path(path).name, pattern))
        return manifest["subject"].where(named, found), "dataset.subject_pattern"
    if named.any():
        raise ValueError(
            f"metadata.csv names the subject of {named.sum()} of {len(manifest)} videos, none for "
            f"{manifest.loc[~named, 'video_id'].iloc[0]!r}. Name all, or set "
            "dataset.subject_pattern for the rest."
        )
    print(
        "warning: nobody says who is in the videos, so each counts as a person of its own. If one "
        "person is in several, the scores will be too good: name the subjects in metadata.csv or "
        "by dataset.subject_pattern, or set split.by to video if they are meant for these people "
        "only."
    )
    return _recordings(manifest), UNKNOWN


def _recordings(manifest: pd.DataFrame) -> pd.Series:
    """Return what is grouped where no people are: each video, and all parts of a long one."""
    is_part = manifest["source"].duplicated(keep=False)
    return manifest["video_id"].where(~is_part, manifest["source"])


def describe_near_names(videos: pd.DataFrame, *, grouped_by: str) -> list[str]:
    """Return a sentence each on labels, people and folds that have nearly the same name.

    Args:
        videos: One row a usable video, with `label`, `subject` and `fold`.
        grouped_by: As this module says.
    """
    people = videos["subject"] if knows_people(grouped_by) else []
    kinds = {"labels": videos["label"], "people": people, "folds": videos["fold"]}
    sentences = [describe_near(names, kind=kind) for kind, names in kinds.items()]
    return [sentence for sentence in sentences if sentence]


def subject_from_name(name: str, pattern: str) -> str:
    """Return the subject that a regular expression finds in a file name.

    Args:
        name: A file name, without folders.
        pattern: The value of `dataset.subject_pattern`. Its group `subject`, or else its first
            group, or else the whole match is the subject.

    Raises:
        ValueError: The pattern is not a regular expression, takes too long, does not match the
            name, or finds nothing in it.

    Example:
        >>> subject_from_name("daria_walk.avi", r"^([a-z]+)_")
        'daria'
    """
    try:
        match = search(normalize("NFC", pattern), normalize("NFC", name))
    except PatternError as error:
        raise ValueError(f"dataset.subject_pattern {pattern!r} cannot be used: {error}.") from error
    if match is None:
        raise ValueError(
            f"dataset.subject_pattern {pattern!r} does not match the file name {name!r}. Change "
            f"the pattern, or name the subjects in {METADATA_NAME}."
        )
    named = "subject" in match.groupdict()
    found = match["subject"] if named else match[1] if match.groups() else match[0]
    subject = clean_name(found or "")
    if not subject:
        raise ValueError(
            f"dataset.subject_pattern {pattern!r} finds an empty subject in {name!r}. Change the "
            "pattern so that its group has at least one character."
        )
    return subject


def count_people(number: int) -> str:
    """Return a number of people in words.

    Example:
        >>> count_people(1), count_people(4)
        ('1 person', '4 people')
    """
    return f"{number} {'person' if number == 1 else 'people'}"
