"""What a network is shown of a clip: its frames, how they change, or the moving person.

One network sees each *stream*: what there is in one, what moves in another, as in Simonyan and
Zisserman, "Two-Stream Convolutional Networks for Action Recognition in Videos", NeurIPS 2014, with
differences of frames instead of optical flow.

What moves is what moves beside the camera: before two frames are compared, the one is shown as the
camera of the other would have seen it (`har.clips.camera`).
"""

from collections.abc import Sequence
from typing import Literal

import cv2
import numpy as np

from har.clips.camera import camera_motion, follow_camera

STREAMS = {
    "frames": "the frames as they are",
    "motion": "how each differs from the one before",
    "person": "the frames, cropped to the moving person",
}
POSE = "pose"  # no picture: the landmarks of the body (`har.pose`)
PictureName = Literal[tuple(STREAMS)]
StreamName = Literal[*STREAMS, POSE]
MOTION_GAIN = 2  # small differences are dark; larger ones than 127 grey levels are cut off

NOISE = 16  # of motion: what is darker is not counted as motion of a person
NUM_NEAR = 5  # frames before and after that count for where somebody is
SMALLEST_SIDE = 0.25  # of the box around the person, as a share of the frame


def picture_streams(streams: Sequence[str]) -> list[str]:
    """Return those streams that are pictures."""
    return [stream for stream in streams if stream != POSE]


def show_streams(
    names: Sequence[str], clip: np.ndarray, *, context: float = 1.0
) -> list[np.ndarray]:
    """Return what streams show of a clip.

    Args:
        names: Of `STREAMS`.
        clip: uint8 RGB, shape (num_frames, size, size, 3).
        context: Of the stream `person`: side of the box, 1 being that which just holds a figure
            that moves evenly all over.

    Returns:
        uint8 of the clip's shape, for each name.

    Raises:
        ValueError: There is no stream of a name.
    """
    for name in names:
        if name not in STREAMS:
            raise ValueError(
                f"There is no stream {name!r}; expected one of {', '.join(STREAMS)}. Change "
                "features.streams, or the model's `stream` or `streams`, in params.yaml."
            )
    clip = np.asarray(clip)
    motion = None if set(names) <= {"frames"} else _motion(clip)
    shown = []
    for name in names:
        if name == "frames":
            shown.append(clip)
        elif name == "motion":
            shown.append(motion)
        else:
            shown.append(_cut_out(clip, *find_person(motion, context=context)))
    return shown


def find_person(motion: np.ndarray, *, context: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Return a box around the moving person, which goes along and keeps its size in a clip.

    Its centre is that of what moves within a few frames; its side goes by how far from there
    things move, on average. Where all moves, or nothing does, it is the whole frame.

    Args:
        motion: The stream of that name, uint8, shape (num_frames, size, size, 3).
        context: As for `show_streams`.

    Returns:
        First column and first row, int64, shape (num_frames,), and the side, all in pixels.
    """
    return place_boxes(motion_profiles(motion), context=context)


def motion_profiles(motion: np.ndarray) -> np.ndarray:
    """Return how much moves in each column and in each row of frames.

    Args:
        motion: The stream of that name, uint8, shape (num_frames, size, size, 3).

    Returns:
        int64, shape (2, num_frames, size), at least 1: of nothing the whole frame comes out.
    """
    energy = np.maximum(motion.astype(np.int32) - NOISE, 0)
    energy = (energy * energy).sum(axis=-1)
    return np.stack([1 + energy.sum(axis=axis, dtype=np.int64) for axis in (1, 2)])


def place_boxes(profiles: np.ndarray, *, context: float) -> tuple[np.ndarray, np.ndarray, int]:
    """Return the boxes of `find_person`.

    Args:
        profiles: As `motion_profiles` returns them.
        context: As for `show_streams`.
    """
    num_frames, size = profiles.shape[1:]
    places = np.arange(size)
    centres, distance, total = [], 0, 0
    for profile in profiles:
        along = sum(profile[near] for near in _near(num_frames, NUM_NEAR))
        total = along.sum(axis=-1)
        centres.append((along * places).sum(axis=-1) // total)
        distances = np.abs(centres[-1][:, np.newaxis] - places)
        distance = max(distance, int((along * distances).sum()))
    # Things all over a side of 8 are 2 from its middle on average: (3+2+1+0+0+1+2+3)/8 rounds to 2.
    side = int(np.clip(4 * context * distance / total.sum(), round(SMALLEST_SIDE * size), size))
    left, top = (np.clip(centre - side // 2, 0, size - side) for centre in centres)
    return left, top, side


def _near(num_frames: int, reach: int) -> list[np.ndarray]:
    """Return for each step from `-reach` to `reach` which frame is that far from each frame."""
    steps = range(-reach, reach + 1)
    return [np.clip(np.arange(num_frames) + step, 0, num_frames - 1) for step in steps]


def _motion(clip: np.ndarray) -> np.ndarray:
    """Return how each frame differs from the one before, beside the camera's motion."""
    changes, moves = np.zeros_like(clip), camera_motion(clip)
    for place in range(1, len(clip)):
        changes[place] = _change(clip[place - 1], clip[place], moves[place])
    if len(clip) > 1:  # the first frame has none before it: it is as far from the second
        changes[0] = changes[1]
    return changes


def latest_change(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the stream `motion` of the later of two frames, uint8 RGB, shape (size, size, 3)."""
    return _change(before, after, camera_motion(np.stack([before, after]))[1])


def _change(before: np.ndarray, after: np.ndarray, move: np.ndarray) -> np.ndarray:
    """Return how a frame differs from the one before, beside a move of the camera."""
    before, known = follow_camera(before, move)
    change = np.minimum(cv2.absdiff(after, before), 255 // MOTION_GAIN)
    if known is not None:
        change[~known] = 0
    return change * MOTION_GAIN


def _cut_out(clip: np.ndarray, left: np.ndarray, top: np.ndarray, side: int) -> np.ndarray:
    """Return what is in the boxes, as large as the frames."""
    boxes = zip(clip, left, top, strict=True)
    return np.stack([cut_box(frame, x, y, side) for frame, x, y in boxes])


def cut_box(frame: np.ndarray, left: int, top: int, side: int) -> np.ndarray:
    """Return what is in a box of a frame, uint8 RGB, as large as the frame."""
    inside = np.ascontiguousarray(frame[top : top + side, left : left + side])
    return cv2.resize(inside, frame.shape[1::-1], interpolation=cv2.INTER_LINEAR)
