"""Stage `demo`: the embedded videos of drawn people."""

from pathlib import Path

from har.demo import write_dataset
from har.demo.motion import table_digest
from har.engine.files import write_text
from har.engine.stage import run_stage
from har.settings import load_settings
from har.video.codecs import code_version


def main(out: Path) -> None:
    """Draw the demo data set, a folder for each label and metadata.csv, if it is the one in use."""
    settings = load_settings()
    videos = settings.dataset.videos
    if Path(videos) != out:  # drawing takes a minute or two that a user with own videos can spare
        out.mkdir(parents=True, exist_ok=True)
        message = f"not drawn, since dataset.videos in params.yaml is {videos}"
        write_text(f"{message}\n", out / "not_drawn.txt")
        print(f"demo: {message}")
        return
    num_subjects, num_videos = settings.demo.num_subjects, settings.demo.num_videos
    num_drawn = write_dataset(
        out,
        num_subjects=num_subjects,
        num_videos=num_videos,
        seed=settings.seed,
        num_workers=settings.workers,
        code_version=code_version("har.demo") + table_digest(),
        max_gigabytes=settings.cache.max_gigabytes,
    )
    said = f"{num_drawn} drawn, {num_videos - num_drawn} reused"
    print(f"demo: {num_videos} videos of {num_subjects} people in {out} ({said})")


if __name__ == "__main__":
    run_stage(main)
