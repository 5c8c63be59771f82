"""The last frames of a stream as a model takes them, with each frame's features computed once."""

from collections import deque
from concurrent.futures import Future

import numpy as np

from har.clips.clip import even_indices
from har.clips.streams import (
    NUM_NEAR,
    POSE,
    cut_box,
    latest_change,
    motion_profiles,
    place_boxes,
)
from har.features.packed import SEEN_BY_THREES
from har.pose.landmarks import pose_features
from har.recognizer.recognizer import Recognizer

MARGIN = 3  # frames kept beyond the window: the middle one of three may lie before it


class SlidingWindow:
    """A window over the latest frames.

    What a model sees of a window is what it would see of it as a clip, except for the two streams
    that follow somebody: what is later than a frame is not known yet. The person is followed
    forwards only, and the box of the stream `person` keeps the last place that is known.

    Args:
        recognizer: The model.
    """

    def __init__(self, recognizer: Recognizer):
        self._recognizer = recognizer
        how = recognizer.preprocessing
        self._length, self._context = how["num_frames"], how["context"]
        self._streams = how["streams"] if recognizer.takes_features else []
        self._places = even_indices(self._length, how["model_frames"])
        self._num_added = 0
        self._frames: deque[np.ndarray] = deque(maxlen=self._length)
        self._landmarks: deque[np.ndarray] = deque(maxlen=self._length)
        self._profiles: deque[np.ndarray] = deque(maxlen=self._length)
        self._features: dict[str, dict[int, np.ndarray]] = {name: {} for name in self._streams}

    @property
    def is_full(self) -> bool:
        """Whether there are enough frames for an answer."""
        return len(self._frames) == self._length

    def add(
        self, frame: np.ndarray, landmarks: np.ndarray | Future[np.ndarray] | None = None
    ) -> None:
        """Take the next frame.

        Args:
            frame: uint8 RGB, shape (size, size, 3).
            landmarks: Of the person in it, (33, 8), where the model sees the pose; now or, while
                another thread looks for them, when the backbone has run.
        """
        self._frames.append(frame)
        pictures = self._show_latest()
        if pictures:
            features = self._recognizer.extractor(np.stack([shown for _, _, shown in pictures]))
            for (name, place, _), row in zip(pictures, features, strict=True):
                self._features[name][place] = row
        if isinstance(landmarks, Future):
            landmarks = landmarks.result()
        if landmarks is not None:
            self._landmarks.append(landmarks)
        self._end_of_frame()

    def repeat(self) -> None:
        """Take the latest frame, if there is one, once more, in place of one that was lost."""
        if not self._frames:
            return
        for kept in (self._frames, self._landmarks, self._profiles):
            if kept:
                kept.append(kept[-1])
        self._end_of_frame()

    def _end_of_frame(self) -> None:
        self._num_added += 1
        oldest = self._num_added - self._length - MARGIN - NUM_NEAR
        for kept in self._features.values():
            kept.pop(oldest, None)

    def probabilities(self) -> np.ndarray:
        """Return the probability of each label in the window, float32, shape (num_classes,)."""
        return self._recognizer.judge(self.inputs())

    def inputs(self) -> np.ndarray:
        """Return what the network takes of the window."""
        if not self._streams:
            return self._recognizer.inputs(np.stack(self._frames))
        rows = [self._rows_of(name) for name in self._streams]
        return np.concatenate(rows, axis=-1)[self._places]

    def share_found(self, num_frames: int) -> float:
        """Return in which share of some frames about the window's middle a person is found.

        1 where the model sees no pose, so that nobody is missed.
        """
        if POSE not in self._streams:
            return 1.0
        start = (len(self._landmarks) - num_frames) // 2
        middle = list(self._landmarks)[start : start + num_frames]
        return float(np.mean([np.isfinite(found[0, 0]) for found in middle]))

    def _show_latest(self) -> list[tuple[str, int, np.ndarray]]:
        """Return what the backbone is to see now: the stream, the frame's number, the picture."""
        place, shown = self._num_added, []
        if "frames" in self._streams and place % 3 == 1:
            shown.append(("frames", place, self._frames[-1]))
        if {"motion", "person"}.isdisjoint(self._streams) or place == 0:
            return shown
        change = latest_change(self._frames[-2], self._frames[-1])
        if "motion" in self._streams:
            shown.append(("motion", place, change))
        if "person" in self._streams:
            self._profiles.append(motion_profiles(change[np.newaxis])[:, 0])
            shown += self._show_person(place - NUM_NEAR)
        return shown

    def _show_person(self, place: int) -> list[tuple[str, int, np.ndarray]]:
        """Return the person in a frame after which enough others have come, if it is to be seen."""
        if place < 0 or place % 3 != 1:
            return []
        left, top, side = place_boxes(np.stack(self._profiles, axis=1), context=self._context)
        from_end = self._num_added - place + 1
        frame = self._frames[-from_end]
        return [("person", place, cut_box(frame, left[-from_end], top[-from_end], side))]

    def _rows_of(self, name: str) -> np.ndarray:
        """Return the features of a stream, shape (num_frames, num_features)."""
        if name == POSE:
            return pose_features(np.stack(self._landmarks))
        places = np.arange(self._num_added - self._length, self._num_added)
        if name in SEEN_BY_THREES:
            places = places - places % 3 + 1
        elif len(places) > 1:
            places[0] = places[1]  # the first frame of a clip has none before it
        known = np.array(list(self._features[name]))
        latest = np.searchsorted(known, places, side="right") - 1
        return np.stack([self._features[name][place] for place in known[latest.clip(0)]])
