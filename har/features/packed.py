"""The packed features of a video: one array for its clip and its views."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from har.backbones.extractor import Extractor
from har.clips.clip import load_clip
from har.clips.streams import POSE, picture_streams, show_streams
from har.clips.views import View, apply_view
from har.compute.place import LOCAL, Compute
from har.engine.cache import Cache, CacheEntry, Shared, place_or_make
from har.engine.code import code_digest
from har.engine.files import save_array
from har.engine.verification import check_file
from har.engine.workers import map_clips
from har.features.columns import stream_slices
from har.integrity.unpacking import read_array
from har.pose.landmarks import pose_features, view_landmarks

if TYPE_CHECKING:  # naming new videos needs no tables, and pandas is slow to load
    import pandas as pd

# Of these the backbone sees the middle one of three frames, whose features all three have: to see
# each tells no more (docs/research-notes.md), and takes three times as long.
SEEN_BY_THREES = ("frames", "person")


@dataclass(frozen=True)
class Shown:
    """Which streams of a clip are computed.

    Attributes:
        streams: In the order in which their features stand side by side.
        context: As for `har.clips.streams.show_streams`.
    """

    streams: Sequence[str]
    context: float

    @property
    def pictures(self) -> list[str]:
        """The streams that the backbone sees."""
        return picture_streams(self.streams)


@dataclass(frozen=True)
class FeaturesTask:
    """A video whose features are to be made.

    Attributes:
        key: Of the features in the cache.
        path: Its clip.
        sha256: Of that file.
        landmarks: The file of its landmarks; not used where the pose is not shown.
        landmarks_sha256: Of that file; likewise.
        views: Of the clip.
        aspect: Width / height of the frames before they were made square; likewise.
    """

    key: str
    path: str
    sha256: str
    landmarks: str
    landmarks_sha256: str
    views: Sequence[View]
    aspect: float


def read_features(
    path: str, streams: Sequence[str] = ("frames",), *, made: Sequence[str] = ("frames",)
) -> list[np.ndarray]:
    """Return the features of a video in each of some streams, mapped from its packed file.

    Args:
        path: The file that the stage `features` wrote, of shape (1 + num_views, num_frames,
            num_features of all streams).
        streams: Those wanted.
        made: Those in the file, in order.

    Returns:
        One array per stream, float32, shape (1 + num_views, num_frames, num_features).
    """
    packed = np.asarray(read_array(path))  # mapped too, and indexed in half the time
    slices = stream_slices(made, packed.shape[-1])
    return [packed[:, :, slices[stream]] for stream in streams]


def clip_features(
    clip: np.ndarray,
    shown: Shown,
    extractor: Callable[[np.ndarray], np.ndarray] | None,
    *,
    landmarks: np.ndarray | Future[np.ndarray] | None,
    places: np.ndarray,
) -> np.ndarray:
    """Return the features of some frames of a clip, those of its streams side by side.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3).
        shown: Which streams.
        extractor: The backbone; None where no stream is a picture.
        landmarks: Of the clip, shape (num_frames, 33, 8), now or, while another thread looks for
            them, when the backbone has run; None if the streams have no pose.
        places: Which frames.

    Returns:
        float32, shape (len(places), num_features of all streams).
    """
    of_stream = {}
    if extractor is not None:
        pictures = show_streams(shown.pictures, clip, context=shown.context)
        seen = [
            picture[seen_in_place(stream, places, len(clip))]
            for stream, picture in zip(shown.pictures, pictures, strict=True)
        ]
        features = extractor(np.concatenate(seen))  # which runs once for a frame that is repeated
        of_stream = dict(zip(shown.pictures, np.split(features, len(pictures)), strict=True))
    if isinstance(landmarks, Future):
        landmarks = landmarks.result()
    if landmarks is not None:
        of_stream[POSE] = pose_features(landmarks)[places]
    return np.concatenate([of_stream[stream] for stream in shown.streams], axis=-1)


def seen_in_place(stream: str, places: np.ndarray, num_frames: int) -> np.ndarray:
    """Return which frame the backbone sees in place of each: itself, or 1 1 1 4 4 4 6 of seven.

    Args:
        stream: Of pictures.
        places: Frames of a clip.
        num_frames: Of the clip.
    """
    if stream not in SEEN_BY_THREES:
        return places
    return (places - places % 3 + 1).clip(max=num_frames - 1)


def pack_features(
    videos: pd.DataFrame,
    views: dict[str, list[View]],
    extractor: Extractor | None,
    out: Path,
    *,
    shown: Shown,
    num_threads: int = 0,
    max_gigabytes: float,
    compute: Compute = LOCAL,
    shared: Shared | None = None,
) -> tuple[pd.DataFrame, int]:
    """Write the features of each video, from the cache where they were made before.

    Args:
        videos: One row a video, with `video_id`, `path` and `sha256` of its clip, and, where the
            pose is shown, `path_of_landmarks`, `sha256_of_landmarks` and `aspect`.
        views: The augmented views of a video, by its `video_id`.
        extractor: The backbone; None where no stream is a picture.
        out: The folder to write to, one file a video.
        shown: What of the clips is shown.
        num_threads: Clips at once; 0 is one per core. It never changes a result.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.
        compute: Which machines work.
        shared: Where results lie for other machines too, if anywhere.

    Returns:
        The table (`video_id`, `path`, `num_views`, `sha256`), and how many videos were not cached.
    """
    videos = videos.assign(views=[views.get(video_id, []) for video_id in videos["video_id"]])
    cache, code = Cache("features", ending=".npy"), code_digest(__name__)
    videos["key"] = [
        cache.key(row.sha256, parameters=_made_by(row, shown, extractor), code_version=code)
        for row in videos.itertuples()
    ]
    make = partial(make_features, shown=shown, extractor=extractor, cache=cache)
    # One more than run the backbone, so that pictures are made while it runs.
    num_threads = extractor.num_threads + 1 if extractor else num_threads
    where = {"num_threads": num_threads, "compute": compute}
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    entries, num_made = place_or_make(
        cache,
        list(zip(videos["key"], map(Path, paths), strict=True)),
        lambda keys: _make_missing(videos[videos["key"].isin(keys)], make, **where),
        max_gigabytes=max_gigabytes,
        shared=shared,
    )
    num_views, digests = videos["views"].map(len), [entry.sha256 for entry in entries]
    table = videos[["video_id"]].assign(path=paths, num_views=num_views, sha256=digests)
    return table, num_made


def _made_by(video: tuple, shown: Shown, extractor: Extractor | None) -> dict[str, Any]:
    """Return what decides the features of a video, beside its clip."""
    has_pose = POSE in shown.streams
    return {
        "extractor": extractor and extractor.fingerprint,
        "views": list(map(asdict, video.views)),
        "streams": asdict(shown),
        "landmarks": [video.sha256_of_landmarks, video.aspect] if has_pose else None,
    }


def _make_missing(
    videos: pd.DataFrame, make: Callable[[FeaturesTask], CacheEntry], **where: Any
) -> dict[str, CacheEntry]:
    """Return the new entries of videos by their keys, made as `map_clips` does."""
    videos = videos.drop_duplicates("key")
    if "path_of_landmarks" not in videos:  # nor is the pose shown
        videos = videos.assign(path_of_landmarks="", sha256_of_landmarks="", aspect=1.0)
    tasks = [
        FeaturesTask(
            row.key,
            row.path,
            row.sha256,
            row.path_of_landmarks,
            row.sha256_of_landmarks,
            row.views,
            row.aspect,
        )
        for row in videos.itertuples()
    ]
    made = map_clips(make, tasks, description="features", **where)
    return dict(zip(videos["key"], made, strict=True))


def make_features(
    task: FeaturesTask, *, shown: Shown, extractor: Extractor | None, cache: Cache
) -> CacheEntry:
    """Put the features of a video's clip, and then of each view of it, into the cache.

    Args:
        task: The video.
        shown: What of it is shown.
        extractor: As for `pack_features`.
        cache: Gets float32, shape (1 + num_views, num_frames, num_features).
    """
    has_pose = POSE in shown.streams
    check_file(task.path, task.sha256)
    clip = np.asarray(load_clip(task.path))
    if has_pose:
        check_file(task.landmarks, task.landmarks_sha256)
    landmarks = read_array(task.landmarks) if has_pose else None
    made, run = [], extractor and extractor.run
    for view in [None, *task.views]:
        seen = apply_view(clip, view) if view and extractor else clip
        found = view_landmarks(landmarks, view, task.aspect) if view and has_pose else landmarks
        places = np.arange(len(clip))
        made.append(clip_features(seen, shown, run, landmarks=found, places=places))
    file = cache.new_file()
    save_array(np.stack(made), file)
    return cache.put(task.key, file, {})
