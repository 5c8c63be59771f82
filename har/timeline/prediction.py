"""Predictions of videos of any length: of a clip as a whole, of a longer one over time."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from har.engine.errors import VideoError
from har.engine.steps import Limits
from har.recognizer.prediction import Prediction, predict_videos, rank_labels
from har.recognizer.recognizer import Recognizer
from har.timeline.watching import Pace, Timeline, watch_video


@dataclass(frozen=True)
class Said:
    """What was said of a video.

    Attributes:
        prediction: Of a longer video with its segments, the mean of its probabilities, and as the
            answer the label that takes the most time.
        timeline: Of a longer video; None of a clip.
    """

    prediction: Prediction
    timeline: Timeline | None


def choose_pace(
    recognizer: Recognizer, *, window_seconds: float | None, step_seconds: float
) -> tuple[Pace | None, float]:
    """Return how the window slides, and the length of a clip at most, over which none does.

    Args:
        recognizer: The model.
        window_seconds: What the user wants; None: what the model was trained on.
        step_seconds: From an answer to the next.

    Returns:
        No pace where nothing says how long the window is: every video is a clip then.
    """
    wanted = window_seconds or recognizer.window_seconds
    if wanted is None:
        return None, math.inf
    longest = recognizer.longest_seconds if window_seconds is None else window_seconds
    return Pace(wanted, step_seconds), longest


def predict_any(
    recognizer: Recognizer,
    videos: Sequence[Path],
    *,
    pace: Pace | None,
    longest_seconds: float,
    limits: Limits,
) -> Iterator[Said]:
    """Yield what a model says of each video, in order, with progress.

    Args:
        recognizer: The model.
        videos: Files of any kind that FFmpeg reads.
        pace: Of the window over longer videos.
        longest_seconds: Of a clip.
        limits: What one video may use; of a longer one, the time counts from frame to frame.
    """
    for said in predict_videos(recognizer, videos, limits=limits, longest_seconds=longest_seconds):
        if not said.seconds:
            yield Said(said, None)
            continue
        try:
            timeline = watch_video(
                recognizer, said.video, seconds=said.seconds, pace=pace, limits=limits
            )
            if not timeline.segments:
                raise VideoError(
                    f"{said.video} has fewer frames than a window of {pace.window_seconds:g} s "
                    "needs. Name a shorter one with --window."
                )
        except VideoError as error:
            yield Said(replace(said, problem=str(error), seconds=0.0), None)
            continue
        yield Said(_summarize(said, timeline, recognizer), timeline)


def _summarize(said: Prediction, timeline: Timeline, recognizer: Recognizer) -> Prediction:
    seconds: Counter[str] = Counter()
    for one in timeline.segments:
        seconds[one.label] += one.end - one.start
    return replace(
        said,
        probabilities=rank_labels(recognizer.labels, timeline.mean_probabilities()),
        answer=seconds.most_common(1)[0][0],
        clip=timeline.samples,
        segments=tuple(timeline.segments),
    )
