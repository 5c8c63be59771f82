"""Draws capsules, ellipsoids and textured rectangles in perspective, with a depth buffer.

World coordinates are metres with z up. Camera coordinates are metres with x to the right, y down
and z away from the camera, so that x and y point as pixels do. Colours are RGB, 0 to 255.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

NEAR_METRES = 0.15  # nothing closer to the camera than this is drawn
NOTHING, TEXTURE = (-1, 0, 0), (-2, 0, 0)  # stand for no colour and for one that varies


@dataclass(frozen=True)
class Camera:
    """A pinhole camera.

    Attributes:
        position: World coordinates in metres, shape (3,).
        rotation: World to camera coordinates, shape (3, 3).
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
        """Turn world points, shape (..., 3), into camera coordinates."""
        return (points - self.position) @ self.rotation.T

    def project(self, points: np.ndarray) -> np.ndarray:
        """Turn world points, shape (..., 3), into pixels x and y and the depth in metres."""
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
    return np.stack([right, np.cross(forward, right), forward])


@dataclass(frozen=True)
class Capsule:
    """A limb: a rounded cone from `start` (radius `radii[0]`) to `end` (radius `radii[1]`)."""

    start: np.ndarray
    end: np.ndarray
    radii: tuple[float, float]
    colour: tuple[float, float, float]


@dataclass(frozen=True)
class Ellipsoid:
    """An ellipsoid; the columns of `axes` (3, 3) are its half axes in world metres.

    With `stripes` above zero, every second of that many bands along the third axis has
    `stripe_colour`.
    """

    centre: np.ndarray
    axes: np.ndarray
    colour: tuple[float, float, float]
    stripes: int = 0
    stripe_colour: tuple[float, float, float] = (0, 0, 0)


@dataclass(frozen=True)
class Rectangle:
    """A flat piece: `corner` and two edges in world metres, and what is painted on it.

    `texture` is uint8 RGB (height, width, 3) and repeats every `tile_metres`; None stretches it
    over the whole piece. Without `lit`, the light does not darken it (a window, the sky).
    """

    corner: np.ndarray
    edge_u: np.ndarray
    edge_v: np.ndarray
    texture: np.ndarray
    tile_metres: float | None = None
    lit: bool = True


@dataclass(frozen=True)
class Light:
    """A far light in the world direction `direction` (3,), and the share from all round."""

    direction: np.ndarray
    ambient: float


class Canvas:
    """A picture in the making: of each pixel the paint, how bright it is, and its depth.

    Masked copies of one number a pixel are five times faster than of colours, so the colours come
    last, in `picture`.

    Args:
        camera: What is seen.
        light: What it is lit by.
        depth: Metres to what is there already, float32 (height, width); nothing by default.
    """

    def __init__(self, camera: Camera, light: Light, depth: np.ndarray | None = None) -> None:
        width, height = camera.size
        self.camera = camera
        self.light = light
        self.to_light = (camera.rotation @ light.direction).astype(np.float32)
        self.paint = np.zeros((height, width), np.uint8)  # row of `colours`
        self.shade = np.zeros((height, width), np.float32)
        self.texture: np.ndarray | None = None
        self.colours: dict[tuple, int] = {NOTHING: 0, TEXTURE: 1}
        self.depth = np.full((height, width), np.inf, np.float32) if depth is None else depth
        # Columns and rows as seen from the camera's axis, at the centres of the pixels.
        self.columns = np.arange(width, dtype=np.float32)[None] + 0.5 - np.float32(camera.centre[0])
        self.rows = (
            np.arange(height, dtype=np.float32)[:, None] + 0.5 - np.float32(camera.centre[1])
        )

    def draw(self, shape: Capsule | Ellipsoid | Rectangle) -> None:
        """Draw one shape in front of what is farther away and behind what is nearer."""
        if isinstance(shape, Capsule):
            self._draw_capsule(shape)
        elif isinstance(shape, Ellipsoid):
            self._draw_ellipsoid(shape)
        else:
            self._draw_rectangle(shape)

    def _window(self, low: np.ndarray, high: np.ndarray) -> tuple[slice, slice] | None:
        """Return the rows and columns that hold pixels `low` to `high` (x, y), None if outside."""
        width, height = self.camera.size
        x0, y0 = max(int(low[0]) - 1, 0), max(int(low[1]) - 1, 0)
        x1, y1 = min(int(high[0]) + 2, width), min(int(high[1]) + 2, height)
        return None if x0 >= x1 or y0 >= y1 else (slice(y0, y1), slice(x0, x1))

    def _shade(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the brightness of surfaces with the unit normals (x, y, z) of camera space."""
        light_x, light_y, light_z = self.to_light
        facing = np.maximum(x * light_x + y * light_y + z * light_z, 0)
        # Edges are a little darker than what faces the camera: bodies look round in flat light too.
        return self.light.ambient * (0.72 - 0.28 * z) + (1 - self.light.ambient) * facing

    def _put(
        self,
        window: tuple[slice, slice],
        inside: np.ndarray,
        *,
        depth: np.ndarray,
        shade: np.ndarray | np.float32,
        paint: np.ndarray | int,
    ) -> None:
        """Write the pixels of `window` that are `inside` and nearer than what is there."""
        inside &= depth < self.depth[window]
        np.copyto(self.depth[window], depth, where=inside)
        np.copyto(self.shade[window], shade, where=inside)
        np.copyto(self.paint[window], paint, where=inside, casting="unsafe")

    def _mix(self, colour: tuple) -> int:
        """Return the number of the paint with this colour."""
        return self.colours.setdefault(tuple(colour), len(self.colours))

    def picture(self) -> np.ndarray:
        """Return what is drawn, float32 RGBA (height, width, 4), alpha 0 or 1."""
        table = np.zeros((1, 256, 4), np.float32)
        table[0, : len(self.colours), :3] = list(self.colours)
        table[0, 1:, 3] = 1
        table[0, 0, :3] = 0
        picture = cv2.LUT(cv2.merge([self.paint] * 4), table)
        if self.texture is not None:
            textured = self.paint == 1
            picture[textured, :3] = self.texture[textured]
        ones = np.ones_like(self.shade)
        return cv2.multiply(picture, cv2.merge([self.shade] * 3 + [ones]))

    def _draw_capsule(self, shape: Capsule) -> None:
        camera = self.camera
        ends = camera.to_camera(np.stack([shape.start, shape.end]))
        if ends[:, 2].min() < NEAR_METRES:
            return
        pixels = ends[:, :2] / ends[:, 2:] * camera.focal
        radii = np.array(shape.radii) / ends[:, 2] * camera.focal
        low = (pixels - radii[:, None]).min(axis=0) + camera.centre
        window = self._window(low, (pixels + radii[:, None]).max(axis=0) + camera.centre)
        if window is None:
            return
        (ax, ay), (bx, by) = pixels.tolist()
        dx, dy = bx - ax, by - ay
        x, y = self.columns[:, window[1]] - ax, self.rows[window[0]] - ay
        along = np.clip((x * dx + y * dy) / max(dx * dx + dy * dy, 1e-3), 0, 1)
        inverse = 1 / (radii[0] + (radii[1] - radii[0]) * along)
        x, y = (x - dx * along) * inverse, (y - dy * along) * inverse
        height = 1 - x * x - y * y  # squared height of the unit circle's dome over this pixel
        z = -np.sqrt(np.maximum(height, 0))
        depth = ends[0, 2] + (ends[1, 2] - ends[0, 2]) * along + z * np.mean(shape.radii)
        self._put(
            window, height > 0, depth=depth, shade=self._shade(x, y, z),
            paint=self._mix(shape.colour),
        )  # fmt: skip

    def _draw_ellipsoid(self, shape: Ellipsoid) -> None:
        camera = self.camera
        centre = camera.to_camera(shape.centre)
        axes = camera.rotation @ shape.axes
        reach = np.sqrt((axes**2).sum(axis=1))
        nearest = centre[2] - reach[2]
        if nearest < NEAR_METRES:
            return
        pixel = centre[:2] / centre[2] * camera.focal + camera.centre
        spread = reach[:2] * 1.15 / nearest * camera.focal
        window = self._window(pixel - spread, pixel + spread)
        if window is None:
            return
        # The surface is (p - centre) Q (p - centre) = 1, a pixel's ray p = depth * (x, y, 1).
        inverse = np.linalg.inv(axes)
        q = inverse.T @ inverse
        x, y = self.columns[:, window[1]] / camera.focal, self.rows[window[0]] / camera.focal
        (xx, xy, xz), (_, yy, yz), (_, _, zz) = q.astype(np.float32)
        square = (xx * x + 2 * xz) * x + zz + ((yy * y + 2 * yz) * y + (2 * xy) * y * x)
        towards = (q @ centre).astype(np.float32)
        half = towards[0] * x + (towards[1] * y + towards[2])
        root = half * half - square * np.float32(centre @ q @ centre - 1)
        depth = (half - np.sqrt(np.maximum(root, 0))) / square
        normal = [
            (np.float32(a) * x + (np.float32(b) * y + np.float32(c))) * depth - d
            for (a, b, c), d in zip(q, towards, strict=True)
        ]
        length = 1 / np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2 + 1e-6)
        shade = self._shade(*(part * length for part in normal))
        paint: np.ndarray | int = self._mix(shape.colour)
        if shape.stripes:
            a, b, c = inverse[2].astype(np.float32)
            height = (a * x + (b * y + c)) * depth - np.float32(inverse[2] @ centre)  # -1 to 1
            odd = np.floor((height + 1) * shape.stripes / 2) % 2 > 0
            paint = np.where(odd, self._mix(shape.stripe_colour), paint)
        self._put(window, root > 0, depth=depth, shade=shade, paint=paint)

    def _draw_rectangle(self, shape: Rectangle) -> None:
        camera = self.camera
        corner = camera.to_camera(shape.corner)
        edges = np.stack([shape.edge_u, shape.edge_v]) @ camera.rotation.T
        normal = np.cross(edges[0], edges[1])
        normal /= np.linalg.norm(normal)
        distance = normal @ corner
        if distance > 0:
            normal, distance = -normal, -distance
        corners = corner + np.array([[0, 0], [1, 0], [0, 1], [1, 1]]) @ edges
        low, high = np.zeros(2), np.array(camera.size)
        if corners[:, 2].min() > NEAR_METRES:
            pixels = corners[:, :2] / corners[:, 2:] * camera.focal + camera.centre
            low, high = pixels.min(axis=0), pixels.max(axis=0)
        window = self._window(low, high)
        if window is None:
            return
        x, y = self.columns[:, window[1]] / camera.focal, self.rows[window[0]] / camera.focal
        facing = np.minimum(normal[0] * x + normal[1] * y + normal[2], -1e-6)
        depth = (distance / facing).astype(np.float32)
        lengths = np.linalg.norm(edges, axis=1)
        # A point t * ray is corner + u * edge_u + v * edge_v, with u and v from 0 to 1.
        scaled = edges / lengths[:, None] ** 2
        u, v = (
            (depth * (e[0] * x + e[1] * y + e[2]) - e @ corner).astype(np.float32) for e in scaled
        )
        inside = (u >= 0) & (u <= 1) & (v >= 0) & (v <= 1) & (depth > NEAR_METRES)
        if not inside.any():
            return
        colour = _look_up(shape, np.where(inside, u, 0), np.where(inside, v, 0), lengths)
        bright = 1.0
        if shape.lit:
            facing_light = abs(float(normal @ self.to_light))
            bright = self.light.ambient + (1 - self.light.ambient) * facing_light
        if self.texture is None:
            self.texture = np.zeros((*self.paint.shape, 3), np.uint8)
        nearer = inside & (depth < self.depth[window])
        self.texture[window][nearer] = colour[nearer]
        self._put(window, inside, depth=depth, shade=np.float32(bright), paint=1)


def _look_up(shape: Rectangle, u: np.ndarray, v: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the texture's colours at the shares `u` and `v` of the edges, uint8 RGB."""
    height, width = shape.texture.shape[:2]
    if shape.tile_metres is None:  # the middle of the first of 4 texels is at 0.5 / 4 of the edge
        across = np.clip(u * np.float32(width) - 0.5, 0, width - 1)
        down = np.clip(v * np.float32(height) - 0.5, 0, height - 1)
    else:
        tiles = lengths / shape.tile_metres
        across = (u * np.float32(tiles[0] * width) - 0.5) % width
        down = (v * np.float32(tiles[1] * height) - 0.5) % height
    return cv2.remap(shape.texture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
