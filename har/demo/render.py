"""Draws capsules, ellipsoids and textured rectangles in perspective, with a depth buffer.

World coordinates are metres with z up. Camera coordinates are metres with x to the right, y down
and z away from the camera, so that x and y point as pixels do. Colours are RGB, 0 to 255.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from har.demo.solids import (
    Capsule,
    Ellipsoid,
    Window,
    find_surfaces,
    place_solids,
    window_of,
)
from har.demo.views import NEAR_METRES, Camera

NOTHING, TEXTURE = (-1, 0, 0), (-2, 0, 0)  # stand for no colour and for one that varies


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

    def draw(self, *shapes: Capsule | Ellipsoid | Rectangle) -> None:
        """Draw shapes in front of what is farther away and behind what is nearer."""
        for is_flat, group in itertools.groupby(shapes, lambda one: isinstance(one, Rectangle)):
            if is_flat:
                for shape in group:
                    self._draw_rectangle(shape)
            else:
                self._draw_solids(list(group))

    def _shade(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
        """Return the brightness of surfaces with the unit normals (x, y, z) of camera space."""
        light_x, light_y, light_z = self.to_light
        facing = np.maximum(x * light_x + y * light_y + z * light_z, 0)
        # Edges are a little darker than what faces the camera: bodies look round in flat light too.
        return self.light.ambient * (0.72 - 0.28 * z) + (1 - self.light.ambient) * facing

    def _put(
        self,
        window: Window,
        inside: np.ndarray,
        *,
        depth: np.ndarray,
        shade: np.ndarray | float,
        paint: np.ndarray | int,
    ) -> None:
        """Write the pixels of `window` that are `inside` and nearer than what is there."""
        inside = (inside & (depth < self.depth[window])).view(np.uint8)
        for canvas, new in ((self.depth, depth), (self.shade, shade), (self.paint, paint)):
            new = np.ascontiguousarray(np.broadcast_to(new, inside.shape), canvas.dtype)
            cv2.copyTo(new, inside, canvas[window])  # up to nine times as fast as NumPy's

    def _mix(self, colour: tuple) -> int:
        """Return the number of the paint with this colour."""
        return self.colours.setdefault(tuple(colour), len(self.colours))

    def planes(self) -> list[np.ndarray]:
        """Return what is drawn, float32 (height, width) each: red, green, blue, and 0 or 1."""
        table = np.zeros((4, 256), np.float32)
        table[:3, : len(self.colours)] = np.array(list(self.colours)).T
        table[:, 0], table[3, 1:] = 0, 1
        *colours, shown = (cv2.LUT(self.paint, of_channel) for of_channel in table)
        if self.texture is not None:
            textured = (self.paint == 1).view(np.uint8)
            for colour, texture in zip(colours, cv2.split(self.texture), strict=True):
                cv2.copyTo(texture.astype(np.float32), textured, colour)
        return [*(cv2.multiply(colour, self.shade) for colour in colours), shown]

    def _draw_solids(self, shapes: Sequence[Capsule | Ellipsoid]) -> None:
        solids, camera = place_solids(shapes, self.camera), self.camera
        surfaces = find_surfaces(solids, self.columns, self.rows, camera.focal, self._shade)
        for solid, (inside, depth, shade, odd) in zip(solids, surfaces, strict=True):
            paint = self._mix(solid.shape.colour)
            if odd is not None:
                paint = np.where(odd, self._mix(solid.shape.stripe_colour), paint)
            self._put(solid.window, inside, depth=depth, shade=shade, paint=paint)

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
        window = window_of(low, high, camera.size)
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
        inside = (np.minimum(u, v) >= 0) & (np.maximum(u, v) <= 1) & (depth > NEAR_METRES)
        inside &= depth < self.depth[window]
        if not inside.any():
            return
        colour = _look_up(shape, np.where(inside, u, 0), np.where(inside, v, 0), lengths)
        bright = 1.0
        if shape.lit:
            facing_light = abs(float(normal @ self.to_light))
            bright = self.light.ambient + (1 - self.light.ambient) * facing_light
        if self.texture is None:
            self.texture = np.zeros((*self.paint.shape, 3), np.uint8)
        cv2.copyTo(colour, inside.view(np.uint8), self.texture[window])
        self._put(window, inside, depth=depth, shade=bright, paint=1)


def _look_up(shape: Rectangle, u: np.ndarray, v: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the texture's colours at the shares `u` and `v` of the edges, uint8 RGB."""
    height, width = shape.texture.shape[:2]
    if shape.tile_metres is None:  # the middle of the first of 4 texels is at 0.5 / 4 of the edge
        across = np.clip(u * np.float32(width) - 0.5, 0, width - 1)
        down = np.clip(v * np.float32(height) - 0.5, 0, height - 1)
    else:
        tiles = lengths / shape.tile_metres
        across = u * np.float32(tiles[0] * width) - 0.5  # `remap` wraps it
        down = v * np.float32(tiles[1] * height) - 0.5
    return cv2.remap(shape.texture, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
