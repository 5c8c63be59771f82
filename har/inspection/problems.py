"""What a user should know of the videos of a folder before they are trained on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from har.dataset.reach import UNKNOWN_PEOPLE, describe_few
from har.dataset.split_checks import check_labels
from har.dataset.subjects import UNKNOWN, describe_near_names
from har.dataset.videos import NOT_THE_TABLE, REFUSED_BY_DVC
from har.engine.steps import check_failures

MOST_WITHOUT = 0.9  # of the videos without a person: the pose is of no use
NO_USE = (
    "The pose is of no use there: leave pose out of features.streams and of the streams of the "
    "model in params.yaml, or film so that the whole body is seen, and not too small."
)


@dataclass(frozen=True)
class Problem:
    """Something about the videos that a user should know.

    Attributes:
        blocks: Whether the pipeline would stop at it.
        what: What it is, and how to fix it.
        details: One line for each video concerned, if any.
    """

    blocks: bool
    what: str
    details: tuple[str, ...] = ()


def failure_problems(
    videos: pd.DataFrame, *, max_failed_fraction: float, report: Path
) -> list[Problem]:
    """Return the problems with files that cannot be used.

    Args:
        videos: One row a file, with `path`, `status` and `reason`.
        max_failed_fraction: Share of videos that may be unreadable.
        report: File that will list all failures, to be named in messages.
    """
    problems = []
    refused = videos[videos["reason"].isin(REFUSED_BY_DVC)]
    if len(refused):
        what = f"{_count(refused, 'file')} at which `dvc add` and `dvc repro` stop."
        problems.append(Problem(True, what, _details(refused)))
    failed = videos[(videos["status"] == "failed") & ~videos["reason"].isin(REFUSED_BY_DVC)]
    ignored = videos[(videos["status"] == "ignored") & ~videos["reason"].isin(REFUSED_BY_DVC)]
    tried = len(videos) - len(ignored)
    try:
        check_failures(
            failed.rename(columns={"path": "source"}),
            total=tried,
            max_fraction=max_failed_fraction,
            report=report,
        )
    except ValueError:
        limit = f"more than dataset.max_failed_fraction {max_failed_fraction:g} allows"
        what = (
            f"{len(failed)} of {tried} videos cannot be used, {limit}. Fix or remove them, or "
            "raise dataset.max_failed_fraction in params.yaml."
        )
        problems.append(Problem(True, what, _details(failed)))
    else:
        if len(failed):
            what = f"{_count(failed, 'video')} cannot be used and will be left out."
            problems.append(Problem(False, what, _details(failed)))
    tables = ignored[ignored["reason"].str.startswith(NOT_THE_TABLE)]
    if len(tables):
        what = f"{_count(tables, 'table')} not read."
        problems.append(Problem(False, what, _details(tables)))
    ignored = ignored.drop(tables.index)
    if len(ignored):
        what = (
            f"{_count(ignored, 'file')} ignored, being no video. Nothing needs to be done, unless "
            "one is a video: then give it its proper ending."
        )
        problems.append(Problem(False, what, _details(ignored)))
    return problems


def duplicate_problems(two_labels: list[str], again: list[str]) -> list[Problem]:
    """Return the problems with files of the same bytes.

    Args:
        two_labels: The paths of each group of such files that is in two label folders.
        again: The paths of each group of such files with one label.
    """
    problems = []
    if two_labels:
        what = (
            f"{_count(two_labels, 'video')} with two labels: byte for byte the same file is in two "
            "label folders. Remove the wrong one."
        )
        problems.append(Problem(True, what, tuple(two_labels)))
    if again:
        what = (
            f"{_count(again, 'video')} more than once: only the first file is used. Nothing needs "
            "to be done, unless another video should be there."
        )
        problems.append(Problem(False, what, tuple(again)))
    return problems


def label_problems(videos: pd.DataFrame, *, none: str | None) -> list[Problem]:
    """Return the problem with labels, without a usable video or fewer than two, if there is one.

    Args:
        videos: One row a file, with `label` and `status`.
        none: The value of `dataset.none`.
    """
    usable = videos[videos["status"] == "ok"]
    labels = set(videos.loc[videos["status"] != "ignored", "label"]) - {""}
    try:
        check_labels(usable, labels, none=none)
    except ValueError as error:
        return [Problem(True, str(error))]
    return []


def spelling_problems(videos: pd.DataFrame, grouped_by: str) -> list[Problem]:
    """Return the problems with names that are nearly the same.

    Args:
        videos: One row a file, with `path`, `label`, `subject`, `fold` and `status`.
        grouped_by: As `har.dataset.subjects` says.
    """
    usable = videos[videos["status"] == "ok"]
    problems = [
        Problem(False, sentence) for sentence in describe_near_names(usable, grouped_by=grouped_by)
    ]
    same = videos.groupby(videos["path"].str.casefold())["path"].agg(list)
    details = tuple(" and ".join(paths) for paths in same[same.map(len) > 1])
    if details:
        what = (
            f"{_count(details, 'pair')} of files whose names differ in case alone: on a disk of "
            "Windows or macOS one takes the place of the other. Rename one."
        )
        problems.append(Problem(False, what, details))
    return problems


def meaning_problems(num_tested: int, grouped_by: str) -> list[Problem]:
    """Return what the score of so few test videos, or of unknown people, will mean, as a problem.

    Args:
        num_tested: Videos in the test split.
        grouped_by: As `har.dataset.subjects` says.
    """
    said = [UNKNOWN_PEOPLE] if grouped_by == UNKNOWN else []
    said += filter(None, [describe_few(num_tested)])
    return [Problem(False, f"What a score will mean: {'; '.join(said)}.")] if said else []


def length_problems(videos: pd.DataFrame, num_frames: int) -> list[Problem]:
    """Return the problems with videos that are too short for a clip, or cut off.

    Args:
        videos: One row a file, with `path`, `status`, `num_frames` and `num_promised`.
        num_frames: Frames in a clip.
    """
    usable = videos[videos["status"] == "ok"]
    problems = []
    short = usable[usable["num_frames"] < num_frames]
    if len(short):
        what = (
            f"{_count(short, 'video')} shorter than a clip of {num_frames} frames, so that the "
            "last frame is repeated. Use longer videos, or lower extract.num_frames in params.yaml."
        )
        problems.append(
            _note(what, short, lambda row: f"{row.path}: {_count(row.num_frames, 'frame')}")
        )
    cut_off = usable[usable["num_frames"] < usable["num_promised"]]
    if len(cut_off):
        what = (
            f"{_count(cut_off, 'video')} cut off; the frames that are there are used. Copy it "
            "again from where it came from to have all."
        )
        there = "{0.path}: {0.num_frames} of {0.num_promised} frames are there"
        problems.append(_note(what, cut_off, there.format))
    return problems


def colour_problems(videos: pd.DataFrame) -> list[Problem]:
    """Return the problem with videos in HDR or a wide gamut.

    Args:
        videos: One row a file, with `path`, `status` and `beyond_sdr`.
    """
    usable = videos[videos["status"] == "ok"]
    beyond = usable[usable["beyond_sdr"] != ""]
    if beyond.empty:
        return []
    what = (
        f"{_count(beyond, 'video')} in HDR or a wide gamut. The pipeline converts them to the "
        "colours of ordinary videos, BT.709. Nothing needs to be done; to save the time, turn HDR "
        "off in the camera for new videos."
    )
    return [_note(what, beyond, "{0.path}: {0.beyond_sdr}".format)]


def choice_problems(videos: pd.DataFrame) -> list[Problem]:
    """Return the problems with files of several videos, and with pictures turned by odd angles.

    Args:
        videos: One row a file, with `path`, `status` and the columns of `INFO_COLUMNS`.
    """
    usable = videos[videos["status"] == "ok"]
    problems = []
    several = usable[usable["other_tracks"] != ""]
    if len(several):
        what = (
            f"{_count(several, 'file')} of several videos: the one is taken that players show. "
            "If another is meant, save that as a file of its own."
        )
        taken = "{0.path}: {0.width}x{0.height} is taken, not {0.other_tracks}"
        problems.append(_note(what, several, taken.format))
    turned = usable[usable["angle"].astype(float) % 90 != 0]
    if len(turned):
        what = (
            f"{_count(turned, 'video')} turned by an angle other than 0, 90, 180 or 270 degrees: "
            "the nearest of these is taken. If people do not stand upright then, turn the video "
            "with an editor."
        )
        taken = "{0.path}: {0.angle:g} degrees, taken as {0.rotation}"
        problems.append(_note(what, turned, taken.format))
    return problems


def camera_problems(videos: pd.DataFrame) -> list[Problem]:
    """Return the problem with videos whose camera moves, of those looked into.

    Args:
        videos: One row a file, with `path`, `camera` and `camera_motion`.
    """
    moving = videos[videos["camera"] == "moving"].sort_values("camera_motion", ascending=False)
    if moving.empty:
        return []
    num_seen = int((videos["camera"] != "").sum())
    what = (
        f"The camera moves in {len(moving)} of {_count(num_seen, 'video')} looked into, in a "
        "second from the middle of each. The pipeline takes that out as far as it can; the report "
        "of a run compares moving and still cameras. Put the camera on something firm for new "
        "videos."
    )
    details = tuple(
        f"{row.path}: by {100 * row.camera_motion:.2f} % of the frame from a frame to the next"
        for row in moving.itertuples()
    )
    return [Problem(False, what, details)]


def people_problems(videos: pd.DataFrame) -> list[Problem]:
    """Return the problem with videos in which nobody is found, of those looked into.

    Args:
        videos: One row a file, with `path` and `person`.
    """
    nobody = videos[videos["person"] == "nobody"]
    if nobody.empty:
        return []
    num_seen = int((videos["person"] != "").sum())
    what = f"Nobody was found in {len(nobody)} of {_count(num_seen, 'video')} looked into. "
    if len(nobody) >= MOST_WITHOUT * num_seen:
        what += NO_USE
    else:
        what += "Where somebody is there, film so that the whole body is seen, and not too small."
    return [Problem(False, what, tuple(nobody["path"]))]


def _details(rows: pd.DataFrame) -> tuple[str, ...]:
    # Most reasons name the file already.
    return tuple(
        row.reason if row.reason.startswith(row.path) else f"{row.path}: {row.reason}"
        for row in rows.itertuples()
    )


def _note(what: str, videos: pd.DataFrame, describe: Callable[[Any], str]) -> Problem:
    """Return a problem that blocks nothing, with a line for each video."""
    return Problem(False, what, tuple(map(describe, videos.itertuples())))


def _count(things: Sequence | int, noun: str) -> str:
    number = things if isinstance(things, int) else len(things)
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
