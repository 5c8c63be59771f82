"""Drawn people as landmarks alone: thousands of training examples in seconds.

They do what the people of the drawn videos do, seen by the same cameras, but no picture is drawn
and no network looks for them. The joints of the skeleton go wrong as the network's landmarks do:
off by a little in all frames, trembling, and by more where a joint is beyond the picture's edge or
behind a desk. How much was measured on drawn videos, whose true joints are known
(tests/demo/test_sequences.py does so again).
"""

from dataclasses import replace

import numpy as np

from har.demo.body import Body, make_subject
from har.demo.motion import make_motion
from har.demo.views import Camera, choose_view, draw_facing, hold_camera
from har.pose.joints import HIPS, MIRRORED, NOSE, NUM_LANDMARKS, SHOULDERS

SECONDS = (0.5, 5.0)  # shortest and longest
SIZES = ((640, 480), (640, 360), (360, 640), (480, 640))  # (width, height) of the picture
SIZE_SHARES = (0.35, 0.3, 0.25, 0.1)

ARMS = ([11, 13, 15, 19], [12, 14, 16, 20])  # shoulder, elbow, wrist, index finger
LEGS = ([23, 25, 27, 31], [24, 26, 28, 32])  # hip, knee, ankle, toes
BELOW_DESK = [25, 26, 27, 28, 31, 32]  # knees, ankles, toes

# Usual errors in lengths of the torso, along each axis of the picture.
OFFSET, TREMBLE = 0.07, 0.035  # of a joint that is seen: in all frames, from frame to frame
HIDDEN_OFFSET, HIDDEN_TREMBLE = 0.45, 0.08  # of one that is not
UNEVEN = 0.6  # how much errors differ from joint to joint and clip to clip: log-normal
WEIGHTS = {0.7: [NOSE, *SHOULDERS, *HIPS], 1.3: [19, 20, 27, 28, 31, 32]}
SLOW = 0.8  # share of the trembling that is slow
FIRM = 0.4  # of a hidden error, at the hips and shoulders
OFFSET_METRES, TREMBLE_METRES = 0.04, 0.015  # in space
FLATTENED = (0.5, 1.1)  # the network's depths over the true ones
BEHIND_METRES, OUTLINE = 0.08, 0.4  # behind the trunk by that, and so near to it in torso lengths
SWAPS = 0.07  # share of the clips in which left and right are taken for each other
MISSES = 0.2  # share of the clips in which nobody is found for a while


def draw_sequence(label: str, rng: np.random.Generator, *, num_frames: int) -> np.ndarray:
    """Return the landmarks of someone who does an action, evenly spaced over a clip.

    Each is of another person.

    Args:
        label: One of `har.demo.motion.LABELS`.
        rng: Decides everything else.
        num_frames: Of a clip.

    Returns:
        float32, shape (num_frames, 33, 8), as `har.pose.following.clip_landmarks` returns them.
    """
    subject = make_subject("", rng)
    seconds = float(np.exp(rng.uniform(*np.log(SECONDS))))
    times = seconds * (np.arange(num_frames) + 0.5) / num_frames
    heading = draw_facing(rng, walks=label == "walking")
    motion = make_motion(label, subject, rng, heading=heading, seconds=seconds)
    body = Body(subject, motion.poses(times))
    size = SIZES[rng.choice(len(SIZES), p=SIZE_SHARES)]
    view = choose_view(body, azimuth=0.0, size=size, rng=rng)
    cameras = hold_camera(view, body.pose.hips, times, rng)
    return project(body, cameras, rng, desk=motion.desk)


def project(
    body: Body, cameras: list[Camera], rng: np.random.Generator, *, desk: bool
) -> np.ndarray:
    """Return the landmarks that the network would find, about.

    Args:
        body: At the instants of a clip.
        cameras: One for each instant.
        rng: Decides what goes wrong.
        desk: Whether there is a desk before the legs.

    Returns:
        float32, shape (num_instants, 33, 8), as `har.pose.following.clip_landmarks` returns them;
        of landmarks that nothing is made of, all 0.
    """
    seen = see(skeleton(body), cameras)
    is_hidden = find_hidden(seen, aspect=cameras[0].size[0] / cameras[0].size[1])
    if desk:
        is_hidden[:, BELOW_DESK] = True
    found = go_wrong(seen, is_hidden, rng)
    if rng.random() < SWAPS:
        found = found[:, MIRRORED]
    if rng.random() < MISSES:
        missed = rng.integers(1, len(found) - 2)
        found[(np.arange(missed) + rng.integers(len(found))) % len(found)] = np.nan
    return found.astype(np.float32)


def skeleton(body: Body) -> np.ndarray:
    """Return the joints of a body as landmarks, world metres, shape (num_instants, 33, 3)."""
    points = np.zeros((len(body.pose.hips), NUM_LANDMARKS, 3))
    points[:, NOSE] = body.nose
    for limbs, numbers in ((body.arms, ARMS), (body.legs, LEGS)):
        for joints, of_limb in zip(limbs, numbers, strict=True):
            for joint, number in zip(joints, of_limb, strict=True):
                points[:, number] = joint
    return points


def see(points: np.ndarray, cameras: list[Camera]) -> np.ndarray:
    """Return landmarks without an error, float64, shape (num_instants, 33, 8).

    Args:
        points: World metres, shape (num_instants, 33, 3).
        cameras: One for each instant, which only turns.
    """
    seen = np.zeros((*points.shape[:2], 8))
    camera = replace(cameras[0], rotation=np.stack([one.rotation for one in cameras]))
    seen[..., :2] = camera.project(points)[..., :2] / camera.size[1]
    local = camera.to_camera(points)
    seen[..., 5:] = local - local[:, HIPS].mean(axis=1, keepdims=True)
    return seen


def torso_length(seen: np.ndarray) -> float:
    """Return the median length of the torso in the picture, in its heights."""
    hips, shoulders = (seen[:, joints, :2].mean(axis=1) for joints in (HIPS, SHOULDERS))
    return float(np.median(np.linalg.norm(hips - shoulders, axis=-1)))


def find_hidden(seen: np.ndarray, *, aspect: float) -> np.ndarray:
    """Return which joints are beyond the picture's edge or behind the trunk, (num_instants, 33).

    Args:
        seen: From `see`.
        aspect: Width / height of the picture.
    """
    places, depths = seen[..., :2], seen[..., 7]
    is_outside = ((places < 0) | (places > (aspect, 1))).any(axis=-1)
    hips, shoulders = (
        places[:, joints].mean(axis=1, keepdims=True) for joints in (HIPS, SHOULDERS)
    )
    spine = shoulders - hips
    share = ((places - hips) * spine).sum(axis=-1) / ((spine**2).sum(axis=-1) + 1e-9)
    beside = places - hips - share.clip(0, 1)[..., np.newaxis] * spine
    is_near = np.linalg.norm(beside, axis=-1) < OUTLINE * torso_length(seen)
    trunk = depths[:, [*HIPS, *SHOULDERS]].mean(axis=1, keepdims=True)
    is_behind = is_near & (depths > trunk + BEHIND_METRES)
    is_behind[:, [*HIPS, *SHOULDERS]] = False
    return is_outside | is_behind


def go_wrong(seen: np.ndarray, is_hidden: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return landmarks with errors; `is_hidden` is bool, shape (num_instants, 33)."""
    shape = (len(seen), NUM_LANDMARKS, 2)
    weights = np.exp(rng.normal(0, UNEVEN, (NUM_LANDMARKS, 1)))
    for weight, joints in WEIGHTS.items():
        weights[joints] *= weight
    hidden = is_hidden[..., np.newaxis] * np.ones(2)
    hidden[:, [*HIPS, *SHOULDERS]] *= FIRM
    slow = np.cumsum(rng.normal(size=shape), axis=0) / np.sqrt(len(seen))
    trembling = SLOW * slow + np.sqrt(1 - SLOW**2) * rng.normal(size=shape)
    offset = (OFFSET + (HIDDEN_OFFSET - OFFSET) * hidden) * rng.normal(size=shape[1:])
    tremble = (TREMBLE + (HIDDEN_TREMBLE - TREMBLE) * hidden) * trembling
    wrong = seen.copy()
    wrong[..., :2] += torso_length(seen) * weights * (offset + tremble)
    wrong[..., 3:5] = np.where(is_hidden, 0.1, 0.99)[..., np.newaxis]
    wrong[..., 7] *= rng.uniform(*FLATTENED)
    metres = OFFSET_METRES * rng.normal(size=(NUM_LANDMARKS, 3))
    metres = metres + TREMBLE_METRES * rng.normal(size=(*shape[:2], 3))
    wrong[..., 5:] += (1 + 4 * hidden[..., :1]) * metres
    return wrong
