"""The motion of the camera: estimated on what most of the picture does, taken out, and measured.

Corners are followed from frame to frame by sparse optical flow, and RANSAC finds the shift, turn
and zoom that most of them share: those of the background, as long as it has more corners than the
people before it. Where the camera stands still nothing is done, so the pictures of a still camera
stay as they are to the last bit.

References: Lucas and Kanade, "An Iterative Image Registration Technique", IJCAI 1981; Fischler and
Bolles, "Random Sample Consensus", CACM 1981; Wang and Schmid, "Action Recognition with Improved
Trajectories", ICCV 2013, which takes the camera out of optical flow.
"""

import itertools
import math

import cv2
import numpy as np

SCALE = 2  # frames are halved to look for motion
MAX_CORNERS = 150
MIN_CORNERS = 8
MIN_DISTANCE = 5  # pixels between corners
CORNER_QUALITY = 0.01  # share of the best corner's
WINDOW = (15, 15)  # pixels around a corner that are compared
RANSAC_PIXELS = 1.0  # a corner moves as the camera says if it is no farther off
MIN_SHARE = 0.4  # of the corners, that must move as the camera says
MIN_PIXELS = 1.0  # a camera that moves the frame's corners less stands still
NUM_CELLS = 4  # to a side of the grid over the frame, where a moving camera is to be told
MIN_CELLS = 8  # of its 16, that must hold corners that move as the camera says
MIN_TOLD = 0.5  # of a clip's steps, in which the camera's motion can be told
MOVING = 0.0015  # of the frame's side from a frame to the next, from which on a camera moves

STILL = np.eye(2, 3)


def camera_motion(clip: np.ndarray) -> np.ndarray:
    """Return how the camera moved the picture from each frame to the next.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3).

    Returns:
        float64, shape (num_frames, 2, 3): [i] takes places (column, row, 1) of frame i - 1, in
        pixels, to where they are in frame i; of the first frame, and of a camera that stands still
        or cannot be told, the identity.
    """
    small = [_small_grey(frame) for frame in clip]
    moves = [common_move(*pair)[0] for pair in itertools.pairwise(small)]
    moves = [STILL, *(STILL if move is None else move for move in moves)]
    shown = [_in_full_pixels(move, clip.shape[2]) for move in moves]
    return np.stack(shown)


def measure_camera(clip: np.ndarray) -> float:
    """Return how far the camera moves the middle of the picture from a frame to the next.

    Corners that agree count for the camera only where they are spread over the frame: before a
    bare background the only corners are the person's. A zoom, or a turn about the middle, which
    leaves the middle where it is, does not count.

    Args:
        clip: uint8 RGB, shape (num_frames, size, size, 3).

    Returns:
        The mean of all steps, as a share of the frame's side; from `MOVING` on the camera moves.
        NaN where it cannot be told, in half of the steps or more.
    """
    small = [_small_grey(frame) for frame in clip]
    size = small[0].shape[0] if small else 1
    middle = np.array([size / 2, size / 2, 1])
    distances = []
    for before, after in itertools.pairwise(small):
        move, corners = common_move(before, after)
        cells = {tuple(cell) for cell in (corners * NUM_CELLS // size).astype(int)}
        if move is not None and len(cells) >= MIN_CELLS:
            distances.append(np.linalg.norm(move @ middle - middle[:2]) / size)
    if not distances or len(distances) < MIN_TOLD * (len(clip) - 1):
        return math.nan
    return float(np.mean(distances))


def camera_state(motion: float) -> str:
    """Return what a measured motion says of the camera, in words.

    Example:
        >>> camera_state(0.0004), camera_state(0.01), camera_state(math.nan)
        ('still', 'moving', 'cannot be told')
    """
    if math.isnan(motion):
        return "cannot be told"
    return "moving" if motion >= MOVING else "still"


def follow_camera(frame: np.ndarray, move: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Return a frame as the camera would have seen it after a move, and where it is known.

    Args:
        frame: uint8, shape (size, size) or (size, size, 3).
        move: Shape (2, 3), as `camera_motion` returns it.

    Returns:
        The frame, and a mask, bool, shape (size, size), False beyond its edges; None: all of it.
    """
    if np.array_equal(move, STILL):
        return frame, None
    size = frame.shape[1::-1]
    known = cv2.warpAffine(np.full(frame.shape[:2], 255, np.uint8), move, size)
    return cv2.warpAffine(frame, move, size, flags=cv2.INTER_LINEAR), known == 255


def _small_grey(frame: np.ndarray) -> np.ndarray:
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    size = (frame.shape[1] // SCALE, frame.shape[0] // SCALE)
    return cv2.resize(grey, size, interpolation=cv2.INTER_AREA)


def common_move(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray | None, np.ndarray]:
    """Return the shift, turn and zoom that most corners share from a frame to the next.

    Args:
        before: uint8 grey, shape (height, width).
        after: The same.

    Returns:
        float64, shape (2, 3), in pixels, and the corners that move so, float32, shape
        (num_corners, 2); None and no corner where there are few, or too few move alike.
    """
    none = None, np.empty((0, 2), np.float32)
    corners = cv2.goodFeaturesToTrack(before, MAX_CORNERS, CORNER_QUALITY, MIN_DISTANCE)
    if corners is None or len(corners) < MIN_CORNERS:
        return none
    found, status, _ = cv2.calcOpticalFlowPyrLK(before, after, corners, None, winSize=WINDOW)
    is_found = status[:, 0] == 1
    corners, found = corners[is_found, 0], found[is_found, 0]
    if len(corners) < MIN_CORNERS:
        return none
    cv2.setRNGSeed(0)  # of RANSAC: the same clip gives the same result
    move, agrees = cv2.estimateAffinePartial2D(
        corners, found, method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PIXELS
    )
    if move is None or agrees.mean() < MIN_SHARE:
        return none
    return move, corners[agrees[:, 0] == 1]


def _in_full_pixels(move: np.ndarray, size: int) -> np.ndarray:
    """Return a move in pixels of the whole frame; one that is too small to count is none."""
    move = move * [[1, 1, SCALE], [1, 1, SCALE]]
    corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]], np.float64)
    return move if np.abs(corners @ move.T - corners[:, :2]).max() > MIN_PIXELS else STILL
