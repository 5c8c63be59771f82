"""Cutting parts out of a video, exact to the frame.

The parts are encoded again: a stream can be copied only from a key frame on, and the parts that the
data sets name hardly ever start at one. The stored picture keeps its size, colours and turn, and
the frames keep their times.
"""

import itertools
import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av.codec.context import Flags

from har.video.parts import Cut, Origin, unpack
from har.video.reading import blame_video, decode_frames, open_video, read_video_timing
from har.video.shown import display_matrix
from har.video.stored.colours import beyond_sdr
from har.video.stored.timing import Timing, exact_seconds
from har.video.writing import open_output, set_up_stream, x264_options

CRF = 16  # no loss to be seen; `convert` copies the result instead of encoding it once more
PRESET = "veryfast"
KEPT_PIXEL_FORMATS = ("yuv420p", "yuvj420p")  # they need an even width and height
DEEP_PIXEL_FORMATS = ("yuv420p10le", "yuv444p10le")  # 8 bits hold HDR by too coarse steps
SEEK_FROM_SECONDS = 10.0  # to skip less is not worth a second try
SEEK_MARGIN_SECONDS = 1.0  # an index may go by when frames are decoded, not by when they are shown


def cut_origin(task: tuple[Origin, Sequence[Cut], Path]) -> list[str]:
    """Cut a downloaded video, unpacked before if it is in a .zip; runs in a worker.

    Args:
        task: The video, the parts, and a folder for what is needed only for a while.

    Returns:
        As `cut_video`.
    """
    origin, cuts, scratch = task
    if not origin.member:
        with blame_video(origin.file, section="convert"):
            return cut_video(origin.file, cuts)
    unpacked = scratch / str(os.getpid()) / origin.name
    try:
        unpack(origin, unpacked)
        with blame_video(unpacked, section="convert"):
            return cut_video(unpacked, cuts)
    finally:
        unpacked.unlink(missing_ok=True)


def cut_video(source: Path, cuts: Sequence[Cut], *, timing: Timing | None = None) -> list[str]:
    """Cut parts out of a video, exact to the frame.

    Args:
        source: The video.
        cuts: The parts; they may overlap. All in the same unit.
        timing: Of the video, where it is known already.

    Returns:
        For each part what is wrong with it: empty if it is whole; else the video ends before or
        inside it, and there is no file or a shorter one.

    Raises:
        VideoError: The video cannot be read.
    """
    timing = timing or read_video_timing(source)
    problems = dict.fromkeys(cuts, "")
    waiting = sorted(cuts, key=lambda cut: (cut.span.start, cut.span.stop))
    # Where the file does not say when frames are shown they are counted from its start.
    by_seconds = any(cut.span.unit == "seconds" for cut in cuts)
    can_seek = by_seconds and not isinstance(timing.times, range)
    while waiting:
        chosen = _disjoint(waiting, SEEK_FROM_SECONDS if can_seek else math.inf)
        start = chosen[0].span.start
        seek_to = start if can_seek and start > SEEK_FROM_SECONDS else None
        made = _cut_from(source, timing, chosen, seek_to)
        if made is None:  # the file cannot be searched: from its start, then
            can_seek = False
            continue
        problems.update(made)
        waiting = [cut for cut in waiting if cut not in made]
    return [problems[cut] for cut in cuts]


def _disjoint(cuts: Sequence[Cut], max_gap: float) -> list[Cut]:
    """Return the cuts, in order, that can be made while going through a part of the video once.

    Args:
        cuts: By their start.
        max_gap: Between two cuts; to skip more, searching is quicker than decoding.
    """
    chosen = [cuts[0]]
    for cut in cuts[1:]:
        gap = cut.span.start - chosen[-1].span.stop
        if gap > max_gap:
            break
        if gap >= 0:
            chosen.append(cut)
    return chosen


def _cut_from(
    source: Path, timing: Timing, cuts: Sequence[Cut], seek_to: float | None
) -> dict[Cut, str] | None:
    """Make the cuts; return None instead if the search ended up behind `seek_to`, in seconds."""
    with open_video(source) as (container, stream):
        if seek_to is not None:
            _seek(container, stream, timing, seek_to)
        position = _position_by(cuts[0].span.unit, stream, timing)
        frames = _Frames(decode_frames(container, stream), position)
        if seek_to is not None and not frames.starts_before(seek_to):
            return None
        problems = {cut: _make(cut, frames, stream, timing, source) for cut in cuts}
        if cuts[0].span.unit == "frames":
            lost = _lost_frames(frames.count(), timing.num_promised, source)
            problems[cuts[-1]] = " ".join(filter(None, [problems[cuts[-1]], lost]))
        return problems


def _lost_frames(num_decoded: int, num_frames: int, source: Path) -> str:
    """Say if so many frames are lost that those after them have wrong numbers."""
    if num_decoded >= num_frames - 1:  # the last packet of some old codecs has no frame of its own
        return ""
    return (
        f"{source.name} is damaged: only {num_decoded} of its {num_frames} frames can be decoded, "
        "so its parts may be from elsewhere in it. Download it again."
    )


def _seek(
    container: av.container.InputContainer, stream: av.VideoStream, timing: Timing, start: float
) -> None:
    """Go to a key frame before `start`, in seconds, if the file lets."""
    offset = int((start - SEEK_MARGIN_SECONDS) / stream.time_base) + timing.times[0]
    try:
        container.seek(offset, stream=stream)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        return  # the caller sees where it is by the next frame


def _position_by(
    unit: str, stream: av.VideoStream, timing: Timing
) -> Callable[[av.VideoFrame], Fraction | int | None]:
    """Return what gives a frame's place in the video, by its number or by its time."""
    if unit == "frames":
        numbers = itertools.count()
        return lambda frame: next(numbers)
    if isinstance(timing.times, range):  # the file does not say when frames are shown
        counted = itertools.count()
        return lambda frame: next(counted) / timing.fps
    first = timing.times[0]
    return lambda frame: None if frame.pts is None else (frame.pts - first) * stream.time_base


class _Frames:
    """Decoded frames with their places, one looked ahead, since a part ends where the next starts.

    Attributes:
        last: Place of the last frame that was looked at; None before the first.
    """

    def __init__(self, frames: Iterator[av.VideoFrame], position: Callable) -> None:
        self._frames = ((position(frame), frame) for frame in frames)
        self._ahead: tuple | None = None
        self.last: Fraction | int | None = None
        self._advance()

    def starts_before(self, start: float) -> bool:
        return self._ahead is not None and self._ahead[0] is not None and self._ahead[0] <= start

    def between(self, start: Fraction, stop: Fraction) -> Iterator[av.VideoFrame]:
        while self._ahead is not None and self._ahead[0] < stop:
            position, frame = self._ahead
            if position >= start:
                yield frame
            self._advance()

    @property
    def ended(self) -> bool:
        return self._ahead is None

    def count(self) -> int:
        """Go to the end and return the number of all frames, if places are numbers."""
        while not self.ended:
            self._advance()
        return 0 if self.last is None else int(self.last) + 1

    def _advance(self) -> None:
        # A frame without a time cannot be placed; there is none after one that has a time.
        self._ahead = next((pair for pair in self._frames if pair[0] is not None), None)
        if self._ahead is not None:
            self.last = self._ahead[0]


def _make(cut: Cut, frames: _Frames, stream: av.VideoStream, timing: Timing, source: Path) -> str:
    """Write one part; return what is wrong with it."""
    span = cut.span
    start, stop = map(exact_seconds, (span.start, span.stop))
    num_frames = _write(cut.destination, frames.between(start, stop), stream, timing)
    if not frames.ended:
        return "" if num_frames else f"{source.name} has no frame in {span}"
    interval = 1 if span.unit == "frames" else 1 / timing.fps
    end = 0 if frames.last is None else frames.last + interval  # a frame is shown for an interval
    if num_frames and end > stop - interval:
        return ""
    what = "is cut short" if num_frames else "is left out"
    return (
        f"{cut.destination.name} {what}: expected {span}, but {source.name} has only "
        f"{float(end):g} {span.unit}. If it is cut already, give it the name of a cut one; else "
        "download it again."
    )


def _write(
    destination: Path, frames: Iterable[av.VideoFrame], stream: av.VideoStream, timing: Timing
) -> int:
    """Encode frames with their times; return how many. Nothing is written if there are none."""
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        return 0
    num_frames, first_pts = 0, first.pts
    interval = 1 / timing.fps
    with open_output(destination) as output:
        encoder = _add_stream(output, first, stream, timing)
        for frame in itertools.chain([first], frames):
            shown_at = frame.pts
            stored = _in_format(frame, encoder.pix_fmt)
            if timing.is_constant:
                stored.pts, stored.time_base = num_frames, interval
            else:
                stored.pts, stored.time_base = shown_at - first_pts, stream.time_base
            stored.pict_type = 0  # the encoder decides on key frames, not the source
            output.mux(encoder.encode(stored))
            num_frames += 1
        output.mux(encoder.encode(None))
    return num_frames


def _add_stream(
    output: av.container.OutputContainer,
    first: av.VideoFrame,
    stream: av.VideoStream,
    timing: Timing,
) -> av.VideoStream:
    """Add an encoder for pictures as `first`, stored as they are."""
    options = x264_options(crf=CRF, preset=PRESET)
    encoder = output.add_stream("libx264", rate=timing.fps, options=options)
    pixel_format = _stored_format(first)
    set_up_stream(encoder, first.width, first.height, pixel_format=pixel_format, threads=1)
    if first.interlaced_frame and first.height % 4 == 0:  # x264 takes no others
        encoder.codec_context.flags |= Flags.interlaced_dct | Flags.interlaced_me
    if not timing.is_constant:
        encoder.codec_context.time_base = stream.time_base
    encoder.set_display_matrix(display_matrix(first))
    if stream.sample_aspect_ratio:
        encoder.codec_context.sample_aspect_ratio = stream.sample_aspect_ratio
    if first.format.name.startswith("yuv"):  # else they say nothing of what is stored
        for name in ("colorspace", "color_range", "color_primaries", "color_trc"):
            setattr(encoder.codec_context, name, getattr(stream.codec_context, name))
    return encoder


def _stored_format(first: av.VideoFrame) -> str:
    is_even = first.width % 2 == 0 and first.height % 2 == 0
    name = first.format.name
    if beyond_sdr(first):
        return name if name in DEEP_PIXEL_FORMATS and is_even else "yuv444p10le"
    return name if name in KEPT_PIXEL_FORMATS and is_even else "yuv444p"


def _in_format(frame: av.VideoFrame, pixel_format: str) -> av.VideoFrame:
    return frame if frame.format.name == pixel_format else frame.reformat(format=pixel_format)
