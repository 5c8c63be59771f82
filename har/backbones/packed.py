"""The packed features of a video: one array for its clip, its views and its streams."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd

from har.backbones.extractor import Extractor, extract_features
from har.clips.clip import load_clip
from har.clips.streams import show_stream
from har.clips.views import View, apply_view
from har.engine.cache import Cache, CacheEntry, keep_entries, place
from har.engine.code import code_digest
from har.engine.progress import progress


def read_features(
    path: str, streams: Sequence[str] = ("frames",), *, made: Sequence[str] = ("frames",)
) -> list[np.ndarray]:
    """Return the features of a video in each of some streams, mapped from its packed file.

    Args:
        path: The file that the stage `features` wrote, of shape (1 + num_views, num_streams,
            num_frames, num_features).
        streams: Those wanted.
        made: Those in the file, in order; `frames` is always the first.

    Returns:
        One array per stream, float32, shape (1 + num_views, num_frames, num_features).
    """
    packed = np.load(path, mmap_mode="r")
    return [packed[:, made.index(stream)] for stream in streams]


def pack_features(
    videos: pd.DataFrame,
    views: dict[str, list[View]],
    extractor: Extractor,
    out: Path,
    *,
    streams: list[str],
    context: float,
    max_gigabytes: float,
) -> tuple[pd.DataFrame, int]:
    """Write the features of each video, from the cache where they were made before.

    Args:
        videos: One row a video, with `video_id`, and `path` and `sha256` of its clip.
        views: The augmented views of a video, by its `video_id`.
        extractor: The backbone.
        out: The folder to write to, one file a video.
        streams: Input streams of the backbone.
        context: As for `har.clips.streams.show_stream`.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.

    Returns:
        The table (`video_id`, `path`, `num_views`, `sha256`), and how many videos were not in the
        cache.
    """
    shown = {"streams": streams, "context": context}
    videos = videos.assign(views=[views.get(video_id, []) for video_id in videos["video_id"]])
    cache, code = Cache("features", ending=".npy"), code_digest(__name__)
    videos["key"] = [
        cache.key(
            row.sha256,
            parameters={
                "extractor": extractor.fingerprint,
                "views": list(map(asdict, row.views)),
                "streams": shown,
            },
            code_version=code,
        )
        for row in videos.itertuples()
    ]
    paths = [f"{out.as_posix()}/{video_id}.npy" for video_id in videos["video_id"]]
    with keep_entries(max_gigabytes):
        entries = {key: cache.get(key) for key in videos["key"]}
        missing = videos[videos["key"].map(entries.get).isna()]
        entries |= make_features(missing, extractor, cache, **shown)
        for key, path in zip(videos["key"], paths, strict=True):
            place(entries[key].data, Path(path))
    num_views, digests = videos["views"].map(len), [entries[key].sha256 for key in videos["key"]]
    table = videos[["video_id"]].assign(path=paths, num_views=num_views, sha256=digests)
    return table, len(missing)


def make_features(
    videos: pd.DataFrame,
    extractor: Extractor,
    cache: Cache,
    *,
    streams: list[str],
    context: float,
) -> dict[str, CacheEntry]:
    """Run the backbone over clips and views, and put each video's features into the cache.

    Args:
        videos: One row a video, with `path` (of its clip), `views` and `key`.
        extractor: The backbone.
        cache: Gets one array a video, float32, (1 + num_views, num_streams, num_frames,
            num_features).
        streams: What the backbone is shown, of `har.clips.streams.STREAMS`.
        context: As for `har.clips.streams.show_stream`.

    Returns:
        The new entries by key.
    """
    entries = {}
    made = extract_features(_show_views(videos, streams, context), extractor)
    shown = progress(made, total=len(videos), description="features")
    for (key, num_views), features in shown:
        file = cache.new_file()
        np.save(file, features.reshape(1 + num_views, len(streams), -1, features.shape[-1]))
        entries[key] = cache.put(key, file, {})
    return entries


def _show_views(
    videos: pd.DataFrame, streams: list[str], context: float
) -> Iterator[tuple[tuple[str, int], np.ndarray]]:
    """Yield each video's frames, first of its clip and then of each view, stream after stream."""
    for video in videos.itertuples():
        clip = load_clip(video.path)
        shown: list[View] = video.views
        views = [np.asarray(clip), *(apply_view(clip, view) for view in shown)]
        frames = [
            show_stream(stream, view, context=context) for view in views for stream in streams
        ]
        yield (video.key, len(shown)), np.concatenate(frames)
