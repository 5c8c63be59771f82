"""What people do before a camera, as they do it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from har.clips.clip import even_indices
from har.clips.streams import POSE
from har.engine.errors import VideoError
from har.engine.steps import Limits
from har.pose.follower import Follower
from har.recognizer.recognizer import Recognizer
from har.timeline.answers import Answer, answer_of, frame_interval
from har.timeline.feed import FeedError, feed_live
from har.timeline.window import SlidingWindow
from har.video.live import Shot, hide_password, is_endless, source_aspect

ANSWERS_A_SECOND = 10  # at least
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds before a lost source is opened again
MAX_SKIPPED = 60  # pictures lost in a row; after more of them the window starts again


@dataclass(frozen=True)
class Moment:
    """A picture and what is known when it is shown.

    Attributes:
        shot: The picture.
        at: When it was taken, in seconds from the first one of all, also of those before a loss.
        landmarks: Of the person in the latest picture that the model saw, (33, 8), or None.
        answer: Of the window that ends with this picture; None where the model does not see it, or
            has not seen enough of them.
        seconds: From its arrival until now.
        num_dropped: Pictures dropped so far, since the model was not done in time.
    """

    shot: Shot
    at: float
    landmarks: np.ndarray | None
    answer: Answer | None
    seconds: float
    num_dropped: int


class LiveWindow:
    """Windows over live pictures that answer at least `ANSWERS_A_SECOND` times.

    A clip has fewer pictures a second than that, so several windows take turns: of two, one has the
    pictures 0, 2, 4, … and the other 1, 3, 5, …. The person is followed through all of them.

    Args:
        recognizer: The model.
        window_seconds: Length of the window.
    """

    def __init__(self, recognizer: Recognizer, window_seconds: float):
        interval = frame_interval(recognizer, window_seconds)
        self._num_turns = max(1, int(np.ceil(interval * ANSWERS_A_SECOND)))
        self.interval = interval / self._num_turns
        self._recognizer, self._window_seconds = recognizer, window_seconds
        self._kept: list[np.ndarray] = []  # pictures before the first answer, of the first window
        self._aspect = 1.0
        self.num_answers = 0
        self.start_anew()

    def start_anew(self) -> None:
        """Forget what was seen."""
        self._windows = [SlidingWindow(self._recognizer) for _ in range(self._num_turns)]
        self._follower: Follower | None = None
        self._next_slot = 0
        self.landmarks = None

    def see(self, shot: Shot) -> Answer | None:
        """Take a picture for the model; return the answer of the window that ends with it."""
        if shot.slot - self._next_slot > MAX_SKIPPED:
            self.start_anew()
            self._next_slot = shot.slot
        for slot in range(self._next_slot, shot.slot):  # lost ones
            self._windows[slot % self._num_turns].repeat()
        self._next_slot = shot.slot + 1
        if not self.num_answers and shot.slot % self._num_turns == 0:
            self._kept.append(shot.square)
        self._aspect = source_aspect(shot.picture, self._recognizer.preprocessing["aspect"])
        window, looked = self._windows[shot.slot % self._num_turns], None
        with ThreadPoolExecutor(1) as pool:  # the body is followed while the backbone runs
            if POSE in self._recognizer.preprocessing["streams"]:
                looked = pool.submit(self._follow, shot)
            window.add(shot.square, looked)
            self.landmarks = looked and looked.result()
        if not window.is_full:
            return None
        self.num_answers += 1
        self._kept.clear()
        return answer_of(self._recognizer, window, shot.at - self._window_seconds, shot.at)

    def answer_short(self) -> Answer | None:
        """Return the answer of a source that ended before the window was full, as of a clip."""
        if self.num_answers or not self._kept:
            return None
        length = self._recognizer.preprocessing["num_frames"]
        clip = np.stack(self._kept)[even_indices(len(self._kept), length)]
        end = (len(self._kept) - 1) * self.interval * self._num_turns
        return Answer(0.0, end, self._recognizer.predict(clip, aspect=self._aspect), True)

    def _follow(self, shot: Shot) -> np.ndarray:
        if self._follower is None:
            person = self._recognizer.preprocessing["person"]
            networks = self._recognizer.pose_networks
            self._follower = Follower(networks, aspect=self._aspect, person=person)
        return self._follower.look(shot.square)


def watch_live(
    window: LiveWindow,
    recognizer: Recognizer,
    source: str,
    *,
    limits: Limits,
    on_loss: Callable[[str, float], None],
) -> Iterator[Moment]:
    """Yield each picture of a source with what the model says, as soon as it is there.

    A camera or an address that is lost is opened again, after pauses that grow.

    Args:
        window: Of the model.
        recognizer: The model.
        source: Number of a camera, an address, or a file.
        limits: Memory of the process that decodes.
        on_loss: Called with the reason and the seconds of the pause.

    Raises:
        VideoError: The source cannot be opened the first time, or is a file that cannot be read.
    """
    pause, began, num_dropped_before = FIRST_PAUSE, None, 0
    while True:
        num_dropped = 0
        try:
            for num_dropped, shot in _shots(window, recognizer, source, limits):
                pause, began = FIRST_PAUSE, shot.arrived if began is None else began
                at = shot.arrived - began if is_endless(source) else shot.at
                answer = window.see(shot) if shot.square is not None else None
                seconds, total = time.monotonic() - shot.arrived, num_dropped_before + num_dropped
                yield Moment(shot, at, window.landmarks, answer, seconds, total)
            return
        except (VideoError, FeedError) as error:
            reason = str(error)
            if isinstance(error, FeedError):
                reason = f"The process that reads {hide_password(source)} {error}."
            if began is None or not is_endless(source):
                raise VideoError(reason) from error
        num_dropped_before += num_dropped
        on_loss(reason, pause)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)
        window.start_anew()


def _shots(
    window: LiveWindow, recognizer: Recognizer, source: str, limits: Limits
) -> Iterator[tuple[int, Shot]]:
    how = {name: recognizer.preprocessing[name] for name in ("size", "aspect")}
    memory = limits.memory_gigabytes
    with feed_live(source, interval=window.interval, **how, memory_gigabytes=memory) as shots:
        yield from shots
