"""Writing videos, always the same bytes for the same input.

Sizes are (width, height), as in all video tools; arrays are uint8 RGB of shape (height, width, 3).
"""

import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from har.engine.files import whole

ROTATIONS = (0, 90, 180, 270)


def x264_options(*, crf: int, preset: str) -> dict[str, str]:
    """Return the options with which x264 gives the same bytes for the same frames.

    Its macroblock tree reads memory that nobody wrote: with it, about every fourth encoding of the
    same frames is another one.

    Args:
        crf: Quality, 0 (best) to 51.
        preset: Speed.
    """
    return {"crf": str(crf), "preset": preset, "mbtree": "0"}


def intra_options(*, quantizer: int, preset: str) -> dict[str, str]:
    """Return the options with which x264 encodes each frame by itself, whatever else it encodes.

    Args:
        quantizer: Quality, 0 (best) to 51.
        preset: Speed.
    """
    return {"qp": str(quantizer), "preset": preset, "mbtree": "0", "rc-lookahead": "0"}


def write_video(
    path: Path | str,
    frames: Iterable[np.ndarray],
    *,
    fps: float,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    crf: int = 23,
    preset: str = "veryfast",
    gop: int | None = None,
    threads: int = 1,
) -> None:
    """Write frames as a video without audio; the same frames give the same bytes.

    Args:
        path: The file to write; its ending decides the container. Its folder is made.
        frames: uint8 RGB arrays, all of one shape (height, width, 3); at least one.
        fps: Frames per second.
        codec: Name of the encoder, such as `libx264`, `libx265`, `mpeg4`, `libvpx-vp9`, `gif`.
        pixel_format: How pixels are stored; yuv420p needs an even width and height.
        rotation: Degrees clockwise, of `ROTATIONS`, that a player turns the frames of .mov, .mp4 or
            .mkv. For a portrait picture: `numpy.rot90(picture)` and rotation=90.
        crf: Quality of x264 and x265, 0 (best) to 51.
        preset: Speed of x264 and x265.
        gop: Largest distance between key frames; None leaves it to the encoder.
        threads: Threads of the encoder; another number can give other bytes.

    Raises:
        ValueError: If there are no frames, a frame does not fit, or the rotation is unknown.
    """
    path = Path(path)
    if rotation not in ROTATIONS:
        raise ValueError(f"{path}: rotation={rotation} is not one of {ROTATIONS}.")
    frames = iter(frames)
    first = next(frames, None)
    if first is None:
        raise ValueError(f"{path}: there are no frames to write; pass at least one.")
    height, width = first.shape[:2]
    options = _encoder_options(codec, crf=crf, preset=preset)
    with open_output(path) as output:
        stream = output.add_stream(codec, Fraction(fps).limit_denominator(1001), options=options)
        set_up_stream(stream, width, height, pixel_format=pixel_format, threads=threads, gop=gop)
        tag_colours(stream, Colorspace.ITU601)  # players assume it of files that cannot say
        if rotation:
            stream.set_display_rotation(-rotation)  # PyAV counts against the clock
        for index, array in enumerate(itertools.chain([first], frames)):
            _check_frame(array, first, index, path)
            output.mux(stream.encode(_to_video_frame(array, index, stream)))
        output.mux(stream.encode(None))


def _encoder_options(codec: str, *, crf: int, preset: str) -> dict[str, str]:
    if codec == "libx264":
        return x264_options(crf=crf, preset=preset)
    if codec == "libx265":
        parameters = "log-level=error:pools=none:frame-threads=1"
        return {"crf": str(crf), "preset": preset, "x265-params": parameters}
    return {}


@contextmanager
def open_output(path: Path) -> Iterator[av.container.OutputContainer]:
    """Open a video for writing that gets its name only when it is whole.

    Its folder is made. Nothing about the writing program or the time gets into the file.

    Raises:
        OSError: The disk is full; as for `har.engine.files.writing`.
    """
    container_name = {".mpg": "mpeg", ".mpeg": "mpeg"}.get(path.suffix.lower())
    options = {"format": container_name, "options": {"fflags": "+bitexact"}}
    with whole(path) as partial, av.open(f"file:{partial}", "w", **options) as output:
        yield output


def set_up_stream(
    stream: av.VideoStream,
    width: int,
    height: int,
    *,
    pixel_format: str,
    threads: int,
    gop: int | None = None,
) -> None:
    """Give an output stream its size and the flags that keep its bytes the same.

    Raises:
        ValueError: The pixel format shares colour between two pixels and a side is odd.
    """
    if pixel_format.startswith(("yuv420", "yuvj420")) and (width % 2 or height % 2):
        raise ValueError(
            f"Frames of {width}x{height} cannot be stored as {pixel_format}: "
            "both sides must be even; crop or pad the frames by one pixel."
        )
    stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
    stream.thread_count = threads
    if gop is not None:
        stream.gop_size = gop
    stream.codec_context.flags |= int(av.codec.context.Flags.bitexact)


def tag_colours(stream: av.VideoStream, colorspace: Colorspace) -> None:
    """Say in the file how its colours are to be read; leaves RGB formats alone."""
    if not stream.pix_fmt.startswith("yuv"):
        return
    is_hd = colorspace == Colorspace.ITU709
    stream.colorspace = colorspace
    stream.color_range = _range_of(stream.pix_fmt)
    stream.color_primaries = ColorPrimaries.BT709 if is_hd else ColorPrimaries.SMPTE170M
    stream.color_trc = ColorTrc.BT709 if is_hd else ColorTrc.SMPTE170M


def _range_of(pixel_format: str) -> ColorRange:
    """Return full range (JPEG) for the formats that have it by name, else limited (MPEG)."""
    return ColorRange.JPEG if pixel_format.startswith("yuvj") else ColorRange.MPEG


def _check_frame(array: np.ndarray, first: np.ndarray, index: int, path: Path) -> None:
    expected = (*first.shape[:2], 3)
    if array.dtype != np.uint8 or array.shape != expected:
        raise ValueError(
            f"{path}: frame {index} is {array.dtype} of shape {array.shape}; expected uint8 RGB "
            f"of shape {expected}, as the first frame."
        )


def _to_video_frame(array: np.ndarray, index: int, stream: av.VideoStream) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), format="rgb24")
    if stream.pix_fmt.startswith("yuv"):
        frame = frame.reformat(
            format=stream.pix_fmt,
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=_range_of(stream.pix_fmt),
            threads=1,
        )
    frame.pts = index
    frame.time_base = 1 / Fraction(stream.codec_context.framerate)
    return frame
