"""Landmarks of one person through a clip: found where surest, followed to both ends."""

import cv2
import numpy as np

from har.pose.joints import NUM_LANDMARKS
from har.pose.networks import Circle, PoseNetworks, Window, closer_windows
from har.pose.people import PersonChoice

MAX_LOOKS = 8  # frames in which the detector looks for people
LONGEST_SIDE = 400  # pixels of a frame


def clip_landmarks(
    clip: np.ndarray, networks: PoseNetworks, *, aspect: float, person: PersonChoice = "moving"
) -> np.ndarray:
    """Return the landmarks of a person in each frame of a clip.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3), whose frames were made square.
        networks: Of one thread.
        aspect: Width / height of the frames as they were.
        person: Which of several people to follow.

    Returns:
        float32, shape (num_frames, 33, 8): x and y in heights of the frame, so that x goes from 0
        to `aspect`, z in the same unit, visibility, presence, and x, y, z in metres from the hips;
        NaN in frames without a person.
    """
    frames = unstretch(clip, aspect)
    found = np.full((len(frames), NUM_LANDMARKS, 8), np.nan, np.float32)
    start = _find_start(frames, networks, person)
    if start is None:
        return found
    place, circle, window = start
    for order in (range(place, len(frames)), range(place - 1, -1, -1)):
        known = circle
        for index in order:
            landmarks, known = _look(frames[index], networks, known, window)
            if landmarks is not None:
                found[index] = landmarks
    found[:, :, :3] /= frames.shape[1]
    return found


def unstretch(clip: np.ndarray, aspect: float) -> np.ndarray:
    """Return square frames in the shape that they had, at most `LONGEST_SIDE` wide and high."""
    size = clip.shape[1]
    width, height = (size * aspect, size) if aspect >= 1 else (size, size / aspect)
    scale = min(1, LONGEST_SIDE / max(width, height))
    shape = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.stack([cv2.resize(frame, shape, interpolation=cv2.INTER_LINEAR) for frame in clip])


def _look(
    frame: np.ndarray, networks: PoseNetworks, known: Circle | None, window: Window | None
) -> tuple[np.ndarray, Circle] | tuple[None, None]:
    """Return the landmarks in a frame, where they were expected or else where they are found."""
    if known is not None:
        landmarks, following = networks.find_landmarks(frame, known)
        if landmarks is not None:
            return landmarks, following
    people = networks.find_people(frame, window)
    return networks.find_landmarks(frame, people[0]) if people else (None, None)


def _find_start(
    frames: np.ndarray, networks: PoseNetworks, person: PersonChoice
) -> tuple[int, Circle, Window | None] | None:
    """Return the frame to start from, the person in it to follow, and where people are found."""
    looks = np.unique(np.linspace(0, len(frames) - 1, MAX_LOOKS).round().astype(int))
    for window in (None, *closer_windows(frames[0])):
        found = {int(look): networks.find_people(frames[look], window) for look in looks}
        found = {look: people for look, people in found.items() if people}
        if found:
            break
    else:
        return None
    # Where most people are seen there is a choice; where it is one everywhere, the surest look.
    look = max(found, key=lambda look: (len(found[look]), found[look][0].score))
    return look, choose_person(frames, look, found[look], person), window


def choose_person(
    frames: np.ndarray, place: int, people: list[Circle], person: PersonChoice
) -> Circle:
    """Return the person to follow.

    Args:
        frames: uint8 RGB, shape (num_frames, height, width, 3).
        place: The frame in which the people are.
        people: At least one.
        person: Which of them.
    """
    height, width = frames.shape[1:3]
    measures = {
        "moving": lambda one: _motion_around(frames, place, one),
        "largest": lambda one: one.side,
        "central": lambda one: -np.hypot(one.x - width / 2, one.y - height / 2),
    }
    return people[0] if len(people) == 1 else max(people, key=measures[person])


def _motion_around(frames: np.ndarray, place: int, circle: Circle) -> float:
    """Return how much changes within a circle from two frames before to two frames after."""
    half = circle.side / 2
    rows = slice(max(0, int(circle.y - half)), max(0, int(circle.y + half)) + 1)
    columns = slice(max(0, int(circle.x - half)), max(0, int(circle.x + half)) + 1)
    near = frames[max(0, place - 2) : place + 3, rows, columns].astype(np.int16)
    return float(np.abs(np.diff(near, axis=0)).mean()) if near.size and len(near) > 1 else 0.0
