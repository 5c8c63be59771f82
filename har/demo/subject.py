"""The people of the demo data: how each is built and dressed, and what their habits are."""

from dataclasses import dataclass

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
