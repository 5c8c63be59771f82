"""The gestures of the demo data: what arms and head do on top of a stance.

Sides are 0 for left and 1 for right. Time is in seconds from the first frame.
"""

from collections.abc import Callable

import numpy as np

from har.demo.body import Pose, Reach
from har.demo.stances import DESK_EDGE_METRES, DESK_METRES, Wobble, ease
from har.demo.subject import Subject

ELBOW_OUT = np.array([0.6, -0.35, -0.7])
ELBOW_AHEAD = np.array([0.5, 0.3, -1.0])

Gesture = Callable[[Pose, float], None]


def move_hand(
    pose: Pose, side: int, reach: Reach, weight: float = 1.0, elbow: np.ndarray = ELBOW_OUT
) -> None:
    """Draw the hand of `side` from where it is towards `reach`, all the way with weight 1."""
    kept = [(w * (1 - weight), old) for w, old in pose.hands[side] if weight < 1]
    pose.hands[side][:] = [*kept, (weight, reach)]
    pose.elbows[side] = (1 - weight) * pose.elbows[side] + weight * elbow


def put_in_hand(pose: Pose, side: int, thing: str) -> None:
    """Let the hand of `side` hold something."""
    pose.holds = (thing, pose.holds[1]) if side == 0 else (pose.holds[0], thing)


def call(rng: np.random.Generator, side: int, *, lift_at: float | None) -> Gesture:
    """Hold a phone to the ear and talk; with `lift_at`, take it there at that time, in seconds."""
    nod, turn = Wobble(rng, 0.09, 0.8), Wobble(rng, 0.05, 1.1)
    talk = [Wobble(rng, 0.12, 0.9) for _ in range(3)]
    gestures = rng.random() < 0.5
    slow = rng.uniform(0.6, 0.9)
    drift = [Wobble(rng, 0.06, 0.7) for _ in range(3)]

    def apply(pose: Pose, time: float) -> None:
        up = 1.0 if lift_at is None else ease(time, lift_at, slow)
        low = Reach("arm", (-0.15, 0.5, -0.5))
        if lift_at is not None:
            move_hand(pose, side, low)
        ear = np.array([1.3, 0.85, -1.15]) + [wobble(time) for wobble in drift]
        move_hand(pose, side, Reach("head", tuple(ear)), up, ELBOW_AHEAD)
        put_in_hand(pose, side, "phone")
        pose.head_nod += nod(time) + 0.35 * (1 - up)
        pose.head_turn += turn(time)
        pose.tilt += 0.05 * up * (-1, 1)[side]
        if gestures and lift_at is None:
            place = np.array([0.1, 0.5, -0.35]) + [wobble(time) for wobble in talk]
            move_hand(pose, 1 - side, Reach("arm", tuple(place)))

    return apply


def wave(
    subject: Subject, rng: np.random.Generator, side: int, *, lift_at: float | None
) -> Gesture:
    """Wave a raised hand from side to side; with `lift_at`, raise it at that time, in seconds."""
    rate = 2 * np.pi * rng.uniform(1.3, 2.3) * subject.tempo
    swing, start = rng.uniform(0.5, 0.8), rng.uniform(0, 2 * np.pi)
    high = rng.choice([0.1, 0.4, 0.7, 1.0])  # from beside the head to above it
    elbow = np.array([0.3 + 0.1 * high, 0.22, -0.3 + 0.6 * high])
    lean_in = rng.uniform(-0.25, 0.15)

    def apply(pose: Pose, time: float) -> None:
        up = 1.0 if lift_at is None else ease(time, lift_at, 0.6)
        angle = lean_in + swing * np.sin(rate * time + start)
        wrist = elbow + 0.5 * np.array([np.sin(angle), 0.12, np.cos(angle)])
        move_hand(pose, side, Reach("arm", tuple(wrist)), up)
        pose.tilt -= 0.06 * up * (-1, 1)[side]

    return apply


def look_at_phone(rng: np.random.Generator, side: int) -> Gesture:
    """Hold a phone low in front and read it."""
    place = rng.uniform([-0.3, 0.45, -0.6], [0.0, 0.62, -0.25])
    drift = [Wobble(rng, 0.02, 0.8) for _ in range(3)]
    nod = rng.uniform(0.2, 0.5)

    def apply(pose: Pose, time: float) -> None:
        move_hand(pose, side, Reach("arm", tuple(place + [wobble(time) for wobble in drift])))
        put_in_hand(pose, side, "phone")
        pose.head_nod += nod

    return apply


def touch_head(rng: np.random.Generator, side: int, *, at: float, seconds: float) -> Gesture:
    """Raise a hand to the hair, the ear or the chin from `at` on for some seconds."""
    ends = [(1.3, 0.85, -1.1), (1.2, 0.3, -0.4), (0.7, 1.25, -1.6), (1.1, 1.1, -0.2)]
    place = ends[rng.integers(len(ends))]
    rub = Wobble(rng, 0.12, 1.6)

    def apply(pose: Pose, time: float) -> None:
        weight = ease(time, at, 0.6) * (1 - ease(time, at + seconds, 0.6))
        spot = (place[0], place[1], place[2] + rub(time))
        move_hand(pose, side, Reach("head", spot), weight, ELBOW_AHEAD)

    return apply


def hold_still(place: tuple[float, float, float], rng: np.random.Generator, side: int) -> Gesture:
    """Keep a hand at `place`, in arm lengths from the shoulder: on the hip, behind the back."""
    drift = [Wobble(rng, 0.01, 0.6) for _ in range(3)]

    def apply(pose: Pose, time: float) -> None:
        spot = tuple(p + wobble(time) for p, wobble in zip(place, drift, strict=True))
        move_hand(pose, side, Reach("arm", spot))

    return apply


def _on_desk(axes: np.ndarray, aside: float, ahead: float, above: float) -> Reach:
    """Return a place over the desk; metres to the right, forward of the chair and above the top."""
    return Reach("world", tuple(np.array([aside, ahead, DESK_METRES + above]) @ axes))


def rest_on_desk(
    rng: np.random.Generator, axes: np.ndarray, side: int, *, share: Callable[[float], float]
) -> Gesture:
    """Lay a hand on the desk and shift it now and then; `share` is how far it is there by time."""
    right = (-1, 1)[side]
    spot = np.array([right * rng.uniform(0.05, 0.22), DESK_EDGE_METRES + rng.uniform(0.06, 0.15)])
    other = spot + rng.uniform(-0.09, 0.09, 2)
    when = rng.uniform(0.3, 3.5)
    drift = [Wobble(rng, 0.006, 0.5) for _ in range(2)]

    def apply(pose: Pose, time: float) -> None:
        moved = ease(time, when, 0.7)
        aside, ahead = spot + (other - spot) * moved + [wobble(time) for wobble in drift]
        above = 0.035 + 0.04 * np.sin(np.pi * moved)
        move_hand(pose, side, _on_desk(axes, aside, ahead, above), share(time))

    return apply


def write(subject: Subject, rng: np.random.Generator, axes: np.ndarray, side: int) -> Gesture:
    """Write lines on the paper on the desk with a pen."""
    right = (-1, 1)[side]
    rate = 2 * np.pi * rng.uniform(2.2, 3.4) * subject.tempo
    line_seconds = rng.uniform(1.1, 1.7) / subject.tempo
    width, start = rng.uniform(0.18, 0.26), rng.uniform(0, 1)
    size = rng.uniform(0.018, 0.028)
    flow = Wobble(rng, 0.5, 0.8)

    def apply(pose: Pose, time: float) -> None:
        part = (time / line_seconds + start) % 1
        along = part / 0.85 if part < 0.85 else 1 - ease(part, 0.85, 0.15)
        lifted = np.sin(np.pi * min(max((part - 0.85) / 0.15, 0), 1))
        beat = rate * time + flow(time)
        aside = right * 0.1 + width * (along - 0.5) + 0.6 * size * np.sin(0.5 * beat)
        ahead = DESK_EDGE_METRES + 0.1 + size * np.sin(beat)
        above = 0.045 + 0.35 * size * np.cos(beat) + 0.035 * lifted
        move_hand(pose, side, _on_desk(axes, aside, ahead, above))
        put_in_hand(pose, side, "pen")
        pose.head_nod += 0.22
        pose.head_turn = 0.35 * pose.head_turn - 0.25 * (aside - right * 0.1)
        pose.twist += 0.15 * right * (along - 0.5) * width

    return apply


def look_at_desk(rng: np.random.Generator, share: Callable[[float], float]) -> Gesture:
    """Look down at the desk, more or less."""
    nod = rng.uniform(0.0, 0.35)

    def apply(pose: Pose, time: float) -> None:
        pose.head_nod += nod * share(time)
        pose.lean += 0.08 * share(time)

    return apply
