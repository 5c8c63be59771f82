"""The landmarks of each video in a file of its own, kept like features."""

import threading
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from har.clips.clip import load_clip
from har.compute.place import LOCAL, Compute
from har.engine.cache import Cache, CacheEntry, Shared, place_or_make
from har.engine.code import code_digest
from har.engine.files import save_array
from har.engine.verification import check_file
from har.engine.workers import map_clips
from har.pose.following import clip_landmarks
from har.pose.landmarks import share_found
from har.pose.networks import PoseNetworks, find_pose_files, pose_digest
from har.pose.people import PersonChoice


@dataclass(frozen=True)
class LandmarksTask:
    """A clip in which the person is to be found.

    Attributes:
        key: Of the landmarks in the cache.
        path: The clip.
        sha256: Of its file.
        aspect: Width / height of its frames before they were made square.
        person: Which of several people to follow.
        cache: Gets the landmarks.
    """

    key: str
    path: str
    sha256: str
    aspect: float
    person: PersonChoice
    cache: Cache


def pack_landmarks(
    videos: pd.DataFrame,
    out: Path,
    *,
    person: PersonChoice,
    num_threads: int,
    max_gigabytes: float,
    compute: Compute = LOCAL,
    shared: Shared | None = None,
) -> tuple[pd.DataFrame, int]:
    """Write the landmarks of each video, from the cache where they were found before.

    Args:
        videos: One row a video, with `video_id`, and `path`, `sha256` and `aspect` of its clip.
        out: The folder to write to, one file a video.
        person: Which of several people to follow.
        num_threads: Clips at once; 0 is one per core. It never changes a result.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.
        compute: Which machines work.
        shared: Where results lie for other machines too, if anywhere.

    Returns:
        The table (`video_id`, `path`, `share_found`, `sha256`), and how many videos were not in
        the cache.
    """
    cache, code, networks = Cache("landmarks", ending=".npy"), code_digest(__name__), pose_digest()

    def key_of(video: tuple) -> str:
        made_from = {"aspect": video.aspect, "person": person, "networks": networks}
        return cache.key(video.sha256, parameters=made_from, code_version=code)

    where = {"num_threads": num_threads, "compute": compute}
    videos = videos.assign(key=[key_of(video) for video in videos.itertuples()])
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    entries, num_made = place_or_make(
        cache,
        list(zip(videos["key"], map(Path, paths), strict=True)),
        lambda keys: _make_landmarks(videos[videos["key"].isin(keys)], cache, person, **where),
        max_gigabytes=max_gigabytes,
        shared=shared,
    )
    table = videos[["video_id"]].assign(
        path=paths,
        share_found=[entry.meta["share_found"] for entry in entries],
        sha256=[entry.sha256 for entry in entries],
    )
    return table, num_made


def _make_landmarks(
    videos: pd.DataFrame,
    cache: Cache,
    person: PersonChoice,
    *,
    num_threads: int,
    compute: Compute,
) -> dict[str, CacheEntry]:
    """Find the person in clips, and put each video's landmarks into the cache, by its key."""
    videos = videos.drop_duplicates("key")
    tasks = [
        LandmarksTask(row.key, row.path, row.sha256, row.aspect, person, cache)
        for row in videos.itertuples()
    ]
    made = map_clips(
        make_landmarks, tasks, num_threads=num_threads, description="pose", compute=compute
    )
    return dict(zip(videos["key"], made, strict=True))


def make_landmarks(task: LandmarksTask) -> CacheEntry:
    """Find the person in a clip and put the landmarks into the cache; runs in a thread."""
    check_file(task.path, task.sha256)
    networks = _networks_of_thread()
    landmarks = clip_landmarks(
        load_clip(task.path), networks, aspect=task.aspect, person=task.person
    )
    file = task.cache.new_file()
    save_array(landmarks, file)
    return task.cache.put(task.key, file, {"share_found": share_found(landmarks)})


_own = threading.local()


def _networks_of_thread() -> PoseNetworks:
    """Return the networks of this thread, loaded when it first needs them."""
    if not hasattr(_own, "networks"):
        _own.networks = PoseNetworks(*find_pose_files())
    return _own.networks
