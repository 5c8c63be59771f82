"""The stances of the demo data: how legs and trunk move when standing, sitting and walking.

Gestures share the sizes of the furniture and the curves of time, `Wobble` and `ease`. Time is in
seconds from the first frame. The person's spot is the world's origin.
"""

import numpy as np

from har.demo.body import Pose, Reach, heading_axes
from har.demo.subject import Subject

SEAT_METRES = 0.47  # the top of the chair
DESK_METRES = 0.74  # the top of the desk
DESK_EDGE_METRES = 0.40  # from the chair's middle forward to the desk
ANKLE_METRES = 0.075
STANCE_SHARE = 0.6  # of each stride a foot is on the floor


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
