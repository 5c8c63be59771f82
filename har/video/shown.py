"""The picture that players show of a file: which video, mirrored, turned, with square pixels.

Sizes are (width, height), as in all video tools.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData

PICTURES = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails


def videos_in(container: av.container.InputContainer) -> list[av.VideoStream]:
    """Return the videos in a file; the cover of a song is none."""
    return [one for one in container.streams.video if not one.disposition & PICTURES]


def rank_of_shown(stream: av.VideoStream) -> tuple[bool, bool, int, int]:
    """Return what makes a player show this video of several: it shows the largest value."""
    is_default = bool(stream.disposition & av.stream.Disposition.default)
    return stream.frames != 1, is_default, stream.frames, stream.width * stream.height


@dataclass(frozen=True)
class Orientation:
    """What a player does with a stored frame to show it upright.

    Attributes:
        is_mirrored: Whether left and right change places first.
        rotation: Degrees clockwise that the frame is turned then, a multiple of 90.
        angle: The same as the file asks for it, in (-180, 180].
    """

    is_mirrored: bool = False
    rotation: int = 0
    angle: float = 0.0

    @property
    def is_lying(self) -> bool:
        """Whether width and height change places."""
        return self.rotation % 180 != 0

    def apply(self, stored: np.ndarray) -> np.ndarray:
        """Return a stored picture, (height, width, ...), as it is shown."""
        if self.is_mirrored:
            stored = stored[:, ::-1]
        return np.rot90(stored, -self.rotation // 90)  # rot90 counts against the clock


def orientation_of(frame: av.VideoFrame) -> Orientation:
    """Return how a decoded frame is shown, by the matrix in its file.

    The matrix a b / c d takes a point (x, y) to (a x + c y, b x + d y); it mirrors where its
    determinant is negative. Reference: ISO/IEC 14496-12, track header box.
    """
    matrix = display_matrix(frame)
    if matrix is None:
        return Orientation()
    a, b, _, c, d = matrix[:5]
    is_mirrored = a * d < b * c
    right, down = (-a, -b) if is_mirrored else (a, b)  # of what lies to the right
    angle = math.degrees(math.atan2(down, right))
    return Orientation(is_mirrored, round(angle / 90) % 4 * 90, angle)


def display_matrix(frame: av.VideoFrame) -> list[int] | None:
    """Return the nine numbers in the file that say how a frame is shown; None for as it is."""
    found = frame.side_data.get(SideData.DISPLAYMATRIX)
    return None if found is None else np.frombuffer(bytes(found), np.int32).tolist()


def upright_size(frame: av.VideoFrame, pixels: Fraction) -> tuple[int, int]:
    """Return (width, height) of the frame as it is shown: upright, with square pixels."""
    width = max(1, round(frame.width * pixels))
    return (frame.height, width) if orientation_of(frame).is_lying else (width, frame.height)


def pixel_aspect(stream: av.VideoStream) -> Fraction:
    """Return the width of a pixel divided by its height; 1 where the file does not say."""
    return stream.sample_aspect_ratio or Fraction(1)
