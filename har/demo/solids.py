"""Capsules and ellipsoids of the demo data in perspective, the pixels of many at once.

Most have a thousand pixels or fewer, for which NumPy takes as long to start each function as for
the work itself. So the pixels of several solids stand one after the other in one array.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from har.demo.views import NEAR_METRES, Camera

BATCH_PIXELS = 2**15  # worked out at once: as many as fit a core's cache

Window = tuple[slice, slice]
Shade = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


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
class Solid:
    """A capsule or an ellipsoid in the picture.

    Attributes:
        shape: What it is.
        window: The rows and columns that hold it.
        numbers: What decides its pixels, float32, shape (num_numbers,).
        doubles: Of a capsule, what decides them in double precision, float64.
        bands: What decides the stripes of an ellipsoid, float32.
    """

    shape: Capsule | Ellipsoid
    window: Window
    numbers: np.ndarray
    doubles: np.ndarray
    bands: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the window."""
        rows, columns = self.window
        return rows.stop - rows.start, columns.stop - columns.start

    @property
    def num_pixels(self) -> int:
        """How many pixels the window has."""
        height, width = self.size
        return height * width


class Surface(NamedTuple):
    """What a solid looks like at the pixels of its window; each of shape (height, width).

    Attributes:
        inside: Where it is.
        depth: Metres.
        shade: Brightness.
        odd: Where its stripes are; None if it has none.
    """

    inside: np.ndarray
    depth: np.ndarray
    shade: np.ndarray
    odd: np.ndarray | None


def window_of(low: Sequence[float], high: Sequence[float], size: tuple[int, int]) -> Window | None:
    """Return the rows and columns that hold pixels `low` to `high` (x, y), None if outside.

    Args:
        low: The least x and y.
        high: The greatest.
        size: (width, height) of the picture.
    """
    x0, y0 = max(int(low[0]) - 1, 0), max(int(low[1]) - 1, 0)
    x1, y1 = min(int(high[0]) + 2, size[0]), min(int(high[1]) + 2, size[1])
    return None if x0 >= x1 or y0 >= y1 else (slice(y0, y1), slice(x0, x1))


def place_solids(shapes: Sequence[Capsule | Ellipsoid], camera: Camera) -> list[Solid]:
    """Return those of some shapes that are in the picture, in the same order."""
    placed: dict[int, Solid] = {}
    for kind, place in ((Capsule, _place_capsules), (Ellipsoid, _place_ellipsoids)):
        indices = [index for index, shape in enumerate(shapes) if isinstance(shape, kind)]
        if not indices:
            continue
        nearest, *boxes, numbers, doubles, bands = place(
            [shapes[index] for index in indices], camera
        )
        rows = zip(indices, nearest, *(box.tolist() for box in boxes), strict=True)
        for row, (index, depth, *box) in enumerate(rows):
            window = window_of(*box, camera.size)
            if depth >= NEAR_METRES and window is not None:
                placed[index] = Solid(shapes[index], window, numbers[row], doubles[row], bands[row])
    return [placed[index] for index in sorted(placed)]


def _place_capsules(shapes: Sequence[Capsule], camera: Camera) -> tuple[np.ndarray, ...]:
    """Return the nearest depth, the least and the greatest pixel, and the numbers of each."""
    ends = camera.to_camera(np.array([(one.start, one.end) for one in shapes]))
    thick = np.array([one.radii for one in shapes])
    depths = np.maximum(ends[..., 2], NEAR_METRES)
    pixels = ends[..., :2] / depths[..., np.newaxis] * camera.focal
    radii = thick / depths * camera.focal
    low = (pixels - radii[..., np.newaxis]).min(axis=1) + camera.centre
    high = (pixels + radii[..., np.newaxis]).max(axis=1) + camera.centre
    ways = pixels[:, 1] - pixels[:, 0]
    along = [pixels[:, 0], ways, np.maximum((ways**2).sum(axis=1), 1e-3)]
    across = [radii[:, 0], np.diff(radii), depths[:, 0], np.diff(depths), thick.mean(axis=1)]
    numbers = np.column_stack(along).astype(np.float32)
    return ends[..., 2].min(axis=1), low, high, numbers, np.column_stack(across), numbers[:, :0]


def _place_ellipsoids(shapes: Sequence[Ellipsoid], camera: Camera) -> tuple[np.ndarray, ...]:
    """Return the nearest depth, the least and the greatest pixel, and the numbers of each."""
    centres = camera.to_camera(np.array([one.centre for one in shapes]))
    axes = camera.rotation @ np.array([one.axes for one in shapes])
    reaches = np.sqrt((axes**2).sum(axis=2))
    nearest = centres[:, 2:] - reaches[:, 2:]
    pixels = centres[:, :2] / centres[:, 2:] * camera.focal + camera.centre
    spread = reaches[:, :2] * 1.15 / np.maximum(nearest, NEAR_METRES) * camera.focal
    # The surface is (p - centre) Q (p - centre) = 1, a pixel's ray p = depth * (x, y, 1).
    inverse = np.linalg.inv(axes)
    q = inverse.transpose(0, 2, 1) @ inverse
    towards = (q @ centres[..., np.newaxis])[..., 0]
    level = (towards * centres).sum(axis=1) - 1
    upper = q[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    numbers = np.column_stack([upper, towards, level]).astype(np.float32)
    across = (inverse[:, 2] * centres).sum(axis=1)
    bands = np.column_stack([inverse[:, 2], across]).astype(np.float32)
    return nearest[:, 0], pixels - spread, pixels + spread, numbers, towards[:, :0], bands


def find_surfaces(
    solids: Sequence[Solid], columns: np.ndarray, rows: np.ndarray, focal: float, shade: Shade
) -> Iterator[Surface]:
    """Yield what each solid looks like, in order.

    Args:
        solids: From `place_solids`.
        columns: Of the picture, in pixels from the camera's axis, float32, shape (1, width).
        rows: Of the picture, in pixels from the camera's axis, float32, shape (height, 1).
        focal: Pixels.
        shade: Returns the brightness of unit normals (x, y, z).
    """
    solvers = {Capsule: _solve_capsules, Ellipsoid: _solve_ellipsoids}
    for batch in _batches(solids):
        surfaces = {}
        for kind, solve in solvers.items():
            alike = [solid for solid in batch if isinstance(solid.shape, kind)]
            if alike:
                x, y, *numbers = _spread(alike, columns, rows)
                inside, depth, *normal = solve(x, y, numbers, focal)
                cut = _cut([inside, depth, shade(*normal)], alike)
                surfaces |= zip(map(id, alike), cut, strict=True)
        for solid in batch:
            inside, depth, bright = surfaces[id(solid)]
            odd = _stripes(solid, depth, columns, rows, focal)
            yield Surface(inside, depth, bright, odd)


def _batches(solids: Sequence[Solid]) -> Iterator[list[Solid]]:
    """Yield solids in order, as many at once as have `BATCH_PIXELS` together, or one."""
    batch: list[Solid] = []
    num_pixels = 0
    for solid in solids:
        if batch and num_pixels + solid.num_pixels > BATCH_PIXELS:
            yield batch
            batch, num_pixels = [], 0
        batch.append(solid)
        num_pixels += solid.num_pixels
    if batch:
        yield batch


def _spread(solids: Sequence[Solid], columns: np.ndarray, rows: np.ndarray) -> list[np.ndarray]:
    """Return columns and rows of the pixels of solids, and the numbers of each at its pixels.

    Those of several solids stand one after the other along one axis; a large one stands alone, with
    two axes and its numbers once.
    """
    if len(solids) == 1:
        down, right = solids[0].window
        return [columns[:, right], rows[down], *solids[0].numbers, *solids[0].doubles]
    ends = list(itertools.accumulate((one.num_pixels for one in solids), initial=0))
    spread = np.empty((2 + len(solids[0].numbers), ends[-1]), np.float32)
    doubles = np.empty((len(solids[0].doubles), ends[-1]))
    for solid, (start, end) in zip(solids, itertools.pairwise(ends), strict=True):
        down, right = solid.window
        spread[0, start:end].reshape(solid.size)[:] = columns[:, right]
        spread[1, start:end].reshape(solid.size)[:] = rows[down]
        spread[2:, start:end] = solid.numbers[:, np.newaxis]
        doubles[:, start:end] = solid.doubles[:, np.newaxis]
    return [*spread, *doubles]


def _cut(arrays: Sequence[np.ndarray], solids: Sequence[Solid]) -> Iterator[list[np.ndarray]]:
    """Yield the part of each solid of what was worked out for all, in the shape of its window."""
    end = 0
    for solid in solids:
        start, end = end, end + solid.num_pixels
        yield [array.reshape(-1)[start:end].reshape(solid.size) for array in arrays]


def _solve_capsules(
    x: np.ndarray, y: np.ndarray, numbers: Sequence[np.ndarray], focal: float
) -> tuple[np.ndarray, ...]:
    """Return where capsules are, their depth, and their unit normal in x, y and z."""
    del focal  # the numbers are in pixels
    ax, ay, dx, dy, square, radius, wider, near, farther, thick = numbers
    x, y = x - ax, y - ay
    along = np.clip((x * dx + y * dy) / square, 0, 1)
    inverse = 1 / (radius + wider * along)
    x, y = (x - dx * along) * inverse, (y - dy * along) * inverse
    height = 1 - x * x - y * y  # squared height of the unit circle's dome over this pixel
    z = -np.sqrt(np.maximum(height, 0))
    return height > 0, near + farther * along + z * thick, x, y, z


def _solve_ellipsoids(
    x: np.ndarray, y: np.ndarray, numbers: Sequence[np.ndarray], focal: float
) -> tuple[np.ndarray, ...]:
    """Return where ellipsoids are, their depth, and their unit normal in x, y and z."""
    xx, xy, xz, yy, yz, zz, *towards, level = numbers
    x, y = x / focal, y / focal
    square = (xx * x + 2 * xz) * x + zz + ((yy * y + 2 * yz) * y + 2 * xy * y * x)
    half = towards[0] * x + (towards[1] * y + towards[2])
    root = half * half - square * level
    depth = (half - np.sqrt(np.maximum(root, 0))) / square
    normal = [
        (a * x + (b * y + c)) * depth - d
        for (a, b, c), d in zip(((xx, xy, xz), (xy, yy, yz), (xz, yz, zz)), towards, strict=True)
    ]
    length = 1 / np.sqrt(normal[0] ** 2 + normal[1] ** 2 + normal[2] ** 2 + 1e-6)
    return root > 0, depth, *(part * length for part in normal)


def _stripes(
    solid: Solid, depth: np.ndarray, columns: np.ndarray, rows: np.ndarray, focal: float
) -> np.ndarray | None:
    """Return where the stripes of an ellipsoid are, None where it has none."""
    stripes = getattr(solid.shape, "stripes", 0)
    if not stripes:
        return None
    (down, right), (a, b, c, d) = solid.window, solid.bands
    x, y = columns[:, right] / focal, rows[down] / focal
    height = (a * x + (b * y + c)) * depth - d  # -1 to 1
    return np.floor((height + 1) * stripes / 2) % 2 > 0
