"""From where the people of the demo data are seen: the camera's place, its picture, its shaking."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from har.demo.body import Body
from har.demo.curves import Wobble
from har.demo.motion import draw, read_table
from har.demo.render import Camera, look_at

LOWEST, HIGHEST = 0.15, 2.4  # metres of the camera above the floor
NEAREST = 1.0  # metres from the camera to the person
ABOVE = 0.12  # from the middle of the head to above the hair, in heights of the person
FRONT, LEVEL, ROLL = 0.5, 0.14, 0.04  # usual angles from the front, the horizon and upright


@dataclass(frozen=True)
class View:
    """Where the camera stands and how it is held.

    Attributes:
        azimuth: Radians around the person; 0 is on the side of negative y.
        elevation: Radians up from the person.
        distance: Metres to the target.
        target: World point that the camera looks at, shape (3,).
        shown: Height of the picture at the target, in metres.
        size: (width, height) of the picture in pixels.
        shake: Usual angle by which the hand shakes, in radians.
        follow: How much the camera turns after the person, 0 to 1.
    """

    azimuth: float
    elevation: float
    distance: float
    target: np.ndarray
    shown: float
    size: tuple[int, int]
    shake: float
    follow: float

    @property
    def position(self) -> np.ndarray:
        """World position of the camera, shape (3,)."""
        flat = np.cos(self.elevation)
        way = [np.sin(self.azimuth) * flat, -np.cos(self.azimuth) * flat, np.sin(self.elevation)]
        return self.target + self.distance * np.array(way)

    def camera(self) -> Camera:
        """Return the camera at rest."""
        width, height = self.size
        rotation = look_at(self.position, self.target)
        focal = height * self.distance / self.shown
        return Camera(self.position, rotation, focal, (width / 2, height / 2), self.size)


def draw_facing(rng: np.random.Generator, *, walks: bool) -> float:
    """Return by how much someone does not face the camera, in radians."""
    if walks or draw(read_table()["views"]["facing"], rng) == "anywhere":
        return float(rng.uniform(-np.pi, np.pi))
    return float(rng.normal(0, FRONT))


def choose_view(
    body: Body, *, azimuth: float, size: tuple[int, int], rng: np.random.Generator
) -> View:
    """Place the camera before someone who moves.

    Args:
        body: At several instants.
        azimuth: See `View`.
        size: (width, height) of the picture in pixels.
        rng: Decides the rest.
    """
    table, height = read_table()["views"], body.subject.height
    framing = draw(table["framing"], rng)
    shown = draw(table["shown"][framing], rng) * height
    top = float(body.head[:, 2].mean()) + ABOVE * height
    middle = top - shown * rng.uniform(0.35, 0.5)
    if framing == "whole":
        middle = top / 2 + rng.normal(0, 0.06 * height)
    shown = max(shown, 0.45 * height * size[1] / size[0])  # both shoulders in an upright picture
    hips = np.median(body.pose.hips, axis=0)
    way = float(np.linalg.norm((body.pose.hips - hips)[:, :2], axis=1).max())
    # Who walks does not pass the camera, which turns after them by less than 45 degrees.
    distance = max(NEAREST + 1.3 * way, shown * draw(table["distance"], rng))
    elevation = rng.normal(0.05, LEVEL)
    if draw(table["elevation"], rng) == "anywhere":
        elevation = np.deg2rad(draw(table["elevations"], rng))
    limits = (np.array([LOWEST, HIGHEST]) - middle) / distance
    elevation = float(np.clip(elevation, *np.arcsin(limits.clip(-0.9, 0.9))))
    return View(
        azimuth=azimuth,
        elevation=elevation,
        distance=distance,
        target=np.array([hips[0], hips[1], middle]),
        shown=shown,
        size=size,
        shake=0.0 if rng.random() < table["still"] else draw(table["shake"], rng),
        follow=draw(table["follow"], rng) if framing == "whole" else 1.0,
    )


def hold_camera(
    view: View, hips: np.ndarray, times: np.ndarray, rng: np.random.Generator
) -> list[Camera]:
    """Return the camera at each instant: at one spot, turning and shaking.

    Args:
        view: How it is held.
        hips: World metres of the person, shape (num_instants, 3).
        times: Seconds, shape (num_instants,).
        rng: Decides the shaking.
    """
    camera = view.camera()
    ways = hips - np.median(hips, axis=0)
    targets = view.target + view.follow * ways * [1, 1, 0]
    roll = rng.normal(0, ROLL)
    angles = [
        Wobble(rng, view.shake, 0.6)(times) + Wobble(rng, 0.3 * view.shake, 3.0)(times)
        for _ in range(3)
    ]
    turns = np.stack([angles[0], angles[1], angles[2] + roll], axis=-1)
    return [
        replace(camera, rotation=cv2.Rodrigues(turn)[0] @ look_at(camera.position, target))
        for turn, target in zip(turns, targets, strict=True)
    ]
