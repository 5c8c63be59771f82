"""Pictures written into a video one by one, each with its own time."""

import contextlib
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import Colorspace

from har.video.writing import open_output, set_up_stream, tag_colours, x264_options

MILLISECOND = Fraction(1, 1000)
CRF, PRESET = 23, "ultrafast"  # it must not hold up what it records


class Recorder:
    """An MP4 that is whole once it is closed; nothing is left of it where it cannot be written.

    Args:
        path: The .mp4 to write.
        size: Width and height of the pictures, both even.
    """

    def __init__(self, path: Path, size: tuple[int, int]):
        self._opened: contextlib.AbstractContextManager | None = open_output(path)
        self._output = self._opened.__enter__()
        options = x264_options(crf=CRF, preset=PRESET)
        self._stream = self._output.add_stream("libx264", 30, options=options)
        set_up_stream(self._stream, *size, pixel_format="yuv420p", threads=1)
        self._stream.codec_context.time_base = MILLISECOND
        tag_colours(self._stream, Colorspace.ITU601)
        self._size, self._latest = size, -1

    def write(self, picture: np.ndarray, seconds: float) -> None:
        """Add a picture.

        Args:
            picture: uint8 RGB, shape (height, width, 3); one of another size is scaled.
            seconds: When it is shown; later than the one before.

        Raises:
            OSError: The disk is full; as for `har.engine.files.writing`.
        """
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        width, height = self._size
        frame = frame.reformat(
            width=width, height=height, format="yuv420p", dst_colorspace=Colorspace.ITU601
        )
        self._latest = max(self._latest + 1, round(seconds / MILLISECOND))
        frame.pts, frame.time_base = self._latest, MILLISECOND
        with self._removed_where_it_fails():
            self._output.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Finish the file and give it its name, unless it could not be written."""
        if self._opened is not None:
            with self._removed_where_it_fails():
                self._output.mux(self._stream.encode(None))
            self._opened.__exit__(None, None, None)

    @contextlib.contextmanager
    def _removed_where_it_fails(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            opened, self._opened = self._opened, None
            opened.__exit__(*sys.exc_info())  # which raises it, with the name of the file
            raise
