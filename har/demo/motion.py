"""The six actions of the demo data: a stance and gestures for each, made up from a seed."""

from dataclasses import dataclass, field

import numpy as np

from har.demo.body import Pose
from har.demo.gestures import (
    Gesture,
    call,
    hold_still,
    look_at_desk,
    look_at_phone,
    put_in_hand,
    rest_on_desk,
    touch_head,
    wave,
    write,
)
from har.demo.stances import Seated, Standing, Walking, ease
from har.demo.subject import Subject

LABELS = ("calling", "sitting", "standing", "walking", "waving", "writing")


@dataclass
class Motion:
    """One person's movement in one video.

    Attributes:
        stance: Gives the pose of legs and trunk at a time.
        gestures: Change that pose one after the other.
        seated: Whether there is a chair at the origin.
        desk: Whether there is a desk before it, with paper and pen.
        pen_lies: Whether the pen is on the desk and not in the hand.
    """

    stance: Standing | Seated | Walking
    gestures: list[Gesture] = field(default_factory=list)
    seated: bool = False
    desk: bool = False
    pen_lies: bool = True

    def pose(self, time: float) -> Pose:
        """Return the pose at `time` seconds."""
        pose = self.stance(time)
        for gesture in self.gestures:
            gesture(pose, time)
        return pose


def make_motion(
    label: str, subject: Subject, rng: np.random.Generator, *, heading: float, seconds: float
) -> Motion:
    """Make up how `subject` performs an action for `seconds` seconds.

    Raises:
        ValueError: If `label` is none of `LABELS`.
    """
    makers = {
        "calling": _calling, "sitting": _sitting, "standing": _standing,
        "walking": _walking, "waving": _waving, "writing": _writing,
    }  # fmt: skip
    if label not in makers:
        raise ValueError(f"Unknown action {label!r}; expected one of {', '.join(LABELS)}.")
    return makers[label](subject, rng, heading, seconds)


def _strong(subject: Subject, rng: np.random.Generator) -> int:
    """Return the side of the hand in use: nearly always the usual one."""
    return int(subject.right_handed != (rng.random() < 0.1))


def _stand_or_sit(
    subject: Subject, rng: np.random.Generator, heading: float, *, sit_share: float
) -> Motion:
    """Return someone who stands, or who sits at a desk in `sit_share` of the cases."""
    if rng.random() >= sit_share:
        return Motion(Standing(subject, rng, heading=heading))
    stance = Seated(subject, rng, heading=heading)
    desk = rng.random() < 0.8
    gestures = [rest_on_desk(rng, stance.axes, s, share=lambda _: 1.0) for s in (0, 1) if desk]
    return Motion(stance, gestures, seated=True, desk=desk)


def _calling(subject: Subject, rng: np.random.Generator, heading: float, seconds: float) -> Motion:
    side = _strong(subject, rng)
    if rng.random() < 0.12:
        stance = Walking(subject, rng, heading=heading, middle=seconds / 2, pace=0.6)
        return Motion(stance, [call(rng, side, lift_at=None)])
    motion = _stand_or_sit(subject, rng, heading, sit_share=0.2)
    late = rng.random() < 0.25
    motion.gestures.append(call(rng, side, lift_at=rng.uniform(0, 0.2 * seconds) if late else None))
    return motion


def _waving(subject: Subject, rng: np.random.Generator, heading: float, seconds: float) -> Motion:
    motion = _stand_or_sit(subject, rng, heading, sit_share=0.2)
    side = _strong(subject, rng)
    late = rng.random() < 0.3
    if rng.random() < 0.25:
        motion.gestures.append(look_at_phone(rng, 1 - side))
    lift_at = rng.uniform(0, 0.2 * seconds) if late else None
    motion.gestures.append(wave(subject, rng, side, lift_at=lift_at))
    return motion


def _standing(subject: Subject, rng: np.random.Generator, heading: float, seconds: float) -> Motion:
    motion = Motion(Standing(subject, rng, heading=heading))
    side = _strong(subject, rng)
    way = rng.choice(
        ["hang", "phone", "hip", "behind", "touch", "hold"], p=[0.3, 0.3, 0.12, 0.08, 0.15, 0.05]
    )
    if way == "phone":
        motion.gestures.append(look_at_phone(rng, side))
    elif way == "hip":
        motion.gestures.append(hold_still((0.28, 0.02, -0.62), rng, side))
    elif way == "behind":
        motion.gestures += [hold_still((-0.2, -0.25, -0.8), rng, s) for s in (0, 1)]
    elif way == "touch":
        at = rng.uniform(-0.8, 0.35 * seconds)
        motion.gestures.append(touch_head(rng, side, at=at, seconds=rng.uniform(0.6, 1.8)))
    elif way == "hold":  # a hand at the ear all the time, no phone in it
        motion.gestures.append(touch_head(rng, side, at=-2.0, seconds=9.0))
    return motion


def _walking(subject: Subject, rng: np.random.Generator, heading: float, seconds: float) -> Motion:
    pace = rng.uniform(0.85, 1.15)
    motion = Motion(Walking(subject, rng, heading=heading, middle=seconds / 2, pace=pace))
    side = _strong(subject, rng)
    way = rng.choice(["free", "phone", "touch"], p=[0.65, 0.2, 0.15])
    if way == "phone":
        motion.gestures.append(look_at_phone(rng, side))
    elif way == "touch":
        motion.gestures.append(touch_head(rng, side, at=rng.uniform(-0.5, 1.0), seconds=1.0))
    return motion


def _sitting(subject: Subject, rng: np.random.Generator, heading: float, seconds: float) -> Motion:
    sits_down = rng.random() < 0.35
    down_at = rng.uniform(-0.1, 0.25 * seconds) if sits_down else None
    stance = Seated(subject, rng, heading=heading, down_at=down_at)
    side = _strong(subject, rng)
    motion = Motion(stance, seated=True, desk=bool(rng.random() < 0.75))

    def share(time: float) -> float:
        return 1.0 if down_at is None else ease(time, down_at + 0.8 * stance.seconds, 0.8)

    if motion.desk:
        motion.gestures += [rest_on_desk(rng, stance.axes, s, share=share) for s in (0, 1)]
        motion.gestures.append(look_at_desk(rng, share))
    way = rng.choice(["rest", "pen", "touch", "hold"], p=[0.55, 0.25, 0.15, 0.05])
    if way == "pen" and motion.desk and not sits_down:
        motion.gestures.append(lambda pose, _: put_in_hand(pose, side, "pen"))
        motion.pen_lies = False
    elif way == "touch":
        at = rng.uniform(0.3, 0.5) * seconds
        motion.gestures.append(touch_head(rng, side, at=at, seconds=rng.uniform(0.4, 1.5)))
    elif way == "hold" and not sits_down:
        motion.gestures.append(touch_head(rng, side, at=-2.0, seconds=9.0))
    return motion


def _writing(subject: Subject, rng: np.random.Generator, heading: float, seconds: float) -> Motion:
    del seconds  # writes from the first frame to the last
    stance = Seated(subject, rng, heading=heading)
    side = _strong(subject, rng)
    gestures = [
        rest_on_desk(rng, stance.axes, 1 - side, share=lambda _: 1.0),
        look_at_desk(rng, lambda _: 0.6),
        write(subject, rng, stance.axes, side),
    ]
    return Motion(stance, gestures, seated=True, desk=True, pen_lies=False)
