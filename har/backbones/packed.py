"""The packed features of a video: one array for its clip, its views and its streams."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from har.backbones.extractor import Extractor, extract_features
from har.clips.clip import View, apply_view, load_clip
from har.clips.streams import show_stream
from har.engine.cache import Cache, CacheEntry
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
