"""Clips filmed by a camera: countdown, filming, a second look."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from har.engine.errors import VideoError
from har.timeline.feed import FeedError, feed_live
from har.timeline.overlay import draw_label
from har.video.recording import Recorder

REVIEW_STEP = 0.04  # seconds between two pictures of the second look
Show = Callable[[np.ndarray], str]


@dataclass(frozen=True)
class Filmed:
    """A clip that was filmed.

    Attributes:
        path: The file.
        pictures: uint8 RGB, each of shape (height, width, 3), to look at once more.
        seconds: Its length.
        is_ended: Whether the user ended filming meanwhile.
    """

    path: Path
    pictures: list[np.ndarray]
    seconds: float
    is_ended: bool


def open_camera(source: str, *, memory_gigabytes: float) -> Iterator:
    """Give the pictures of a camera or an address; see `har.timeline.feed.feed_live`."""
    no_model = {"interval": math.inf, "size": 8, "aspect": "stretch"}
    return feed_live(source, **no_model, memory_gigabytes=memory_gigabytes)


def film_clip(
    shots: Iterator, path: Path, *, seconds: float, countdown: float, text: str, show: Show
) -> Filmed:
    """Film one clip after a countdown.

    Args:
        shots: As `open_camera` gives them.
        path: The .mp4 to write.
        seconds: Length of the clip.
        countdown: Seconds before it starts.
        text: What is filmed, to be shown.
        show: Shows a picture and returns the key that is pressed, or nothing; `q` ends.

    Raises:
        VideoError: The camera was lost.
    """
    recorder, pictures, started, filmed = None, [], None, 0.0
    began = time.monotonic()
    try:
        for shot in _taken(shots):
            waited = shot.arrived - began
            if waited < 0:  # it waited in the queue since before
                continue
            shown = shot.picture.copy()
            if waited < countdown:
                draw_label(shown, f"{text}: {math.ceil(countdown - waited)} …", 0.0)
            else:
                started = shot.arrived if started is None else started
                filmed = shot.arrived - started
                if recorder is None:
                    height, width = shot.picture.shape[:2]
                    recorder = Recorder(path, (width, height))
                recorder.write(shot.picture, filmed)
                pictures.append(shot.picture)
                draw_label(shown, f"{text}: filming", min(1.0, filmed / seconds))
            if show(shown) == "q":
                return Filmed(path, pictures, filmed, True)
            if filmed >= seconds:
                return Filmed(path, pictures, filmed, False)
    finally:
        if recorder is not None:
            recorder.close()
    raise VideoError("The camera has stopped. Connect it again, and go on with the same command.")


def look_again(filmed: Filmed, show: Show) -> str:
    """Show a clip again and again until a key is pressed: return `keep`, `drop` or `end`."""
    while True:
        for picture in filmed.pictures:
            shown = picture.copy()
            draw_label(shown, "Enter: keep   x: throw away   q: end", 1.0)
            key = show(shown)
            if key in ("\r", "\n", "k", " "):
                return "keep"
            if key in ("x", "d"):
                return "drop"
            if key == "q":
                return "end"
            time.sleep(REVIEW_STEP)


def _taken(shots: Iterator) -> Iterator:
    try:
        for _, shot in shots:
            yield shot
    except FeedError as error:
        raise VideoError(f"The camera was lost: the process that reads it {error}.") from error
