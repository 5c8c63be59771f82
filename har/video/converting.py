"""Converting any video to one kind: MP4, H.264, upright, constant frame rate, no sound, no place.

Nothing of the source's metadata is kept: not the place, the time or the device. Encoded pictures
are 8-bit 4:2:0 in BT.709 limited range, and say so; HDR and wide gamuts are converted, never copied
(`har.video.stored.colours`). Each is encoded by itself, with the same
quantizer, so it is the same whichever others are encoded with it: to make one clip of a video, only
the frames of the clip need encoding.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import Colorspace

from har.video.extracting import spaced_indices
from har.video.reading import (
    VideoInfo,
    blame_video,
    decode_frames,
    open_video,
    read_packets,
    survey_video,
)
from har.video.shown import pixel_aspect
from har.video.stored.colours import DEEP_RGB, to_sdr, unsaid_matrix
from har.video.stored.timing import Timing, check_damage
from har.video.writing import intra_options, open_output, set_up_stream, tag_colours

COPIED_CONTAINERS = ("mp4", "matroska")  # their H.264 needs no rewriting; MOV is `mov,mp4,…`
COPIED_PIXEL_FORMATS = ("yuv420p", "yuvj420p")
MAX_FPS = Fraction(60)  # of a video whose frame rate varies
QUANTIZER = 24  # visually without loss; the loss of scaling to a clip is far greater
PRESET = "superfast"  # slower ones make hardly smaller files of pictures encoded by themselves
TURNS = {0: [], 90: [("transpose", "clock")], 180: [("hflip", ""), ("vflip", "")]}
TURNS[270] = [("transpose", "cclock")]


class _OtherCountError(Exception):
    """Another number of frames was decoded than the file's packets tell."""


def convert_video(
    source: Path | str, destination: Path | str, *, max_side: int, num_frames: int | None = None
) -> tuple[VideoInfo, bool]:
    """Convert a video to upright MP4/H.264 of constant frame rate without sound or metadata.

    The stream is copied without encoding wherever that is right, since it is 30 to 250 times
    faster and loses nothing. The same source gives the same bytes.

    Args:
        source: Any video that FFmpeg reads.
        destination: The .mp4 to write; it gets its name only when it is whole.
        max_side: Pixels of the longer side that an encoded video has at most. Copied videos keep
            their size.
        num_frames: Of a clip. A video that has to be encoded then gets no other frames than those
            that `har.video.extracting` takes for it, each as it is in the whole video. None: all.

    Returns:
        What the source holds, and whether it had to be encoded.

    Raises:
        ValueError: max_side is too small.
        VideoError: The source cannot be read, or more than half of it is damaged.
    """
    source, destination = Path(source), Path(destination)
    if max_side < 16:
        raise ValueError(f"convert.max_side is {max_side}; expected at least 16 pixels.")
    info, timing = survey_video(source)
    check_damage(source, info.num_frames, info.num_promised)
    is_copied = _can_copy(info, timing)
    with blame_video(source, section="convert"):
        if is_copied:
            _copy(source, destination, timing)
        else:
            try:
                _encode(source, destination, info, timing, max_side, num_frames)
            except _OtherCountError:  # only now it is known which frames a clip takes
                _encode(source, destination, info, timing, max_side, None)
    return info, not is_copied


def convert_step(source: Path, destination: Path, *, max_side: int) -> dict[str, Any]:
    """Convert a video and return what to report; see `har.engine.steps.StepFunction`."""
    info, is_encoded = convert_video(source, destination, max_side=max_side)
    notes = [f"{info.beyond_sdr}, made BT.709"] if info.beyond_sdr else []
    if info.num_frames < info.num_promised:
        notes.append(f"cut off: {info.num_frames} of {info.num_promised} frames are there")
    if info.angle % 90:
        notes.append(f"turned by {info.angle:g} degrees, taken as {info.rotation}")
    if info.other_tracks:
        shown = f"{info.width}x{info.height}"
        notes.append(
            f"several videos in it: {shown} is taken, as players do, not {info.other_tracks}"
        )
    status = "encoded" if is_encoded else "copied"
    return {"status": status, "note": "; ".join(notes), **asdict(info)}


def _can_copy(info: VideoInfo, timing: Timing) -> bool:
    return (
        info.codec == "h264"
        and info.pixel_format in COPIED_PIXEL_FORMATS
        and not info.beyond_sdr
        and info.rotation == 0
        and not info.is_mirrored
        and info.constant_frame_rate
        and not info.interlaced
        and timing.ranks is not None
        and any(name in info.container for name in COPIED_CONTAINERS)
    )


def _copy(source: Path, destination: Path, timing: Timing) -> None:
    """Copy the stream with every frame put on its exact place at the frame rate.

    Example for showing order I B P B P, stored I P B P B: ranks 0 2 1 4 3. Decoding needs a delay
    of 1, so that no frame is shown before it is decoded: dts -1 0 1 2 3.
    """
    ranks, interval = timing.ranks, 1 / timing.fps
    delay = int((np.arange(len(ranks)) - ranks).max())
    with open_video(source) as (container, stream), open_output(destination) as output:
        copied = output.add_stream_from_template(stream, opaque=True)
        copied.time_base = interval
        for index, packet in enumerate(read_packets(container, stream)):
            packet.stream = copied
            packet.time_base = interval
            packet.pts, packet.dts, packet.duration = int(ranks[index]), index - delay, 1
            output.mux(packet)


def _encode(
    source: Path,
    destination: Path,
    info: VideoInfo,
    timing: Timing,
    max_side: int,
    num_frames: int | None,
) -> None:
    """Decode, make upright and even in time, shrink where needed, and encode.

    Raises:
        _OtherCountError: With `num_frames`, if another number of frames is decoded than `timing`
            tells.
    """
    width, height = fit_size(info.width, info.height, max_side)
    with open_video(source) as (container, stream), open_output(destination) as output:
        fps = timing.fps if timing.is_constant else min(timing.fps_of_bursts, MAX_FPS)
        even = [] if timing.is_constant else [("fps", f"fps={fps}")]
        chosen = [("yadif", "deint=interlaced")] if info.interlaced else []
        if num_frames is not None:
            wanted = _wanted_frames(stream, timing, even, num_frames)
            chosen.append(("select", "+".join(f"eq(n,{index})" for index in wanted)))
        steps = [*even, *chosen]
        options = intra_options(quantizer=QUANTIZER, preset=PRESET)
        encoder = output.add_stream("libx264", rate=fps, options=options)
        set_up_stream(encoder, width, height, pixel_format="yuv420p", threads=1, gop=1)
        tag_colours(encoder, Colorspace.ITU709)
        frames = _decoded(container, stream, source, timing, is_part=num_frames is not None)
        frames = _timed(frames, stream, timing)
        if info.beyond_sdr:
            scaled = _scaled(stream, info, width, height)
            frames = _filtered(frames, stream, [*steps, scaled, ("format", DEEP_RGB)])
            frames, steps = map(_sdr_frame, frames), []
        filters = [*steps, *_picture_filters(stream, info, width, height)]
        for index, frame in enumerate(_filtered(frames, stream, filters)):
            frame.pts, frame.time_base = index, 1 / fps
            output.mux(encoder.encode(frame))
        output.mux(encoder.encode(None))


def fit_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Return the even size of the same shape whose longer side is at most `max_side` pixels.

    Example:
        >>> fit_size(1920, 1080, 640)
        (640, 360)
        >>> fit_size(63, 47, 640)
        (62, 46)
    """
    scale = min(Fraction(1), Fraction(max_side, max(width, height)))
    return max(2, int(width * scale) // 2 * 2), max(2, int(height * scale) // 2 * 2)


def _wanted_frames(
    stream: av.VideoStream, timing: Timing, even: list[tuple[str, str]], num_frames: int
) -> list[int]:
    """Return which of the frames that are even in time a clip takes, each once."""
    tiny = (av.VideoFrame(16, 16, "gray") for _ in timing.times)  # FFmpeg itself counts
    num_even = sum(1 for _ in _filtered(_timed(tiny, stream, timing), stream, even))
    return sorted(set(spaced_indices(range(num_even), num_frames)))


def _decoded(
    container: av.container.InputContainer,
    stream: av.VideoStream,
    source: Path,
    timing: Timing,
    *,
    is_part: bool,
) -> Iterator[av.VideoFrame]:
    """Yield the decoded frames; see `_encode` for errors."""
    num_decoded = 0
    for frame in decode_frames(container, stream):
        num_decoded += 1
        yield frame
    check_damage(source, num_decoded, timing.num_promised)
    if is_part and num_decoded != len(timing.times):
        raise _OtherCountError


def _timed(
    frames: Iterable[av.VideoFrame], stream: av.VideoStream, timing: Timing
) -> Iterator[av.VideoFrame]:
    """Yield the decoded frames, each with its time; at a constant rate they are just counted.

    The times are those of the packets, as in `har.video.extracting`: a frame's own may be missing
    or jump back where the file is damaged, and then nothing would be shown.
    """
    last = len(timing.times) - 1
    fps = min(timing.fps_of_bursts, MAX_FPS)
    duration = math.ceil(1 / (fps * stream.time_base))
    for index, frame in enumerate(frames):
        if timing.is_constant:
            frame.pts, frame.time_base = index, 1 / timing.fps
        else:
            frame.pts, frame.time_base = timing.times[min(index, last)], stream.time_base
            # Of no duration the last frame would not be shown; of more than one frame of the
            # result, the instants of a clip from first to last would be later than in the file.
            frame.duration = duration
        yield frame


def _picture_filters(
    stream: av.VideoStream, info: VideoInfo, width: int, height: int
) -> list[tuple[str, str]]:
    """Return the filters that make frames upright, `width` x `height` and in BT.709."""
    turned = [*([("hflip", "")] if info.is_mirrored else []), *TURNS[info.rotation]]
    name, scale = _scaled(stream, info, width, height)
    scale += ":out_color_matrix=bt709:out_range=tv"
    return [(name, scale), ("format", "yuv420p"), *turned, ("setsar", "1")]


def _scaled(stream: av.VideoStream, info: VideoInfo, width: int, height: int) -> tuple[str, str]:
    """Return the filter that scales frames so that they are `width` x `height` once upright."""
    lying = (height, width) if info.rotation % 180 else (width, height)
    kind = "area" if lying[0] * lying[1] < stream.width * stream.height else "bicubic"
    flags = f"{kind}+accurate_rnd+bitexact+full_chroma_int"
    return "scale", f"{lying[0]}:{lying[1]}:flags={flags}"


def _sdr_frame(deep: av.VideoFrame) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(to_sdr(deep), format="rgb24")
    frame.pts, frame.time_base = deep.pts, deep.time_base
    return frame


def _filtered(
    frames: Iterable[av.VideoFrame], stream: av.VideoStream, filters: list[tuple[str, str]]
) -> Iterator[av.VideoFrame]:
    """Yield what filters make of frames."""
    frames = iter(frames)
    first = next(frames)
    graph, sink = _build_graph(first, stream, filters)
    for frame in itertools.chain([first], frames, [None]):
        graph.push(frame)
        yield from _pull_all(sink)


def _build_graph(
    first: av.VideoFrame, stream: av.VideoStream, filters: list[tuple[str, str]]
) -> tuple[Graph, av.filter.context.FilterContext]:
    graph = Graph()
    graph.threads = 1  # so that two workers do not take four cores
    matrix = unsaid_matrix(first) or first.colorspace
    # PyAV's add_buffer leaves out the colours, and without them full range would be lost.
    source = (
        f"video_size={first.width}x{first.height}:pix_fmt={first.format.name}"
        f":time_base={first.time_base}:pixel_aspect={pixel_aspect(stream)}"
        f":colorspace={int(matrix)}:range={int(first.color_range)}"
    )
    contexts = [graph.add(name, text) for name, text in [("buffer", source), *filters]]
    contexts.append(graph.add("buffersink"))
    graph.link_nodes(*contexts).configure()
    return graph, contexts[-1]


def _pull_all(sink: av.filter.context.FilterContext) -> Iterator[av.VideoFrame]:
    """Yield the frames that are ready."""
    while True:
        try:
            yield sink.pull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return  # nothing more until the next frame is pushed, or at all
