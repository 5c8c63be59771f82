"""How the people of the demo data do an action: one variant of actions.yaml, with drawn numbers."""

import hashlib
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from har.demo import gestures
from har.demo.body import Pose, Subject
from har.demo.gestures import ELBOW_AHEAD, ELBOW_OUT, Gesture, Place, Times
from har.demo.stances import FLOOR_METRES, Seated, Standing, Walking

TABLE = Path(__file__).with_name("actions.yaml")
LABELS = ("calling", "none", "sitting", "standing", "walking", "waving", "writing")
STANCES = {"standing": Standing, "seated": Seated, "walking": Walking}
USED_TO = 0.75  # how often the hand is used that usually is
ALIKE = 0.75  # how often both hands rest at the same place
ANY = "any"  # stands for any of the places
ON_DESK = ("table",)  # places that are on a desk before a seat

Stance = Standing | Seated | Walking


@dataclass
class Motion:
    """One person's movement in one video.

    Attributes:
        variant: Which of the variants of the action, by its name or number.
        stance: Gives the poses of legs and trunk at some times.
        gestures: Change these poses one after the other.
        holds: What each hand holds.
        desk: Whether there is a desk before the seat.
        board: Whether there is a board to write on.
    """

    variant: str
    stance: Stance
    gestures: list[Gesture] = field(default_factory=list)
    holds: list[str] = field(default_factory=lambda: ["", ""])
    desk: bool = False
    board: bool = False

    @property
    def seat(self) -> float | None:
        """Metres from the floor to the seat, None where nobody sits on anything."""
        is_seated = isinstance(self.stance, Seated) and self.stance.seat > FLOOR_METRES
        return self.stance.seat if is_seated else None

    def poses(self, time: np.ndarray) -> Pose:
        """Return the poses at `time` seconds, shape (num_instants,)."""
        pose = self.stance(np.asarray(time, float))
        pose.holds = self.holds
        for gesture in self.gestures:
            gesture(pose, time)
        return pose


def table_digest() -> str:
    """Return the SHA-256 of actions.yaml, in hexadecimal."""
    return hashlib.sha256(TABLE.read_bytes()).hexdigest()


@cache
def read_table() -> dict[str, Any]:
    """Return what actions.yaml holds."""
    return yaml.load(TABLE.read_text(encoding="utf-8"), yaml.CSafeLoader)  # 9 times as fast


def make_motion(
    label: str, subject: Subject, rng: np.random.Generator, *, heading: float, seconds: float
) -> Motion:
    """Make up how `subject` performs an action for `seconds` seconds.

    Raises:
        ValueError: If `label` is none of `LABELS`.
    """
    table = read_table()
    if label not in table["actions"]:
        raise ValueError(f"Unknown action {label!r}; expected one of {', '.join(LABELS)}.")
    variants = table["actions"][label]
    number = _choose([variant["weight"] for variant in variants], rng)
    variant = variants[number]
    name, stance = _make_stance(variant["stance"], subject, rng, heading=heading, seconds=seconds)
    motion = Motion(str(variant.get("name", number)), stance)
    maker = _Maker(motion, subject, rng, seconds)
    if not variant.get("free") and not isinstance(stance, Walking):
        maker.rest("seated" if isinstance(stance, Seated) else "standing")
    for gesture in variant.get("do", []):
        maker.add(gesture)
    motion.desk = motion.desk and name in ("chair", "stool")
    return motion


def _make_stance(
    written: Any, subject: Subject, rng: np.random.Generator, *, heading: float, seconds: float
) -> tuple[str, Stance]:
    """Return the stance that is drawn of those written, and its name in the table."""
    if isinstance(written, str):
        written = {written: 1}
    weights = [value if isinstance(value, int | float) else 1 for value in written.values()]
    name = list(written)[_choose(weights, rng)]
    own = written[name] if isinstance(written[name], dict) else {}
    settings = read_table()["stances"][name] | own
    drawn = {key: draw(value, rng) for key, value in settings.items() if key != "kind"}
    stance = STANCES[settings["kind"]]
    return name, stance(subject, rng, heading=heading, seconds=seconds, **drawn)


def draw(value: Any, rng: np.random.Generator) -> Any:
    """Return what a value of the table stands for: a number in a range, one of some names.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> draw({"left": 1}, rng), draw("both", rng), 1.0 <= draw([1.0, 2.0], rng) <= 2.0
        ('left', 'both', True)
    """
    if isinstance(value, dict):
        return list(value)[_choose(list(value.values()), rng)]
    if isinstance(value, list) and len(value) == 2 and isinstance(value[0], int | float):
        return float(rng.uniform(*value))
    return value


def _choose(weights: list[float], rng: np.random.Generator) -> int:
    """Return a place, each as often as its weight says."""
    return int(rng.choice(len(weights), p=np.array(weights, float) / sum(weights)))


class _Maker:
    """Adds gestures of the table to a motion."""

    def __init__(
        self, motion: Motion, subject: Subject, rng: np.random.Generator, seconds: float
    ) -> None:
        self.motion, self.rng, self.seconds = motion, rng, seconds
        self.main = int(subject.right_handed == (rng.random() < USED_TO))

    def rest(self, stance: str) -> None:
        """Let both hands rest somewhere."""
        names = read_table()["rests"][stance]
        if self.rng.random() < ALIKE:
            self.add({"hold": draw(names, self.rng), "hand": "both"})
        else:
            self.add({"hold": names, "hand": "each"})

    def add(self, written: dict[str, Any]) -> None:
        """Add one gesture, of one hand or of both."""
        if self.rng.random() >= written.get("chance", 1.0):
            return
        kind = next(iter(written))
        if kind in ("look", "talk"):
            self.motion.gestures.append(self._of_head(kind, written))
            return
        hand = draw(written["hand"], self.rng)
        seeds = self.rng.integers(2**31, size=2)
        for side in self._sides(hand):
            of_hand = np.random.default_rng(seeds[0 if hand == "both" else side])
            self.motion.gestures.append(getattr(self, f"_{kind}")(side, written, of_hand))
            if "holds" in written:
                self.motion.holds[side] = written["holds"]

    def _sides(self, hand: str) -> tuple[int, ...]:
        either = int(self.rng.integers(2))
        return {"main": (self.main,), "other": (1 - self.main,), "either": (either,)}.get(
            hand, (0, 1)
        )

    def _of_head(self, kind: str, written: dict[str, Any]) -> Gesture:
        if kind == "talk":
            return gestures.talk(self.rng)
        angles = ("nod", "turn", "lean", "tilt")
        return gestures.look(**{name: draw(written[name], self.rng) for name in angles
                                if name in written})  # fmt: skip

    def _place(self, written: Any, rng: np.random.Generator) -> Place:
        places = read_table()["places"]
        name = draw(written, rng)
        name = str(rng.choice(list(places))) if name == ANY else name
        self.motion.desk |= name in ON_DESK
        self.motion.board |= name == "board"
        ((frame, (low, high)),) = places[name].items()
        elbow = ELBOW_AHEAD if frame == "head" else ELBOW_OUT
        return Place(frame, rng.uniform(low, high), elbow + rng.normal(0, 0.2, 3))

    def _times(self, written: dict[str, Any], rng: np.random.Generator) -> Times:
        start, end, lasts = (draw(written.get(key), rng) for key in ("start", "end", "lasts"))
        start = None if start is None else start * self.seconds
        end = end * self.seconds if end is not None else start + lasts if lasts else None
        return Times(start, end, draw(written.get("lift", 0.6), rng))

    def _hold(self, side: int, written: dict[str, Any], rng: np.random.Generator) -> Gesture:
        place, times = self._place(written["hold"], rng), self._times(written, rng)
        return gestures.hold(rng, side, place, times, drift=draw(written.get("drift", 0.012), rng))

    def _beat(self, side: int, written: dict[str, Any], rng: np.random.Generator) -> Gesture:
        place, times = self._place(written["beat"], rng), self._times(written, rng)
        along = written.get("along") or rng.normal(0, 1, 3)
        numbers = _numbers(written, ("size", "hertz", "phase"), rng)
        return gestures.beat(rng, side, place, times, along=along, **numbers)

    def _shuttle(self, side: int, written: dict[str, Any], rng: np.random.Generator) -> Gesture:
        places = [self._place(place, rng) for place in written["shuttle"]]
        numbers = _numbers(written, ("move", "rest"), rng)
        return gestures.shuttle(side, places, start=rng.uniform(0, 3), **numbers)

    def _wave(self, side: int, written: dict[str, Any], rng: np.random.Generator) -> Gesture:
        pivot, times = draw(written["wave"], rng), self._times(written, rng)
        numbers = _numbers(written, ("height", "swing", "hertz"), rng)
        return gestures.wave(rng, side, times, pivot=pivot, **numbers)

    def _write(self, side: int, written: dict[str, Any], rng: np.random.Generator) -> Gesture:
        place = self._place(written["write"], rng)
        numbers = _numbers(written, ("width", "size", "hertz", "line", "upright"), rng)
        return gestures.write(rng, side, place, **numbers)


def _numbers(
    written: dict[str, Any], names: tuple[str, ...], rng: np.random.Generator
) -> dict[str, Any]:
    return {name: draw(written[name], rng) for name in names if name in written}
