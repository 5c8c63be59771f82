"""Skeletons, drawn into frames."""

import cv2
import numpy as np

from har.pose.joints import BONES

MIN_VISIBILITY = 0.3  # of a joint that is drawn
COLOUR = (0, 255, 0)


def draw_skeletons(clip: np.ndarray, landmarks: np.ndarray, aspect: float) -> np.ndarray:
    """Return frames with the bones that are visible in them.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3), made square.
        landmarks: As `har.pose.following.clip_landmarks` returns them.
        aspect: Width / height of the frames as they were.
    """
    shown, size = np.array(clip), clip.shape[1]
    for frame, joints in zip(shown, landmarks, strict=True):
        draw_bones(frame, joints[:, :2] / [aspect, 1] * size, joints[:, 3])
    return shown


def draw_bones(
    frame: np.ndarray, places: np.ndarray, visibility: np.ndarray, *, thickness: int = 2
) -> None:
    """Draw the bones that are visible into a frame; nothing where nobody was found.

    Args:
        frame: uint8 RGB, shape (height, width, 3); it is drawn into.
        places: Column and row of each joint, in pixels, shape (33, 2).
        visibility: Of each joint, shape (33,).
        thickness: Of a bone, in pixels.
    """
    if not np.isfinite(places[0, 0]):
        return
    pixels = places.round().astype(int).tolist()
    for start, end in BONES:
        if min(visibility[start], visibility[end]) > MIN_VISIBILITY:
            cv2.line(frame, pixels[start], pixels[end], COLOUR, thickness, cv2.LINE_AA)
