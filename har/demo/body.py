"""The bodies of the demo data: how a pose becomes joints, and joints become shapes.

Directions of a body are given as (side, forward, up): `side` points away from the body's middle,
to the left for the left limb. Index 0 is the left limb, 1 the right one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from har.demo.render import Capsule, Ellipsoid
from har.demo.subject import Colour, Subject

PHONE, SCREEN, PEN = (24, 24, 28), (150, 190, 230), (30, 50, 160)
MIRROR = (-1.0, 1.0)  # what `side` is worth along the body's right, for the left and right limb


@dataclass(frozen=True)
class Reach:
    """Where a wrist is: `offset` (side, forward, up) in the unit and from the origin of `frame`.

    `frame` is "arm" (arm lengths from the shoulder), "head" (head radii from the head's middle)
    or "world" (metres, ordinary coordinates).
    """

    frame: str
    offset: tuple[float, float, float]


@dataclass
class Pose:
    """What a body does at one instant.

    Attributes:
        hips: Middle between the hip joints, world metres.
        heading: Radians; 0 faces the world's -y, growing to the left of the person.
        lean: Forward bend of the back in radians.
        tilt: Bend of the back to the right in radians.
        twist: Turn of the shoulders over the hips to the left in radians.
        head_turn: Turn of the head over the shoulders to the left in radians.
        head_nod: Forward bend of the head over the back in radians.
        feet: World positions of the left and the right ankle.
        hands: For each wrist, weighted places; the weights add up to 1.
        holds: What the left and the right hand hold: "", "phone" or "pen".
        pitch: How far each foot points down, in radians.
        elbows: Direction in which each elbow points, (side, forward, up).
    """

    hips: np.ndarray
    heading: float
    feet: Sequence[np.ndarray]
    hands: Sequence[list[tuple[float, Reach]]]
    lean: float = 0.0
    tilt: float = 0.0
    twist: float = 0.0
    head_turn: float = 0.0
    head_nod: float = 0.0
    holds: tuple[str, str] = ("", "")
    pitch: tuple[float, float] = (0.0, 0.0)
    elbows: list[np.ndarray] = field(default_factory=lambda: [np.array([0.3, -0.9, -0.4])] * 2)


def heading_axes(heading: float) -> np.ndarray:
    """Return the rows right, forward and up of someone upright with this heading, shape (3, 3)."""
    sine, cosine = np.sin(heading), np.cos(heading)
    return np.array([[-cosine, -sine, 0.0], [sine, -cosine, 0.0], [0.0, 0.0, 1.0]])


def turned(axes: np.ndarray, *, turn: float, bend: float, tilt: float) -> np.ndarray:
    """Turn axes (rows right, forward, up) to the left, bend them forward and tilt them right."""
    right, forward, up = axes
    right, forward = (
        right * np.cos(turn) + forward * np.sin(turn),
        forward * np.cos(turn) - right * np.sin(turn),
    )
    forward, up = (
        forward * np.cos(bend) - up * np.sin(bend),
        up * np.cos(bend) + forward * np.sin(bend),
    )
    right, up = right * np.cos(tilt) - up * np.sin(tilt), up * np.cos(tilt) + right * np.sin(tilt)
    return np.stack([right, forward, up])


def bend_joint(
    root: np.ndarray, target: np.ndarray, lengths: tuple[float, float], towards: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place the elbow or knee of a limb that reaches for a target.

    Args:
        root: Shoulder or hip, world metres.
        target: Where the wrist or ankle wants to be.
        lengths: Metres of the upper and the lower part.
        towards: Direction in which the joint bends.

    Returns:
        The joint and the limb's end: the target, or the nearest point within reach.
    """
    upper, lower = lengths
    line = target - root
    distance = float(np.sqrt(line @ line)) + 1e-9
    line = line / distance
    distance = float(np.clip(distance, abs(upper - lower) + 0.02, (upper + lower) * 0.998))
    # Law of cosines: how far along the line the joint lies, and how far beside it.
    along = (upper**2 - lower**2 + distance**2) / (2 * distance)
    beside = np.sqrt(max(upper**2 - along**2, 0.0))
    outward = towards - (towards @ line) * line
    outward = outward / (np.sqrt(outward @ outward) + 1e-9)
    return root + along * line + beside * outward, root + distance * line


def _ball(
    centre: np.ndarray, axes: np.ndarray, radii: tuple[float, float, float], colour: Colour
) -> Ellipsoid:
    """Return an ellipsoid with half axes `radii` along the rows of `axes`."""
    return Ellipsoid(centre, axes.T * np.array(radii), colour)


class Body:
    """A subject in a pose: its joints, then its shapes.

    Args:
        subject: Who.
        pose: What they do.
    """

    def __init__(self, subject: Subject, pose: Pose) -> None:
        self.subject = subject
        self.pose = pose
        height, build = subject.height, subject.build
        hip_axes = heading_axes(pose.heading)
        self.hip_axes = turned(hip_axes, turn=0, bend=pose.lean * 0.4, tilt=pose.tilt * 0.4)
        self.chest_axes = turned(hip_axes, turn=pose.twist, bend=pose.lean, tilt=pose.tilt)
        self.head_axes = turned(
            self.chest_axes, turn=pose.head_turn, bend=pose.head_nod - pose.lean * 0.7, tilt=0
        )
        self.waist = pose.hips + self.hip_axes[2] * 0.1 * height
        self.collar = self.waist + self.chest_axes[2] * 0.19 * height
        self.head_radius = 0.062 * height
        neck = self.chest_axes[2] * 0.045 + self.chest_axes[1] * 0.008
        self.neck = self.collar + neck * height
        self.head = self.neck + self.head_axes[2] * self.head_radius * 1.05
        self.legs = [self._leg(side) for side in (0, 1)]
        low = self.collar - self.chest_axes[2] * 0.018 * height
        aside = self.chest_axes[0] * 0.102 * height * build
        self.shoulders = [low + aside * MIRROR[side] for side in (0, 1)]
        self.arms = [self._arm(side) for side in (0, 1)]

    def _leg(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the hip, the knee and the ankle."""
        hip = self.pose.hips + self.hip_axes[0] * MIRROR[side] * 0.052 * self.subject.height
        axes = heading_axes(self.pose.heading)
        towards = axes[1] + axes[0] * MIRROR[side] * 0.15
        half = self.subject.leg / 2
        return hip, *bend_joint(hip, self.pose.feet[side], (half, half), towards)

    def _arm(self, side: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the shoulder, the elbow and the wrist."""
        target = sum(w * self._place(reach, side) for w, reach in self.pose.hands[side])
        towards = (self.pose.elbows[side] * (MIRROR[side], 1, 1)) @ self.chest_axes
        lengths = (0.53 * self.subject.arm, 0.47 * self.subject.arm)
        shoulder = self.shoulders[side]
        return shoulder, *bend_joint(shoulder, target, lengths, towards)

    def _place(self, reach: Reach, side: int) -> np.ndarray:
        """Return the world position that `reach` means for the wrist of one side."""
        if reach.frame == "world":
            return np.array(reach.offset)
        offset = np.array(reach.offset) * (MIRROR[side], 1, 1)
        if reach.frame == "head":
            return self.head + offset @ self.head_axes * self.head_radius
        return self.shoulders[side] + offset @ self.chest_axes * self.subject.arm

    def shapes(self) -> list[Capsule | Ellipsoid]:
        """Return everything to draw of the person and of what they hold."""
        shapes = [*self._trunk(), *self._face(), *self._hair()]
        for side in (0, 1):
            shapes += [*self._leg_shapes(side), *self._arm_shapes(side)]
        return shapes

    def bones(self) -> list[tuple[np.ndarray, np.ndarray, float]]:
        """Return (start, end, radius) of the parts that throw a shadow."""
        bones = [(self.pose.hips, self.collar, 0.16), (self.head, self.head, 0.1)]
        for joints, radius in [(leg, 0.075) for leg in self.legs] + [(a, 0.045) for a in self.arms]:
            bones += [(joints[0], joints[1], radius), (joints[1], joints[2], radius * 0.8)]
        return bones

    def _trunk(self) -> list[Capsule | Ellipsoid]:
        subject, h, b = self.subject, self.subject.height, self.subject.build
        stripes = 0 if subject.stripe is None else 9
        chest_centre = self.waist + self.chest_axes[2] * 0.1 * h
        chest_radii = np.array([0.1 * b, 0.066 * b, 0.12]) * h
        chest = Ellipsoid(
            chest_centre, self.chest_axes.T * chest_radii, subject.shirt,
            stripes, subject.stripe or (0, 0, 0),
        )  # fmt: skip
        belly = Ellipsoid(
            self.waist - self.hip_axes[2] * 0.02 * h,
            self.hip_axes.T * np.array([0.09 * b, 0.065 * b, 0.1]) * h,
            subject.shirt, stripes and 6, subject.stripe or (0, 0, 0),
        )  # fmt: skip
        pelvis = _ball(
            self.pose.hips + self.hip_axes[2] * 0.012 * h,
            self.hip_axes, (0.092 * b * h, 0.068 * b * h, 0.068 * h), subject.trousers,
        )  # fmt: skip
        slopes = [
            Capsule(
                self.collar + self.chest_axes[2] * 0.004 * h, shoulder, (0.034 * h, 0.032 * h),
                subject.shirt,
            )
            for shoulder in self.shoulders
        ]  # fmt: skip
        neck = Capsule(self.collar, self.neck, (0.03 * h, 0.027 * h), subject.skin)
        return [chest, belly, pelvis, *slopes, neck]

    def _face(self) -> list[Capsule | Ellipsoid]:
        axes, r, skin = self.head_axes, self.head_radius, self.subject.skin
        dark = (38, 28, 26)

        def at(right: float, forward: float, up: float) -> np.ndarray:
            return self.head + np.array([right, forward, up]) @ axes * r

        shapes = [
            _ball(self.head, axes, (0.8 * r, 0.95 * r, 1.12 * r), skin),
            _ball(at(0, 0.28, -0.55), axes, (0.58 * r, 0.6 * r, 0.58 * r), skin),
            _ball(at(0, 0.98, -0.12), axes, (0.12 * r, 0.2 * r, 0.22 * r), skin),
            _ball(at(0, 0.84, -0.6), axes, (0.26 * r, 0.08 * r, 0.06 * r), (150, 70, 66)),
        ]
        for side in MIRROR:
            shapes.append(
                _ball(at(0.34 * side, 0.8, 0.14), axes, (0.15 * r, 0.1 * r, 0.1 * r), dark)
            )
            shapes.append(_ball(at(0.8 * side, 0, -0.05), axes, (0.1 * r, 0.2 * r, 0.28 * r), skin))
        return shapes

    def _hair(self) -> list[Capsule | Ellipsoid]:
        axes, r, colour = self.head_axes, self.head_radius, self.subject.hair
        crown = self.head + (axes[2] * 0.3 - axes[1] * 0.2) * r
        shapes: list[Capsule | Ellipsoid] = [
            _ball(crown, axes, (0.88 * r, 0.98 * r, 0.98 * r), colour)
        ]
        if self.subject.long_hair:
            tip = self.head - axes[1] * 0.75 * r - self.chest_axes[2] * 1.5 * r
            start = self.head - axes[1] * 0.4 * r
            shapes.append(Capsule(start, tip, (0.78 * r, 0.55 * r), colour))
        return shapes

    def _leg_shapes(self, side: int) -> list[Capsule | Ellipsoid]:
        subject, h, b = self.subject, self.subject.height, self.subject.build
        hip, knee, ankle = self.legs[side]
        shin = subject.skin if subject.shorts else subject.trousers
        wide = 1.0 if subject.shorts else 1.12
        axes = turned(
            heading_axes(self.pose.heading - MIRROR[side] * 0.12),
            turn=0, bend=self.pose.pitch[side], tilt=0,
        )  # fmt: skip
        sole = ankle + axes[1] * 0.042 * h - axes[2] * 0.018 * h
        return [
            Capsule(hip, knee, (0.051 * h * b, 0.036 * h * b), subject.trousers),
            Capsule(knee, ankle, (0.034 * h * b * wide, 0.023 * h * b * wide), shin),
            _ball(sole, axes, (0.029 * h, 0.08 * h, 0.025 * h), subject.shoes),
        ]

    def _arm_shapes(self, side: int) -> list[Capsule | Ellipsoid]:
        subject, h, b = self.subject, self.subject.height, self.subject.build
        shoulder, elbow, wrist = self.arms[side]
        sleeve = subject.shirt if subject.long_sleeves else subject.skin
        along = wrist - elbow
        along = along / np.sqrt(along @ along)
        across = self.chest_axes[0] - (self.chest_axes[0] @ along) * along
        across = across / (np.sqrt(across @ across) + 1e-9)
        axes = np.stack([across, np.cross(along, across), along])
        palm = wrist + along * 0.04 * h
        shapes: list[Capsule | Ellipsoid] = [
            Capsule(shoulder, elbow, (0.031 * h * b, 0.025 * h * b), subject.shirt),
            Capsule(elbow, wrist, (0.025 * h * b, 0.018 * h * b), sleeve),
            _ball(palm, axes, (0.024 * h, 0.015 * h, 0.05 * h), subject.skin),
        ]
        held = self.pose.holds[side]
        if held == "phone":
            shapes += self._phone(palm, side)
        elif held == "pen":
            tip = palm + along * 0.05 * h - np.array([0, 0, 0.03])
            shapes.append(Capsule(tip, palm + np.array([0, 0, 0.09]), (0.006, 0.007), PEN))
        return shapes

    def _phone(self, palm: np.ndarray, side: int) -> list[Capsule | Ellipsoid]:
        """Return the phone: against the head where it is near, else with its screen to the face."""
        to_face = self.head - palm
        distance = np.sqrt(to_face @ to_face)
        to_face = to_face / distance
        up = self.head_axes[2] - (self.head_axes[2] @ to_face) * to_face
        up = up / (np.sqrt(up @ up) + 1e-9)
        axes = np.stack([np.cross(to_face, up), to_face, up])
        centre = palm + to_face * 0.022 + up * 0.025
        screen = centre + to_face * 0.009
        return [
            _ball(centre, axes, (0.046, 0.014, 0.094), PHONE),
            _ball(screen, axes, (0.039, 0.009, 0.082), SCREEN),
        ]
