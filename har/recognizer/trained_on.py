"""Who and what a model was trained on: `trained_on.json` in its folder.

The names are those of metadata.csv or of `dataset.subject_pattern`, by split: the validation people
have chosen the epoch and the threshold. Videos are known by the SHA-256 of the files as they were
before the conversion, and by nothing else. The file follows from the tables alone, and the
recognizer works without it, so what is passed on of a model need not name anybody.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from har.dataset.subjects import knows_people
from har.engine.files import read_json, write_json
from har.recognizer.using import REMEDY

NAME = "trained_on.json"
SPLITS = ("train", "val")


@dataclass(frozen=True)
class TrainedOn:
    """Who and what a model was trained on.

    Attributes:
        people: The split of each person by name; None where nobody says who is in the videos.
        videos: The split of each video by its file's SHA-256.
    """

    people: dict[str, str] | None
    videos: dict[str, str]


def describe_training(
    manifest: pd.DataFrame, report: pd.DataFrame, *, grouped_by: str
) -> dict[str, Any]:
    """Return the content of the file.

    Args:
        manifest: One row a clip, with `video_id`, `subject` and `split`.
        report: Of the conversion, with `video_id`, `path` and `source_sha256`.
        grouped_by: As `har.dataset.subjects` says.

    Returns:
        `grouped_by`, and by split `people`, their names (None where nobody has one), and `videos`,
        the digests; both sorted.
    """
    report = report[report["path"] != ""]  # two files can share a video_id; one was converted
    joined = manifest.merge(report[["video_id", "source_sha256"]], on="video_id")
    parts = {split: joined[joined["split"] == split] for split in SPLITS}

    def sorted_of(column: str) -> dict[str, list[str]]:
        return {split: sorted(part[column].unique().tolist()) for split, part in parts.items()}

    people = sorted_of("subject") if knows_people(grouped_by) else None
    return {"grouped_by": grouped_by, "people": people, "videos": sorted_of("source_sha256")}


def write_trained_on(content: dict[str, Any], folder: Path) -> None:
    """Write what `describe_training` returns into a recognizer's folder."""
    write_json(content, folder / NAME)


def read_trained_on(folder: Path) -> TrainedOn | None:
    """Return what a recognizer's folder says; None where it has no such file.

    Raises:
        ValueError: The file is damaged.
    """
    if not (folder / NAME).is_file():
        return None
    content = read_json(folder / NAME)
    try:
        people = content["people"]
        return TrainedOn(None if people is None else _by_item(people), _by_item(content["videos"]))
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{folder / NAME} is damaged: it does not name the people and videos of "
            f"{' and '.join(SPLITS)} ({error!r}). {REMEDY}"
        ) from error


def _by_item(by_split: dict[str, list[str]]) -> dict[str, str]:
    return {item: split for split in SPLITS for item in by_split[split]}
