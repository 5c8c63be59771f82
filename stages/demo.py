"""Stage `demo`: the embedded videos of drawn people."""

from pathlib import Path

from har.demo import write_dataset
from har.params import load_params
from har.stage import run_stage


def main(out: Path) -> None:
    """Draw the demo data set: a folder for each label and metadata.csv."""
    params = load_params()
    num_subjects, num_videos = params["demo"]["num_subjects"], params["demo"]["num_videos"]
    write_dataset(
        out,
        num_subjects=num_subjects,
        num_videos=num_videos,
        seed=params["seed"],
        num_workers=params["workers"],
    )
    print(f"demo: {num_videos} videos of {num_subjects} people in {out}")


if __name__ == "__main__":
    run_stage(main)
