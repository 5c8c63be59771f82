"""When the frames of a video are shown, and whether enough of them are there."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from har.engine.errors import VideoError

DEFAULT_FPS = Fraction(25)  # of a file that has one frame and names no rate
SHORT_PERCENTILE = 10  # of the intervals, as long as those between frames that come in bursts
MOST_REPEATS = 30  # of a frame on average, where one is shown for long
REGULAR = 0.75  # shortest by longest interval; times rounded to milliseconds are above it
MAX_DENOMINATOR = 1001  # of a frame rate; 30000/1001 is that of television


@dataclass(frozen=True)
class Timing:
    """When the frames of a video are shown, read from its packets without decoding.

    Attributes:
        times: The time of each frame, rising, in units of the stream, or 0, 1, 2, … where the
            file does not say.
        unit: Seconds of a unit of `times`.
        ranks: The place in showing order of each packet in file order, such as 0 2 1 for I P B;
            None if times are missing or repeated, or a packet is damaged, not shown, or starts the
            file without being a whole picture.
        num_promised: Frames by the file's index; more than there are times if it is cut off.
        fps: Frames per second, the average where it varies; at least 1/1001.
        is_constant: Whether each frame is within half a frame of its place at `fps`.
        fps_of_bursts: Of the parts in which frames follow each other fastest.
    """

    times: Sequence[int]
    unit: Fraction
    ranks: np.ndarray | None
    num_promised: int
    fps: Fraction
    is_constant: bool
    fps_of_bursts: Fraction

    @property
    def duration_seconds(self) -> Fraction:
        """How long the frames are shown, the last one as long as one is on average."""
        return len(self.times) / self.fps

    def between(self, start: float, stop: float) -> "Timing":
        """Return the timing of a part: the frames shown from `start` up to and without `stop`.

        Args:
            start: Seconds since the first frame.
            stop: Likewise.
        """
        first, end = (math.ceil(exact_seconds(place) / self.unit) for place in (start, stop))
        since_first = np.asarray(self.times) - self.times[0]
        places = slice(*np.searchsorted(since_first, (first, end)).tolist())
        times = self.times[places]
        return replace(self, times=times, ranks=None, num_promised=len(times))


def exact_seconds(seconds: float) -> Fraction:
    """Return the number that a float was written as: 0.2 itself is a little more than a fifth."""
    return Fraction(seconds).limit_denominator(10**6)


def read_timing(packets: Iterable[av.Packet], stream: av.VideoStream, path: Path) -> Timing:
    """Read when the frames are shown from the packets of a video.

    Raises:
        VideoError: There is no packet.
    """
    found = [
        (packet.pts, packet.is_keyframe, packet.is_discard, packet.is_corrupt) for packet in packets
    ]
    times = [time for time, _, is_hidden, is_corrupt in found if not is_hidden | is_corrupt]
    if not times:
        raise no_frames_error(path)
    # An edit list hides what a cut without encoding left before its start: nobody misses that.
    num_hidden = sum(is_hidden for _, _, is_hidden, _ in found)
    num_promised = max(len(times), len(stream.index_entries) - num_hidden)
    if None in times or min(times) == max(times):  # the file does not say, or has one frame
        ranks = np.zeros(1, int) if len(found) == 1 else None
        return _counted(len(times), ranks, num_promised, stream)
    has_a_place_each = len(set(times)) == len(found) and found[0][1]
    ranks = np.argsort(np.argsort(times)) if has_a_place_each else None
    return _timed(sorted(times), ranks, num_promised, stream, _named_rates(stream))


def may_be_fields(timing: Timing) -> bool:
    """Return whether some packets of an interlaced video come closer together than others.

    So it is where a camcorder stores some frames whole and of others each field by itself.
    """
    if isinstance(timing.times, range):  # nothing is known of it
        return True
    intervals = np.diff(timing.times)
    return len(intervals) > 0 and intervals.min() < REGULAR * intervals.max()


def timing_of_frames(
    times: Sequence[int | None], packets: Timing, stream: av.VideoStream
) -> Timing:
    """Return when frames are shown of which some take two packets, one a field.

    How many there should be is told by the time that the packets cover and the time between frames.

    Args:
        times: Of the decoded frames, at least one.
        packets: The timing that `read_timing` takes the packets for.
        stream: They are from.
    """
    missing = packets.num_promised / len(packets.times)  # more than 1 where the file is cut off
    if None in times or min(times) == max(times):
        return _counted(len(times), None, round(missing * len(times)), stream)
    times, covered = sorted(times), packets.times
    if isinstance(covered, range):
        covered = times
    interval = np.median(np.diff(sorted(set(times))))
    num_there = int((covered[-1] - covered[0]) / interval) + 1
    num_promised = max(num_there, round(missing * len(times)))
    num_promised = max(len(times), min(num_promised, packets.num_promised))
    named = _named_rates(stream)  # that of the fields or of the frames
    return _timed(times, None, num_promised, stream, [*named, *(rate / 2 for rate in named)])


def _counted(
    num_frames: int, ranks: np.ndarray | None, num_promised: int, stream: av.VideoStream
) -> Timing:
    """Return the timing of frames that the file gives no times."""
    fps = next(iter(_named_rates(stream)), DEFAULT_FPS)
    return Timing(range(num_frames), 1 / fps, ranks, num_promised, fps, True, fps)


def _timed(
    times: list[int],
    ranks: np.ndarray | None,
    num_promised: int,
    stream: av.VideoStream,
    rates: Sequence[Fraction],
) -> Timing:
    """Return the timing of frames with times, rising, and perhaps one of some rates."""
    since_first = np.array(times) - times[0]
    interval = since_first[-1] / (len(times) - 1)
    measured = 1 / (Fraction(float(interval)) * stream.time_base)
    # Times may be rounded, in MKV to milliseconds: then the rate that the file names is the truth.
    near = [rate for rate in rates if abs(rate / measured - 1) < 0.005]
    fps = near[0] if near else _rounded(measured)
    off_place = np.abs(since_first - interval * np.arange(len(times)))
    is_constant = bool(off_place.max() <= interval / 2)
    shortest = max(np.percentile(np.diff(times), SHORT_PERCENTILE), interval / MOST_REPEATS)
    fps_of_bursts = _rounded(1 / (Fraction(float(shortest)) * stream.time_base))
    fps_of_bursts = max(fps, fps_of_bursts)
    return Timing(times, stream.time_base, ranks, num_promised, fps, is_constant, fps_of_bursts)


def _named_rates(stream: av.VideoStream) -> list[Fraction]:
    named = [stream.average_rate, stream.guessed_rate, stream.base_rate]
    return [_rounded(rate) for rate in named if rate]


def check_damage(path: Path, num_decoded: int, num_promised: int) -> None:
    """Refuse a video of which less than half could be decoded.

    Raises:
        VideoError: No frame could be decoded, or less than half of them.
    """
    if not num_decoded:
        raise no_frames_error(path)
    if 2 * num_decoded < num_promised:
        raise VideoError(
            f"{path} is damaged: only {num_decoded} of its {num_promised} frames can be decoded; "
            "expected at least half. Copy it again from where it came from, or remove it."
        )


def no_frames_error(path: Path) -> VideoError:
    """Return the error for a video without any frame that can be decoded."""
    return VideoError(
        f"{path} has no frame that can be decoded: only its header is there, or all of it is "
        "damaged. Copy it again from where it came from, or remove it."
    )


def _rounded(fps: Fraction) -> Fraction:
    """Return a frame rate that encoders take; damaged files can name one of nearly 0."""
    return max(Fraction(1, MAX_DENOMINATOR), fps.limit_denominator(MAX_DENOMINATOR))
