"""Frames at a steady pace from a video of any length, one at a time: memory stays the same."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from har.video.extracting import to_square
from har.video.reading import blame_video, decode_frames, open_video, survey_video
from har.video.shown import pixel_aspect
from har.video.stored.timing import Timing, check_damage


def steady_frames(
    path: Path, *, interval: float, size: int, aspect: str
) -> Iterator[tuple[float, np.ndarray]]:
    """Yield the frame nearest to each of the instants 0, interval, 2 * interval, … of a video.

    Args:
        path: The video.
        interval: Seconds between two frames; where the video has fewer, some repeat.
        size: Width and height of the frames in pixels.
        aspect: As for `har.video.extracting.extract_clip`.

    Yields:
        The instant in seconds from the first frame, and uint8 RGB, shape (size, size, 3).

    Raises:
        VideoError: The video cannot be read, or, at its end, less than half of it could be.
    """
    _, timing = survey_video(path)
    with blame_video(path, section="convert"), open_video(path) as (container, stream):
        scaler, pixels = VideoReformatter(), pixel_aspect(stream)
        before, number, num_decoded = None, 0, 0
        for at, frame in with_times(decode_frames(container, stream), stream, timing):
            num_decoded += 1
            while before is not None and number * interval < (before[0] + at) / 2:
                yield number * interval, to_square(before[1], pixels, scaler, size, aspect)
                number += 1
            before = at, frame
        while before is not None and number * interval <= before[0]:
            yield number * interval, to_square(before[1], pixels, scaler, size, aspect)
            number += 1
    check_damage(path, num_decoded, timing.num_promised)


def with_times(
    frames: Iterable[av.VideoFrame], stream: av.VideoStream, timing: Timing
) -> Iterator[tuple[float, av.VideoFrame]]:
    """Yield frames with their seconds from the first; leaves out those that have no time."""
    if isinstance(timing.times, range):  # the file does not say when frames are shown
        for number, frame in enumerate(frames):
            yield float(number / timing.fps), frame
        return
    for frame in frames:
        if frame.pts is not None:
            yield float((frame.pts - timing.times[0]) * stream.time_base), frame
