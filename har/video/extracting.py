"""Extracting clips: a fixed number of frames, evenly spaced over a video, square and upright.

Where the file tells which frames no wanted frame needs, those are not decoded: the result is the
same to the bit, in less time than decoding everything takes.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from har.engine.files import save_array
from har.video.reading import (
    blame_video,
    decode_frames,
    open_video,
    read_packets,
    read_video_timing,
    shown_aspect,
)
from har.video.shown import orientation_of, pixel_aspect
from har.video.stored.colours import to_rgb
from har.video.stored.timing import Timing, check_damage, read_timing

ASPECTS = ("stretch", "pad", "crop")

# Area averages all the pixels that fall into one, so nothing is aliased, but it cannot enlarge.
# The flags give the same result on every processor, and colour its full resolution.
EXACT = Interpolation.ACCURATE_RND | Interpolation.BITEXACT | Interpolation.FULL_CHR_H_INT
SHRINK = Interpolation.AREA | EXACT
ENLARGE = Interpolation.BICUBIC | EXACT

H264_IDR = 5  # ITU-T H.264, table 7-1: a picture that nothing after it looks back beyond


def extract_clip(
    path: Path | str, *, num_frames: int, size: int, aspect: str = "stretch"
) -> tuple[np.ndarray, int]:
    """Decode a video once and keep frames evenly spaced over all of it, first and last included.

    `spaced_indices` says which frames. The picture is upright and scaled by swscale: by area when
    it gets fewer pixels, else bicubic.

    Args:
        path: The video.
        num_frames: Number of frames wanted, at least 1.
        size: Width and height of the result in pixels.
        aspect: `stretch` fills the square; `pad` keeps the shape and fills up with black; `crop`
            keeps the shape and cuts the longer side at both ends.

    Returns:
        The clip, uint8 RGB of shape (num_frames, size, size, 3), and how many of its frames only
        repeat the last one since the video is too short.

    Raises:
        ValueError: An argument is out of range.
        VideoError: The video cannot be read, or more than half of it is damaged.
    """
    path = Path(path)
    _check_clip_arguments(num_frames, size, aspect)
    with open_video(path) as (container, stream):
        restarts: list[bool] = []
        packets = _note_restarts(read_packets(container, stream), stream, restarts)
        timing = read_timing(packets, stream, path)
        wanted = spaced_indices(timing.times, num_frames)
        frames, num_decoded = None, len(timing.times)
        if _can_skip(stream, timing):
            _rewind(container, stream)
            needed = _needed_packets(timing, wanted, restarts)
            frames = _decode_needed(container, stream, timing, needed, size, aspect)
        if frames is None:
            _rewind(container, stream)
            frames, num_decoded = _decode_wanted(container, stream, set(wanted), size, aspect)
    if num_decoded == len(timing.times):
        check_damage(path, num_decoded, timing.num_promised)
    else:  # the packets lie, or the file cannot be rewound
        timing = read_video_timing(path)
        with open_video(path) as (container, stream):
            num_decoded = sum(1 for _ in decode_frames(container, stream))
        check_damage(path, num_decoded, timing.num_promised)
        is_whole = num_decoded == len(timing.times)
        wanted = spaced_indices(timing.times if is_whole else range(num_decoded), num_frames)
        with open_video(path) as (container, stream):
            frames, _ = _decode_wanted(container, stream, set(wanted), size, aspect)
    return np.stack([frames[index] for index in wanted]), max(0, num_frames - num_decoded)


def extract_step(
    source: Path, destination: Path, *, num_frames: int, size: int, aspect: str
) -> dict[str, Any]:
    """Write a clip as .npy and return what to report; see `har.engine.steps.StepFunction`."""
    with blame_video(source, section="extract"):
        clip, num_repeated = extract_clip(source, num_frames=num_frames, size=size, aspect=aspect)
        shape = stretched_aspect(source, aspect)
    save_array(clip, destination)
    return {"num_repeated": num_repeated, "aspect": shape}


def stretched_aspect(path: Path, aspect: str) -> float:
    """Return width / height of a video whose frames are stretched; 1 where they keep their shape.

    Raises:
        VideoError: The video cannot be read.
    """
    return shown_aspect(path) if aspect == "stretch" else 1.0


def spaced_indices(times: Sequence[int], num_frames: int) -> list[int]:
    """Return which frames to take so that they are evenly spaced in time.

    The instants asked for are first + i * (last - first) / (num_frames - 1), and the frame nearest
    in time is taken, the later one of two equally near. At a constant frame rate that is
    floor(i * (n - 1) / (num_frames - 1) + 1/2) of n frames. Of fewer frames than wanted all are
    taken and the last is repeated. A single frame is taken from the middle.

    Args:
        times: Whole numbers, rising: the time of each frame in any unit; at least one.
        num_frames: Number of indices wanted.

    Returns:
        `num_frames` indices into `times`, never falling.

    Example:
        >>> spaced_indices(range(150), 4)  # 149 / 3 = 49.67
        [0, 50, 99, 149]
        >>> spaced_indices(range(3), 5)
        [0, 1, 2, 2, 2]
        >>> spaced_indices(range(9), 1)
        [4]
        >>> spaced_indices([0, 1, 2, 3, 100], 3)  # the frame rate varies: 3 is nearest to 50
        [0, 3, 4]
    """
    last = len(times) - 1
    if len(times) < num_frames or last == 0:
        return [min(index, last) for index in range(num_frames)]
    if num_frames == 1:
        return [last // 2]
    since_first = np.asarray(times, dtype=np.int64) - times[0]
    # Both sides times (num_frames - 1), so that every instant is a whole number.
    instants = np.arange(num_frames, dtype=np.int64) * since_first[-1]
    since_first *= num_frames - 1
    later = np.searchsorted(since_first, instants).clip(1, last)
    is_earlier_nearer = instants - since_first[later - 1] < since_first[later] - instants
    return (later - is_earlier_nearer).tolist()


def _rewind(container: av.container.InputContainer, stream: av.VideoStream) -> None:
    """Go back to the start and decode all again, which is faster than opening the file again.

    Not every format can; `extract_clip` finds out by the number of frames that follow.
    """
    stream.codec_context.skip_frame = "DEFAULT"  # `_decode_needed` may have changed it
    try:
        container.seek(stream.start_time or 0, stream=stream)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        return


def _has_parts(stream: av.VideoStream) -> bool:
    """Return whether packets are H.264 as MP4, MOV and MKV keep it: parts, each after its length.

    Reference: ISO/IEC 14496-15, AVCDecoderConfigurationRecord.
    """
    header = stream.codec_context.extradata or b""
    is_h264 = stream.codec_context.name == "h264" and len(header) > 4
    return is_h264 and header[0] == 1 and header[4] & 3 == 3  # version 1, 3 + 1 bytes of length


def _note_restarts(
    packets: Iterable[av.Packet], stream: av.VideoStream, restarts: list[bool]
) -> Iterator[av.Packet]:
    """Pass packets on; note of each whether decoding can start there as if nothing was before."""
    has_parts = _has_parts(stream)
    for packet in packets:
        restarts.append(has_parts and packet.is_keyframe and _has_idr(memoryview(packet)))
        yield packet


def _has_idr(packet: memoryview) -> bool:
    start = 0
    while start + 4 < len(packet):
        if packet[start + 4] & 31 == H264_IDR:
            return True
        start += 4 + int.from_bytes(packet[start : start + 4])
    return False


def _can_skip(stream: av.VideoStream, timing: Timing) -> bool:
    """Return whether the file tells of each packet which frame it is and what needs it."""
    if timing.ranks is None or not _has_parts(stream):
        return False
    # The decoder changes the order, so the times must too; a file without times of showing has
    # those of decoding instead.
    is_reordered = bool((np.diff(timing.ranks) < 0).any())
    return is_reordered or not stream.codec_context.has_b_frames


def _needed_packets(
    timing: Timing, wanted: Sequence[int], restarts: Sequence[bool]
) -> dict[int, bool]:
    """Return the times of the packets that wanted frames may depend on, and which are wanted.

    These are all but those after the last wanted one before a restart. With restarts 1 0 0 1 0 and
    wanted 0 1 0 0 0: groups 1 1 1 2 2, last wanted of each 1 and none, needed 1 1 0 0 0.
    """
    is_wanted = np.isin(timing.ranks, wanted)
    groups = np.cumsum(restarts)
    last_wanted = {groups[place]: place for place in np.flatnonzero(is_wanted)}
    return {
        timing.times[rank]: bool(is_wanted[place])
        for place, rank in enumerate(timing.ranks)
        if place <= last_wanted.get(groups[place], -1)
    }


def _decode_needed(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    timing: Timing,
    needed: dict[int, bool],
    size: int,
    aspect: str,
) -> dict[int, np.ndarray] | None:
    """Return the wanted frames by index, scaled; None if one is missing or any is damaged."""
    index_of = {time: index for index, time in enumerate(timing.times) if needed.get(time)}
    frames: dict[int, np.ndarray] = {}
    scaler, pixels = VideoReformatter(), pixel_aspect(stream)
    for packet in itertools.chain(read_packets(container, stream), [None]):
        if packet:
            if packet.pts not in needed:
                continue
            # NONREF passes over a frame that no other one depends on.
            stream.codec_context.skip_frame = "DEFAULT" if needed[packet.pts] else "NONREF"
        try:
            decoded = stream.decode(packet)
        except av.error.MemoryError:
            raise
        except av.error.FFmpegError:
            return None
        for frame in decoded:
            if frame.is_corrupt:  # repaired from others, which may have been passed over
                return None
            if frame.pts in index_of:
                frames[index_of[frame.pts]] = to_square(frame, pixels, scaler, size, aspect)
    return frames if len(frames) == len(index_of) else None


def _decode_wanted(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    wanted: set[int],
    size: int,
    aspect: str,
) -> tuple[dict[int, np.ndarray], int]:
    """Decode all frames; return the wanted ones by index, scaled, and the number of all."""
    frames: dict[int, np.ndarray] = {}
    num_decoded = 0
    scaler, pixels = VideoReformatter(), pixel_aspect(stream)
    for frame in decode_frames(container, stream):
        if num_decoded in wanted:
            frames[num_decoded] = to_square(frame, pixels, scaler, size, aspect)
        num_decoded += 1
    return frames, num_decoded


def to_square(
    frame: av.VideoFrame, pixels: Fraction, scaler: VideoReformatter, size: int, aspect: str
) -> np.ndarray:
    """Return the frame upright as uint8 RGB of shape (size, size, 3).

    Args:
        frame: As it is stored.
        pixels: Width of a pixel divided by its height.
        scaler: Kept from frame to frame, which saves its making.
        size: Width and height of the result.
        aspect: As for `extract_clip`.
    """
    shown = (frame.width * pixels, frame.height)  # as stored, not yet turned
    side = {"stretch": None, "pad": max(shown), "crop": min(shown)}[aspect]
    width, height = [max(1, round(length * size / (side or length))) for length in shown]
    scaled = to_rgb(
        frame,
        width,
        height,
        scaler=scaler,
        pixel_format="gbrp",  # by vectors, twice as fast as to packed RGB
        interpolation=SHRINK if width * height < frame.width * frame.height else ENLARGE,
        threads=1,
    )
    upright = orientation_of(frame).apply(scaled)
    if aspect == "crop":
        top, left = (upright.shape[0] - size) // 2, (upright.shape[1] - size) // 2
        return upright[top : top + size, left : left + size]
    if upright.shape == (size, size, 3):
        return upright
    square = np.zeros((size, size, 3), np.uint8)
    top, left = (size - upright.shape[0]) // 2, (size - upright.shape[1]) // 2
    square[top : top + upright.shape[0], left : left + upright.shape[1]] = upright
    return square


def _check_clip_arguments(num_frames: int, size: int, aspect: str) -> None:
    if num_frames < 1:
        raise ValueError(f"extract.num_frames is {num_frames}; expected at least 1.")
    if size < 1:
        raise ValueError(f"extract.size is {size}; expected at least 1 pixel.")
    if aspect not in ASPECTS:
        raise ValueError(f"extract.aspect is {aspect!r}; expected one of {', '.join(ASPECTS)}.")
