"""Landmarks of one person frame by frame, without knowing the future, for hours.

In a clip the person is followed from where it is seen surest (`har.pose.following`); here from
where it is seen first. The detector looks again now and then, as who has left the picture must not
be followed on into the background.
"""

from collections import deque

import cv2
import numpy as np

from har.pose.following import choose_person, unstretch
from har.pose.joints import NUM_LANDMARKS
from har.pose.networks import Circle, PoseNetworks, Window, closer_windows
from har.pose.people import PersonChoice

FRAMES_BETWEEN_LOOKS = 10  # of the detector, while somebody is followed
MAX_MISSES = 2  # looks in a row in which it sees nobody there
NUM_BEFORE = 2  # frames before, in which motion shows
MAX_DISTANCE = 0.5  # of the person followed and the one detected, in sides of the circle
CUT = 40  # grey levels by which a frame differs from the one before where another shot begins


class Follower:
    """Finds and follows a person.

    Args:
        networks: Of one thread.
        aspect: Width / height of the frames before they were made square.
        person: Which of several people to follow.
    """

    def __init__(self, networks: PoseNetworks, *, aspect: float, person: PersonChoice):
        self._networks, self._aspect, self._person = networks, aspect, person
        self._latest: deque[np.ndarray] = deque(maxlen=NUM_BEFORE + 1)
        self._known: Circle | None = None
        self._window: Window | None = None
        self._num_frames = self._num_misses = self._num_searches = 0

    def look(self, square: np.ndarray) -> np.ndarray:
        """Return the landmarks in the next frame, as `har.pose.following.clip_landmarks` does.

        Args:
            square: uint8 RGB, shape (size, size, 3).

        Returns:
            float32, shape (33, 8); NaN where nobody is found.
        """
        frame = unstretch(square[np.newaxis], self._aspect)[0]
        if self._is_cut(frame):
            self._latest.clear()
            self._known = None
        self._latest.append(frame)
        self._num_frames += 1
        landmarks = None
        if self._known is not None:
            landmarks = self._follow(frame)
        if landmarks is None:
            landmarks = self._search(frame)
        if landmarks is None:
            return np.full((NUM_LANDMARKS, 8), np.nan, np.float32)
        landmarks[:, :3] /= frame.shape[0]
        return landmarks

    def _is_cut(self, frame: np.ndarray) -> bool:
        return bool(self._latest) and float(cv2.absdiff(frame, self._latest[-1]).mean()) > CUT

    def _follow(self, frame: np.ndarray) -> np.ndarray | None:
        """Return the landmarks of the known person, if still there."""
        expected = self._known
        landmarks, self._known = self._networks.find_landmarks(frame, expected)
        if landmarks is None or self._num_frames % FRAMES_BETWEEN_LOOKS:
            return landmarks
        people = self._networks.find_people(frame, self._window)
        distances = [np.hypot(one.x - expected.x, one.y - expected.y) for one in people]
        is_there = min(distances, default=np.inf) <= MAX_DISTANCE * expected.side
        self._num_misses = 0 if is_there else self._num_misses + 1
        if self._num_misses < MAX_MISSES:
            return landmarks
        self._num_misses, self._known = 0, None
        return None

    def _search(self, frame: np.ndarray) -> np.ndarray | None:
        """Return the landmarks of somebody in the frame, or in a part of it, each time another."""
        self._window = None
        people = self._networks.find_people(frame)
        if not people:
            self._window = self._next_window(frame)
            people = self._networks.find_people(frame, self._window)
        if not people:
            return None
        place = len(self._latest) - 1
        chosen = choose_person(np.stack(self._latest), place, people, self._person)
        landmarks, self._known = self._networks.find_landmarks(frame, chosen)
        return landmarks

    def _next_window(self, frame: np.ndarray) -> Window:
        windows = closer_windows(frame)
        self._num_searches += 1
        return windows[self._num_searches % len(windows)]
