"""Long videos: the answers over the time of one, in memory that stays the same."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from har.engine.errors import VideoError
from har.engine.progress import progress
from har.engine.steps import Limits
from har.recognizer.prediction import Segment
from har.recognizer.recognizer import Recognizer
from har.timeline.answers import Answer, Seen, answer_frames, frame_interval
from har.timeline.feed import FeedError, feed
from har.timeline.segments import find_segments
from har.video.extracting import stretched_aspect
from har.video.steady import steady_frames

MAX_SAMPLES = 32  # frames that are kept of a video, to be shown


@dataclass(frozen=True)
class Pace:
    """How a window slides.

    Attributes:
        window_seconds: Its length.
        step_seconds: From an answer to the next.
    """

    window_seconds: float
    step_seconds: float


@dataclass
class Timeline:
    """What people do when in a video.

    Attributes:
        seconds: Length of the video.
        segments: From its start to its end.
        answers: Of each place of the window.
        times: Of the frames that were looked at, in seconds.
        landmarks: Of each of them, float32, (33, 4); empty where the model sees no pose.
        samples: A few of them, evenly spaced: uint8 RGB, shape (num_samples, size, size, 3).
    """

    seconds: float
    segments: list[Segment] = field(default_factory=list)
    answers: list[Answer] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    landmarks: list[np.ndarray] = field(default_factory=list)
    samples: np.ndarray | None = None

    def note(self, seen: Seen) -> None:
        """Keep what was seen in a frame."""
        if seen.answer is not None:
            self.answers.append(seen.answer)
        if seen.landmarks is not None:
            self.times.append(seen.at)
            self.landmarks.append(seen.landmarks[:, :4].copy())

    def mean_probabilities(self) -> np.ndarray:
        """Return the probability of each label, the mean over the video."""
        return np.mean([answer.probabilities for answer in self.answers], axis=0)


def watch_video(
    recognizer: Recognizer, video: Path, *, seconds: float, pace: Pace, limits: Limits
) -> Timeline:
    """Return what people do when in a video, with progress.

    Args:
        recognizer: The model.
        video: One that is no longer than the window has no answers and no segments.
        seconds: Its length.
        pace: Of the window.
        limits: What decoding it may use: memory, and time from a frame to the next.

    Raises:
        VideoError: The video cannot be read.
    """
    interval = frame_interval(recognizer, pace.window_seconds)
    how = {name: recognizer.preprocessing[name] for name in ("size", "aspect")}
    timeline, samples = Timeline(seconds), _Samples()
    source = feed(
        steady_frames,
        video,
        interval=interval,
        **how,
        timeout_seconds=limits.timeout_seconds,
        memory_gigabytes=limits.memory_gigabytes,
    )
    with _explained(video), source as frames:
        seen = answer_frames(
            recognizer,
            frames,
            aspect=stretched_aspect(video, how["aspect"]),
            frames_per_step=max(1, round(pace.step_seconds / interval)),
        )
        total = math.floor(seconds / interval) + 1
        for one in progress(seen, total=total, description=video.name, unit="frames"):
            samples.add(one.frame)
            timeline.note(one)
    timeline.samples = samples.chosen()
    if timeline.answers:
        timeline.segments = find_segments(timeline.answers, recognizer, duration=seconds)
    return timeline


@contextlib.contextmanager
def _explained(video: Path) -> Iterator[None]:
    """Turn a decoding process that hangs or crashes into the failure of the video."""
    try:
        yield
    except FeedError as error:
        raise VideoError(
            f"{video} could not be decoded: the process that read it {error}. If it is only "
            "large, raise convert.memory_gigabytes or convert.timeout_seconds."
        ) from error


class _Samples:
    """Evenly spaced frames of a stream of unknown length: every second one goes when full."""

    def __init__(self) -> None:
        self._frames: list[np.ndarray] = []
        self._num_seen, self._stride = 0, 1

    def add(self, frame: np.ndarray) -> None:
        if self._num_seen % self._stride == 0:
            self._frames.append(frame)
        self._num_seen += 1
        if len(self._frames) == MAX_SAMPLES:
            self._frames, self._stride = self._frames[::2], 2 * self._stride

    def chosen(self) -> np.ndarray:
        return np.stack(self._frames)
