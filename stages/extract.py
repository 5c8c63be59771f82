"""Stage `extract`: a clip of evenly spaced frames from every converted video."""

from pathlib import Path

from har.dataset.report import make_clip_tables, say_repeats
from har.dataset.tables import read_table
from har.engine.files import write_table
from har.engine.stage import run_stage
from har.engine.steps import Job, check_failures, remove_previous, run_step, say_outcomes
from har.settings import load_settings
from har.video.codecs import code_version
from har.video.extracting import extract_step


def main(converted: Path, out: Path) -> None:
    """Extract one packed clip per converted video; list those that failed or are too short."""
    settings = load_settings()
    report = read_table(converted / "report.csv")
    videos = report[report["path"] != ""].reset_index(drop=True)
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    remove_previous(out / "clips.csv")
    outcomes = run_step(
        "extract",
        extract_step,
        [
            # The digest is of the report: read once, and only what is not in the cache.
            Job(Path(row.path), row.sha256, Path(path), is_made=True)
            for row, path in zip(videos.itertuples(), paths, strict=True)
        ],
        parameters=settings.extract.model_dump(include={"num_frames", "size", "aspect"}),
        code_version=code_version("har.video.extracting"),
        limits=settings.limits("extract"),
    )
    clips, failed = make_clip_tables(videos, paths, outcomes)
    out.mkdir(parents=True, exist_ok=True)
    write_table(clips, out / "clips.csv")
    write_table(failed[["video_id", "reason"]], out / "failed.csv")
    say_repeats(clips, settings.extract.num_frames)
    for row in failed.itertuples():
        print(f"extract: {row.source} failed: {row.reason}")
    say_outcomes("extract", outcomes)
    check_failures(
        failed,
        total=len(videos),
        max_fraction=settings.dataset.max_failed_fraction,
        report=out / "failed.csv",
    )


if __name__ == "__main__":
    run_stage(main)
