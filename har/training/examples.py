"""What a model is trained and validated on: videos, their views, and how one becomes an input."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pandas as pd

from har.clips.clip import even_indices, load_clip
from har.clips.streams import show_streams
from har.clips.views import View, apply_view, read_views
from har.dataset.tables import read_table
from har.features.packed import read_features
from har.integrity.unpacking import read_array
from har.models.contract import FeatureSettings
from har.settings import Settings

MAX_OPENED = 1000  # files of features that stay mapped; opening one takes longer than reading it


@dataclass(frozen=True)
class Examples:
    """Videos in the order of a manifest.

    Attributes:
        read: Takes a video's place in `label_indices` and a view's number (0 is the clip itself)
            and returns the model's input, without the batch dimension.
        label_indices: int, shape (num_videos,).
        weights: Each video's weight in the loss, float, shape (num_videos,).
        num_views: Views of each video beside the clip itself: of all, or int, shape (num_videos,).
        num_drawn: How many of the videos are none of their own: sequences that were drawn without
            one, and clips that run backwards.
        drawn_per_video: How many of them an epoch, and each step of it, shows for each video.
        people: Who is in each video, shape (num_videos,); None: not known.
    """

    read: Callable[[int, int], np.ndarray]
    label_indices: np.ndarray
    weights: np.ndarray
    num_views: int | np.ndarray = 0
    num_drawn: int = 0
    drawn_per_video: int = 0
    people: np.ndarray | None = None

    @property
    def epoch_size(self) -> int:
        """How many examples an epoch shows."""
        return (len(self.label_indices) - self.num_drawn) * (1 + self.drawn_per_video)


def read_examples(
    videos: pd.DataFrame,
    labels: list[str],
    settings: Settings,
    views: Path,
    features: Path,
    split: str,
    *,
    drawn: Path | None = None,
) -> Examples:
    """Return the examples of one split, for the model that the settings choose.

    Args:
        videos: A manifest, as for `clip_examples`, with `split`.
        labels: Names of the classes, in order.
        settings: All settings.
        views: The table that the stage `augment` wrote.
        features: The table that the stage `features` wrote.
        split: Of which videos.
        drawn: The table of drawn sequences that the stage `augment` wrote; they are examples of
            the training split, for a model that sees the pose alone.
    """
    chosen, num_frames = settings.chosen, settings.model_frames
    videos = videos[videos["split"] == split]
    if not isinstance(chosen, FeatureSettings):
        stream = getattr(chosen, "stream", "frames")
        return clip_examples(
            videos, labels, num_frames=num_frames, views=read_views(views), stream=stream
        )
    packed = read_table(features).set_index("video_id")
    packed = packed.loc[videos["video_id"]]
    examples = feature_examples(
        videos.assign(features_path=packed["path"].to_numpy()),
        labels,
        streams=chosen.streams,
        made=settings.made_streams,
        num_frames=num_frames,
        num_views=int(packed["num_views"].min()),
    )
    sequences = read_drawn(drawn, labels, settings) if split == "train" and drawn else None
    return join_examples(examples, sequences) if sequences else examples


def clip_examples(
    manifest: pd.DataFrame,
    labels: list[str],
    *,
    num_frames: int,
    views: dict[str, list[View]],
    stream: str = "frames",
) -> Examples:
    """Return examples whose inputs are uint8 RGB frames of a stream, (num_frames, size, size, 3).

    Args:
        manifest: One row a video, with `video_id`, `path` (of the clip), `label`, `subject` and
            `weight`.
        labels: Names of the classes, in order.
        num_frames: Frames that the model takes, evenly spaced over the clip.
        views: Views by `video_id`; videos without an entry have none.
        stream: What the model is shown, of `har.clips.streams.STREAMS`.
    """
    views_of_video = [views.get(video_id, []) for video_id in manifest["video_id"]]
    read = partial(_read_clip, manifest["path"].tolist(), views_of_video, num_frames, stream)
    return _examples(read, manifest, labels, num_views=min(map(len, views_of_video)))


def feature_examples(
    manifest: pd.DataFrame,
    labels: list[str],
    *,
    streams: Sequence[str],
    made: Sequence[str],
    num_frames: int,
    num_views: int,
) -> Examples:
    """Return examples whose inputs are features, float32, shape (num_frames, num_features).

    Those of several streams stand side by side.

    Args:
        manifest: As for `clip_examples`, with `features_path`, the packed features of each video.
        labels: Names of the classes, in order.
        streams: Those that the model sees.
        made: Those in the packed files, in order.
        num_frames: Frames that the model takes, evenly spaced over the clip.
        num_views: Views in each packed file beside the clip itself.
    """
    paths = manifest["features_path"].tolist()
    opened = lru_cache(MAX_OPENED)(partial(read_features, streams=streams, made=made))

    def read(video: int, view: int) -> np.ndarray:
        features = [stream[view] for stream in opened(paths[video])]
        places = even_indices(len(features[0]), num_frames)
        return np.concatenate([stream[places] for stream in features], axis=-1)

    return _examples(read, manifest, labels, num_views=num_views)


def read_drawn(table: Path, labels: list[str], settings: Settings) -> Examples | None:
    """Return the drawn sequences that `model` is trained on: none if it sees pictures.

    Args:
        table: As for `drawn_examples`.
        labels: Names of the classes, in order.
        settings: All settings.
    """
    if not settings.takes_drawn:
        return None
    frames, per_video = settings.model_frames, settings.drawn.per_video
    return drawn_examples(table, labels, num_frames=frames, per_video=per_video)


def drawn_examples(table: Path, labels: list[str], *, num_frames: int, per_video: int) -> Examples:
    """Return examples of the pose of people who were drawn as landmarks alone.

    Args:
        table: Of the stage `augment`: `label`, `path` and `num_sequences`.
        labels: Names of the classes, in order.
        num_frames: Frames that the model takes, evenly spaced over the clip.
        per_video: How many an epoch shows for each video.
    """
    sequences = read_table(table).astype({"num_sequences": int})
    rows = [row for row in sequences.itertuples() if row.label in labels]
    packed = [np.asarray(read_array(row.path)) for row in rows]
    places = [(file, place) for file in packed for place in range(len(file))]

    def read(sequence: int, view: int) -> np.ndarray:
        file, place = places[sequence]
        return file[place, view][even_indices(file.shape[2], num_frames)]

    indices = [
        np.full(len(file), labels.index(row.label)) for file, row in zip(packed, rows, strict=True)
    ]
    return Examples(
        read=read,
        label_indices=np.concatenate([np.zeros(0, np.int64), *indices]),
        weights=np.ones(len(places)),
        num_views=1,  # the mirror image
        num_drawn=len(places),
        drawn_per_video=per_video if places else 0,
    )


def join_examples(first: Examples, second: Examples) -> Examples:
    """Return the videos of both, those of the first before those of the second."""
    sizes = [len(examples.label_indices) for examples in (first, second)]

    def read(video: int, view: int) -> np.ndarray:
        return first.read(video, view) if video < sizes[0] else second.read(video - sizes[0], view)

    num_views = [
        np.broadcast_to(one.num_views, n) for one, n in zip((first, second), sizes, strict=True)
    ]
    are_known = first.people is not None and second.people is not None
    return Examples(
        read=read,
        label_indices=np.concatenate([first.label_indices, second.label_indices]),
        weights=np.concatenate([first.weights, second.weights]),
        num_views=np.concatenate(num_views),
        num_drawn=first.num_drawn + second.num_drawn,
        drawn_per_video=max(first.drawn_per_video, second.drawn_per_video),
        people=np.concatenate([first.people, second.people]) if are_known else None,
    )


def _examples(
    read: Callable[[int, int], np.ndarray],
    manifest: pd.DataFrame,
    labels: list[str],
    *,
    num_views: int,
) -> Examples:
    return Examples(
        read=read,
        label_indices=manifest["label"].map(labels.index).to_numpy(dtype=np.int64),
        weights=manifest["weight"].to_numpy(dtype=np.float64),
        people=manifest["subject"].to_numpy(dtype=str),
        num_views=num_views,
    )


def _read_clip(
    paths: list[str],
    views: list[list[View]],
    num_frames: int,
    stream: str,
    video: int,
    view: int,
) -> np.ndarray:
    clip = load_clip(paths[video])
    places = even_indices(len(clip), num_frames)
    drawn = views[video][view - 1] if view else None
    if stream == "frames":  # it takes nothing of the frames between
        return apply_view(clip, drawn, places) if drawn else np.array(clip[places])
    return show_streams([stream], apply_view(clip, drawn) if drawn else clip)[0][places]
