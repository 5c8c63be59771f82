"""The landmarks of each video in a file of its own, kept like features."""

import queue
from pathlib import Path

import numpy as np
import pandas as pd

from har.clips.clip import load_clip
from har.engine.cache import Cache, CacheEntry, place_or_make
from har.engine.code import code_digest
from har.engine.progress import progress
from har.engine.workers import map_in_threads, num_cores
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
    entries, num_made = place_or_make(
        cache,
        list(zip(videos["key"], map(Path, paths), strict=True)),
        lambda keys: _make_landmarks(
            videos[videos["key"].isin(keys)], cache, person, num_threads or num_cores()
        ),
        max_gigabytes=max_gigabytes,
    )
    table = videos[["video_id"]].assign(
        path=paths,
        share_found=[entry.meta["share_found"] for entry in entries],
        sha256=[entry.sha256 for entry in entries],
    )
    return table, num_made


def _make_landmarks(
    videos: pd.DataFrame, cache: Cache, person: PersonChoice, num_threads: int
) -> dict[str, CacheEntry]:
    """Find the person in clips, and put each video's landmarks into the cache, by its key."""
    if videos.empty:
        return {}
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

    entries = {}
    found = map_in_threads(find, videos.itertuples(), num_threads=num_threads)
    for key, landmarks in progress(found, total=len(videos), description="pose"):
        file = cache.new_file()
        np.save(file, landmarks)
        entries[key] = cache.put(key, file, {"share_found": share_found(landmarks)})
    return entries
