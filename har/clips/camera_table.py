"""How far the camera moves in each clip, measured once a clip and kept."""

import json

import numpy as np
import pandas as pd

from har.clips.camera import camera_state, measure_camera
from har.clips.clip import load_clip
from har.compute.place import LOCAL, Compute
from har.engine.cache import Cache, CacheEntry, Shared, exchanged, keep_entries
from har.engine.code import code_digest
from har.engine.files import write_text
from har.engine.verification import check_file
from har.engine.workers import map_clips

DECIMALS = 5  # of a share of the frame's side; other processors may differ in later ones


def measure_cameras(
    videos: pd.DataFrame,
    *,
    num_threads: int,
    max_gigabytes: float,
    compute: Compute = LOCAL,
    shared: Shared | None = None,
) -> pd.DataFrame:
    """Measure the camera's motion in clips, or take it from the cache.

    Args:
        videos: One row a video, with `video_id`, and `path` and `sha256` of its clip.
        num_threads: Clips at once; 0 is one per core. It never changes a result.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.
        compute: Which machines work.
        shared: Where results lie for other machines too, if anywhere.

    Returns:
        One row a video: `video_id` and `camera_motion`, as `har.clips.camera.measure_camera` says.
    """
    cache, code = Cache("camera", ending=".txt"), code_digest("har.clips.camera")
    keys = [cache.key(digest, parameters={}, code_version=code) for digest in videos["sha256"]]
    with keep_entries(max_gigabytes), exchanged(shared, cache, keys):
        found = {key: cache.get(key) for key in keys}
        clips = dict(zip(keys, zip(videos["path"], videos["sha256"], strict=True), strict=True))
        tasks = [(key, *clips[key], cache) for key, entry in found.items() if entry is None]
        made = map_clips(
            measure_one, tasks, num_threads=num_threads, description="camera", compute=compute
        )
        found |= {key: entry for (key, *_), entry in zip(tasks, made, strict=True)}
        motions = [json.loads(found[key].data.read_text(encoding="utf-8")) for key in keys]
    return videos[["video_id"]].assign(camera_motion=[float(motion) for motion in motions])


def measure_one(task: tuple[str, str, str, Cache]) -> CacheEntry:
    """Measure the camera's motion in a clip and put it into the cache.

    Args:
        task: Its key there, the clip's path and SHA-256, and the cache.
    """
    key, path, sha256, cache = task
    check_file(path, sha256)
    motion = round(measure_camera(np.asarray(load_clip(path))), DECIMALS)
    file = cache.new_file()
    write_text(json.dumps(motion), file)
    return cache.put(key, file, {})


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
