"""The landmarks of each video in a file of its own, kept like features."""

import queue
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd

from har.clips.clip import load_clip
from har.engine.cache import Cache, keep_entries, place
from har.engine.code import code_digest
from har.engine.progress import progress
from har.engine.workers import num_cores
from har.pose.following import clip_landmarks
from har.pose.landmarks import share_found
from har.pose.networks import PoseNetworks, find_pose_files, pose_digest
from har.pose.people import PersonChoice


def pack_landmarks(
    videos: pd.DataFrame,
    out: Path,
    *,
    person: PersonChoice,
    num_threads: int,
    max_gigabytes: float,
) -> tuple[pd.DataFrame, int]:
    """Write the landmarks of each video, from the cache where they were found before.

    Args:
        videos: One row a video, with `video_id`, and `path`, `sha256` and `aspect` of its clip.
        out: The folder to write to, one file a video.
        person: Which of several people to follow.
        num_threads: Clips at once; 0 is one per core. It never changes a result.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.

    Returns:
        The table (`video_id`, `path`, `share_found`, `sha256`), and how many videos were not in
        the cache.
    """
    cache, code, networks = Cache("landmarks", ending=".npy"), code_digest(__name__), pose_digest()

    def key_of(video: tuple) -> str:
        made_from = {"aspect": video.aspect, "person": person, "networks": networks}
        return cache.key(video.sha256, parameters=made_from, code_version=code)

    videos = videos.assign(key=[key_of(video) for video in videos.itertuples()])
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    with keep_entries(max_gigabytes):
        entries = {key: cache.get(key) for key in videos["key"]}
        missing = videos[videos["key"].map(entries.get).isna()]
        found = _find_all(missing, person, num_threads or num_cores())
        for key, landmarks in progress(found, total=len(missing), description="pose"):
            file = cache.new_file()
            np.save(file, landmarks)
            entries[key] = cache.put(key, file, {"share_found": share_found(landmarks)})
        for key, path in zip(videos["key"], paths, strict=True):
            place(entries[key].data, Path(path))
    made = [entries[key] for key in videos["key"]]
    table = videos[["video_id"]].assign(
        path=paths,
        share_found=[entry.meta["share_found"] for entry in made],
        sha256=[entry.sha256 for entry in made],
    )
    return table, len(missing)


def _find_all(
    videos: pd.DataFrame, person: PersonChoice, num_threads: int
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the key and the landmarks of each video, in order, with some clips at once."""
    if videos.empty:
        return
    files, idle = find_pose_files(), queue.SimpleQueue()
    for _ in range(num_threads):
        idle.put(PoseNetworks(*files))

    def find(video: tuple) -> tuple[str, np.ndarray]:
        networks = idle.get()
        try:
            clip = load_clip(video.path)
            return video.key, clip_landmarks(clip, networks, aspect=video.aspect, person=person)
        finally:
            idle.put(networks)

    with ThreadPoolExecutor(num_threads) as pool:
        for start in range(0, len(videos), 4 * num_threads):  # so that memory stays the same
            yield from pool.map(find, videos[start : start + 4 * num_threads].itertuples())
