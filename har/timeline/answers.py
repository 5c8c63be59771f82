"""Answers of a recognizer over time: one for each place of a window that slides over a video."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from har.clips.streams import POSE
from har.engine.workers import ahead
from har.pose.follower import Follower
from har.recognizer.recognizer import Recognizer
from har.timeline.window import SlidingWindow

NONE = "none"  # what nobody does, where the model has no label for it
MIDDLE = 1 / 3  # of the window, in most of which nobody is found where it is about nobody

MIN_FOUND = 0.5


def none_label_of(recognizer: Recognizer) -> str:
    """Return the label of what is no action."""
    return recognizer.none_label or NONE


@dataclass(frozen=True)
class Answer:
    """What a model says of one place of the window.

    Attributes:
        start: Of the window, in seconds.
        end: Of the window.
        probabilities: Of each label, float32, shape (num_classes,).
        has_person: Whether somebody is found in the middle of the window; True where the model
            sees no pose.
    """

    start: float
    end: float
    probabilities: np.ndarray
    has_person: bool

    def label(self, recognizer: Recognizer) -> str:
        """Return the answer in a word: a label, `unsure`, or, where nobody is there, `none`."""
        if not self.has_person:
            return none_label_of(recognizer)
        return recognizer.answer(self.probabilities)

    @property
    def middle(self) -> float:
        """The middle of the window, in seconds."""
        return (self.start + self.end) / 2


@dataclass(frozen=True)
class Seen:
    """A frame that was looked at.

    Attributes:
        at: Its time in seconds.
        frame: uint8 RGB, shape (size, size, 3).
        landmarks: Of the person in it, (33, 8); None where the model sees no pose.
        answer: Of the window that ends with it; None between two steps.
    """

    at: float
    frame: np.ndarray
    landmarks: np.ndarray | None
    answer: Answer | None


def frame_interval(recognizer: Recognizer, window_seconds: float) -> float:
    """Return the seconds between two frames of a window."""
    return window_seconds / max(1, recognizer.preprocessing["num_frames"] - 1)


def answer_frames(
    recognizer: Recognizer,
    frames: Iterable[tuple[float, np.ndarray]],
    *,
    aspect: float,
    frames_per_step: int,
) -> Iterator[Seen]:
    """Yield each frame with what the model says once the window is full.

    The person is followed in another thread, some frames ahead.

    Args:
        recognizer: The model.
        frames: At a steady pace, each with its time: uint8 RGB, shape (size, size, 3).
        aspect: Width / height of the frames before they were made square.
        frames_per_step: Frames from an answer to the next.
    """
    window, num_left = SlidingWindow(recognizer), 0
    length = recognizer.preprocessing["num_frames"]
    starts: list[float] = []
    for at, frame, landmarks in _followed(recognizer, frames, aspect):
        window.add(frame, landmarks)
        starts = [*starts, at][-length:]
        answer = None
        if window.is_full and num_left == 0:
            answer = answer_of(recognizer, window, starts[0], at)
        if window.is_full:
            num_left = (num_left or frames_per_step) - 1
        yield Seen(at, frame, landmarks, answer)


def answer_of(recognizer: Recognizer, window: SlidingWindow, start: float, end: float) -> Answer:
    """Return what a model says of a full window, from a start to an end in seconds."""
    num_frames = max(1, round(MIDDLE * recognizer.preprocessing["num_frames"]))
    has_person = window.share_found(num_frames) >= MIN_FOUND
    return Answer(start, end, window.probabilities(), has_person)


def _followed(
    recognizer: Recognizer, frames: Iterable[tuple[float, np.ndarray]], aspect: float
) -> Iterator[tuple[float, np.ndarray, np.ndarray | None]]:
    """Yield frames with the landmarks of the person in them, if the model sees the pose."""
    if POSE not in recognizer.preprocessing["streams"]:
        for at, frame in frames:
            yield at, frame, None
        return
    person = recognizer.preprocessing["person"]
    follower = Follower(recognizer.pose_networks, aspect=aspect, person=person)
    found = ((at, frame, follower.look(frame)) for at, frame in frames)
    yield from ahead(found)
