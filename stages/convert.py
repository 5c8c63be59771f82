"""Stage `convert`: every video to upright MP4/H.264 of constant frame rate, and a report."""

from collections import Counter
from pathlib import Path

import pandas as pd

from har.dataset.report import COLUMNS, enter_outcome, mark_duplicates, start_row
from har.dataset.videos import find_videos
from har.engine.stage import run_stage
from har.engine.steps import (
    Job,
    Limits,
    check_failures,
    remove_previous,
    run_step,
    say_outcomes,
)
from har.settings import load_params
from har.video.converting import CONVERT_VERSION, convert_step


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


if __name__ == "__main__":
    run_stage(main)
