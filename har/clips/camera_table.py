"""How far the camera moves in each clip, measured once a clip and kept."""

import json

import numpy as np
import pandas as pd

from har.clips.camera import camera_state, measure_camera
from har.clips.clip import load_clip
from har.engine.cache import Cache, keep_entries
from har.engine.code import code_digest
from har.engine.progress import progress
from har.engine.workers import map_in_threads, num_cores

DECIMALS = 5  # of a share of the frame's side; other processors may differ in later ones


def measure_cameras(
    videos: pd.DataFrame, *, num_threads: int, max_gigabytes: float
) -> pd.DataFrame:
    """Measure the camera's motion in clips, or take it from the cache.

    Args:
        videos: One row a video, with `video_id`, and `path` and `sha256` of its clip.
        num_threads: Clips at once; 0 is one per core. It never changes a result.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.

    Returns:
        One row a video: `video_id` and `camera_motion`, as `har.clips.camera.measure_camera` says.
    """
    cache, code = Cache("camera", ending=".txt"), code_digest("har.clips.camera")

    def measure(video: tuple) -> float:
        key = cache.key(video.sha256, parameters={}, code_version=code)
        entry = cache.get(key)
        if entry is None:
            motion = round(measure_camera(np.asarray(load_clip(video.path))), DECIMALS)
            file = cache.new_file()
            file.write_text(json.dumps(motion), encoding="utf-8")
            entry = cache.put(key, file, {})
        return float(json.loads(entry.data.read_text(encoding="utf-8")))

    with keep_entries(max_gigabytes):
        measured = map_in_threads(
            measure, videos.itertuples(), num_threads=num_threads or num_cores()
        )
        motions = list(progress(measured, total=len(videos), description="camera"))
    return videos[["video_id"]].assign(camera_motion=motions)


def describe_cameras(table: pd.DataFrame) -> str:
    """Return in how many clips the camera moves.

    Args:
        table: As `measure_cameras` returns it.

    Example:
        >>> describe_cameras(pd.DataFrame({"camera_motion": [0.01, 0.0, 0.0, float("nan")]}))
        'camera: moving in 1 of 4 clips; in 1 it cannot be told'
    """
    states = table["camera_motion"].astype(float).map(camera_state)
    said = f"camera: moving in {(states == 'moving').sum()} of {len(states)} clips"
    num_untold = int((states == "cannot be told").sum())
    return f"{said}; in {num_untold} it cannot be told" if num_untold else said
