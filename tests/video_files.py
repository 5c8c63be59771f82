"""Videos that the tests make for themselves: good, odd and broken ones."""

import struct
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from har.video.writing import open_output, set_up_stream, write_video

RED, GREEN, BLUE, GREY = (200, 30, 30), (30, 160, 40), (30, 40, 200), (120, 120, 120)
CORNERS = ((RED, GREEN), (BLUE, GREY))  # (top left, top right), (bottom left, bottom right)

# The corner picture of the tests as zimg 3.0 stores it, in 10 bits (Y, Cb, Cr of each corner), and
# what FFmpeg 5.1 makes of that; the chain of `har.video.colours` with zscale's `agamma=0`, without
# which it leaves out that HLG's light depends on the luminance.
#   zscale=tin=bt709:pin=bt709:min=bt709:p=bt2020:t=arib-std-b67:m=bt2020nc:npl=203:agamma=0
_SDR = [(201, 30, 30), (30, 160, 39), (29, 40, 199), (120, 120, 120)]
BEYOND = {
    "HDR (HLG)": (
        (ColorTrc.ARIB_STD_B67, ColorPrimaries.BT2020, Colorspace.BT2020),
        [(344, 422, 688), (476, 382, 430), (237, 756, 515), (431, 512, 512)],
        [(190, 28, 29), (30, 160, 39), (29, 37, 190), (120, 120, 120)],
    ),
    "HDR (PQ)": (
        (ColorTrc.SMPTE2084, ColorPrimaries.BT2020, Colorspace.BT2020),
        [(358, 455, 597), (436, 444, 477), (284, 635, 520), (416, 512, 512)],
        [(191, 30, 30), (25, 159, 40), (27, 38, 190), (120, 120, 120)],
    ),
    "wide gamut (Display P3)": (
        (ColorTrc.BT709, ColorPrimaries.SMPTE432, Colorspace.ITU709),
        [(344, 443, 744), (525, 375, 392), (231, 782, 474), (476, 512, 512)],
        _SDR,
    ),
    "wide gamut (DCI-P3)": (
        (ColorTrc.BT709, ColorPrimaries.SMPTE431, Colorspace.ITU709),
        [(349, 440, 750), (518, 379, 377), (239, 778, 473), (476, 512, 512)],
        _SDR,
    ),
    "wide gamut (BT.2020)": (
        (ColorTrc.BT2020_10, ColorPrimaries.BT2020, Colorspace.BT2020),
        [(385, 421, 684), (529, 382, 433), (266, 757, 515), (476, 512, 512)],
        _SDR,
    ),
}


def corner_picture(*, width: int = 64, height: int = 48) -> np.ndarray:
    """A picture whose four quarters differ, so that every turn and mirroring shows."""
    picture = np.zeros((height, width, 3), np.uint8)
    for row, colours in enumerate(CORNERS):
        for column, colour in enumerate(colours):
            top, left = row * height // 2, column * width // 2
            picture[top : top + (height + 1) // 2, left : left + (width + 1) // 2] = colour
    return picture


def corner_colours(frame: np.ndarray) -> np.ndarray:
    """The mean colours of a frame's quarters away from their edges, shape (2, 2, 3)."""
    height, width = frame.shape[:2]
    rows, columns = (height // 4, 3 * height // 4), (width // 4, 3 * width // 4)
    return np.array(
        [[frame[y - 2 : y + 3, x - 2 : x + 3].mean(axis=(0, 1)) for x in columns] for y in rows]
    )


def corner_frames(num_frames: int = 20, **size: int) -> list[np.ndarray]:
    """Frames that all show `corner_picture`."""
    return [corner_picture(**size)] * num_frames


def numbered_frames(num_frames: int, *, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Grey frames that can be told apart: frame i has the brightness `brightness_of(i)`."""
    return [
        np.full((height, width, 3), brightness_of(index, num_frames), np.uint8)
        for index in range(num_frames)
    ]


def brightness_of(index: int, num_frames: int) -> int:
    """Brightness of a numbered frame, 20 to 235."""
    return 20 + round(index * 215 / max(1, num_frames - 1))


def write_numbered(path: Path, num_frames: int = 20, **options) -> Path:
    """Write numbered frames at 25 frames per second, nearly without loss."""
    write_video(path, numbered_frames(num_frames), fps=25, **{"crf": 8, **options})
    return path


def textured_frames(num_frames: int, *, width: int = 64, height: int = 48) -> list[np.ndarray]:
    """Frames of a coarse random pattern that moves, so that each depends on those around it."""
    rng = np.random.default_rng(0)
    pattern = rng.integers(0, 255, (height // 8, width // 8 + num_frames, 3), dtype=np.uint8)
    pattern = pattern.repeat(8, axis=0).repeat(8, axis=1)
    return [pattern[:, 3 * index : 3 * index + width] for index in range(num_frames)]


def write_at_times(
    path: Path, frames: list[np.ndarray], times_ms: Sequence[int], *, x264: str = "", crf: int = 8
) -> Path:
    """Write H.264 whose frames are shown at the given times, in milliseconds.

    Parameters of the encoder are given in its own notation, such as `bframes=0:keyint=10`.
    """
    with open_output(path) as output:
        options = {"crf": str(crf), "x264-params": x264}
        stream = output.add_stream("libx264", rate=1000, options=options)
        height, width = frames[0].shape[:2]
        set_up_stream(stream, width, height, pixel_format="yuv420p", threads=1)
        for array, time in zip(frames, times_ms, strict=True):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def write_beyond(
    path: Path, kind: str, *, codec: str = "libx265", depth: int = 10, matrix: int | None = None
) -> Path:
    """Write the corner picture in HDR or a wide gamut, tagged as phones do, or another matrix."""
    width, height, num_frames = 64, 48, 8
    tags, corners, _ = BEYOND[kind]
    planes = np.zeros((3, height, width), np.uint16)
    for place, code in enumerate(corners):
        top, left = place // 2 * height // 2, place % 2 * width // 2
        planes[:, top : top + height // 2, left : left + width // 2] = np.reshape(code, (3, 1, 1))
    stored = [planes[0], planes[1, ::2, ::2], planes[2, ::2, ::2]]
    if depth == 8:
        stored = [np.round(plane / 4).astype(np.uint8) for plane in stored]
    pixel_format = "yuv420p10le" if depth == 10 else "yuv420p"
    options = {"crf": "4", "x265-params": "log-level=error:pools=none:frame-threads=1"}
    with open_output(path) as output:
        stream = output.add_stream(codec, 25, options=options)
        set_up_stream(stream, width, height, pixel_format=pixel_format, threads=1)
        context = stream.codec_context
        context.color_trc, context.color_primaries, context.colorspace = tags
        context.colorspace = context.colorspace if matrix is None else matrix
        context.color_range = ColorRange.MPEG
        for index in range(num_frames):
            frame = av.VideoFrame(width, height, pixel_format)
            for plane, values in zip(frame.planes, stored, strict=True):
                row = values.tobytes()
                num_bytes = len(row) // len(values)
                rows = [row[i : i + num_bytes] for i in range(0, len(row), num_bytes)]
                plane.update(b"".join(one.ljust(plane.line_size, b"\0") for one in rows))
            frame.pts, frame.time_base = index, Fraction(1, 25)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def write_two(path: Path, *, default: int, num_frames: tuple[int, int]) -> None:
    """Write an MP4 or MKV with a small white video and then a larger grey one."""
    with open_output(path) as output:
        streams = []
        for number, (width, height) in enumerate([(32, 24), (64, 48)]):
            stream = output.add_stream("libx264", rate=25)
            set_up_stream(stream, width, height, pixel_format="yuv420p", threads=1)
            stream.disposition = av.stream.Disposition.default if number == default else 0
            streams.append(stream)
        for stream, grey, number in zip(streams, (250, 100), num_frames, strict=True):
            picture = np.full((stream.height, stream.width, 3), grey, np.uint8)
            for _ in range(number):
                output.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            output.mux(stream.encode(None))


def set_matrix(path: Path, matrix: tuple[float, ...]) -> None:
    """Write the matrix a b / c d of the first track of an MP4 into its header."""
    data = bytearray(path.read_bytes())
    place = data.index(b"tkhd") + 4 + 4 + 20 + 16  # version, times and length, layer and volume
    a, b, c, d = (round(value * 65536) for value in matrix)
    struct.pack_into(">9i", data, place, a, b, 0, c, d, 0, 0, 0, 0x40000000)
    path.write_bytes(data)


def set_edits(path: Path, edits: list[tuple[float, float]]) -> None:
    """Let an MP4 show only some parts: start (-1: nothing, a delay) and length, in seconds."""
    data = path.read_bytes()
    places = {name: data.index(name) - 4 for name in (b"moov", b"trak", b"edts", b"elst")}
    assert data.index(b"mdat") < places[b"moov"], "offsets of the frames would change"
    movie_scale = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    scale = struct.unpack_from(">I", data, data.index(b"mdhd") + 16)[0]
    first = struct.unpack_from(">i", data, places[b"elst"] + 20)[0]  # time of the first frame
    entries = b"".join(
        struct.pack(
            ">IiI",
            round(length * movie_scale),
            -1 if start < 0 else first + round(start * scale),
            1 << 16,
        )
        for start, length in edits
    )
    new = struct.pack(">I4sII", 16 + len(entries), b"elst", 0, len(edits)) + entries
    new = struct.pack(">I4s", 8 + len(new), b"edts") + new
    start = places[b"edts"]
    size = struct.unpack_from(">I", data, start)[0]
    changed = bytearray(data[:start] + new + data[start + size :])
    for name in (b"moov", b"trak"):
        old = struct.unpack_from(">I", data, places[name])[0]
        struct.pack_into(">I", changed, places[name], old + len(new) - size)
    path.write_bytes(changed)


def write_phone_video(path: Path) -> Path:
    """Write a MOV with sound and, in its metadata, a place and a device."""
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(path), "w", options=options) as output:
        output.metadata["com.apple.quicktime.location.ISO6709"] = "+48.1371+011.5754/"
        output.metadata["com.apple.quicktime.model"] = "PhoneModel"
        video = output.add_stream("libx264", rate=25)
        set_up_stream(video, 64, 48, pixel_format="yuv420p", threads=1)
        audio = output.add_stream("aac", rate=44100)
        for index, array in enumerate(corner_frames(20)):
            frame = av.VideoFrame.from_ndarray(array, format="rgb24")
            frame.pts = index
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
        silence = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        silence.sample_rate = 44100
        output.mux(audio.encode(silence))
        output.mux(audio.encode(None))
    return path


def write_sound(path: Path) -> Path:
    """Write a file that has sound but no picture."""
    with av.open(str(path), "w") as output:
        audio = output.add_stream("aac", rate=44100)
        silence = av.AudioFrame.from_ndarray(
            np.zeros((2, 1024), np.float32), format="fltp", layout="stereo"
        )
        silence.sample_rate = 44100
        output.mux(audio.encode(silence))
        output.mux(audio.encode(None))
    return path


def write_damaged(path: Path, *, keep: float, num_frames: int = 60) -> Path:
    """Write an MPEG video and overwrite all but its first part with random bytes."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (num_frames, 48, 64, 3), dtype=np.uint8)
    write_video(path, noise, fps=25, codec="mjpeg", pixel_format="yuvj420p")
    content = bytearray(path.read_bytes())
    start, end = int(len(content) * keep), len(content) - 4000  # its index is at the end
    content[start:end] = rng.integers(0, 255, end - start, dtype=np.uint8).tobytes()
    path.write_bytes(content)
    return path
