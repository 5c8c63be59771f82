"""A first look at one video: what it holds, and a strip of a few of its frames."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from har.video.extracting import ENLARGE, SHRINK
from har.video.reading import (
    Timing,
    VideoInfo,
    blame_video,
    check_damage,
    decode_frames,
    open_video,
    rotation_of,
    survey_video,
    upright_size,
)

NUM_STRIP_FRAMES = 4
MAX_FRAME_SHAPE = 2.0  # width of a frame on the strip by its height; wider ones are cut
GAP = 2  # pixels between two frames
JPEG_QUALITY = 72
PIXELS_PER_FRAME = 8_000_000  # decoded at most for one: 26 frames of 480p, some 60 ms
MAX_DECODED = 120  # frames decoded at most for one frame of a strip


@dataclass(frozen=True)
class Preview:
    """What a first look at a video shows.

    Attributes:
        info: What the file holds.
        strip: A JPEG picture of a few frames side by side; empty if none was wanted.
    """

    info: VideoInfo
    strip: bytes


@dataclass(frozen=True)
class PreviewTask:
    """What to look at, and how.

    Attributes:
        path: The video.
        strip_height: Of the picture in pixels; 0 for no picture.
        decode: Whether to decode every frame, which finds damage that the file does not tell of.
    """

    path: Path
    strip_height: int
    decode: bool


def preview_video(task: PreviewTask) -> Preview:
    """Read what a video holds, and draw its strip if it is to have one.

    Raises:
        VideoError: The video cannot be read, or more than half of it is missing or damaged.
    """
    path = task.path
    with blame_video(path, section="convert"):
        info, timing = survey_video(path)
        check_damage(path, info.num_frames, info.num_promised)
        if task.decode:
            with open_video(path) as (container, stream):
                num_decoded = sum(1 for _ in decode_frames(container, stream))
            check_damage(path, num_decoded, info.num_promised)
        strip = draw_strip(path, timing, height=task.strip_height) if task.strip_height else b""
    return Preview(info, strip)


def draw_strip(path: Path, timing: Timing, *, height: int) -> bytes:
    """Draw a few frames side by side, from the first to the last part of the video.

    It is quick rather than exact: for each wanted instant it goes on from the last one, or from
    the whole picture before the instant if that is nearer, only so far as a fraction of a second
    allows.

    Args:
        path: The video.
        timing: When its frames are shown.
        height: Of the picture, in pixels.

    Returns:
        A JPEG file; empty if no frame could be decoded.
    """
    num_wanted = min(NUM_STRIP_FRAMES, len(timing.times))
    # The middles of equal parts; of 80 frames in 4 parts: 10 30 50 70.
    wanted = [(2 * i + 1) * len(timing.times) // (2 * num_wanted) for i in range(num_wanted)]
    times = [timing.times[index] for index in wanted]
    with open_video(path) as (container, stream):
        frames = list(_frames_near(container, stream, times))
        thumbnails = [_shrink(frame, stream, height) for frame in frames]
    return _join(thumbnails, height) if thumbnails else b""


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
    shown_width, shown_height = upright_size(frame, stream)
    width = max(1, round(shown_width * height / shown_height))
    is_turned = rotation_of(frame) % 180 != 0
    lying = (height, width) if is_turned else (width, height)
    is_smaller = lying[0] * lying[1] < frame.width * frame.height
    array = frame.reformat(
        *lying, format="rgb24", interpolation=SHRINK if is_smaller else ENLARGE, threads=1
    ).to_ndarray()
    upright = np.rot90(array, -rotation_of(frame) // 90)  # rot90 counts against the clock
    cut = max(0, width - round(MAX_FRAME_SHAPE * height)) // 2
    return upright[:, cut : width - cut]


def _join(thumbnails: list[np.ndarray], height: int) -> bytes:
    gap = np.full((height, GAP, 3), 128, np.uint8)
    pieces = [piece for thumbnail in thumbnails for piece in (gap, thumbnail)][1:]
    bgr = np.concatenate(pieces, axis=1)[..., ::-1]
    _, encoded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return encoded.tobytes()
