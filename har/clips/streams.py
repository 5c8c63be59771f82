"""What a network is shown of a clip: its frames, how they change, or the person who moves in them.

One network sees each *stream*: what there is in one, what moves in another, as in Simonyan and
Zisserman, "Two-Stream Convolutional Networks for Action Recognition in Videos", NeurIPS 2014, with
differences of frames instead of optical flow.

All is computed in whole numbers, in NumPy before training and within a saved model after it, with
the same result to the last bit.
"""

from types import ModuleType
from typing import Any, Literal

import numpy as np

STREAMS = {
    "frames": "the frames as they are",
    "motion": "how each differs from the one before",
    "trace": "in grey, the frame before as red, itself as green, the one after as blue",
    "person": "the frames, cut out around who moves",
}
StreamName = Literal[tuple(STREAMS)]
MOTION_GAIN = 2  # small differences are dark; larger ones than 127 grey levels are cut off
GREY = (77, 150, 29)  # of red, green and blue in 256 parts, ITU-R BT.601

NOISE = 16  # of motion: what is darker is not counted as somebody who moves
NUM_NEAR = 5  # frames before and after that count for where somebody is
SMALLEST_SIDE = 0.25  # of the box around who moves, as a share of the frame
WEIGHT = 256  # of a pixel in all, in parts: 255 * 256 * 256 is the largest number, exact in float32


def show_stream(name: str, clips: Any, *, context: float = 1.0, xp: ModuleType = np) -> Any:
    """Return what a stream shows of clips.

    Args:
        name: One of `STREAMS`.
        clips: uint8 RGB, shape (..., num_frames, size, size, 3).
        context: Of the streams of a person: side of the box, 1 being that which just holds a
            figure that moves evenly all over.
        xp: Computes it: `numpy`, or `keras.ops` within a model.

    Returns:
        uint8, the same shape as the clips.

    Raises:
        ValueError: There is no stream of that name.

    Example:
        >>> clips = np.array([10, 13, 9], dtype=np.uint8).reshape(3, 1, 1, 1)
        >>> show_stream("motion", clips).ravel().tolist()
        [6, 6, 8]
    """
    if name not in STREAMS:
        raise ValueError(
            f"There is no stream {name!r}; expected one of {', '.join(STREAMS)}. Change "
            "features.streams, or the model's `stream` or `streams`, in params.yaml."
        )
    if name == "frames":
        return clips
    if name == "trace":
        return _trace(clips, xp)
    motion = _motion(clips, xp)
    if name == "motion":
        return motion
    box = find_person(motion, context=context, xp=xp)
    return _cut_out(clips, *box, xp=xp)


def find_person(motion: Any, *, context: float, xp: ModuleType = np) -> tuple[Any, Any, Any]:
    """Return a box around who moves, which goes along and is as large in all frames of a clip.

    Its centre is that of what moves within a few frames; its side goes by how far from there
    things move, on average. Where all moves, as with a camera that moves, it is the whole frame,
    and where nothing moves, it is too.

    Args:
        motion: The stream of that name, uint8, shape (..., num_frames, size, size, 3).
        context: As for `show_stream`.
        xp: Likewise.

    Returns:
        First column and first row, shape (..., num_frames), and the side, shape (..., 1), all of
        them int64 and in pixels.
    """
    size, num_frames = motion.shape[-2], motion.shape[-4]
    energy = xp.maximum(_cast(motion, "int32", xp) - NOISE, 0)
    energy = xp.sum(energy * energy, axis=-1)
    places = np.arange(size)
    centres, distances = [], 0
    for axis in (-2, -1):  # by column, then by row
        # Something everywhere, so that of nothing the whole frame comes out.
        along = 1 + _cast(xp.sum(energy, axis=axis), "int64", xp)
        along = sum(xp.take(along, near, axis=-2) for near in _near(num_frames, NUM_NEAR))
        total = xp.sum(along, axis=-1)
        centres.append(xp.floor_divide(xp.sum(along * places, axis=-1), total))
        distance = along * xp.abs(centres[-1][..., None] - places)
        distances = xp.maximum(distances, xp.sum(distance, axis=(-2, -1))[..., None])
    # Things all over a side of 8 are 2 from its middle on average: (3+2+1+0+0+1+2+3)/8 rounds to 2.
    total = xp.sum(total, axis=-1)[..., None]  # the same by column and by row
    side = xp.floor_divide(distances * round(4 * WEIGHT * context), total * WEIGHT)
    side = xp.clip(side, round(SMALLEST_SIDE * size), size)
    left, top = (
        xp.maximum(xp.minimum(c - xp.floor_divide(side, 2), size - side), 0) for c in centres
    )
    return left, top, side


def _near(num_frames: int, reach: int) -> list[np.ndarray]:
    """Return for each step from `-reach` to `reach` which frame is that far from each frame."""
    steps = range(-reach, reach + 1)
    return [np.clip(np.arange(num_frames) + step, 0, num_frames - 1) for step in steps]


def _motion(clips: Any, xp: ModuleType) -> Any:
    num_frames = clips.shape[-4]
    # The first frame has none before it: it is compared to the second; of 3 frames to 1, 0, 1.
    others = np.abs(np.arange(num_frames) - 1).clip(max=num_frames - 1)
    before = xp.take(clips, others, axis=-4)
    difference = xp.maximum(clips, before) - xp.minimum(clips, before)
    return xp.minimum(difference, np.uint8(255 // MOTION_GAIN)) * np.uint8(MOTION_GAIN)


def _trace(clips: Any, xp: ModuleType) -> Any:
    num_frames = clips.shape[-4]
    grey = xp.sum(_cast(clips, "int32", xp) * np.array(GREY, np.int32), axis=-1)
    grey = _cast(xp.floor_divide(grey, sum(GREY)), "uint8", xp)
    return xp.stack([xp.take(grey, near, axis=-3) for near in _near(num_frames, 1)], axis=-1)


def _cut_out(clips: Any, left: Any, top: Any, side: Any, *, xp: ModuleType) -> Any:
    """Return what is in the boxes, as large as the frames, between four pixels each."""
    size, num_frames = clips.shape[-2], clips.shape[-4]
    pixels = _cast(clips, "float32", xp)
    # Rows and then columns: each product makes new places of the first of three dimensions, and
    # the swap puts the other first.
    for first in (top, left):
        pixels = xp.reshape(pixels, (-1, num_frames, size, size * 3))
        pixels = xp.matmul(_between(first, side, size, xp), pixels)
        pixels = xp.reshape(pixels, (-1, num_frames, size, size, 3))
        pixels = xp.swapaxes(pixels, -3, -2)
    # Exact, since it divides by a power of two; the cast cuts off what is behind the point.
    pixels = _cast(pixels * np.float32(1 / WEIGHT**2) + np.float32(0.5), "uint8", xp)
    return xp.reshape(pixels, (-1, *clips.shape[1:]))


def _between(first: Any, side: Any, size: int, xp: ModuleType) -> Any:
    """Return how much of each pixel goes into each of a cut-out, in parts of `WEIGHT`.

    Returns:
        float32, shape (..., num_frames, size, size): [i, j] of pixel j into i.
    """
    # The middle of pixel i of 4 in a box of 2 is (2i + 1) * 2 / 8 from its start: 1/4, 3/4, ...
    half = WEIGHT // 2
    inside = xp.floor_divide(side[..., None] * ((2 * np.arange(size) + 1) * half), size) - half
    at = xp.clip(first[..., None] * WEIGHT + inside, 0, (size - 1) * WEIGHT)
    distance = xp.abs(at[..., None] - np.arange(size) * WEIGHT)
    return _cast(xp.maximum(WEIGHT - distance, 0), "float32", xp)


def _cast(x: Any, dtype: str, xp: ModuleType) -> Any:
    return x.astype(dtype) if xp is np else xp.cast(x, dtype)
