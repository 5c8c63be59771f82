"""Stage `extract`: a clip of evenly spaced frames from every converted video."""

from pathlib import Path

import pandas as pd

from har.dataset.report import say_repeats
from har.engine.stage import run_stage
from har.engine.steps import Job, check_failures, remove_previous, run_step, say_outcomes
from har.settings import load_settings
from har.video.extracting import extract_step
from har.video.reading import code_version

COLUMNS = ["video_id", "label", "path", "num_source_frames", "num_repeated", "aspect", "sha256"]


def main(converted: Path, out: Path) -> None:
    """Extract one packed clip per converted video; list those that failed or are too short."""
    settings = load_settings()
    report = pd.read_csv(converted / "report.csv", dtype=str, keep_default_na=False)
    videos = report[report["path"] != ""].reset_index(drop=True)
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    remove_previous(out / "clips.csv")
    outcomes = run_step(
        "extract",
        extract_step,
        [
            Job(Path(row.path), row.sha256, Path(path))  # the digest is of the report: read once
            for row, path in zip(videos.itertuples(), paths, strict=True)
        ],
        parameters=settings.extract.model_dump(include={"num_frames", "size", "aspect"}),
        code_version=code_version("har.video.extracting"),
        limits=settings.limits("extract"),
    )
    videos["reason"] = [outcome.reason for outcome in outcomes]
    clips = videos.rename(columns={"num_frames": "num_source_frames"}).assign(
        path=paths,
        num_repeated=[outcome.meta.get("num_repeated") for outcome in outcomes],
        aspect=[outcome.meta.get("aspect") for outcome in outcomes],
        sha256=[outcome.sha256 for outcome in outcomes],
    )
    is_failed = videos["reason"] != ""
    failed, clips = videos[is_failed], clips[~is_failed].astype({"num_repeated": int})
    out.mkdir(parents=True, exist_ok=True)
    clips[COLUMNS].to_csv(out / "clips.csv", index=False)
    failed[["video_id", "reason"]].to_csv(out / "failed.csv", index=False)
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
