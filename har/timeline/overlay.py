"""What a model says, drawn into frames: label, probability and the skeleton."""

import bisect
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from har.engine.progress import progress
from har.engine.steps import Limits
from har.pose.drawing import draw_bones
from har.recognizer.prediction import Segment, with_share
from har.recognizer.recognizer import Recognizer
from har.timeline.answers import none_label_of
from har.timeline.prediction import Said
from har.timeline.watching import Pace, Timeline, watch_video
from har.video.annotating import annotate_video
from har.video.reading import probe_video

BAND = 0.09  # height of the band with the label, as a share of the frame's
MIN_BAND = 22  # pixels
INK, PAPER, BAR = (255, 255, 255), (20, 20, 20), (60, 160, 90)


def write_annotated(
    said: Said, out: Path, recognizer: Recognizer, *, pace: Pace, limits: Limits
) -> None:
    """Write a video with what is said of it drawn in: label, probability and skeleton.

    Args:
        said: Of the video.
        out: The .mp4 to write.
        recognizer: The model.
        pace: Of the window; of a clip only the skeleton is looked for.
        limits: As for `predict_any`.

    Raises:
        VideoError: The video cannot be read.
    """
    how = {"aspect": recognizer.preprocessing["aspect"], "none_label": none_label_of(recognizer)}
    timeline = watch_said(said, recognizer, pace=pace, limits=limits)
    draw_timeline(said.prediction.video, out, timeline, **how)


def watch_said(said: Said, recognizer: Recognizer, *, pace: Pace, limits: Limits) -> Timeline:
    """Return what is said of a video over its time; of a clip, its answer from start to end.

    Args:
        said: Of the video.
        recognizer: The model.
        pace: Of the window; of a clip only the skeleton is looked for.
        limits: As for `predict_any`.

    Raises:
        VideoError: The video cannot be read.
    """
    if said.timeline is not None:
        return said.timeline
    video = said.prediction.video
    seconds = probe_video(video).duration_seconds
    timeline = watch_video(recognizer, video, seconds=seconds, pace=pace, limits=limits)
    share = next(iter(said.prediction.probabilities.values()))
    timeline.segments = [Segment(0.0, seconds, said.prediction.answer, share)]
    return timeline


def draw_timeline(
    video: Path, out: Path, timeline: Timeline, *, aspect: str, none_label: str
) -> None:
    """Write a video with a timeline drawn in, with progress.

    Args:
        video: The video.
        out: The .mp4 to write.
        timeline: With the segments of the video and the landmarks found in it.
        aspect: How the model's square frames are made, as for `draw_person`.
        none_label: The label that is no action.

    Raises:
        VideoError: The video cannot be read.
    """
    ends = [one.end for one in timeline.segments[:-1]]

    def draw(frame: np.ndarray, seconds: float) -> None:
        found = landmarks_at(seconds, timeline.times, timeline.landmarks)
        if found is not None:
            draw_person(frame, found, aspect=aspect)
        now = timeline.segments[bisect.bisect_right(ends, seconds)]
        draw_answer(frame, now.label, now.probability, none_label=none_label)

    drawn, total = annotate_video(video, out, draw), probe_video(video).num_frames
    for _ in progress(drawn, total=total, description=out.name, unit="frames"):
        pass


def draw_answer(frame: np.ndarray, label: str, share: float, *, none_label: str) -> None:
    """Draw a label with its probability, or, where there is no action, the label alone."""
    if label == none_label:
        draw_label(frame, label, 0.0)
    else:
        draw_label(frame, with_share(label, share), share)


def draw_label(frame: np.ndarray, text: str, share: float) -> None:
    """Draw a band with a text, and a bar as long as a probability, at the bottom of a frame.

    Args:
        frame: uint8 RGB, shape (height, width, 3); it is drawn into.
        text: The label, in any script.
        share: In [0, 1].
    """
    height, width = frame.shape[:2]
    band = min(height, max(MIN_BAND, round(BAND * height)))
    top = height - band
    frame[top:] //= 4
    frame[top:] += np.array(PAPER, np.uint8)
    end = round(np.clip(share, 0, 1) * width)
    cv2.rectangle(frame, (0, height - max(2, band // 8)), (end, height), BAR, cv2.FILLED)
    size = round(0.55 * band)
    cv2.putText(
        frame, text, (band // 3, height - round(0.32 * band)), INK, cv2.FontFace("sans"), size
    )


def draw_note(frame: np.ndarray, text: str) -> None:
    """Write a few words at the top of a frame, which is drawn into."""
    size, font = max(12, frame.shape[0] // 28), cv2.FontFace("sans")
    for shift, ink in ((1, PAPER), (0, INK)):  # a shadow: legible on any picture
        cv2.putText(frame, text, (size // 2 + shift, 3 * size // 2 + shift), ink, font, size)


def draw_person(frame: np.ndarray, landmarks: np.ndarray, *, aspect: str) -> None:
    """Draw the skeleton into a frame of the video's own shape.

    Args:
        frame: uint8 RGB, shape (height, width, 3); it is drawn into.
        landmarks: Of the square frame that was made of it, shape (33, 4 or more).
        aspect: How it was made: `stretch`, `pad` or `crop`.
    """
    height, width = frame.shape[:2]
    side = {"stretch": height, "pad": max(width, height), "crop": min(width, height)}[aspect]
    offset = [0, 0] if aspect == "stretch" else [(side - width) / 2, (side - height) / 2]
    places = landmarks[:, :2] * side - offset
    draw_bones(frame, places, landmarks[:, 3], thickness=max(2, height // 240))


def landmarks_at(
    seconds: float, times: Sequence[float], landmarks: Sequence[np.ndarray]
) -> np.ndarray | None:
    """Return landmarks between those of the frames before and after an instant.

    Args:
        seconds: The instant.
        times: Of the frames that were looked at, rising.
        landmarks: Of each of them.

    Returns:
        Those of the nearer frame where a person is in only one; None where there is no frame.
    """
    if not len(landmarks):
        return None
    after = int(np.clip(np.searchsorted(times, seconds), 1, max(1, len(times) - 1)))
    before = after - 1
    after = min(after, len(times) - 1)
    span = times[after] - times[before]
    share = np.clip((seconds - times[before]) / span, 0, 1) if span else 0.0
    between = landmarks[before] * (1 - share) + landmarks[after] * share
    if np.isfinite(between[0, 0]):
        return between
    return landmarks[after if share > 0.5 else before]
