"""New videos named by a trained model: on the terminal, as a table, as a page.

A video becomes the same frames as in the pipeline, to the last bit, by converting and extracting.
Nothing is kept, so any number of videos takes as much memory and disk as a few.
"""

import contextlib
import csv
import math
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from har.engine.errors import VideoError
from har.engine.steps import Limits
from har.engine.workers import run_in_workers
from har.folder.listing import VIDEO_SUFFIXES, find_others, is_video_name, list_files
from har.names.escaping import as_cell
from har.video.converting import convert_video
from har.video.extracting import extract_clip, stretched_aspect
from har.video.reading import blame_video, probe_video

if TYPE_CHECKING:  # the workers need no networks
    from har.recognizer.recognizer import Recognizer

CLIP_SETTINGS = ("max_side", "num_frames", "size", "aspect")  # how a video becomes a clip


@dataclass(frozen=True)
class Segment:
    """A part of a video in which the answer is the same.

    Attributes:
        start: In seconds.
        end: In seconds.
        label: An action, the label that is no action, or `unsure`.
        probability: Of the most probable label, the mean over the windows about the segment; 1
            where nobody is in the picture.
    """

    start: float
    end: float
    label: str
    probability: float


@dataclass(frozen=True)
class Prediction:
    """What a model says of one video.

    Attributes:
        video: The file, as it was named.
        probabilities: Of each label, the most probable first; empty if the video failed.
        problem: Why it failed, for a user to read; empty if it did not.
        clip: The frames, uint8 RGB, shape (num_frames, size, size, 3); None if the video failed.
        answer: The most probable label, or `unsure` where that is not probable enough; None if the
            video failed.
        seconds: Length of a video that is longer than a clip, of which `har.timeline` makes the
            answers; 0 of a clip.
        segments: Of such a video, from its start to its end.
    """

    video: Path
    probabilities: dict[str, float]
    problem: str
    clip: np.ndarray | None
    answer: str | None
    seconds: float = 0.0
    segments: tuple[Segment, ...] = ()

    @property
    def label(self) -> str | None:
        """The most probable label; None if the video failed."""
        return next(iter(self.probabilities), None)


def rank_labels(labels: Sequence[str], probabilities: np.ndarray) -> dict[str, float]:
    """Return the probability of each label, the most probable first.

    Args:
        labels: In the model's order.
        probabilities: Of each, shape (num_classes,).
    """
    pairs = zip(labels, probabilities.tolist(), strict=True)
    return dict(sorted(pairs, key=lambda pair: -pair[1]))


def with_share(label: str, share: float) -> str:
    """Return a label and its probability as people read them.

    Example:
        >>> with_share("walking", 0.934)
        'walking 93 %'
    """
    return f"{label} {100 * share:.0f} %"


def list_videos(paths: Sequence[Path]) -> list[Path]:
    """Return the videos that files and folders name, each once.

    Args:
        paths: A file is taken whatever its ending; of a folder, all videos below it.

    Raises:
        ValueError: A folder has no video.
    """
    found: dict[Path, None] = {}
    for path in paths:
        if not path.is_dir():
            found[path] = None
            continue
        files = list_files(path)
        others = find_others(files)
        videos = [file for file in files if file in others or is_video_name(file)]
        if not videos:
            raise ValueError(
                f"{path} has no videos. Expected files that end as one of "
                f"{' '.join(VIDEO_SUFFIXES)}."
            )
        found |= dict.fromkeys(videos)
    return list(found)


def predict_videos(
    recognizer: "Recognizer",
    videos: Sequence[Path],
    *,
    limits: Limits,
    longest_seconds: float = math.inf,
) -> Iterator[Prediction]:
    """Yield what a model says of each video, in order, with progress.

    Args:
        recognizer: The model, with how its clips are made.
        videos: Files of any kind that FFmpeg reads.
        limits: What one video may use.
        longest_seconds: Of a clip; of videos that are longer only the length is told.
    """
    settings = {name: recognizer.preprocessing[name] for name in CLIP_SETTINGS}
    # Here and not in the workers, so that one which is stopped leaves nothing behind.
    with tempfile.TemporaryDirectory(prefix="har-") as folder, contextlib.ExitStack() as workers:
        clips = run_in_workers(
            read_clip,
            ((video, settings, folder, longest_seconds) for video in videos),
            total=len(videos),
            **limits.of_workers,
            description="predict",
            section="convert",
            failures=(VideoError, FileNotFoundError),
        )
        workers.callback(clips.close)  # before the folder that they write to is removed
        for video, clip in zip(videos, clips, strict=True):
            if clip.reason:
                yield Prediction(video, {}, clip.reason, None, None)
                continue
            if isinstance(clip.value, float):
                yield Prediction(video, {}, "", None, None, seconds=clip.value)
                continue
            frames, aspect = clip.value
            row = recognizer.predict(frames, aspect=aspect)
            probabilities = rank_labels(recognizer.labels, row)
            yield Prediction(video, probabilities, "", frames, recognizer.answer(row))


def read_clip(
    task: tuple[Path, dict[str, Any], str, float],
) -> tuple[np.ndarray, float] | float:
    """Return the clip that the stages `convert` and `extract` make of a video, and its aspect.

    Args:
        task: The video, the settings of both (`max_side`, `num_frames`, `size`, `aspect`), a
            folder to work in, and the length in seconds that a clip may have.

    Returns:
        uint8 RGB, shape (num_frames, size, size, 3), and width / height of the frames before they
        were made square; of a longer video, its length in seconds.

    Raises:
        VideoError: The video cannot be read.
    """
    video, settings, work, longest_seconds = task
    settings = dict(settings)
    max_side = settings.pop("max_side")
    seconds = probe_video(video).duration_seconds if math.isfinite(longest_seconds) else 0.0
    if seconds > longest_seconds:
        return seconds
    with tempfile.TemporaryDirectory(dir=work) as folder:
        converted = Path(folder) / "converted.mp4"
        convert_video(video, converted, max_side=max_side, num_frames=settings["num_frames"])
        try:
            with blame_video(converted, section="extract"):
                clip = extract_clip(converted, **settings)[0]
                return clip, stretched_aspect(converted, settings["aspect"])
        except VideoError as error:  # the user knows the file by its own name
            raise VideoError(str(error).replace(str(converted), str(video))) from error


def write_table(
    path: Path, predictions: Iterable[Prediction], labels: Sequence[str]
) -> Iterator[Prediction]:
    """Yield the predictions, each once it is a row of a CSV file.

    Args:
        path: The file; one that is there is replaced.
        predictions: What to write.
        labels: All that the model knows, a column each. `predicted` is the most probable one,
            `answer` what the model says: that label or `unsure`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # A name need be no UTF-8: such bytes are written as JSON writes them.
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        shares = [f"probability_{name}" for name in labels]
        rows.writerow(["video", "predicted", "answer", *shares, "problem"])
        for said in predictions:
            shares = [said.probabilities.get(label, "") for label in labels]
            named = [said.label or "", said.answer or ""]
            texts = map(as_cell, [said.video.as_posix(), *named])
            rows.writerow([*texts, *shares, as_cell(said.problem)])
            file.flush()
            yield said
