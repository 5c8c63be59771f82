"""A copy of a video with something drawn into each frame: same frames, same times, same sound."""

from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from har.video.reading import blame_video, decode_packet, open_video, survey_video
from har.video.shown import orientation_of
from har.video.stored.colours import to_rgb
from har.video.stored.timing import Timing
from har.video.writing import open_output, set_up_stream, tag_colours, x264_options

CRF, PRESET = 23, "veryfast"
# What MP4 can hold; other sound is encoded again, as AAC.
COPIED_SOUND = ("aac", "mp3", "ac3", "eac3", "alac", "opus")
Draw = Callable[[np.ndarray, float], None]


def annotate_video(source: Path, destination: Path, draw: Draw) -> Iterator[float]:
    """Write a video as MP4, upright, with something drawn into it; yield the time of each frame.

    Args:
        source: The video.
        destination: The .mp4 to write; it gets its name only when it is whole.
        draw: Called with each frame, uint8 RGB, shape (height, width, 3), upright, to draw into,
            and its time in seconds from the first one.

    Raises:
        VideoError: The video cannot be read.
    """
    info, timing = survey_video(source)
    width, height = (side - side % 2 for side in (info.width, info.height))  # for 4:2:0
    with (
        blame_video(source, section="convert"),
        open_video(source) as (container, stream),
        open_output(destination) as output,
    ):
        writer = _Writer(output, container, stream, timing, (width, height))
        for packet in container.demux(*writer.sources):
            if packet.stream.type == "audio":
                writer.write_sound(packet)
                continue
            for frame in decode_packet(stream, packet if packet.size else None):
                at = writer.time_of(frame)
                if at is not None:
                    picture = _upright(frame, width, height)
                    draw(picture, at)
                    writer.write_picture(picture, frame)
                    yield at
        writer.finish()


class _Writer:
    """Pictures and sound on their way into a file.

    Args:
        output: The file.
        container: The source.
        stream: Its pictures.
        timing: When they are shown.
        size: Width and height to write.
    """

    def __init__(
        self,
        output: av.container.OutputContainer,
        container: av.container.InputContainer,
        stream: av.VideoStream,
        timing: Timing,
        size: tuple[int, int],
    ):
        self._output, self._stream, self._timing = output, stream, timing
        self._num_frames, self._scaler = 0, VideoReformatter()
        self._has_times = not isinstance(timing.times, range)
        self._pictures = self._add_pictures(*size)
        sound = next(iter(container.streams.audio), None)
        self.sources = [stream, *([sound] if sound is not None else [])]
        self._is_copied = sound is not None and sound.codec_context.name in COPIED_SOUND
        self._sound = None
        if self._is_copied:
            self._sound = output.add_stream_from_template(sound)
        elif sound is not None and sound.codec_context is not None:
            self._sound = output.add_stream("aac", rate=sound.codec_context.sample_rate)

    def time_of(self, frame: av.VideoFrame) -> float | None:
        """Return the seconds from the first frame; None where the file does not say."""
        if not self._has_times:
            return float(self._num_frames / self._timing.fps)
        if frame.pts is None:
            return None
        return float((frame.pts - self._timing.times[0]) * self._stream.time_base)

    def write_picture(self, picture: np.ndarray, frame: av.VideoFrame) -> None:
        shown = av.VideoFrame.from_ndarray(picture, format="rgb24")
        if self._has_times:
            shown.pts = frame.pts - self._timing.times[0]
            shown.time_base = self._stream.time_base
        else:
            shown.pts, shown.time_base = self._num_frames, 1 / self._timing.fps
        self._num_frames += 1
        stored = self._scaler.reformat(
            shown,
            format="yuv420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.MPEG,
        )
        stored.pts, stored.time_base = shown.pts, shown.time_base
        self._output.mux(self._pictures.encode(stored))

    def write_sound(self, packet: av.Packet) -> None:
        if self._sound is None or packet.dts is None:
            return
        if not self._is_copied:
            for samples in packet.decode():
                self._output.mux(self._sound.encode(samples))
            return
        offset = 0
        if self._has_times:
            start = Fraction(self._timing.times[0]) * self._stream.time_base
            offset = round(start / packet.time_base)
        packet.pts, packet.dts = packet.pts - offset, packet.dts - offset
        packet.stream = self._sound
        self._output.mux(packet)

    def finish(self) -> None:
        self._output.mux(self._pictures.encode(None))
        if self._sound is not None and not self._is_copied:
            self._output.mux(self._sound.encode(None))

    def _add_pictures(self, width: int, height: int) -> av.VideoStream:
        options = x264_options(crf=CRF, preset=PRESET)
        pictures = self._output.add_stream("libx264", self._timing.fps, options=options)
        set_up_stream(pictures, width, height, pixel_format="yuv420p", threads=0)
        tag_colours(pictures, Colorspace.ITU601)
        if self._has_times:
            pictures.codec_context.time_base = self._stream.time_base
        return pictures


def _upright(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """Return a frame as it is shown, uint8 RGB, shape (height, width, 3)."""
    orientation = orientation_of(frame)
    stored = (height, width) if orientation.is_lying else (width, height)
    return np.ascontiguousarray(orientation.apply(to_rgb(frame, *stored)))
