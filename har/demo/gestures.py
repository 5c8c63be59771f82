"""The gestures of the demo data: what arms, head and back do on top of a stance.

A gesture changes poses, given the seconds from the first frame. Sides are 0 for left and 1 for
right. The places of wrists are those of actions.yaml.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from har.demo.body import Pose, Reach, unit
from har.demo.curves import Time, Wobble, between, ease, wander

ELBOW_OUT = np.array([0.6, -0.35, -0.7])
ELBOW_AHEAD = np.array([0.5, 0.3, -1.0])
HEAD_RADIUS = 0.4  # arm lengths in a head radius, about: to move as far in both frames

Gesture = Callable[[Pose, np.ndarray], None]


@dataclass(frozen=True)
class Place:
    """Where a wrist can be.

    Attributes:
        frame: As of `har.demo.body.Reach`.
        offset: (side, forward, up) in that frame, shape (3,).
        elbow: Direction in which the elbow points then.
    """

    frame: str
    offset: np.ndarray
    elbow: np.ndarray

    def moved(self, by: np.ndarray) -> np.ndarray:
        """Return the offset after moving by arm lengths, shape (..., 3)."""
        return self.offset + np.asarray(by) / (HEAD_RADIUS if self.frame == "head" else 1.0)


@dataclass(frozen=True)
class Times:
    """When a gesture happens, in seconds: see `har.demo.curves.between`."""

    start: float | None = None
    end: float | None = None
    lift: float = 0.6

    def share(self, time: Time) -> Time:
        """Return how far it is there."""
        return between(time, self.start, self.end, self.lift)


def move_hand(pose: Pose, side: int, place: Place, offset: np.ndarray, share: Time = 1.0) -> None:
    """Draw a wrist from where it is towards a place, all the way with a share of 1."""
    share = np.asarray(share, float)
    kept = [replace(old, weight=old.weight * (1 - share)) for old in pose.hands[side]]
    pose.hands[side] = [*kept, Reach(place.frame, offset, share)]
    towards = share[..., np.newaxis]
    pose.elbows[side] = (1 - towards) * pose.elbows[side] + towards * place.elbow


def hold(
    rng: np.random.Generator, side: int, place: Place, times: Times, *, drift: float = 0.012
) -> Gesture:
    """Keep a hand at a place, where it wanders a little: `drift` arm lengths."""
    wandering, bend = wander(rng, drift, 0.6), rng.normal(0, 0.3)

    def apply(pose: Pose, time: np.ndarray) -> None:
        move_hand(pose, side, place, place.moved(wandering(time)), times.share(time))
        pose.bends[side] = pose.bends[side] + bend

    return apply


def beat(
    rng: np.random.Generator,
    side: int,
    place: Place,
    times: Times,
    *,
    along: Sequence[float],
    size: float,
    hertz: float,
    phase: float | None = None,
) -> Gesture:
    """Move a hand to and fro about a place, `size` arm lengths along a direction: rub, clap, type.

    Args:
        rng: What is drawn.
        side: Of the hand.
        place: Its middle.
        times: When.
        along: (side, forward, up).
        size: Arm lengths to each end.
        hertz: Times a second.
        phase: Radians; None: drawn.
    """
    way, phase = size * unit(np.array(along)), rng.uniform(0, 2 * np.pi) if phase is None else phase
    wandering, uneven = wander(rng, 0.015, 0.5), Wobble(rng, 0.3, 0.7)

    def apply(pose: Pose, time: np.ndarray) -> None:
        angle = 2 * np.pi * hertz * time + phase + uneven(time)
        offset = place.moved(np.sin(angle)[:, np.newaxis] * way + wandering(time))
        move_hand(pose, side, place, offset, times.share(time))

    return apply


def shuttle(
    side: int, places: Sequence[Place], *, move: float, rest: float, start: float
) -> Gesture:
    """Take a hand from place to place and back to the first, over and over: drink, throw, push.

    Args:
        side: Of the hand.
        places: Two or more.
        move: Seconds of each way.
        rest: Seconds at each place.
        start: Seconds that it has been doing so at the first frame.
    """

    def apply(pose: Pose, time: np.ndarray) -> None:
        since = time + start
        leg = np.floor(since / (move + rest)).astype(int)
        share = ease(since - leg * (move + rest), rest, move)
        pose.hands[side] = []
        for at, place in enumerate(places):
            here = np.where(leg % len(places) == at, 1 - share, 0.0)
            here = here + np.where((leg + 1) % len(places) == at, share, 0.0)
            pose.hands[side].append(Reach(place.frame, place.offset, here))
        pose.elbows[side] = places[0].elbow

    return apply


def wave(
    rng: np.random.Generator,
    side: int,
    times: Times,
    *,
    pivot: str,
    height: float,
    swing: float,
    hertz: float,
) -> Gesture:
    """Wave a raised hand.

    Args:
        rng: What is drawn.
        side: Of the hand.
        times: When.
        pivot: What turns: "elbow", "shoulder" (the whole arm) or "wrist".
        height: Of the elbow: 0 is below the shoulder, 1 is above it.
        swing: Radians to each side.
        hertz: Times a second.
    """
    held = _RaisedHand(rng, pivot, height)
    phase, uneven = rng.uniform(0, 2 * np.pi), Wobble(rng, 0.35, 0.7)
    waxing = Wobble(rng, 0.25, 0.5)
    place = Place("arm", held.elbow, ELBOW_OUT)

    def apply(pose: Pose, time: np.ndarray) -> None:
        share = times.share(time)
        to_and_fro = np.sin(2 * np.pi * hertz * time + phase + uneven(time))
        wrist, bend = held.at(swing * (1 + waxing(time)) * to_and_fro)
        move_hand(pose, side, place, wrist, share)
        pose.bends[side] = pose.bends[side] + share * bend
        pose.tilt = pose.tilt - 0.05 * share * (-1, 1)[side]

    return apply


class _RaisedHand:
    """Where a waving hand is: which way forearm and arm point was drawn."""

    def __init__(self, rng: np.random.Generator, pivot: str, height: float) -> None:
        self.pivot = pivot
        self.inwards, self.raised = rng.uniform(-0.35, 0.25), rng.uniform(0.0, 1.3)
        self.ahead, self.plane = rng.uniform(-0.1, 0.5), rng.uniform(-0.6, 0.6)
        out = rng.uniform(0.25, 0.4) + 0.1 * height
        self.elbow = np.array([out, rng.uniform(0.1, 0.4), 0.6 * height - 0.35])

    def at(self, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the wrist, in arm lengths from the shoulder, and the bend at the wrist."""
        if self.pivot == "elbow":
            return self._forearm(self.inwards + angle), 0.4 * angle
        if self.pivot == "shoulder":
            out = self.raised + angle
            way = [np.sin(out), 0.1 + 0.5 * self.ahead + 0 * angle, np.cos(out)]
            return 0.93 * unit(np.stack(way, axis=-1)), 0.2 * angle
        still = self._forearm(np.full_like(angle, self.inwards))
        return still + angle[:, np.newaxis] * [0.04, 0, 0], 1.2 * angle

    def _forearm(self, angle: np.ndarray) -> np.ndarray:
        """Return the wrist of a forearm that leans outwards by an angle."""
        across = np.sin(angle)
        ahead = 0.12 + self.ahead + across * np.sin(self.plane)
        way = [across * np.cos(self.plane), ahead, np.cos(angle)]
        return self.elbow + 0.48 * unit(np.stack(way, axis=-1))


def write(
    rng: np.random.Generator,
    side: int,
    place: Place,
    *,
    width: float,
    size: float,
    hertz: float,
    line: float,
    upright: bool = False,
) -> Gesture:
    """Write lines, letter by letter, with pauses to think.

    Args:
        rng: What is drawn.
        side: Of the hand.
        place: The middle of the paper.
        width: Of a line, in arm lengths.
        size: Of a letter, in arm lengths.
        hertz: Strokes a second.
        line: Seconds a line.
        upright: On a board, not on a table.
    """
    start, flow, bend = rng.uniform(0, 1), Wobble(rng, 0.5, 0.8), rng.uniform(-0.9, 0.1)
    thinks, patience = Wobble(rng, 1.0, 0.35), rng.uniform(-1.0, 1.2)

    def apply(pose: Pose, time: np.ndarray) -> None:
        part = (time / line + start) % 1
        forth = np.where(part < 0.85, part / 0.85, 1 - ease(part, 0.85, 0.15))
        busy = size * np.where(thinks(time) < patience, 1.0, 0.25)
        stroke = 2 * np.pi * hertz * time + flow(time)
        right = width * (forth - 0.5) + 0.6 * busy * np.sin(0.5 * stroke)
        large, small = busy * np.sin(stroke), 0.35 * busy * np.cos(stroke)
        ahead, up = (small, large) if upright else (large, small)
        move_hand(pose, side, place, place.moved(np.stack([(-1, 1)[side] * right, ahead, up], -1)))
        pose.bends[side] = pose.bends[side] + bend + 0.25 * np.sin(stroke) * (busy > 0.5 * size)

    return apply


def look(*, nod: float = 0.0, turn: float = 0.0, lean: float = 0.0, tilt: float = 0.0) -> Gesture:
    """Bend or turn the head, or the back, by radians, all the time."""

    def apply(pose: Pose, time: np.ndarray) -> None:
        del time
        pose.head_nod, pose.head_turn = pose.head_nod + nod, pose.head_turn + turn
        pose.lean, pose.tilt = pose.lean + lean, pose.tilt + tilt

    return apply


def talk(rng: np.random.Generator) -> Gesture:
    """Move the head as in talking."""
    nod, turn = Wobble(rng, 0.09, 0.8), Wobble(rng, 0.06, 1.1)

    def apply(pose: Pose, time: np.ndarray) -> None:
        pose.head_nod, pose.head_turn = pose.head_nod + nod(time), pose.head_turn + turn(time)

    return apply
