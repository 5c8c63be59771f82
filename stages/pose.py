"""Stage `pose`: the joints of the person in each frame of every clip, and how its camera moves."""

from pathlib import Path

import pandas as pd

from har.clips.camera_table import describe_cameras, measure_cameras
from har.clips.streams import POSE
from har.dataset.tables import read_table
from har.engine.files import write_table
from har.engine.stage import run_stage
from har.pages.landmarks import describe_people, save_skeletons
from har.pose.packed import pack_landmarks
from har.settings import load_settings

COLUMNS = ["video_id", "path", "share_found", "sha256"]


def main(clips: Path, out: Path) -> None:
    """Write the landmarks of each clip, one file a video, a sheet to look at, and the cameras."""
    settings = load_settings()
    limits = {
        "num_threads": settings.workers,
        "max_gigabytes": settings.cache.max_gigabytes,
        "compute": settings.place,
        "shared": settings.shared_cache,
    }
    videos = read_table(clips).astype({"aspect": float})
    table, num_made = pd.DataFrame(columns=COLUMNS), 0
    if POSE in settings.features.streams:
        table, num_made = pack_landmarks(
            videos,
            out,
            person=settings.pose.person,
            **limits,
        )
    cameras = measure_cameras(videos, **limits)
    out.mkdir(parents=True, exist_ok=True)
    write_table(table, out / "landmarks.csv")
    write_table(cameras, out / "camera.csv")
    print(describe_cameras(cameras))
    if table.empty:
        print("pose: left out, since features.streams has no pose")
        return
    save_skeletons(videos, table, out / "contact_sheet.png")
    print(f"pose: {num_made} made, {len(table) - num_made} reused, 0 failed")
    print(describe_people(table))


if __name__ == "__main__":
    run_stage(main)
