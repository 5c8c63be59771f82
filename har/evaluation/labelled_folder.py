"""A trained model on another labelled folder: which videos it has, and the scores there.

Problem: the folder is laid out as every data set here, and its labels and people need not be those
of the training. A label folder counts as the model's label of the same name, or as no action where
it has the name of the model's such label or that of `dataset.none`. Videos of other labels are left
out. A video is *seen* if its person has the name of somebody in training or its file has the bytes
of a training video; training is that with validation, which chooses the epoch and the threshold.
Scores are those of `har.evaluation.held_out`, with and without what is seen.
"""

from collections import Counter
from collections.abc import Iterable
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from har.dataset.cutting import name_of, readable_files
from har.dataset.report import enter_uncut, mark_duplicates, start_row
from har.dataset.subjects import UNKNOWN, find_subjects
from har.dataset.videos import find_videos
from har.engine.steps import Limits
from har.evaluation.baselines import predict_majority
from har.evaluation.held_out import score_videos
from har.evaluation.rejection import score_answers
from har.names.spelling import clean_name, near_names
from har.recognizer.prediction import Prediction, predict_videos
from har.recognizer.recognizer import Recognizer
from har.recognizer.trained_on import TrainedOn

MAJORITY = "majority_of_folder"  # a baseline that needs no training data
MAX_MISTAKES = 8  # whose frames are kept
MAX_NAMED = 12  # people or files in a sentence


@dataclass(frozen=True)
class LabelledVideos:
    """The videos of a folder that a model can be scored on.

    Attributes:
        videos: One row a video as in the report, with `label` (what it counts as), `person_seen`
            and `file_seen` (the split in which the model saw them; else empty).
        grouped_by: As `har.dataset.subjects` says.
        none_label: What videos of no action count as; None where the folder and the model have
            no such label.
        left_out: How many videos each folder has whose label the model does not know.
        repeated: The files that have the bytes of another one, and so are left out.
        failed: `video` and `reason` of the files that cannot be used.
        near_people: A sentence for each person with nearly the name of somebody in training.
    """

    videos: pd.DataFrame
    grouped_by: str
    none_label: str | None
    left_out: dict[str, int]
    repeated: list[str]
    failed: list[dict[str, str]]
    near_people: list[str]


@dataclass(frozen=True)
class Answered:
    """What a model says of the videos of a folder.

    Attributes:
        videos: Those that could be read, with the columns of `LabelledVideos.videos`.
        probabilities: float32, shape (num_videos, num_classes).
        failed: `video` and `reason` of the others.
        mistakes: The wrong predictions that the model is surest of, the surest first.
    """

    videos: pd.DataFrame
    probabilities: np.ndarray
    failed: list[dict[str, str]]
    mistakes: list[tuple[dict[str, Any], Prediction]]


def find_labelled_videos(
    folder: Path,
    recognizer: Recognizer,
    trained_on: TrainedOn | None,
    *,
    none: str | None,
    subject_pattern: str | None,
) -> LabelledVideos:
    """List the videos of a folder by what they count as, and who of them the model has seen.

    Args:
        folder: The data set, laid out as `har.dataset.videos` says.
        recognizer: Knows the labels.
        trained_on: What its folder says of its training; None where it says nothing.
        none: The value of `dataset.none`.
        subject_pattern: Finds the person in a file name; None for none.

    Raises:
        ValueError: No video shows an action that the model knows, a file has two labels, some
            videos have a person and others none, or the folder is not laid out so.
    """
    rows = [start_row(video) for video in find_videos(folder).to_dict("records")]
    failed = [_failure(name_of(row), row["reason"]) for row in rows if row["status"] == "failed"]
    usable, none_label = [row for row in rows if not row["status"]], recognizer.none_label
    labels = {row["label"]: _count_as(row["label"], recognizer, none) for row in usable}
    if none_label is None and none in labels.values():
        none_label = none
    left_out = Counter(row["label"] for row in usable if labels[row["label"]] is None)
    usable = [row | {"label": labels[row["label"]]} for row in usable]
    usable = [row for row in usable if row["label"] is not None]
    if all(row["label"] == none_label for row in usable):
        raise ValueError(_no_action(folder, sorted(labels), recognizer))
    mark_duplicates(usable, description="evaluate: comparing")
    repeated = [name_of(row) for row in usable if row["status"]]
    videos = pd.DataFrame([row for row in usable if not row["status"]])
    with redirect_stdout(StringIO()):  # what it warns of is said with the scores
        videos["subject"], grouped_by = find_subjects(videos, subject_pattern)
    people = (trained_on and trained_on.people) or {}
    people = {clean_name(name): split for name, split in people.items()}
    if grouped_by == UNKNOWN:
        people = {}
    files = trained_on.videos if trained_on else {}
    videos["person_seen"] = [people.get(name, "") for name in videos["subject"]]
    videos["file_seen"] = [files.get(digest, "") for digest in videos["source_sha256"]]
    near = _warn_of_near("person", videos["subject"].unique(), people)
    return LabelledVideos(videos, grouped_by, none_label, dict(left_out), repeated, failed, near)


def _count_as(folder_label: str, recognizer: Recognizer, none: str | None) -> str | None:
    """Return the label that a label folder counts as; None where the model does not know it."""
    known = {clean_name(label): label for label in recognizer.labels}
    if folder_label in known:
        return known[folder_label]
    names = {clean_name(name).casefold() for name in (recognizer.none_label, none) if name}
    if folder_label.casefold() in names:
        return recognizer.none_label or none
    return None


def _no_action(folder: Path, labels: list[str], recognizer: Recognizer) -> str:
    actions = [label for label in recognizer.labels if label != recognizer.none_label]
    return (
        f"{folder} has no video of an action that the model knows. Its label folders are "
        f"{', '.join(labels)}; the model knows {', '.join(actions)}. Rename the folders, or name "
        "another model with --model."
    )


def _failure(video: str, reason: str) -> dict[str, str]:
    """Return an entry of `failed`; the reason names the video."""
    return {"video": video, "reason": reason if video in reason else f"{video}: {reason}"}


def ask(recognizer: Recognizer, found: LabelledVideos, limits: Limits) -> Answered:
    """Return what a model says of the videos, each taken as one clip, as the pipeline does.

    Args:
        recognizer: The model.
        found: Of `find_labelled_videos`.
        limits: What one video may use.

    Raises:
        ValueError: No video of an action could be read.
    """
    rows, shares, failed, mistakes = [], [], [], []
    videos = found.videos.to_dict("records")
    with readable_files(videos, limits) as files:
        readable, files = enter_uncut(videos, files)
        failed += [_failure(name_of(one), one["reason"]) for one in videos if one["status"]]
        predictions = predict_videos(recognizer, [one.file for one in files], limits=limits)
        for video, said in zip(readable, predictions, strict=True):
            if said.problem:
                failed.append(_failure(name_of(video), said.problem))
                continue
            rows.append(video)
            shares.append([said.probabilities[label] for label in recognizer.labels])
            if said.label != video["label"]:
                mistakes = _surest([*mistakes, (video, said)])
    if all(row["label"] == found.none_label for row in rows):
        reasons = "".join(f"\n  {one['reason']}" for one in failed)
        raise ValueError(f"No video of an action could be read, so nothing is scored.{reasons}")
    table = pd.DataFrame(rows, columns=found.videos.columns)
    return Answered(table, np.array(shares, np.float32), failed, mistakes)


def _surest(
    mistakes: Iterable[tuple[dict[str, Any], Prediction]],
) -> list[tuple[dict[str, Any], Prediction]]:
    """Return the mistakes of highest probability; those of others keep no frames."""
    ordered = sorted(mistakes, key=lambda one: -max(one[1].probabilities.values()))
    return ordered[:MAX_MISTAKES]


def score_folder(
    recognizer: Recognizer,
    found: LabelledVideos,
    answered: Answered,
    *,
    num_bootstrap: int,
    seed: int,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the scores, and the label indices that each baseline predicts, by its name.

    Args:
        recognizer: The model.
        found: Of `find_labelled_videos`.
        answered: Of `ask`.
        num_bootstrap: Resamplings of people behind each interval.
        seed: Draws them.

    Returns:
        The scores of `har.evaluation.held_out.score_videos`, with `grouped_by`; and the same of the
        videos that are not seen as `not_seen`, None where all are seen or none is.
    """
    options = {"num_bootstrap": num_bootstrap, "seed": seed}
    videos, probabilities = answered.videos, answered.probabilities
    scores, baselines = _score(recognizer, found, videos, probabilities, **options)
    is_new = ~is_seen(videos)
    has_action = (videos["label"] != found.none_label).to_numpy()
    scores["not_seen"] = None
    if not is_new.all() and (is_new & has_action).any():
        rest = videos[is_new], probabilities[is_new]
        scores["not_seen"], _ = _score(recognizer, found, *rest, **options)
    return scores, baselines


def is_seen(videos: pd.DataFrame) -> np.ndarray:
    """Return which videos the model has seen, or their people, bool."""
    return ((videos["person_seen"] != "") | (videos["file_seen"] != "")).to_numpy()


def _score(
    recognizer: Recognizer,
    found: LabelledVideos,
    videos: pd.DataFrame,
    probabilities: np.ndarray,
    **options: int,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the scores of some of the videos, and what the baseline predicts."""
    labels = recognizer.labels
    is_action = (videos["label"] != found.none_label).to_numpy()
    of_actions = videos["label"][is_action].map(labels.index).to_numpy()
    baselines = {MAJORITY: predict_majority(of_actions, len(videos))}
    # Where the model has no label for it, no action is in no table of labels.
    is_known = videos["label"].isin(labels).to_numpy()
    known = videos[is_known], probabilities[is_known]
    of_known = {name: predicted[is_known] for name, predicted in baselines.items()}
    scores = score_videos(recognizer, *known, of_known, **options)
    answers = np.array([recognizer.answer(row) for row in probabilities])
    actual = videos["label"].to_numpy()
    scores |= score_answers(answers, actual, none_label=found.none_label)
    return scores | {"grouped_by": found.grouped_by}, baselines


def describe_seen(found: LabelledVideos, trained_on: TrainedOn | None) -> dict[str, Any]:
    """Return who and what of the folder the model has seen in training or validation.

    Args:
        found: Of `find_labelled_videos`.
        trained_on: What the model's folder says of its training; None where it says nothing.

    Returns:
        `is_known`, whether its folder says anything; `knows_people`, whether people have names
        there and here; `people` and `videos`, the split by name and by `video_id`; and
        `num_videos`, of such people and such files together.
    """
    videos = found.videos

    def splits(name: str, column: str) -> dict[str, str]:
        seen = videos[videos[column] != ""].sort_values(name)
        return dict(zip(seen[name], seen[column], strict=True))

    has_names = trained_on is not None and trained_on.people is not None
    return {
        "is_known": trained_on is not None,
        "knows_people": has_names and found.grouped_by != UNKNOWN,
        "people": splits("subject", "person_seen"),
        "videos": splits("video_id", "file_seen"),
        "num_videos": int(is_seen(videos).sum()),
    }


def find_warnings(found: LabelledVideos, seen: dict[str, Any], recognizer: Recognizer) -> list[str]:
    """Return what must be known to read the scores, one sentence each.

    Args:
        found: Of `find_labelled_videos`.
        seen: Of `describe_seen`.
        recognizer: The model.
    """
    warnings = []
    if found.left_out:
        named = ", ".join(f"{label} ({count})" for label, count in found.left_out.items())
        warnings.append(
            f"Left out, since the model has no such label: {named}. It has "
            f"{', '.join(recognizer.labels)}."
        )
        warnings += _warn_of_near("label", found.left_out, recognizer.labels)
    if found.repeated:
        warnings.append(f"Left out, since the same file is there twice: {_named(found.repeated)}.")
    if found.grouped_by == UNKNOWN:
        warnings.append(
            "Nobody says who is in the videos, so each counts as a person of its own and the "
            "intervals are too narrow. Name the people in metadata.csv or by --subject-pattern."
        )
    if not seen["is_known"]:
        warnings.append(
            "The model does not say who was in its training, as it was made by an earlier version: "
            "train it again with `dvc repro`."
        )
    elif not seen["knows_people"] and found.grouped_by != UNKNOWN:
        warnings.append("The model does not know the names of those in its training.")
    return warnings + found.near_people + _warn_of_seen(seen, len(found.videos))


def _warn_of_near(kind: str, names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Return a sentence for each name that the model does not know, and nearly does."""
    return [
        f"The {kind} {name!r} here is nearly the model's {' and '.join(map(repr, near))}. If they "
        "are the same, give the one here the model's name."
        for name in names
        if name not in known and (near := near_names(name, known))
    ]


def _warn_of_seen(seen: dict[str, Any], num_videos: int) -> list[str]:
    """Return a sentence on people and one on files that the model has seen, if there are any."""
    said = {"train": "training", "val": "validation"}
    warnings = []
    if seen["people"]:
        named = [f"{name} ({said[split]})" for name, split in seen["people"].items()]
        warnings.append(
            "People here have the names of people in the model's training, so the scores are too "
            f"good if they are the same: {_named(named)}."
        )
    if seen["videos"]:
        named = [f"{name} ({said[split]})" for name, split in seen["videos"].items()]
        warnings.append(f"The same files were in the model's training: {_named(named)}.")
    if warnings and seen["num_videos"] == num_videos:
        warnings.append("All videos here are such: no score is of new people.")
    return warnings


def _named(names: list[str]) -> str:
    """Return the first of some names, and how many more there are."""
    more = f" and {len(names) - MAX_NAMED} more" if len(names) > MAX_NAMED else ""
    return ", ".join(names[:MAX_NAMED]) + more
