"""Landmarks as numbers for a model, and what a view of a clip does to them."""

import numpy as np

from har.clips.views import View, view_indices, view_windows
from har.pose.joints import ANGLES, HIPS, JOINTS, MIRRORED, NUM_POSE_FEATURES, SHOULDERS


def share_found(landmarks: np.ndarray) -> float:
    """Return in which share of the frames a person is found."""
    return float(np.isfinite(landmarks[:, 0, 0]).mean())


def view_landmarks(landmarks: np.ndarray, view: View, aspect: float) -> np.ndarray:
    """Return the landmarks as they are in a view of the clip, which takes no network.

    Args:
        landmarks: As `har.pose.following.clip_landmarks` returns them, (num_frames, 33, 8).
        view: How the clip is shown.
        aspect: Width / height of the frames as they were.
    """
    shown = landmarks[view_indices(view, len(landmarks))]  # a copy
    scale = np.array([aspect, 1.0])  # from shares of width and height
    windows = view_windows(view, len(shown))
    turned = np.linalg.inv(windows[:, :, :2])
    places = shown[:, :, :2] / scale - windows[:, np.newaxis, :, 2]
    shown[:, :, :2] = (places @ turned.transpose(0, 2, 1)) * scale
    shown[:, :, 2] *= np.sqrt(np.abs(np.linalg.det(turned)))[:, np.newaxis]
    if view.flip:
        shown = shown[:, MIRRORED]
        shown[:, :, 5] *= -1
    return shown


def pose_features(landmarks: np.ndarray) -> np.ndarray:
    """Return what a model is shown of the landmarks of a clip.

    Joints are taken about the hips and in lengths of the torso, so that it does not matter where
    and how large the person is; angles in space hardly depend on where the camera stands. In frames
    without a person they are between those of the frames around, and all 0 where there is nobody in
    the clip.

    Args:
        landmarks: Shape (num_frames, 33, 8), NaN in frames without a person.

    Returns:
        float32, shape (num_frames, `NUM_POSE_FEATURES`): x and y of `JOINTS`, the cosines of
        `ANGLES` in the picture and in space, the way of the hips from the first frame, and whether
        the person was found.
    """
    is_found = np.isfinite(landmarks[:, 0, 0])
    if not is_found.any():
        return np.zeros((len(landmarks), NUM_POSE_FEATURES), np.float32)
    filled = fill_gaps(landmarks, is_found)
    points, in_space = filled[:, :, :2], filled[:, :, 5:]
    hips, shoulders = (points[:, joints].mean(axis=1) for joints in (HIPS, SHOULDERS))
    torso = np.median(np.linalg.norm(hips - shoulders, axis=1)) + 1e-6
    joints = (points[:, JOINTS] - hips[:, np.newaxis]) / torso
    way = (hips - hips[0]) / torso
    columns = [joints.reshape(len(points), -1), _cosines(points), _cosines(in_space), way]
    return np.hstack([*columns, is_found[:, np.newaxis]]).astype(np.float32)


def _cosines(points: np.ndarray) -> np.ndarray:
    """Return the cosine of each of `ANGLES`, (num_frames, 8), of landmarks in 2-D or 3-D."""
    start, corner, end = (points[:, list(joints)] for joints in zip(*ANGLES, strict=True))
    first, second = start - corner, end - corner
    lengths = np.linalg.norm(first, axis=-1) * np.linalg.norm(second, axis=-1)
    return (first * second).sum(axis=-1) / (lengths + 1e-6)


def fill_gaps(landmarks: np.ndarray, is_found: np.ndarray) -> np.ndarray:
    """Return landmarks in which frames without a person have what lies between their neighbours.

    Args:
        landmarks: Shape (num_frames, 33, 8).
        is_found: bool, shape (num_frames,), True for at least one.
    """
    times, known = np.arange(len(landmarks)), np.flatnonzero(is_found)
    before = known[(np.searchsorted(known, times, side="right") - 1).clip(0)]
    after = known[np.searchsorted(known, times).clip(max=len(known) - 1)]
    span = np.maximum(after - before, 1)
    share = ((times - before) / span).clip(0, 1)[:, np.newaxis, np.newaxis]
    return landmarks[before] * (1 - share) + landmarks[after] * share
