"""Pictures as they are taken: by a camera, from an address, or from a file at its own speed.

A camera is read by OpenCV, which finds it by its number on every system; addresses and files by
PyAV, as all videos here.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import VideoReformatter

from har.engine.errors import VideoError
from har.video.extracting import to_square
from har.video.reading import (
    decode_frames,
    open_video,
    survey_video,
)
from har.video.shown import orientation_of, pixel_aspect, upright_size
from har.video.steady import with_times
from har.video.stored.colours import to_rgb

SCHEMES = ("rtsp", "rtsps", "http", "https")
ADDRESS = re.compile(r"([a-z]+)://", re.IGNORECASE)
LONGEST_SIDE = 640  # pixels of the pictures that are shown
ROUNDING = 1e-6  # of an interval: three times 0.1 s is a little less than 0.3 s
OPEN_SECONDS, READ_SECONDS = 10.0, 10.0  # for an address to answer, and to send the next picture
# As soon as it is there: nothing is kept back to be put in order, nothing is read ahead.
LOW_DELAY = {
    "fflags": "nobuffer",
    "flags": "low_delay",
    "rtsp_transport": "tcp",
    "analyzeduration": "500000",  # microseconds
    "protocol_whitelist": "http,https,tcp,tls,crypto,rtsp,rtp,udp",
}


@dataclass(frozen=True)
class Shot:
    """A picture of a live source.

    Attributes:
        at: When it was taken, in seconds from the first one.
        arrived: When it arrived, by `time.monotonic`.
        picture: uint8 RGB, upright, at most `LONGEST_SIDE` wide and high.
        square: As a model takes it, uint8 RGB, shape (size, size, 3), where it is the first at or
            after one of the instants 0, interval, 2 * interval, …; else None.
        slot: The number of the last such instant.
    """

    at: float
    arrived: float
    picture: np.ndarray
    square: np.ndarray | None
    slot: int


def is_endless(source: str) -> bool:
    """Return whether a source is a camera or an address, and not a file."""
    return source.isdecimal() or ADDRESS.match(source) is not None


def hide_password(source: str) -> str:
    """Return an address without its password.

    Example:
        >>> hide_password("rtsp://me:secret@10.0.0.9/live")
        'rtsp://me:***@10.0.0.9/live'
    """
    return re.sub(r"(://[^/:@]*):[^/@]*@", r"\1:***@", source)


def live_shots(source: str, *, interval: float, size: int, aspect: str) -> Iterator[Shot]:
    """Yield the pictures of a source as soon as they are there.

    Args:
        source: Number of a camera, an address, or a file.
        interval: Seconds between two pictures for the model.
        size: Their width and height in pixels.
        aspect: As for `har.video.extracting.extract_clip`.

    Raises:
        VideoError: It cannot be opened, or was lost.
    """
    scaler, slot = VideoReformatter(), -1
    for at, frame, pixels in _open_source(source):
        arrived, square = time.monotonic(), None
        instant = int(at / interval + ROUNDING)  # of an infinite interval: 0
        if instant > slot:
            slot = instant
            square = to_square(frame, pixels, scaler, size, aspect)
        yield Shot(at, arrived, _to_picture(frame, pixels), square, slot)


def source_aspect(picture: np.ndarray, aspect: str) -> float:
    """Return width / height of frames before they are made square; 1 where they keep it."""
    return picture.shape[1] / picture.shape[0] if aspect == "stretch" else 1.0


def _open_source(source: str) -> Iterator[tuple[float, av.VideoFrame, Fraction]]:
    """Return frames with their seconds from the first and the shape of their pixels."""
    if source.isdecimal():
        return _camera_frames(int(source))
    scheme = ADDRESS.match(source)
    if scheme is None:
        return _file_frames(Path(source))
    if scheme[1].lower() not in SCHEMES:
        raise VideoError(
            f"{hide_password(source)} starts with {scheme[1]}://; expected the number of a camera, "
            f"a file, or an address with one of {', '.join(SCHEMES)}."
        )
    return _address_frames(source)


def _camera_frames(number: int) -> Iterator[tuple[float, av.VideoFrame, Fraction]]:
    capture = cv2.VideoCapture(number)
    try:
        if not capture.isOpened():
            raise VideoError(
                f"There is no camera {number}, or another program uses it. Try 0 or 1, close other "
                "programs, and allow this one to use the camera."
            )
        capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        start = None
        while True:
            is_read, picture = capture.read()
            if not is_read:
                raise VideoError(f"Camera {number} gives no more pictures. Is it still connected?")
            start = time.monotonic() if start is None else start
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            yield time.monotonic() - start, frame, Fraction(1)
    finally:
        capture.release()


def _address_frames(address: str) -> Iterator[tuple[float, av.VideoFrame, Fraction]]:
    shown, start = hide_password(address), None
    try:
        timeout = (OPEN_SECONDS, READ_SECONDS)
        with av.open(address, options=LOW_DELAY, timeout=timeout) as container:
            if not container.streams.video:
                raise VideoError(f"{shown} sends no video. Check the address.")
            stream = container.streams.video[0]
            stream.thread_type, stream.codec_context.thread_count = "NONE", 1
            for frame in container.decode(stream):
                start = time.monotonic() if start is None else start
                yield time.monotonic() - start, frame, pixel_aspect(stream)
    except (av.error.FFmpegError, OSError) as error:
        if start is not None:
            raise VideoError(f"{shown} was lost ({error.strerror}).") from error
        raise VideoError(
            f"{shown} cannot be opened ({error.strerror}). Check that it sends, and that the "
            "address, the name and the password are right."
        ) from error
    raise VideoError(f"{shown} has ended.")


def _file_frames(path: Path) -> Iterator[tuple[float, av.VideoFrame, Fraction]]:
    """Yield the frames of a file when they are due."""
    _, timing = survey_video(path)
    start = time.monotonic()
    with open_video(path) as (container, stream):
        for at, frame in with_times(decode_frames(container, stream), stream, timing):
            time.sleep(max(0.0, start + at - time.monotonic()))
            yield at, frame, pixel_aspect(stream)


def _to_picture(frame: av.VideoFrame, pixels: Fraction) -> np.ndarray:
    orientation = orientation_of(frame)
    width, height = upright_size(frame, pixels)
    scale = min(1, LONGEST_SIDE / max(width, height))
    shown = (max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2))
    stored = shown[::-1] if orientation.is_lying else shown
    return np.ascontiguousarray(orientation.apply(to_rgb(frame, *stored)))
