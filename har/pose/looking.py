"""Whether a person is seen in the few frames of a first look at videos, before any run."""

import itertools
import queue
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from har.clips.streams import POSE
from har.engine.progress import progress
from har.engine.workers import map_in_threads, num_cores
from har.inspection.inspection import Inspection
from har.inspection.problems import Problem, people_problems
from har.pose.networks import PoseNetworks, closer_windows, find_pose_files

Skeleton = tuple[int, np.ndarray]  # which of the frames, and the landmarks, (33, 8), in its pixels


def look_for_people(
    inspection: Inspection, *, streams: Sequence[str], num_threads: int
) -> Inspection:
    """Return an inspection that says in which of the videos looked into a person is found.

    Where nobody can be looked for, a problem says why, and nothing else changes.

    Args:
        inspection: Its videos have `frames`.
        streams: The parameter `features.streams`; without the pose nobody is looked for.
        num_threads: Videos at once; 0 is one per core.
    """
    if POSE not in streams:
        return _with(
            inspection, Problem(False, "No person looked for: features.streams has no pose.")
        )
    try:
        files = find_pose_files()
    except ValueError as error:
        return _with(inspection, Problem(False, f"No person looked for. {error}"))
    frames = inspection.videos["frames"]
    found = _find_skeletons(frames[frames.map(len) > 0], files, num_threads or num_cores())
    people = {row: "nobody" if skeleton is None else "found" for row, skeleton in found.items()}
    rows = inspection.videos.index
    videos = inspection.videos.assign(
        person=[people.get(row, "") for row in rows],
        skeleton=pd.Series([found.get(row) for row in rows], rows, object),
    )
    return _with(replace(inspection, videos=videos), *people_problems(videos))


def find_skeleton(frames: Sequence[np.ndarray], networks: PoseNetworks) -> Skeleton | None:
    """Return the first frame with a person, from the middle on, and the landmarks in it.

    Args:
        frames: uint8 RGB, shape (height, width, 3).
        networks: Of one thread.
    """
    if not frames:
        return None
    middle = (len(frames) - 1) / 2
    places = sorted(range(len(frames)), key=lambda place: abs(place - middle))
    windows = (None, *closer_windows(frames[0]))
    for window, place in itertools.product(windows, places):
        people = networks.find_people(frames[place], window)
        if people:
            landmarks, _ = networks.find_landmarks(frames[place], people[0])
            if landmarks is not None:
                return place, landmarks
    return None


def _find_skeletons(
    videos: pd.Series, files: tuple[bytes, bytes], num_threads: int
) -> dict[int, Skeleton | None]:
    """Return what is found in the frames of each video, by its row."""
    idle: queue.SimpleQueue[PoseNetworks] = queue.SimpleQueue()
    num_threads = max(1, min(num_threads, len(videos)))
    for _ in range(num_threads):
        idle.put(PoseNetworks(*files))

    def find(frames: Sequence[np.ndarray]) -> Skeleton | None:
        networks = idle.get()
        try:
            return find_skeleton(frames, networks)
        finally:
            idle.put(networks)

    found = map_in_threads(find, videos, num_threads=num_threads)
    found = progress(found, total=len(videos), description="people")
    return dict(zip(videos.index, found, strict=True))


def _with(inspection: Inspection, *problems: Problem) -> Inspection:
    """Return an inspection with further problems, none of which blocks."""
    return replace(inspection, problems=(*inspection.problems, *problems))
