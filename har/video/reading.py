"""Reading videos: what a file holds, when its frames are shown, and the frames.

This room is all that touches decoders and encoders. Inside, sizes are (width, height), as in all
video tools; arrays that leave are uint8 RGB of shape (time, height, width, 3).
"""

import errno
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av

from har.engine.errors import VideoError
from har.video.shown import (
    orientation_of,
    pixel_aspect,
    rank_of_shown,
    upright_size,
    videos_in,
)
from har.video.stored.colours import beyond_sdr, has_colours_of_dolby
from har.video.stored.timing import (
    Timing,
    may_be_fields,
    no_frames_error,
    read_timing,
    timing_of_frames,
)

FIELD_CODECS = ("h264",)  # whose packets may be single fields; those of others are whole frames
NUM_TRIED = 24  # packets decoded to see whether they are fields
MOST_JOINED = 0.75  # frames by packets; a few frames may be lost at the start


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    Attributes:
        container: Name of the container, as FFmpeg calls it.
        codec: Name of the codec, such as `h264`.
        pixel_format: How pixels are stored, such as `yuv420p`.
        beyond_sdr: HDR or a wide gamut, as `har.video.stored.colours.beyond_sdr` says; else empty.
        width: Pixels of the upright picture, each pixel taken as square.
        height: Pixels of the upright picture.
        rotation: Degrees clockwise that the stored frames are turned to be upright.
        is_mirrored: Whether left and right change places before that.
        angle: The rotation that the file asks for, which may be between the right angles.
        fps: Frames per second, the average where it varies.
        num_frames: Frames, counted in the file and not read from its header.
        num_promised: Frames by the file's index; more than num_frames if the file is cut off.
        duration_seconds: num_frames / fps.
        constant_frame_rate: Whether each frame is within half a frame of its place at `fps`.
        interlaced: Whether a frame is two half pictures of different instants.
        other_tracks: Sizes of the videos in it that a player does not show, as `160x120`.
    """

    container: str
    codec: str
    pixel_format: str
    beyond_sdr: str
    width: int
    height: int
    rotation: int
    is_mirrored: bool
    angle: float
    fps: float
    num_frames: int
    num_promised: int
    duration_seconds: float
    constant_frame_rate: bool
    interlaced: bool
    other_tracks: str


def probe_video(path: Path | str) -> VideoInfo:
    """Read what a video file holds; decodes its first frame only.

    Raises:
        VideoError: The file is empty, is no video, is cut off, has no frame, or has colours that
            only Dolby's programs know.
    """
    return survey_video(Path(path))[0]


def survey_video(path: Path) -> tuple[VideoInfo, Timing]:
    """Read what a video file holds and when its frames are shown, in one pass over the file.

    Raises:
        VideoError: As `probe_video`.
    """
    with open_video(path) as (container, stream):
        first_frames: list[av.VideoFrame] = []
        packets = _until_first_frame(read_packets(container, stream), stream, first_frames)
        timing = read_timing(packets, stream, path)
        if not first_frames:
            first_frames = decode_packet(stream, None)  # those that the decoder held back
        if not first_frames:
            raise no_frames_error(path)
        first = first_frames[0]
        if has_colours_of_dolby(first):
            raise VideoError(
                f"{path} is Dolby Vision of profile 5, whose colours no other program can show. "
                "Convert it with one that knows them, such as FFmpeg's filter libplacebo."
            )
        if first.interlaced_frame and stream.codec_context.name in FIELD_CODECS:
            timing = join_fields(path, timing)
        orientation = orientation_of(first)
        width, height = upright_size(first, pixel_aspect(stream))
        info = VideoInfo(
            container=container.format.name,
            codec=stream.codec_context.name,
            pixel_format=first.format.name,
            beyond_sdr=beyond_sdr(first),
            width=width,
            height=height,
            rotation=orientation.rotation,
            is_mirrored=orientation.is_mirrored,
            angle=round(orientation.angle, 1),
            fps=float(timing.fps),
            num_frames=len(timing.times),
            num_promised=timing.num_promised,
            duration_seconds=float(timing.duration_seconds),
            constant_frame_rate=timing.is_constant,
            interlaced=first.interlaced_frame,
            other_tracks=", ".join(
                f"{one.width}x{one.height}" for one in videos_in(container) if one != stream
            ),
        )
    return info, timing


def read_video_timing(path: Path) -> Timing:
    """Read when the frames of a video are shown.

    Raises:
        VideoError: As `probe_video`.
    """
    return survey_video(path)[1]


def join_fields(path: Path, packets: Timing) -> Timing:
    """Return the timing of an interlaced video's frames, of which some may take two packets.

    Camcorders store the two fields of a frame in a packet each, or do so of some frames. Nothing in
    a packet says so: the frames are decoded, first a few, and all where that may be.

    Args:
        path: The video.
        packets: The timing by its packets.

    Raises:
        VideoError: As `probe_video`.
    """
    if not may_be_fields(packets):
        with open_video(path) as (container, stream):
            some = list(itertools.islice(read_packets(container, stream), NUM_TRIED))
            num_decoded = sum(len(decode_packet(stream, packet)) for packet in [*some, None])
        if num_decoded > MOST_JOINED * len(some):
            return packets
    with open_video(path) as (container, stream):
        times = [frame.pts for frame in decode_frames(container, stream)]
        if not times:
            raise no_frames_error(path)
        return timing_of_frames(times, packets, stream)


@contextmanager
def open_video(path: Path) -> Iterator[tuple[av.container.InputContainer, av.VideoStream]]:
    """Open a video file and the video stream that a player shows, to be decoded by one thread.

    Raises:
        FileNotFoundError: There is no such file.
        VideoError: The file is empty, cannot be read, is no video or has no video stream.
    """
    if path.stat().st_size == 0:
        raise VideoError(
            f"{path} is empty (0 bytes); expected a video. Copy it again from where it came from, "
            "or remove it."
        )
    try:
        container = av.open(
            # "file:" since a colon in a name would else be a protocol; the list since a playlist
            # could else fetch its parts from the network.
            f"file:{path}",
            options={"protocol_whitelist": "file"},
            metadata_errors="ignore",
        )
    except av.error.MemoryError:
        raise
    except (av.error.FFmpegError, OSError) as error:
        raise VideoError(_explain_unreadable(path, error)) from error
    with container:
        yield container, _video_stream(container, path)


@contextmanager
def blame_video(path: Path, *, section: str) -> Iterator[None]:
    """Turn what FFmpeg refuses within the body, such as odd colours, into the video's failure.

    Args:
        path: The video.
        section: The section of params.yaml with the limits of this work.

    Raises:
        VideoError: FFmpeg failed, and not for want of memory or of space on the disk.
    """
    try:
        yield
    except av.error.FFmpegError as error:
        if isinstance(error, MemoryError) or error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise VideoError(
            f"{path} could not be worked on ({error.strerror}). If it is only large, raise "
            f"{section}.memory_gigabytes; otherwise convert it to H.264 with another program."
        ) from error


def read_packets(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.Packet]:
    """Yield the packets of a stream in file order, up to the end or to where the file breaks."""
    try:
        yield from (packet for packet in container.demux(stream) if packet.size)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        return  # cut off here; callers compare what they got with what they need
    except IndexError:
        return  # PyAV at the end of a file in which a stream began that its start did not name


def decode_frames(
    container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[av.VideoFrame]:
    """Yield the frames in the order they are shown; leaves out packets that cannot be decoded."""
    for packet in read_packets(container, stream):
        yield from decode_packet(stream, packet)
    yield from decode_packet(stream, None)


def shown_aspect(path: Path) -> float:
    """Return width / height of a video as it is shown: upright, with square pixels.

    Raises:
        VideoError: It has no frame that can be decoded.
    """
    with open_video(path) as (container, stream):
        for frame in decode_frames(container, stream):
            width, height = upright_size(frame, pixel_aspect(stream))
            return width / height
    raise no_frames_error(path)


def decode_packet(stream: av.VideoStream, packet: av.Packet | None) -> list[av.VideoFrame]:
    """Return the frames that a packet completes; None: those that the decoder held back."""
    try:
        return stream.decode(packet)
    except av.error.MemoryError:
        raise
    except av.error.FFmpegError:
        return []  # a damaged packet costs itself; `check_damage` judges the whole


def _until_first_frame(
    packets: Iterable[av.Packet], stream: av.VideoStream, first_frames: list[av.VideoFrame]
) -> Iterator[av.Packet]:
    """Yield all packets; decode them only until `first_frames` has one."""
    for packet in packets:
        if not first_frames:
            first_frames += decode_packet(stream, packet)
        yield packet


def _video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    if container.format.name.endswith("_pipe"):  # as FFmpeg calls its readers of pictures
        raise VideoError(f"{path} is a picture, whatever its name; expected a video. Remove it.")
    streams = videos_in(container)
    if not streams:
        found = sorted({stream.type for stream in container.streams}) or ["nothing"]
        raise VideoError(
            f"{path} has no video stream, only {' and '.join(found)}; expected a video. Remove it."
        )
    streams = [stream for stream in streams if stream.codec_context is not None]
    if not streams:
        raise VideoError(
            f"{path} uses a codec that cannot be decoded here; expected one that FFmpeg knows. "
            "Convert it to H.264 first."
        )
    # One thread a worker process: two processes scale by 1.9, two threads of one decoder by 1.5.
    chosen = max(streams, key=rank_of_shown)
    chosen.codec_context.thread_count = 1
    return chosen


def _explain_unreadable(path: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return f"{path} may not be read ({error.strerror}); allow it with `chmod +r`."
    with path.open("rb") as file:
        start = file.read(12)
    if start[4:8] == b"ftyp":
        return (
            f"{path} is cut off: an MP4 or MOV file whose index is missing. The recording or the "
            "copy was broken off: copy it again from where it came from, or remove it."
        )
    return (
        f"{path} is not a video that can be read ({error.strerror}); expected MP4, MOV, AVI, MKV, "
        "WebM or the like. Copy it again from where it came from, or remove it."
    )
