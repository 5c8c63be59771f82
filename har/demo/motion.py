"""How the people of the demo data move: a stance (legs and trunk) and gestures (arms and head).

Time is in seconds from the first frame. The person's spot is the world's origin.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from har.demo.body import Pose, Reach, Subject, heading_axes

LABELS = ("calling", "sitting", "standing", "walking", "waving", "writing")

SEAT_METRES = 0.47  # the top of the chair
DESK_METRES = 0.74  # the top of the desk
DESK_EDGE_METRES = 0.40  # from the chair's middle forward to the desk
ANKLE_METRES = 0.075
STANCE_SHARE = 0.6  # of each stride a foot is on the floor

Gesture = Callable[[Pose, float], None]


class Wobble:
    """A smooth wandering around 0, never repeating: three sines near one frequency.

    Args:
        rng: Where the phases come from.
        size: Usual distance from 0.
        hertz: Middle frequency.
    """

    def __init__(self, rng: np.random.Generator, size: float, hertz: float) -> None:
        self.sizes = size * np.array([0.7, 0.6, 0.35])
        self.rates = 2 * np.pi * hertz * np.array([0.6, 1.0, 1.9]) * rng.uniform(0.85, 1.15, 3)
        self.phases = rng.uniform(0, 2 * np.pi, 3)

    def __call__(self, time: float) -> float:
        """Return the value at `time` seconds."""
        return float(self.sizes @ np.sin(self.rates * time + self.phases))


def ease(time: float, start: float, length: float) -> float:
    """Go from 0 to 1 between `start` and `start + length` seconds as a hand does (least jerk).

    Example:
        >>> [ease(time, 1.0, 2.0) for time in (0.5, 2.0, 9.0)]
        [0.0, 0.5, 1.0]
    """
    share = min(max((time - start) / length, 0.0), 1.0)
    return share**3 * (10 - 15 * share + 6 * share**2)


ELBOW_OUT = np.array([0.6, -0.35, -0.7])
ELBOW_AHEAD = np.array([0.5, 0.3, -1.0])


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


class _Idle:
    """The small movements of a trunk and a head that nobody controls."""

    def __init__(self, subject: Subject, rng: np.random.Generator, *, size: float = 1.0) -> None:
        pace = subject.tempo
        self.lean = Wobble(rng, 0.02 * size, 0.35 * pace)
        self.tilt = Wobble(rng, 0.02 * size, 0.3 * pace)
        self.twist = Wobble(rng, 0.08 * size, 0.3 * pace)
        self.turn = Wobble(rng, rng.uniform(0.08, 0.25), 0.4 * pace)
        self.nod = Wobble(rng, 0.07, 0.5 * pace)
        self.aside = Wobble(rng, 0.022 * size, 0.3 * pace)
        self.ahead = Wobble(rng, 0.012 * size, 0.4 * pace)
        self.arms = [[Wobble(rng, 0.03, 0.6 * pace) for _ in range(3)] for _ in range(2)]

    def rest(self, time: float, side: int, place: tuple[float, float, float]) -> Reach:
        """Return a hand's place near `place`, in arm lengths from the shoulder."""
        return Reach("arm", tuple(p + w(time) for p, w in zip(place, self.arms[side], strict=True)))


class Standing:
    """Stands on both feet, sways and looks around."""

    def __init__(self, subject: Subject, rng: np.random.Generator, *, heading: float) -> None:
        self.subject, self.heading = subject, heading
        self.idle = _Idle(subject, rng, size=rng.uniform(0.6, 1.8))
        self.axes = heading_axes(heading)
        width, apart = rng.uniform(0.07, 0.14), rng.uniform(-0.12, 0.12)
        self.feet = [
            np.array([side * width, -0.03 + side * apart, ANKLE_METRES]) @ self.axes
            for side in (-1, 1)
        ]
        self.at_side = tuple(rng.uniform([0.1, 0.0, -0.97], [0.24, 0.16, -0.9]))

    def __call__(self, time: float) -> Pose:
        """Return the pose at `time` seconds, with the arms hanging."""
        idle, subject = self.idle, self.subject
        aside = 1.6 * idle.aside(time)
        drop = abs(aside) * 0.2
        return Pose(
            hips=np.array([aside, idle.ahead(time), subject.standing_hips - drop]) @ self.axes,
            heading=self.heading + 0.5 * idle.twist(time),
            feet=self.feet,
            hands=[[(1.0, idle.rest(time, side, self.at_side))] for side in (0, 1)],
            lean=subject.stoop + idle.lean(time),
            tilt=idle.tilt(time) - 1.2 * aside,
            twist=idle.twist(time),
            head_turn=idle.turn(time),
            head_nod=idle.nod(time),
        )


class Seated:
    """Sits on the chair, hands in the lap; with `down_at` sits down at that time, in seconds."""

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        *,
        heading: float,
        down_at: float | None = None,
    ) -> None:
        self.subject, self.heading, self.down_at = subject, heading, down_at
        self.idle = _Idle(subject, rng, size=0.8)
        self.axes = heading_axes(heading)
        self.seconds = rng.uniform(1.0, 1.4) / subject.tempo
        width, ahead = rng.uniform(0.08, 0.15), rng.uniform(0.26, 0.36)
        self.feet = [
            np.array([side * width, ahead + rng.uniform(-0.06, 0.06), ANKLE_METRES]) @ self.axes
            for side in (-1, 1)
        ]
        self.slump = rng.uniform(0.0, 0.14)
        self.ahead = ahead

    def __call__(self, time: float) -> Pose:
        """Return the pose at `time` seconds."""
        idle, subject = self.idle, self.subject
        share = 1.0 if self.down_at is None else ease(time, self.down_at, self.seconds)
        seated = np.array([0.4 * idle.aside(time), 0.0, SEAT_METRES + 0.055 * subject.height])
        up = np.array([0.6 * idle.aside(time), self.ahead - 0.06, subject.standing_hips])
        # Hips go back first and down later, and the trunk bends forward on the way.
        hips = up + (seated - up) * np.array([share, share**0.8, share**1.15])
        bow = 0.55 * np.sin(np.pi * share)
        hands = []
        for side in (0, 1):
            lap = idle.rest(time, side, (-0.05, 0.52, -0.72))
            hanging = idle.rest(time, side, (0.15, 0.06, -0.93))
            hands.append([(1 - share, hanging), (share, lap)])
        return Pose(
            hips=hips @ self.axes,
            heading=self.heading,
            feet=self.feet,
            hands=hands,
            lean=subject.stoop + self.slump * share + bow + idle.lean(time),
            tilt=idle.tilt(time),
            twist=0.6 * idle.twist(time),
            head_turn=idle.turn(time),
            head_nod=idle.nod(time) + 0.1 * share,
        )


class Walking:
    """Walks straight on and passes the origin at `middle` seconds.

    Args:
        subject: Who walks.
        rng: Where the phase of the steps comes from.
        heading: Where to, see `Pose`.
        middle: Seconds.
        pace: Speed over the subject's usual speed.
    """

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        *,
        heading: float,
        middle: float,
        pace: float = 1.0,
    ) -> None:
        self.subject, self.heading, self.middle = subject, heading, middle
        self.idle = _Idle(subject, rng, size=0.5)
        self.axes = heading_axes(heading)
        self.rate = 0.93 * subject.tempo**0.6 * pace  # strides, two steps each, a second
        self.stride = 0.67 * subject.height * subject.stride * pace**0.4
        self.phase = rng.uniform(0, 1)

    def position(self, time: float) -> np.ndarray:
        """Return the spot on the floor under the hips, in world metres."""
        return self.axes[1] * (self.stride * self.rate * (time - self.middle))

    def __call__(self, time: float) -> Pose:
        """Return the pose at `time` seconds."""
        subject, idle = self.subject, self.idle
        strides = self.rate * (time - self.middle)
        phase = strides + self.phase  # a whole number when the right heel touches down
        turn = 2 * np.pi * phase
        bob = -0.016 * np.cos(2 * turn)
        aside = 0.022 * np.sin(turn + 0.3)
        hips = np.array([aside, 0, 0.503 * subject.height + bob]) @ self.axes
        feet, pitch, hands = [], [], []
        for side in (0, 1):
            foot, down = self._foot(phase + 0.5 * (1 - side), side)
            feet.append(foot)
            pitch.append(down)
            swing = -np.cos(turn + np.pi * (1 - side)) * subject.arm_swing
            bent = 0.9 - 0.12 * max(swing, 0)
            place = (0.13, np.sin(swing) * bent + 0.06, -np.cos(swing) * bent)
            hands.append([(1.0, idle.rest(time, side, place))])
        return Pose(
            hips=hips + self.position(time),
            heading=self.heading + 0.05 * np.cos(turn),
            feet=feet,
            hands=hands,
            lean=subject.stoop + 0.05 + idle.lean(time),
            tilt=0.03 * np.sin(turn),
            twist=-0.16 * np.cos(turn) * (0.5 + subject.arm_swing),
            head_turn=0.6 * idle.turn(time),
            head_nod=idle.nod(time),
            pitch=(pitch[0], pitch[1]),
        )

    def _foot(self, phase: float, side: int) -> tuple[np.ndarray, float]:
        """Return the ankle and how far the toes point down, for a foot that lands at phase 0."""
        whole = np.floor(phase)
        part = phase - whole
        swing = ease(part, STANCE_SHARE, 1 - STANCE_SHARE)
        # It stands 0.3 strides ahead of where the hips were when it landed.
        own = whole + 0.3 + swing - (self.phase + 0.5 * (1 - side))
        heel_off = ease(part, 0.4, 0.25) * (1 - ease(part, 0.65, 0.3))
        lift = 0.08 * heel_off + 0.05 * np.sin(np.pi * swing)
        toes_up = -0.3 * (ease(part, 0.8, 0.2) + (1 - ease(part, 0.0, 0.12)) * (part < 0.5))
        forward = own * self.stride
        spot = np.array([(-1, 1)[side] * 0.06, forward, ANKLE_METRES + lift]) @ self.axes
        return spot, 0.85 * heel_off + toes_up


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
        motion.gestures.append(_reading(rng, share))
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


def _reading(rng: np.random.Generator, share: Callable[[float], float]) -> Gesture:
    """Look down at the desk, more or less."""
    nod = rng.uniform(0.0, 0.35)

    def apply(pose: Pose, time: float) -> None:
        pose.head_nod += nod * share(time)
        pose.lean += 0.08 * share(time)

    return apply


def _writing(subject: Subject, rng: np.random.Generator, heading: float, seconds: float) -> Motion:
    del seconds  # writes from the first frame to the last
    stance = Seated(subject, rng, heading=heading)
    side = _strong(subject, rng)
    gestures = [
        rest_on_desk(rng, stance.axes, 1 - side, share=lambda _: 1.0),
        _reading(rng, lambda _: 0.6),
        write(subject, rng, stance.axes, side),
    ]
    return Motion(stance, gestures, seated=True, desk=True, pen_lies=False)
