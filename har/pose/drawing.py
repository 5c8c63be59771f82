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
        if not np.isfinite(joints[0, 0]):
            continue
        places = (joints[:, :2] / [aspect, 1] * size).round().astype(int).tolist()
        for start, end in BONES:
            if min(joints[start, 3], joints[end, 3]) > MIN_VISIBILITY:
                cv2.line(frame, places[start], places[end], COLOUR, 2, cv2.LINE_AA)
    return shown
