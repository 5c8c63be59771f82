"""A first look at one video: what it holds, a strip of a few of its frames, and a short run."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from har.engine.errors import VideoError
from har.video.extracting import ENLARGE, SHRINK
from har.video.reading import VideoInfo, blame_video, decode_frames, open_video, survey_video
from har.video.shown import orientation_of, pixel_aspect, upright_size
from har.video.stored.colours import to_rgb
from har.video.stored.timing import Timing, check_damage

NUM_STRIP_FRAMES = 4
MAX_FRAME_SHAPE = 2.0  # width of a frame on the strip by its height; wider ones are cut
GAP = 2  # pixels between two frames
JPEG_QUALITY = 72
PIXELS_PER_FRAME = 8_000_000  # decoded at most for one: 26 frames of 480p, some 60 ms
MAX_DECODED = 120  # frames decoded at most for one frame of a strip
FRAME_SIDE = 224  # pixels of the longer side of the frames kept; the person detector takes as many
RUN_SECONDS = 1.0  # length of the run from the middle of a video
RUN_STEP_SECONDS = 0.2  # between two frames of the run, at most
RUN_PIXELS = 32_000_000  # decoded at most for the run: 15 frames of 1080p, some 100 ms


@dataclass(frozen=True)
class Preview:
    """What a first look at a video shows.

    Attributes:
        info: What the file holds.
        strip: A JPEG picture of a few frames side by side; empty if none was wanted.
        frames: Those of the strip, larger: uint8 RGB, upright, `FRAME_SIDE` on the longer side.
        run: About a second from the middle of the video, uint8 RGB, shape (num_frames, size, size,
            3); None if no strip was wanted.
    """

    info: VideoInfo
    strip: bytes
    frames: tuple[np.ndarray, ...] = ()
    run: np.ndarray | None = None


@dataclass(frozen=True)
class PreviewTask:
    """What to look at, and how.

    Attributes:
        path: The video.
        strip_height: Of the picture in pixels; 0 for no picture, no frames and no run.
        decode: Whether to decode every frame, which finds damage that the file does not tell of.
        num_frames: Of a clip; the frames of the run are as far apart as a clip's.
        problem: Why there is nothing to look at; else empty.
    """

    path: Path
    strip_height: int
    decode: bool
    num_frames: int = 30
    problem: str = ""


def preview_video(task: PreviewTask) -> Preview:
    """Read what a video holds, and draw its strip if it is to have one.

    Raises:
        VideoError: The task has a problem, the video cannot be read, or more than half of it is
            missing or damaged.
    """
    path = task.path
    if task.problem:
        raise VideoError(task.problem)
    with blame_video(path, section="convert"):
        info, timing = survey_video(path)
        check_damage(path, info.num_frames, info.num_promised)
        if task.decode:
            with open_video(path) as (container, stream):
                num_decoded = sum(1 for _ in decode_frames(container, stream))
            check_damage(path, num_decoded, info.num_promised)
        if not task.strip_height:
            return Preview(info, b"")
        strip, frames = draw_strip(path, timing, height=task.strip_height)
        return Preview(info, strip, frames, read_run(path, timing, num_frames=task.num_frames))


def draw_strip(path: Path, timing: Timing, *, height: int) -> tuple[bytes, tuple[np.ndarray, ...]]:
    """Draw a few frames side by side, from the first to the last part of the video.

    It is quick rather than exact: for each wanted instant it goes on from the last one, or from
    the whole picture before the instant if that is nearer, only so far as a fraction of a second
    allows.

    Args:
        path: The video.
        timing: When its frames are shown.
        height: Of the picture, in pixels.

    Returns:
        A JPEG file, and the frames, larger, as `Preview` says; empty if none could be decoded.
    """
    num_wanted = min(NUM_STRIP_FRAMES, len(timing.times))
    # The middles of equal parts; of 80 frames in 4 parts: 10 30 50 70.
    wanted = [(2 * i + 1) * len(timing.times) // (2 * num_wanted) for i in range(num_wanted)]
    times = [timing.times[index] for index in wanted]
    with open_video(path) as (container, stream):
        thumbnails, frames = [], []
        for frame in _frames_near(container, stream, times):
            shown_width, shown_height = upright_size(frame, pixel_aspect(stream))
            large = max(1, round(FRAME_SIDE * shown_height / max(shown_width, shown_height)))
            thumbnails.append(_shrink(frame, stream, height))
            frames.append(_shrink(frame, stream, large))
    return _join(thumbnails, height) if thumbnails else b"", tuple(frames)


def read_run(path: Path, timing: Timing, *, num_frames: int) -> np.ndarray:
    """Decode a short run of frames from the middle of a video, in a bounded time.

    It starts at the last whole picture before the middle second.

    Args:
        path: The video.
        timing: When its frames are shown.
        num_frames: Of a clip. Two frames of the run are as far apart as two of a clip, but at most
            `RUN_STEP_SECONDS`.

    Returns:
        uint8 RGB, shape (num_frames, FRAME_SIDE, FRAME_SIDE, 3), perhaps of no frame.
    """
    num_there = len(timing.times)
    step = min((num_there - 1) / max(1, num_frames - 1), RUN_STEP_SECONDS * float(timing.fps))
    step = max(1, round(step))
    length = max(2 * step, round(RUN_SECONDS * float(timing.fps))) + 1  # in frames
    start = max(0, num_there - length) // 2
    with open_video(path) as (container, stream):
        size = stream.codec_context.width * stream.codec_context.height
        length = min(length, max(1, RUN_PIXELS // max(1, size)))
        frames = (
            _decode_from(container, stream, timing.times[start])
            if start
            else decode_frames(container, stream)
        )
        run = [_square(frame) for frame in itertools.islice(frames, 0, length, step)]
    return np.stack(run) if run else np.empty((0, FRAME_SIDE, FRAME_SIDE, 3), np.uint8)


def _square(frame: av.VideoFrame) -> np.ndarray:
    """Return the whole frame as uint8 RGB of shape (FRAME_SIDE, FRAME_SIDE, 3), not upright."""
    is_smaller = frame.width * frame.height > FRAME_SIDE**2
    interpolation = SHRINK if is_smaller else ENLARGE
    return to_rgb(frame, FRAME_SIDE, FRAME_SIDE, interpolation=interpolation, threads=1)


def _frames_near(
    container: av.container.InputContainer, stream: av.VideoStream, times: Sequence[int]
) -> Iterator[av.VideoFrame]:
    """Yield for each time, in rising order, a frame at or somewhat before it, if there is one."""
    size = stream.codec_context.width * stream.codec_context.height
    max_decoded = min(max(1, PIXELS_PER_FRAME // max(1, size)), MAX_DECODED)
    frames = decode_frames(container, stream)
    latest = None
    for time in times:
        if latest is not None and latest.pts is not None and _restart(stream, time) > latest.pts:
            frames = _decode_from(container, stream, time)
        for frame in itertools.islice(frames, max_decoded):
            latest = frame
            if frame.pts is None or frame.pts >= time:
                break
        if latest is not None:
            yield latest


def _decode_from(
    container: av.container.InputContainer, stream: av.VideoStream, time: int
) -> Iterator[av.VideoFrame]:
    try:
        container.seek(time, stream=stream)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        pass  # damaged there: what follows the last frame does as well
    return decode_frames(container, stream)


def _restart(stream: av.VideoStream, time: int) -> float:
    """Return when the last whole picture before a time is shown; -inf if the file has no index."""
    place = stream.index_entries.search_timestamp(time)
    return stream.index_entries[place].timestamp if place >= 0 else -math.inf


def _shrink(frame: av.VideoFrame, stream: av.VideoStream, height: int) -> np.ndarray:
    """Return the frame upright as uint8 RGB of shape (height, width, 3)."""
    shown_width, shown_height = upright_size(frame, pixel_aspect(stream))
    width = max(1, round(shown_width * height / shown_height))
    orientation = orientation_of(frame)
    lying = (height, width) if orientation.is_lying else (width, height)
    is_smaller = lying[0] * lying[1] < frame.width * frame.height
    interpolation = SHRINK if is_smaller else ENLARGE
    upright = orientation.apply(to_rgb(frame, *lying, interpolation=interpolation, threads=1))
    cut = max(0, width - round(MAX_FRAME_SHAPE * height)) // 2
    return upright[:, cut : width - cut]


def _join(thumbnails: list[np.ndarray], height: int) -> bytes:
    gap = np.full((height, GAP, 3), 128, np.uint8)
    pieces = [piece for thumbnail in thumbnails for piece in (gap, thumbnail)][1:]
    bgr = np.concatenate(pieces, axis=1)[..., ::-1]
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()
