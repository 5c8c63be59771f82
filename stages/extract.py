"""Stage `extract`: a clip of evenly spaced frames from every converted video."""

from pathlib import Path

import pandas as pd

from har.engine.stage import run_stage
from har.engine.steps import Job, Limits, check_failures, remove_previous, run_step, say_outcomes
from har.settings import load_params
from har.video.extracting import EXTRACT_VERSION, extract_step

COLUMNS = ["video_id", "label", "path", "num_source_frames", "num_repeated", "sha256"]


def main(converted: Path, out: Path) -> None:
    """Extract one packed clip per converted video; list those that failed or are too short."""
    params = load_params()
    report = pd.read_csv(converted / "report.csv", dtype=str, keep_default_na=False)
    videos = report[report["path"] != ""].reset_index(drop=True)
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    remove_previous(out / "clips.csv")
    outcomes = run_step(
        "extract",
        extract_step,
        [
            # The report has the digest already, so nothing is read twice.
            Job(Path(row.path), row.sha256, Path(path))
            for row, path in zip(videos.itertuples(), paths, strict=True)
        ],
        parameters={name: params["extract"][name] for name in ("num_frames", "size", "aspect")},
        code_version=EXTRACT_VERSION,
        limits=Limits.from_params(params, "extract"),
    )
    videos["reason"] = [outcome.reason for outcome in outcomes]
    clips = videos.rename(columns={"num_frames": "num_source_frames"}).assign(
        path=paths,
        num_repeated=[outcome.meta.get("num_repeated") for outcome in outcomes],
        sha256=[outcome.sha256 for outcome in outcomes],
    )
    failed = videos[videos["reason"] != ""]
    clips = clips[videos["reason"] == ""].astype({"num_repeated": int})
    out.mkdir(parents=True, exist_ok=True)
    clips[COLUMNS].to_csv(out / "clips.csv", index=False)
    failed[["video_id", "reason"]].to_csv(out / "failed.csv", index=False)
    say_repeats(clips, params["extract"]["num_frames"])
    for row in failed.itertuples():
        print(f"extract: {row.source} failed: {row.reason}")
    say_outcomes("extract", outcomes)
    check_failures(
        failed,
        total=len(videos),
        max_fraction=params["dataset"]["max_failed_fraction"],
        report=out / "failed.csv",
    )


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


if __name__ == "__main__":
    run_stage(main)
