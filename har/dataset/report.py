"""The report of the conversion, and the table of clips: one row a video, and what became of it."""

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from har.dataset.cutting import Readable, name_of
from har.dataset.split_checks import check_labels
from har.dataset.videos import find_videos
from har.engine.steps import Outcome, digests
from har.folder.listing import is_video_name
from har.folder.originals import unlink_table

INFO_COLUMNS = ("codec", "width", "height", "rotation", "fps", "num_frames", "duration_seconds")

COLUMNS = [
    *("video_id", "source", "status", "reason"),
    *INFO_COLUMNS,
    *("label", "subject", "split", "fold", "path", "sha256", "source_sha256", "start", "end"),
]

KEPT_COLUMNS = ("video_id", "label", "subject", "split", "fold", "start", "end")

CLIP_COLUMNS = ["video_id", "label", "path"]
CLIP_COLUMNS += ["num_source_frames", "duration_seconds", "num_repeated", "aspect", "sha256"]

Row = dict[str, Any]  # of the report, by column


def start_report(folder: Path, out: Path) -> list[Row]:
    """Return the report's rows for a folder before the conversion.

    Args:
        folder: The videos, a folder for each label.
        out: Where they are to be converted to.

    Returns:
        A row a file. One to be converted has no status yet, its `path`, and the digest of its bytes
        as `source_sha256`.

    Raises:
        ValueError: The folder has no videos, or the same bytes are under two labels.
    """
    unlink_table(folder)  # people go on editing it
    rows = [start_row(video) for video in find_videos(folder).to_dict("records")]
    mark_duplicates(rows)
    for row in rows:
        if not row["status"]:
            row["path"] = f"{out.as_posix()}/{row['video_id']}.mp4"
    return rows


def start_row(video: dict[str, str]) -> Row:
    """Return the report's row for a file, with a status only if it will not be converted."""
    problem = video["problem"]
    if not problem and not os.access(video["path"], os.R_OK):
        problem = "may not be read; allow it with `chmod +r`"
    path = Path(video["path"])
    may_be_video = is_video_name(path) or path.is_dir()
    status = ("failed" if may_be_video else "ignored") if problem else ""
    row = {**dict.fromkeys(COLUMNS, ""), **{name: video[name] for name in KEPT_COLUMNS}}
    return {**row, "source": video["path"], "status": status, "reason": problem}


def mark_duplicates(rows: list[Row], *, description: str = "convert: comparing") -> None:
    """Fill in `source_sha256` and mark each video whose bytes were there before.

    Args:
        rows: Of `start_row`; those with a status stay as they are.
        description: Of the progress bar.

    Raises:
        ValueError: The same bytes are under two labels.
    """
    todo = [row for row in rows if not row["status"]]
    sources = list(dict.fromkeys(Path(row["source"]) for row in todo))  # a long file once
    digest_of = dict(zip(sources, digests(sources, description), strict=True))
    first_with: dict[tuple[str, str, str], Row] = {}
    for row in todo:
        row["source_sha256"] = digest_of[Path(row["source"])]
        first = first_with.setdefault((row["source_sha256"], row["start"], row["end"]), row)
        if first is row:
            continue
        if first["label"] != row["label"]:
            raise ValueError(
                f"The same video has two labels: {name_of(first)} and {name_of(row)} are byte "
                "for byte the same. Remove the wrong one."
            )
        row["status"], row["reason"] = "duplicate", f"the same bytes as {name_of(first)}"


def enter_uncut(rows: list[Row], files: Sequence[Readable]) -> tuple[list[Row], list[Readable]]:
    """Write into the rows of parts that could not be cut why not; return the others.

    Args:
        rows: To be converted.
        files: What there is to read for each.
    """
    for row, file in zip(rows, files, strict=True):
        if file.reason:
            row |= {"status": "failed", "reason": file.reason, "path": ""}
    pairs = [(row, file) for row, file in zip(rows, files, strict=True) if not file.reason]
    return [row for row, _ in pairs], [file for _, file in pairs]


def enter_outcome(row: Row, outcome: Outcome) -> None:
    """Write what became of one video into its row."""
    if outcome.reason:
        row |= {"status": "failed", "reason": outcome.reason, "path": ""}
        return
    row |= {"status": outcome.meta["status"], "reason": outcome.meta["note"]}
    row["sha256"] = outcome.sha256
    for column in INFO_COLUMNS:
        value = outcome.meta[column]
        row[column] = round(value, 3) if isinstance(value, float) else value


def make_clip_tables(
    videos: pd.DataFrame, paths: Sequence[str], outcomes: Sequence[Outcome]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the table of the clips, and the videos of which there is none, each with a `reason`.

    Args:
        videos: The rows of the report that have a converted video.
        paths: Of their clips.
        outcomes: Of their extraction.
    """
    videos = videos.assign(reason=[outcome.reason for outcome in outcomes])
    clips = videos.rename(columns={"num_frames": "num_source_frames"}).assign(
        path=paths,
        num_repeated=[outcome.meta.get("num_repeated") for outcome in outcomes],
        aspect=[outcome.meta.get("aspect") for outcome in outcomes],
        sha256=[outcome.sha256 for outcome in outcomes],
    )
    is_failed = videos["reason"] != ""
    clips = clips[~is_failed].astype({"num_repeated": int})
    return clips[CLIP_COLUMNS], videos[is_failed]


def join_clips(report: pd.DataFrame, clips: pd.DataFrame, *, none: str | None) -> pd.DataFrame:
    """Return a row for each clip, with what the report has of its video.

    Args:
        report: Of the conversion.
        clips: One row a clip, with `video_id`, `path` and `aspect`.
        none: The value of `dataset.none`.

    Raises:
        ValueError: As for `check_labels`.
    """
    labels = set(report.loc[report["status"] != "ignored", "label"])
    report = report[report["path"] != ""]  # two files can share a video_id; one was converted
    joined = clips[["video_id", "path", "aspect"]].merge(
        report[["video_id", "source", "label", "subject", "split", "fold"]], on="video_id"
    )
    check_labels(joined, labels, none=none)
    return joined


def say_repeats(clips: pd.DataFrame, num_frames: int) -> None:
    """Print which clips repeat their last frame since the video is too short."""
    short = clips[clips["num_repeated"] > 0]
    if short.empty:
        return
    names = ", ".join(short["video_id"].head(3)) + (", …" if len(short) > 3 else "")
    print(
        f"extract: {len(short)} videos have fewer than {num_frames} frames, so their clips repeat "
        f"the last one: {names}"
    )


def describe_statuses(report: pd.DataFrame, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return what `har.engine.steps.say_outcomes` says beside the outcomes of the conversion."""
    counts = Counter(report["status"])
    kinds = ("copied", "encoded", "duplicate", "ignored")
    num_unusable = counts["failed"] - sum(bool(outcome.reason) for outcome in outcomes)
    more = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
    return {"num_unusable": num_unusable, "more": more}
