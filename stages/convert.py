"""Stage `convert`: every video to upright MP4/H.264 of constant frame rate, and a report."""

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from har.dataset.videos import VIDEO_SUFFIXES, find_videos
from har.engine.stage import run_stage
from har.engine.steps import (
    Job,
    Limits,
    Outcome,
    check_failures,
    digests,
    remove_previous,
    run_step,
    say_outcomes,
)
from har.settings import load_params
from har.video.converting import CONVERT_VERSION, convert_step

INFO_COLUMNS = ("codec", "width", "height", "rotation", "fps", "num_frames", "duration_seconds")
COLUMNS = [
    *("video_id", "source", "status", "reason"),
    *INFO_COLUMNS,
    *("label", "subject", "split", "fold", "path", "sha256"),
]
Row = dict[str, Any]  # of the report, by column, and the digest of the source's bytes


def main(videos: Path, out: Path) -> None:
    """Convert every video of a folder and report on each: copied, encoded, or why not."""
    params = load_params()
    rows = [start_row(video) for video in find_videos(videos).to_dict("records")]
    mark_duplicates(rows)
    todo = [row for row in rows if not row["status"]]
    for row in todo:
        row["path"] = f"{out.as_posix()}/{row['video_id']}.mp4"
    remove_previous(out / "report.csv")
    outcomes = run_step(
        "convert",
        convert_step,
        [Job(Path(row["source"]), row["digest"], Path(row["path"])) for row in todo],
        parameters={"max_side": params["convert"]["max_side"]},
        code_version=CONVERT_VERSION,
        limits=Limits.from_params(params, "convert"),
    )
    for row, outcome in zip(todo, outcomes, strict=True):
        enter_outcome(row, outcome)
    out.mkdir(parents=True, exist_ok=True)
    report = pd.DataFrame(rows, columns=COLUMNS)
    report.to_csv(out / "report.csv", index=False)
    counts = Counter(report["status"])
    kinds = ("copied", "encoded", "duplicate", "ignored")
    said = ", ".join(f"{counts[kind]} {kind}" for kind in kinds if counts[kind])
    num_unusable = counts["failed"] - sum(bool(outcome.reason) for outcome in outcomes)
    say_outcomes("convert", outcomes, num_unusable=num_unusable, more=said)
    check_failures(
        report[report["status"] == "failed"],
        total=len(report) - counts["ignored"],
        max_fraction=params["dataset"]["max_failed_fraction"],
        report=out / "report.csv",
    )


def start_row(video: dict[str, str]) -> Row:
    """Return the report's row for a file, with a status only if it will not be converted."""
    problem = video["problem"]
    if not problem and not os.access(video["path"], os.R_OK):
        problem = "may not be read; allow it with `chmod +r`"
    path = Path(video["path"])
    may_be_video = path.suffix.lower() in VIDEO_SUFFIXES or path.is_dir()
    status = ("failed" if may_be_video else "ignored") if problem else ""
    kept = {name: video[name] for name in ("video_id", "label", "subject", "split", "fold")}
    row = {**dict.fromkeys(COLUMNS, ""), **kept}
    return {**row, "source": video["path"], "status": status, "reason": problem}


def mark_duplicates(rows: list[Row]) -> None:
    """Fill in the digests and mark each video whose bytes were there before.

    Raises:
        ValueError: The same bytes are under two labels.
    """
    todo = [row for row in rows if not row["status"]]
    sources = [Path(row["source"]) for row in todo]
    first_with: dict[str, Row] = {}
    for row, digest in zip(todo, digests(sources, "convert: comparing"), strict=True):
        row["digest"] = digest
        first = first_with.setdefault(digest, row)
        if first is row:
            continue
        if first["label"] != row["label"]:
            raise ValueError(
                f"The same video has two labels: {first['source']} and {row['source']} are byte "
                "for byte the same. Remove the wrong one."
            )
        row["status"], row["reason"] = "duplicate", f"the same bytes as {first['source']}"


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


if __name__ == "__main__":
    run_stage(main)
