"""The stances of the demo data: how legs and trunk move when standing, sitting and walking.

A stance gives the pose at many instants at once. Time is in seconds from the first frame; where a
setting says when something begins, it is a share of the clip. The person's spot is the world's
origin.
"""

import numpy as np

from har.demo.body import Pose, Reach, Subject, along, heading_axes
from har.demo.curves import Wobble, between, ease, wander

ANKLE_METRES = 0.075
USUAL_METRES = 1.7  # height of the person whom the furniture is made for
FLOOR_METRES = 0.3  # a seat that is lower is the floor
STANCE_SHARE = 0.6  # of each stride a foot is on the floor
FREE_ARM = ((0.06, -0.06, -0.98), (0.26, 0.16, -0.9))  # where the wrist of a hanging arm can be


class Idle:
    """The small movements of a trunk, a head and resting arms that nobody controls."""

    def __init__(self, subject: Subject, rng: np.random.Generator, *, size: float = 1.0) -> None:
        pace = subject.tempo
        self.lean = Wobble(rng, 0.02 * size, 0.35 * pace)
        self.tilt = Wobble(rng, 0.02 * size, 0.3 * pace)
        self.twist = Wobble(rng, 0.06 * size, 0.3 * pace)
        self.turn = Wobble(rng, rng.uniform(0.03, 0.3), 0.4 * pace)
        self.nod = Wobble(rng, 0.07, 0.5 * pace)
        self.aside = Wobble(rng, 0.022 * size, 0.3 * pace)
        self.ahead = Wobble(rng, 0.012 * size, 0.4 * pace)
        self.arms = [wander(rng, 0.02, 0.6 * pace) for _ in range(2)]
        self.look, self.down = rng.normal(0, 0.25), rng.normal(0.05, 0.15)

    def rest(self, time: np.ndarray, side: int, place: np.ndarray) -> Reach:
        """Return a hand's place near `place`, in arm lengths from the shoulder."""
        return Reach("arm", place + self.arms[side](time))


class Standing:
    """Stands on both feet and sways; turns round, bends, hops or kicks where it is told to.

    Args:
        subject: Who stands.
        rng: What is drawn.
        heading: See `Pose`.
        seconds: Length of the clip.
        sway: How much the body moves over the usual.
        shift: Metres by which the weight is on one leg.
        apart: Metres from the body's middle to each foot.
        turn: Radians by which it turns round, to either side.
        bend: Radians by which the back bends.
        squat: Share of the height by which the hips go down, doubled.
        at: Share of the clip at which it turns, bends or kicks.
        lasts: Seconds that this takes.
        back: Whether it then comes up again.
        hop: Metres that it hops, over and over.
        hertz: Hops a second.
        travel: Metres a second that it goes aside.
        kick: Height of a kick over the usual.
    """

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        *,
        heading: float,
        seconds: float,
        sway: float = 1.0,
        shift: float = 0.0,
        apart: float = 0.1,
        turn: float = 0.0,
        bend: float = 0.0,
        squat: float = 0.0,
        at: float = 0.3,
        lasts: float = 1.0,
        back: bool = False,
        hop: float = 0.0,
        hertz: float = 1.5,
        travel: float = 0.0,
        kick: float = 0.0,
    ) -> None:
        self.subject, self.heading, self.seconds = subject, heading, seconds
        self.idle = Idle(subject, rng, size=sway)
        self.shift, self.turn, self.travel = (
            size * rng.choice([-1, 1]) for size in (shift, turn, travel)
        )
        self.bend, self.squat = bend, squat
        self.at, self.lasts, self.back = at * seconds, lasts, back
        self.hop, self.hertz, self.phase = hop, hertz, rng.uniform(0, 1)
        self.kick, self.kicking, self.swift = kick, int(rng.integers(2)), rng.uniform(0.25, 0.6)
        fore = rng.uniform(-0.12, 0.12)
        self.feet = [np.array([side * apart, side * fore - 0.03, ANKLE_METRES]) for side in (-1, 1)]
        self.hanging = rng.uniform(*FREE_ARM)

    def __call__(self, time: np.ndarray) -> Pose:
        """Return the poses at `time` seconds, with the arms hanging."""
        idle, subject = self.idle, self.subject
        end = self.at + self.lasts + 0.1 if self.back else None
        share = between(time, self.at, end, self.lasts)
        heading, lean = self.heading + self.turn * share, self.bend * share
        axes = heading_axes(heading)
        way = axes[:, 0] * (self.travel * (time - self.seconds / 2))[:, np.newaxis]
        wave = np.sin(2 * np.pi * (self.hertz * time + self.phase)) if self.hop else 0 * time
        hop, crouch = self.hop * np.maximum(wave, 0), 0.09 * np.maximum(-wave, 0)
        aside = 1.6 * idle.aside(time) + self.shift
        drop = 0.2 * np.abs(aside) + 0.5 * subject.height * self.squat * share + crouch
        ahead = idle.ahead(time) - 0.12 * np.sin(np.minimum(lean, 1.5))
        hips = np.stack([aside, ahead, subject.standing_hips - drop + hop], axis=-1)
        hanging = np.stack(np.broadcast_arrays(  # straight down, whatever the back does
            self.hanging[0], self.hanging[1] + 0.9 * np.sin(lean), self.hanging[2] * np.cos(lean),
        ), axis=-1)  # fmt: skip
        return Pose(
            hips=along(hips, axes) + way,
            heading=heading + 0.5 * idle.twist(time),
            feet=[along(self._foot(time, side, hop), axes) + way for side in (0, 1)],
            hands=[[idle.rest(time, side, hanging)] for side in (0, 1)],
            lean=subject.stoop + idle.lean(time) + lean,
            tilt=idle.tilt(time) - 1.2 * aside,
            twist=idle.twist(time),
            head_turn=idle.turn(time) + idle.look,
            head_nod=idle.nod(time) + idle.down,
        )

    def _foot(self, time: np.ndarray, side: int, hop: np.ndarray) -> np.ndarray:
        """Return where an ankle is, (side, forward, up) of the person, shape (..., 3)."""
        foot = self.feet[side] + hop[:, np.newaxis] * [0, 0, 1]
        if not self.kick or side != self.kicking:
            return foot
        forth = between(time, self.at, self.at + self.swift, self.swift)
        back = ease(time, self.at - 0.4, 0.3) * (1 - ease(time, self.at, 0.2))
        share = self.kick * (forth - 0.5 * back)
        return foot + np.stack([0 * share, 0.9 * share, 0.45 * np.abs(share)], axis=-1)


class Seated:
    """Sits, hands in the lap; with `down` or `up` sits down or stands up.

    Args:
        subject: Who sits.
        rng: What is drawn.
        heading: See `Pose`.
        seconds: Length of the clip.
        seat: Metres from the floor to the seat.
        recline: Radians by which the back leans backwards.
        legs: "apart", "crossed", "stretched", or on the floor "folded" or "kneeling".
        down: Share of the clip at which they sit down; None: they sit.
        up: Share of the clip at which they stand up; None: they stay.
    """

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        *,
        heading: float,
        seconds: float,
        seat: float = 0.47,
        recline: float = 0.0,
        legs: str = "apart",
        down: float | None = None,
        up: float | None = None,
    ) -> None:
        self.subject, self.heading, self.recline = subject, heading, recline
        self.scale = subject.height / USUAL_METRES
        self.seat = seat * min(1.0, self.scale + 0.05)  # children's chairs are lower
        self.idle = Idle(subject, rng, size=rng.uniform(0.3, 1.2))
        self.axes = heading_axes(heading)
        self.down, self.up = (None if at is None else at * seconds for at in (down, up))
        self.lasts = rng.uniform(0.7, 1.6) / subject.tempo
        self.feet = [foot @ self.axes for foot in self._place_feet(rng, legs)]
        self.ahead = 0.22 * self.scale if seat > FLOOR_METRES else 0.1
        self.slump = rng.uniform(0.0, 0.18)
        self.lap = rng.uniform((-0.25, 0.35, -0.8), (0.12, 0.62, -0.6))

    def _place_feet(self, rng: np.random.Generator, legs: str) -> list[np.ndarray]:
        """Return where the ankles are, (right, forward, up)."""
        ahead, apart = {
            "stretched": ((0.5, 0.8), (0.06, 0.16)),
            "folded": ((0.2, 0.32), (-0.14, -0.02)),
            "kneeling": ((-0.3, -0.2), (0.06, 0.12)),
        }.get(legs, ((0.14, 0.42), (0.06, 0.2)))
        ahead, apart = rng.uniform(*ahead) * self.scale, rng.uniform(*apart)
        feet = [
            np.array([side * apart, ahead + rng.uniform(-0.08, 0.08), ANKLE_METRES])
            for side in (-1, 1)
        ]
        if legs == "crossed":
            over = int(rng.integers(2))
            knee_high = [(1, -1)[over] * rng.uniform(0.02, 0.14), 0.34 * self.scale + 0.1,
                         self.seat + rng.uniform(-0.25, 0.05)]  # fmt: skip
            low = feet[over] * [-0.4, 1, 1] + [0, 0.08, 0]
            feet[over] = np.array(knee_high) if rng.random() < 0.5 else low
        return feet

    def __call__(self, time: np.ndarray) -> Pose:
        """Return the poses at `time` seconds."""
        idle, subject = self.idle, self.subject
        share = np.ones_like(time)
        if self.down is not None:
            share = ease(time, self.down, self.lasts)
        elif self.up is not None:
            share = 1 - ease(time, self.up, self.lasts)
        sway = idle.aside(time)[:, np.newaxis] * [1, 0, 0]
        seated = 0.4 * sway + [0, 0, self.seat + 0.055 * subject.height]
        standing = 0.6 * sway + [0, self.ahead - 0.06, subject.standing_hips]
        # Hips go back first and down later, and the trunk bends forward on the way.
        shares = np.stack([share, share**0.8, share**1.15], axis=-1)
        return Pose(
            hips=(standing + (seated - standing) * shares) @ self.axes,
            heading=self.heading + 0 * time,
            feet=[foot + 0 * time[:, np.newaxis] for foot in self.feet],
            hands=[self._hands(time, side, share) for side in (0, 1)],
            lean=subject.stoop + (self.slump - self.recline) * share
            + 0.55 * np.sin(np.pi * share) + idle.lean(time),
            tilt=idle.tilt(time),
            twist=0.6 * idle.twist(time),
            head_turn=idle.turn(time) + idle.look,
            head_nod=idle.nod(time) + idle.down + 0.1 * share,
        )  # fmt: skip

    def _hands(self, time: np.ndarray, side: int, share: np.ndarray) -> list[Reach]:
        """Return the places of a wrist: in the lap as far as they sit, else hanging."""
        wandering = self.idle.arms[side](time)
        hanging, lap = np.array([0.15, 0.06, -0.93]) + wandering, self.lap + wandering
        return [Reach("arm", hanging, 1 - share), Reach("arm", lap, share)]


class Walking:
    """Walks, runs or climbs, straight on or in a curve, past the origin in the middle of the clip.

    Feet land and leave, and hips rise and sway, as in Perry and Burnfield, "Gait Analysis: Normal
    and Pathological Function", 2010: a foot is on the floor for 60 % of a stride, the hips are
    lowest when both feet are.

    Args:
        subject: Who walks.
        rng: What is drawn.
        heading: Where to in the middle, see `Pose`.
        seconds: Length of the clip.
        pace: Speed over the subject's usual speed.
        curve: Radians a second by which it turns, to either side.
        run: 0 for walking, 1 for running.
        climb: Metres up for each metre ahead, as on stairs.
        swing: Half angle by which the arms swing, in radians; None: the subject's.
    """

    def __init__(
        self,
        subject: Subject,
        rng: np.random.Generator,
        *,
        heading: float,
        seconds: float,
        pace: float = 1.0,
        curve: float = 0.0,
        run: float = 0.0,
        climb: float = 0.0,
        swing: float | None = None,
    ) -> None:
        self.subject, self.heading, self.middle = subject, heading, seconds / 2
        self.idle = Idle(subject, rng, size=0.5)
        self.run, self.climb = run, climb
        faster, longer = (1.4, 1.5) if run else (1.0, 1.0)
        shorter_legs = (1.71 / subject.height) ** 0.5
        # Strides, two steps each, a second; and metres.
        self.rate = 0.93 * subject.tempo**0.6 * pace**0.6 * shorter_legs * faster
        self.stride = 0.67 * subject.height * subject.stride * pace**0.6 * longer
        self.stride *= 0.6 if climb else 1.0
        self.phase = rng.uniform(0, 1)
        self.curve = curve * rng.choice([-1, 1])
        self.swing = subject.arm_swing if swing is None else swing

    def position(self, time: np.ndarray) -> np.ndarray:
        """Return the spot on the floor under the hips, in world metres, shape (..., 3)."""
        return self._way(self.rate * (np.asarray(time) - self.middle))[0]

    def _way(self, strides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the spot and the heading so many strides after the middle."""
        heading = self.heading + self.curve * strides / self.rate
        far = self.stride * strides
        if abs(self.curve) < 1e-3:
            return far[..., np.newaxis] * heading_axes(self.heading)[1], heading
        radius = self.stride * self.rate / self.curve
        x = radius * (np.cos(self.heading) - np.cos(heading))
        y = radius * (np.sin(self.heading) - np.sin(heading))
        return np.stack([x, y, 0 * x], axis=-1), heading

    def __call__(self, time: np.ndarray) -> Pose:
        """Return the poses at `time` seconds."""
        subject, idle = self.subject, self.idle
        strides = self.rate * (time - self.middle)
        phase = strides + self.phase  # a whole number when the right heel touches down
        turn = 2 * np.pi * phase
        spot, heading = self._way(strides)
        rise = (
            0.503 * subject.height - 0.01 * self.run - (0.016 + 0.03 * self.run) * np.cos(2 * turn)
        )
        rise = rise + self.climb * self.stride * strides
        hips = np.stack([0.022 * np.sin(turn + 0.3), 0 * turn, rise], axis=-1)
        feet = [self._foot(phase + 0.5 * (1 - side), side) for side in (0, 1)]
        return Pose(
            hips=along(hips, heading_axes(heading)) + spot,
            heading=heading + 0.05 * np.cos(turn),
            feet=[foot for foot, _ in feet],
            pitch=[pitch for _, pitch in feet],
            hands=[[idle.rest(time, side, self._hand(turn, side))] for side in (0, 1)],
            lean=subject.stoop + 0.05 + 0.15 * self.run + idle.lean(time),
            tilt=0.03 * np.sin(turn),
            twist=-0.16 * np.cos(turn) * (0.5 + self.swing),
            head_turn=0.6 * idle.turn(time) + 0.5 * idle.look,
            head_nod=idle.nod(time) + idle.down,
        )

    def _hand(self, turn: np.ndarray, side: int) -> np.ndarray:
        """Return where a wrist is, in arm lengths from the shoulder."""
        swing = -np.cos(turn + np.pi * (1 - side)) * self.swing
        forth = np.maximum(swing, 0)
        if self.run:
            place = [0.05 + 0.1 * self.run, 0.25 + 0.54 * swing, -0.55 + 0.25 * forth]
        else:
            bent = 0.9 - 0.12 * forth
            place = [0.13, np.sin(swing) * bent + 0.06, -np.cos(swing) * bent]
        return np.stack(np.broadcast_arrays(*place), axis=-1)

    def _foot(self, phase: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the ankle and how far the toes point down, for a foot that lands at phase 0."""
        whole = np.floor(phase)
        part = phase - whole
        standing = STANCE_SHARE - 0.25 * self.run
        swing = ease(part, standing, 1 - standing)
        # It stands half its time on the floor ahead of where the hips were when it landed.
        own = whole + standing / 2 + swing - (self.phase + 0.5 * (1 - side))
        heel_off = ease(part, 0.4, 0.25) * (1 - ease(part, 0.65, 0.3))
        high = 0.05 + 0.35 * self.run + 0.25 * abs(self.climb)
        lift = 0.08 * heel_off + high * np.sin(np.pi * swing) + self.climb * own * self.stride
        toes_up = -0.3 * (ease(part, 0.8, 0.2) + (1 - ease(part, 0.0, 0.12)) * (part < 0.5))
        spot, heading = self._way(own)
        beside = np.stack([(-1, 1)[side] * 0.06 + 0 * lift, 0 * lift, ANKLE_METRES + lift], axis=-1)
        return spot + along(beside, heading_axes(heading)), 0.85 * heel_off + toes_up
