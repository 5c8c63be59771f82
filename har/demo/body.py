"""The people of the demo data: how each is built and dressed, and how a pose becomes joints.

Directions of a body are given as (side, forward, up): `side` points away from the body's middle,
to the left for the left limb. Index 0 is the left limb, 1 the right one. A pose is that of one
instant or of several: its numbers then have a first axis more, the instants, and so has all that is
made of it. `...` stands for that axis in the shapes.
"""

from copy import copy
from dataclasses import dataclass, field, replace

import numpy as np

SKINS = [
    (241, 201, 171),
    (224, 172, 135),
    (198, 140, 100),
    (150, 98, 66),
    (108, 68, 46),
    (84, 54, 40),
]
HAIRS = [(34, 26, 22), (66, 44, 28), (110, 74, 40), (186, 150, 92), (140, 138, 136), (150, 66, 32)]
SHIRTS = [
    (196, 52, 48), (46, 92, 170), (238, 236, 228), (44, 46, 52), (64, 132, 84), (222, 176, 60),
    (126, 86, 150), (120, 168, 200), (206, 128, 150), (112, 116, 120), (96, 66, 50), (232, 120, 58),
]  # fmt: skip
TROUSERS = [(42, 54, 86), (34, 34, 38), (120, 104, 80), (86, 92, 100), (92, 60, 46), (70, 84, 62)]
SHOES = [(30, 28, 28), (226, 224, 220), (110, 66, 40), (160, 40, 40)]

CHILDREN = 0.15  # share of the people

Colour = tuple[float, float, float]
MIRROR = (-1.0, 1.0)  # what `side` is worth along the body's right, for the left and right limb
ELBOW = np.array([0.3, -0.9, -0.4])  # where the elbow of a hanging arm points


@dataclass(frozen=True)
class Subject:
    """A person: body, clothes and habits.

    Attributes:
        name: Name in `metadata.csv`.
        height: Metres.
        build: Width of the body over the usual width.
        right_handed: Which hand holds the phone and the pen and waves.
        tempo: Speed of all movements over the usual speed.
        stride: Length of a walking step over the usual length.
        arm_swing: Half angle by which the arms swing in walking, in radians.
        stoop: Lean of the back in radians.
        skirt: Whether a skirt or a coat hides the thighs.
    """

    name: str
    height: float
    build: float
    right_handed: bool
    tempo: float
    stride: float
    arm_swing: float
    stoop: float
    skin: Colour
    hair: Colour
    long_hair: bool
    shirt: Colour
    stripe: Colour | None
    long_sleeves: bool
    trousers: Colour
    shorts: bool
    skirt: bool
    shoes: Colour

    @property
    def leg(self) -> float:
        """Metres from the hip to the ankle of a straight leg."""
        return 0.49 * self.height

    @property
    def arm(self) -> float:
        """Metres from the shoulder to the wrist of a straight arm."""
        return 0.325 * self.height

    @property
    def standing_hips(self) -> float:
        """Height of the hips in metres when standing at ease."""
        return 0.525 * self.height


def make_subject(name: str, rng: np.random.Generator) -> Subject:
    """Make up a person."""
    shirts = rng.permutation(len(SHIRTS))
    is_child = rng.random() < CHILDREN
    height = float(
        rng.uniform(1.05, 1.5) if is_child else np.clip(rng.normal(1.70, 0.1), 1.45, 2.0)
    )
    return Subject(
        name=name,
        height=height,
        build=float(rng.uniform(0.8, 1.35)),
        right_handed=bool(rng.random() < 0.75),
        tempo=float(rng.uniform(0.7, 1.35)),
        stride=float(rng.uniform(0.85, 1.15)),
        arm_swing=float(rng.uniform(0.1, 0.7)),
        stoop=float(rng.uniform(0.0, 0.12)),
        skin=SKINS[rng.integers(len(SKINS))],
        hair=HAIRS[rng.integers(len(HAIRS))],
        long_hair=bool(rng.random() < 0.4),
        shirt=SHIRTS[shirts[0]],
        stripe=SHIRTS[shirts[1]] if rng.random() < 0.3 else None,
        long_sleeves=bool(rng.random() < 0.5),
        trousers=TROUSERS[rng.integers(len(TROUSERS))],
        shorts=bool(rng.random() < 0.2),
        skirt=bool(rng.random() < 0.2),
        shoes=SHOES[rng.integers(len(SHOES))],
    )


@dataclass(frozen=True)
class Reach:
    """Where a wrist is drawn to, and how much.

    Attributes:
        frame: What `offset` is counted in: "arm" (arm lengths from the shoulder, along the chest),
            "head" (head radii from the head's middle) or "world" (metres, ordinary coordinates).
        offset: (side, forward, up), shape (..., 3).
        weight: Of all places of a wrist the weights add up to 1, shape (...).
    """

    frame: str
    offset: np.ndarray
    weight: np.ndarray | float = 1.0


@dataclass
class Pose:
    """What a body does at one instant or at several.

    Attributes:
        hips: Middle between the hip joints, world metres, shape (..., 3).
        heading: Radians; 0 faces the world's -y, growing to the left of the person.
        lean: Forward bend of the back in radians.
        tilt: Bend of the back to the right in radians.
        twist: Turn of the shoulders over the hips to the left in radians.
        head_turn: Turn of the head over the shoulders to the left in radians.
        head_nod: Forward bend of the head over the back in radians.
        feet: World positions of the left and the right ankle, shape (..., 3) each.
        pitch: How far each foot points down, in radians.
        hands: The places of each wrist.
        elbows: Direction in which each elbow points, (side, forward, up), shape (..., 3) each.
        bends: Bend of each hand at the wrist, outwards, in radians.
        holds: What the left and the right hand hold, as "phone"; "" for nothing.
    """

    hips: np.ndarray
    heading: np.ndarray
    feet: list[np.ndarray]
    hands: list[list[Reach]]
    lean: np.ndarray | float = 0.0
    tilt: np.ndarray | float = 0.0
    twist: np.ndarray | float = 0.0
    head_turn: np.ndarray | float = 0.0
    head_nod: np.ndarray | float = 0.0
    pitch: list = field(default_factory=lambda: [0.0, 0.0])
    elbows: list = field(default_factory=lambda: [ELBOW, ELBOW])
    bends: list = field(default_factory=lambda: [0.0, 0.0])
    holds: list[str] = field(default_factory=lambda: ["", ""])

    def at(self, index: int) -> "Pose":
        """Return the pose of one of several instants."""

        def one(value: np.ndarray | float, num_axes: int = 0) -> np.ndarray | float:
            return value[index] if np.ndim(value) > num_axes else value

        angles = ("heading", "lean", "tilt", "twist", "head_turn", "head_nod")
        return Pose(
            hips=one(self.hips, 1),
            feet=[one(foot, 1) for foot in self.feet],
            hands=[
                [replace(r, offset=one(r.offset, 1), weight=one(r.weight)) for r in places]
                for places in self.hands
            ],
            pitch=[one(pitch) for pitch in self.pitch],
            elbows=[one(elbow, 1) for elbow in self.elbows],
            bends=[one(bend) for bend in self.bends],
            holds=self.holds,
            **{name: one(getattr(self, name)) for name in angles},
        )


def heading_axes(heading: np.ndarray | float) -> np.ndarray:
    """Return the rows right, forward and up of someone upright with this heading, (..., 3, 3)."""
    sine, cosine, zero = np.sin(heading), np.cos(heading), np.zeros_like(heading)
    rows = [[-cosine, -sine, zero], [sine, -cosine, zero], [zero, zero, zero + 1.0]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)


def turned(
    axes: np.ndarray,
    *,
    turn: np.ndarray | float,
    bend: np.ndarray | float,
    tilt: np.ndarray | float,
) -> np.ndarray:
    """Turn axes (rows right, forward, up) to the left, bend them forward and tilt them right."""
    right, forward, up = (axes[..., row, :] for row in range(3))
    right, forward = _rotated(right, forward, turn)
    forward, up = _rotated(forward, up, -np.asarray(bend))
    right, up = _rotated(right, up, -np.asarray(tilt))
    return np.stack(np.broadcast_arrays(right, forward, up), axis=-2)


def _rotated(
    first: np.ndarray, second: np.ndarray, angle: np.ndarray | float
) -> tuple[np.ndarray, np.ndarray]:
    """Turn two axes in their plane, the first towards the second."""
    cosine, sine = np.cos(angle)[..., np.newaxis], np.sin(angle)[..., np.newaxis]
    return first * cosine + second * sine, second * cosine - first * sine


def along(offset: np.ndarray, axes: np.ndarray) -> np.ndarray:
    """Return the vector with the parts `offset` (..., 3) along the rows of `axes` (..., 3, 3)."""
    return (offset[..., np.newaxis, :] @ axes)[..., 0, :]


def unit(vector: np.ndarray) -> np.ndarray:
    """Return vectors of length 1, shape (..., 3)."""
    return vector / (np.sqrt((vector**2).sum(axis=-1, keepdims=True)) + 1e-9)


def bend_joint(
    root: np.ndarray, target: np.ndarray, lengths: tuple[float, float], towards: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place the elbow or knee of a limb that reaches for a target.

    Args:
        root: Shoulder or hip, world metres, shape (..., 3).
        target: Where the wrist or ankle wants to be, shape (..., 3).
        lengths: Metres of the upper and the lower part.
        towards: Direction in which the joint bends, shape (..., 3).

    Returns:
        The joint and the limb's end: the target, or the nearest point within reach.
    """
    upper, lower = lengths
    line = target - root
    distance = np.sqrt((line**2).sum(axis=-1, keepdims=True)) + 1e-9
    line = line / distance
    distance = np.clip(distance, abs(upper - lower) + 0.02, (upper + lower) * 0.998)
    # Law of cosines: how far along the line the joint lies, and how far beside it.
    ahead = (upper**2 - lower**2 + distance**2) / (2 * distance)
    beside = np.sqrt(np.maximum(upper**2 - ahead**2, 0.0))
    outward = unit(towards - (towards * line).sum(axis=-1, keepdims=True) * line)
    return root + ahead * line + beside * outward, root + distance * line


class Body:
    """A subject in a pose: its joints, world metres, shape (..., 3) each.

    Attributes:
        head: Middle of the head.
        arms: Shoulder, elbow, wrist and knuckles of each side.
        legs: Hip, knee, ankle and toes of each side.
    """

    def __init__(self, subject: Subject, pose: Pose) -> None:
        self.subject = subject
        self.pose = pose
        height, build = subject.height, subject.build
        self.ground_axes = heading_axes(pose.heading)
        self.hip_axes = turned(
            self.ground_axes, turn=0.0, bend=pose.lean * 0.4, tilt=pose.tilt * 0.4
        )
        self.chest_axes = turned(self.ground_axes, turn=pose.twist, bend=pose.lean, tilt=pose.tilt)
        self.head_axes = turned(
            self.chest_axes, turn=pose.head_turn, bend=pose.head_nod - pose.lean * 0.7, tilt=0.0
        )
        chest_right, chest_forward, chest_up = (self.chest_axes[..., row, :] for row in range(3))
        self.waist = pose.hips + self.hip_axes[..., 2, :] * 0.1 * height
        self.collar = self.waist + chest_up * 0.19 * height
        self.head_radius = 0.062 * height
        self.neck = self.collar + (chest_up * 0.045 + chest_forward * 0.008) * height
        self.head = self.neck + self.head_axes[..., 2, :] * self.head_radius * 1.05
        low = self.collar - chest_up * 0.018 * height
        self.shoulders = [low + chest_right * (0.102 * height * build * m) for m in MIRROR]
        self.foot_axes = [self._foot_axes(side) for side in (0, 1)]
        self.legs = [self._leg(side) for side in (0, 1)]
        self.arms = [self._arm(side) for side in (0, 1)]

    def at(self, index: int) -> "Body":
        """Return the body at one of several instants."""
        one = copy(self)
        one.pose = self.pose.at(index)
        for name in (
            *("ground_axes", "hip_axes", "chest_axes", "head_axes"),
            *("waist", "collar", "neck", "head"),
        ):
            setattr(one, name, getattr(self, name)[index])
        for name in ("shoulders", "foot_axes"):
            setattr(one, name, [of_side[index] for of_side in getattr(self, name)])
        for name in ("legs", "arms"):
            setattr(one, name, [tuple(j[index] for j in limb) for limb in getattr(self, name)])
        return one

    @property
    def nose(self) -> np.ndarray:
        """The tip of the nose."""
        return self.head + along(np.array([0, 1.1, -0.12]) * self.head_radius, self.head_axes)

    def _foot_axes(self, side: int) -> np.ndarray:
        outward = heading_axes(self.pose.heading - MIRROR[side] * 0.12)
        return turned(outward, turn=0.0, bend=self.pose.pitch[side], tilt=0.0)

    def _leg(self, side: int) -> tuple[np.ndarray, ...]:
        hip_right, axes = self.hip_axes[..., 0, :], self.ground_axes
        hip = self.pose.hips + hip_right * (MIRROR[side] * 0.052 * self.subject.height)
        towards = axes[..., 1, :] + axes[..., 0, :] * MIRROR[side] * 0.15
        half = self.subject.leg / 2
        knee, ankle = bend_joint(hip, self.pose.feet[side], (half, half), towards)
        ahead = np.array([0, 0.105, -0.03]) * self.subject.height
        return hip, knee, ankle, ankle + along(ahead, self.foot_axes[side])

    def _arm(self, side: int) -> tuple[np.ndarray, ...]:
        target = sum(
            np.asarray(reach.weight)[..., np.newaxis] * self._place(reach, side)
            for reach in self.pose.hands[side]
        )
        towards = along(self.pose.elbows[side] * (MIRROR[side], 1, 1), self.chest_axes)
        lengths = (0.53 * self.subject.arm, 0.47 * self.subject.arm)
        elbow, wrist = bend_joint(self.shoulders[side], target, lengths, towards)
        pointing = self.hand_axes(side, elbow, wrist)[..., 2, :]
        return self.shoulders[side], elbow, wrist, wrist + pointing * 0.055 * self.subject.height

    def hand_axes(self, side: int, elbow: np.ndarray, wrist: np.ndarray) -> np.ndarray:
        """Return the rows across, out of the palm and along a hand, (..., 3, 3)."""
        forearm, right = unit(wrist - elbow), self.chest_axes[..., 0, :]
        across = unit(right - (right * forearm).sum(axis=-1, keepdims=True) * forearm)
        bend = np.asarray(self.pose.bends[side])[..., np.newaxis] * MIRROR[side]
        pointing = forearm * np.cos(bend) + across * np.sin(bend)
        across = across * np.cos(bend) - forearm * np.sin(bend)
        return np.stack([across, np.cross(pointing, across), pointing], axis=-2)

    def _place(self, reach: Reach, side: int) -> np.ndarray:
        """Return the world position that `reach` means for the wrist of one side."""
        if reach.frame == "world":
            return reach.offset
        offset = reach.offset * (MIRROR[side], 1, 1)
        if reach.frame == "head":
            return self.head + along(offset * self.head_radius, self.head_axes)
        return self.shoulders[side] + along(offset * self.subject.arm, self.chest_axes)
