"""Stage `convert`: every video to upright MP4/H.264 of constant frame rate, and a report."""

from pathlib import Path

import pandas as pd

from har.dataset.cutting import readable_files
from har.dataset.report import (
    COLUMNS,
    describe_statuses,
    enter_outcome,
    enter_uncut,
    start_report,
)
from har.engine.files import write_table
from har.engine.stage import run_stage
from har.engine.steps import Job, check_failures, remove_previous, run_step, say_outcomes
from har.settings import load_settings
from har.video.codecs import code_version
from har.video.converting import convert_step


def main(out: Path) -> None:
    """Convert every video of `dataset.videos` and report on each: copied, encoded, or why not."""
    settings = load_settings()
    rows = start_report(Path(settings.dataset.videos), out)
    todo = [row for row in rows if not row["status"]]
    remove_previous(out / "report.csv")
    limits = settings.limits("convert")
    with readable_files(todo, limits) as files:
        todo, files = enter_uncut(todo, files)
        outcomes = run_step(
            "convert",
            convert_step,
            [
                Job(file.file, file.digest, Path(row["path"]))
                for row, file in zip(todo, files, strict=True)
            ],
            parameters={"max_side": settings.convert.max_side},
            code_version=code_version("har.video.converting"),
            limits=limits,
        )
    for row, outcome in zip(todo, outcomes, strict=True):
        enter_outcome(row, outcome)
    out.mkdir(parents=True, exist_ok=True)
    report = pd.DataFrame(rows, columns=COLUMNS)
    write_table(report, out / "report.csv")
    say_outcomes("convert", outcomes, **describe_statuses(report, outcomes))
    check_failures(
        report[report["status"] == "failed"],
        total=(report["status"] != "ignored").sum(),
        max_fraction=settings.dataset.max_failed_fraction,
        report=out / "report.csv",
    )


if __name__ == "__main__":
    run_stage(main)
