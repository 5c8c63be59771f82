"""From where the people of the demo data are seen: the camera's place, its picture, its shaking."""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from har.demo.body import Body
from har.demo.curves import Wobble
from har.demo.motion import draw, read_table

NEAR_METRES = 0.15  # nothing closer to the camera than this is drawn
LOWEST, HIGHEST = 0.15, 2.4  # metres of the camera above the floor
NEAREST = 1.0  # metres from the camera to the person
ABOVE = 0.12  # from the middle of the head to above the hair, in heights of the person
FRONT, LEVEL, ROLL = 0.5, 0.14, 0.04  # usual angles from the front, the horizon and upright


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: World coordinates in metres, shape (3,).
        rotation: World to camera coordinates, shape (3, 3), or one for each instant, (..., 3, 3).
        focal: Focal length in pixels.
        centre: Pixel (x, y) that the camera's axis goes through.
        size: (width, height) of the picture in pixels.
    """

    position: np.ndarray
    rotation: np.ndarray
    focal: float
    centre: tuple[float, float]
    size: tuple[int, int]

    @property
    def matrix(self) -> np.ndarray:
        """Camera coordinates to homogeneous pixels, shape (3, 3)."""
        (x, y), f = self.centre, self.focal
        return np.array([[f, 0, x], [0, f, y], [0, 0, 1.0]])

    def to_camera(self, points: np.ndarray) -> np.ndarray:
        """Turn world points, shape (..., num_points, 3) or (3,), into camera coordinates."""
        return (points - self.position) @ np.swapaxes(self.rotation, -1, -2)

    def project(self, points: np.ndarray) -> np.ndarray:
        """Turn world points, as for `to_camera`, into pixels x and y and the depth in metres."""
        local = self.to_camera(points)
        depth = np.maximum(local[..., 2:], NEAR_METRES)
        return np.concatenate([local[..., :2] / depth * self.focal + self.centre, depth], axis=-1)

    def crop(self, box: tuple[int, int, int, int], scale: int) -> "Camera":
        """Return the camera of the pixels `box` (x0, y0, x1, y1), drawn `scale` times as large."""
        x0, y0, x1, y1 = box
        centre = ((self.centre[0] - x0) * scale, (self.centre[1] - y0) * scale)
        size = ((x1 - x0) * scale, (y1 - y0) * scale)
        return replace(self, focal=self.focal * scale, centre=centre, size=size)

    def shrunk(self, scale: int) -> "Camera":
        """Return the camera of the same picture, `scale` times as small."""
        x, y = self.centre
        width, height = self.size
        size = (width // scale, height // scale)
        return replace(self, focal=self.focal / scale, centre=(x / scale, y / scale), size=size)

    def warp_from(self, other: "Camera") -> np.ndarray:
        """Return the homography from the pixels of `other`, at the same position, to these."""
        turn = self.rotation @ other.rotation.T
        return self.matrix @ turn @ np.linalg.inv(other.matrix)


def look_at(position: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Return the rotation (3, 3) of an upright camera at `position` that looks at `target`."""
    forward = (target - position) / np.linalg.norm(target - position)
    right = np.array([forward[1], -forward[0], 0.0])
    right /= np.linalg.norm(right)
    # Their cross product in plain numbers: NumPy's takes ten times as long.
    (a, b, c), (x, y, _) = forward.tolist(), right.tolist()
    return np.array([right, [-c * y, c * x, a * y - b * x], forward])


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
    """Place the camera before a moving person.

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
