"""The rooms, streets and parks of the demo data: furniture, cars, trees and light.

The person's spot is the world's origin, the camera stands on the side of negative y, and the far
wall is on the side of positive y.
"""

from dataclasses import dataclass

import numpy as np

from har.demo.body import heading_axes
from har.demo.render import Light, Rectangle
from har.demo.solids import Capsule, Ellipsoid
from har.demo.textures import (
    FABRICS,
    WALLS,
    WOODS,
    Colour,
    books_texture,
    facade_texture,
    grain_texture,
    lined_texture,
    pick_colour,
    picture_texture,
    window_texture,
)

Shape = Capsule | Ellipsoid | Rectangle

ROOM_METRES = 2.7  # height of a room
DESK_METRES = 0.26  # the top of a desk over the seat
DESK_EDGE_METRES = 0.40  # from the seat's middle forward to the desk
CHAIR_METRES = 0.47  # height of a usual chair


@dataclass(frozen=True)
class Scene:
    """What stands around the person.

    Attributes:
        shapes: All that does not move.
        light: What it is lit by.
        sky: Colours of the sky above and at the horizon; seen where there is no shape.
        shadow: How dark the person's shadow is, 0 to 1.
        shadow_blur: How soft its edge is, in metres.
    """

    shapes: list[Shape]
    light: Light
    sky: tuple[Colour, Colour]
    shadow: float
    shadow_blur: float


def _box(
    centre: np.ndarray, size: tuple[float, float, float], axes: np.ndarray, texture: np.ndarray,
    tile: float | None = 0.6,
) -> list[Shape]:  # fmt: skip
    """Return the six sides of a box: `centre` of its bottom, metres along right, forward and up."""
    right, forward, up = (axis * length for axis, length in zip(axes, size, strict=True))
    low = centre - right / 2 - forward / 2
    return [
        Rectangle(low + up, right, -up, texture, tile),
        Rectangle(low + up + forward, right, -up, texture, tile),
        Rectangle(low + up, forward, -up, texture, tile),
        Rectangle(low + up + right, forward, -up, texture, tile),
        Rectangle(low + up, right, forward, texture, tile),
        Rectangle(low, right, forward, texture, tile),
    ]


def _on_wall(
    texture: np.ndarray,
    corner: np.ndarray,
    along: np.ndarray,
    low: float,
    size: tuple[float, float],
    *,
    lit: bool = True,
) -> Rectangle:
    """Hang a texture on a wall: from `corner`, metres wide and high, its bottom at height `low`."""
    up = np.array([0, 0, 1.0])
    return Rectangle(
        corner + up * (low + size[1]), along * size[0], -up * size[1], texture, lit=lit
    )


def chair(
    rng: np.random.Generator, spot: np.ndarray, axes: np.ndarray, seat: float = CHAIR_METRES
) -> list[Shape]:
    """Return a chair whose seat's middle is over `spot`, `seat` metres high."""
    wood = grain_texture(rng, pick_colour(rng, WOODS + FABRICS), coarse=3, fine=4)
    up = axes[2]
    shapes = _box(spot + up * (seat - 0.05), (0.42, 0.42, 0.05), axes, wood)
    back = spot - axes[1] * 0.23 + up * (seat + 0.14)
    shapes += _box(back, (0.42, 0.03, rng.uniform(0.26, 0.42)), axes, wood)
    for x in (-0.19, 0.19):
        for y in (-0.22, 0.18):
            top = seat + (0.2 if y < 0 else -0.05)
            foot = spot + axes[0] * x + axes[1] * y
            shapes.append(Capsule(foot, foot + up * top, (0.015, 0.018), (60, 52, 46)))
    return shapes


def desk(
    rng: np.random.Generator, spot: np.ndarray, axes: np.ndarray, seat: float = CHAIR_METRES
) -> list[Shape]:
    """Return a desk before the seat at `spot`, `seat` metres high, with paper, books and a cup."""
    width, depth = rng.uniform(1.0, 1.5), rng.uniform(0.55, 0.7)
    wood = lined_texture(rng, pick_colour(rng, WOODS), rows=8, columns=1, line=0.93, shift=False)
    right, forward, up = axes
    high = seat + DESK_METRES
    middle = spot + forward * (DESK_EDGE_METRES + depth / 2)
    shapes = _box(middle + up * (high - 0.04), (width, depth, 0.04), axes, wood)
    for x in (-1, 1):
        for y in (-1, 1):
            foot = middle + right * x * (width / 2 - 0.06) + forward * y * (depth / 2 - 0.06)
            shapes.append(Capsule(foot, foot + up * (high - 0.04), (0.02, 0.025), (70, 66, 62)))
    top = spot + up * (high + 0.004) + forward * (DESK_EDGE_METRES + 0.02)
    paper = np.full((32, 24, 3), 246, np.uint8)
    paper[4:20:3, 3:21] = (150, 150, 170)
    for _ in range(int(rng.integers(1, 4))):
        corner = top + right * rng.uniform(-0.25, 0.05)
        shapes.append(Rectangle(corner + forward * 0.29, right * 0.21, -forward * 0.29, paper))
        top = top + up * 0.002
    for _ in range(int(rng.integers(0, 4))):
        x = rng.choice([-1, 1]) * rng.uniform(0.3, width / 2 - 0.12)
        place = middle + right * x + forward * rng.uniform(-0.1, 0.15) + up * high
        cover = np.full((4, 4, 3), rng.uniform(30, 220, 3), np.uint8)
        shapes += _box(place, (0.16, 0.22, rng.uniform(0.02, 0.12)), axes, cover)
    if rng.random() < 0.6:
        cup = middle + right * rng.uniform(0.3, width / 2 - 0.08) + up * high
        shapes.append(Capsule(cup, cup + up * 0.08, (0.038, 0.04), tuple(rng.uniform(60, 240, 3))))
    return shapes


def _plant(rng: np.random.Generator, spot: np.ndarray) -> list[Shape]:
    up = np.array([0, 0, 1.0])
    pot = Capsule(spot + up * 0.08, spot + up * 0.3, (0.12, 0.16), (150, 92, 64))
    leaves: list[Shape] = []
    for _ in range(14):
        way = rng.normal(0, 1, 3) + np.array([0, 0, 1.2])
        end = spot + up * 0.45 + way / np.linalg.norm(way) * rng.uniform(0.3, 0.6)
        green = (rng.uniform(40, 80), rng.uniform(100, 150), rng.uniform(50, 80))
        leaves.append(Capsule(spot + up * 0.35, end, (0.02, 0.06), green))
    return [pot, *leaves]


def _cupboard(rng: np.random.Generator, spot: np.ndarray, axes: np.ndarray) -> list[Shape]:
    """Return a book shelf, a low cabinet or a sofa with its back to the wall at `spot`.

    The first row of `axes` goes along the wall, the second into the room.
    """
    kind = rng.choice(["shelf", "cabinet", "sofa"])
    wood = pick_colour(rng, WOODS)
    grain = grain_texture(rng, wood, coarse=5, fine=4)
    if kind == "shelf":
        width, height = rng.uniform(0.8, 1.3), rng.uniform(1.5, 2.1)
        shapes = _box(spot + axes[1] * 0.16, (width, 0.3, height), axes, grain)
        front = spot + axes[1] * 0.312 - axes[0] * width / 2
        return [*shapes, _on_wall(books_texture(rng, wood), front, axes[0], 0, (width, height))]
    if kind == "cabinet":
        return _box(spot + axes[1] * 0.22, (rng.uniform(1.0, 1.8), 0.4, 0.8), axes, grain)
    fabric = grain_texture(rng, pick_colour(rng, FABRICS), coarse=6, fine=6)
    shapes = _box(spot + axes[1] * 0.5, (1.8, 0.8, 0.42), axes, fabric)
    shapes += _box(spot + axes[1] * 0.15, (1.8, 0.22, 0.85), axes, fabric)
    for x in (-0.95, 0.95):
        shapes += _box(spot + axes[1] * 0.5 + axes[0] * x, (0.18, 0.85, 0.6), axes, fabric)
    return shapes


def _furnish_wall(
    rng: np.random.Generator, corner: np.ndarray, axes: np.ndarray, length: float
) -> list[Shape]:
    """Return what stands at and hangs on a wall that begins at `corner`."""
    shapes: list[Shape] = []
    at = rng.uniform(0.0, 1.0)
    while at < length - 1.6:
        start = corner + axes[0] * at + axes[1] * 0.02
        kind = rng.choice(["window", "picture", "cupboard", "door", "both", "nothing"])
        if kind == "window":
            size = (rng.uniform(1.0, 1.8), rng.uniform(1.0, 1.4))
            shapes.append(_on_wall(window_texture(rng), start, axes[0], 0.9, size, lit=False))
        elif kind == "door":
            grain = lined_texture(
                rng, pick_colour(rng, WOODS), rows=2, columns=1, line=0.8, shift=False
            )
            shapes.append(_on_wall(grain, start, axes[0], 0, (0.9, 2.05)))
        if kind in ("picture", "both"):
            size = (rng.uniform(0.4, 0.9), rng.uniform(0.4, 0.8))
            shapes.append(_on_wall(picture_texture(rng), start + axes[0] * 0.3, axes[0], 1.3, size))
        if kind in ("cupboard", "both"):
            shapes += _cupboard(rng, start + axes[0] * 0.8, axes)
        at += rng.uniform(2.0, 3.4)
    return shapes


def make_room(rng: np.random.Generator, *, clear: float, camera_x: float) -> Scene:
    """Furnish a room that leaves `clear` metres around the origin free and holds the camera."""
    far = clear + rng.uniform(0.3, 1.8)
    sides = np.maximum(clear + rng.uniform(1.8, 3.6, 2), abs(camera_x) + 0.5)
    wall_colour = pick_colour(rng, WALLS)
    if rng.random() < 0.3:
        paper = lined_texture(rng, wall_colour, rows=1, columns=8, line=0.94, shift=False)
    else:
        paper = grain_texture(rng, wall_colour, coarse=3, fine=2)
    floors = [
        lambda: lined_texture(
            rng, pick_colour(rng, WOODS), rows=8, columns=2, line=0.75, shift=True
        ),
        lambda: lined_texture(rng, (190, 186, 178), rows=4, columns=4, line=0.8, shift=False),
        lambda: grain_texture(rng, pick_colour(rng, FABRICS), coarse=8, fine=12),
    ]
    floor = floors[rng.integers(3)]()
    x, y, z = np.eye(3)
    depth = far + 9.0
    left, right = -x * sides[0], x * sides[1]
    shapes: list[Shape] = [
        Rectangle(-x * 9 - y * 9, x * 18, y * 18, floor, 1.2),
        Rectangle(
            -x * 9 - y * 9 + z * ROOM_METRES, x * 18, y * 18, np.full((4, 4, 3), 228, np.uint8)
        ),
        Rectangle(left + y * far + z * ROOM_METRES, right - left, -z * ROOM_METRES, paper, 1.6),
        Rectangle(left + y * far + z * ROOM_METRES, -y * depth, -z * ROOM_METRES, paper, 1.6),
        Rectangle(right + y * far + z * ROOM_METRES, -y * depth, -z * ROOM_METRES, paper, 1.6),
    ]
    board = np.full((4, 4, 3), np.array(wall_colour) * 0.7, np.uint8)
    shapes.append(_on_wall(board, left + y * (far - 0.015), x, 0, (sides.sum(), 0.09)))
    shapes += _furnish_wall(rng, left + y * far, np.stack([x, -y, z]), sides.sum())
    shapes += _furnish_wall(rng, left + y * far, np.stack([-y, x, z]), 4.5)
    shapes += _furnish_wall(rng, right + y * far, np.stack([-y, -x, z]), 4.5)
    for side in (left, right):
        if rng.random() < 0.4:
            shapes += _plant(rng, side * 0.86 + y * (far - 0.5))
    direction = np.array([rng.uniform(-0.6, 0.6), rng.uniform(-0.8, -0.2), 1.0])
    light = Light(direction / np.linalg.norm(direction), rng.uniform(0.5, 0.68))
    return Scene(shapes, light, ((200, 200, 200), (200, 200, 200)), 0.45, 0.06)


def _tree(rng: np.random.Generator, spot: np.ndarray) -> list[Shape]:
    up = np.array([0, 0, 1.0])
    height = rng.uniform(1.8, 2.6)
    shapes: list[Shape] = [Capsule(spot, spot + up * height, (0.16, 0.1), (92, 72, 54))]
    for _ in range(12):
        way = rng.normal(0, 1, 3)
        centre = spot + up * (height + 0.9) + way / np.linalg.norm(way) * rng.uniform(0.3, 1.0)
        green = (rng.uniform(50, 90), rng.uniform(96, 140), rng.uniform(44, 70))
        shapes.append(Ellipsoid(centre, np.eye(3) * rng.uniform(0.5, 0.9), green))
    return shapes


def _car(rng: np.random.Generator, spot: np.ndarray, axes: np.ndarray) -> list[Shape]:
    right, forward, up = axes
    paint = np.full((4, 4, 3), rng.uniform(30, 230, 3), np.uint8)
    cabin = np.full((12, 32, 3), paint[0, 0], np.uint8)
    cabin[3:, 2:15] = cabin[3:, 17:30] = (52, 60, 70)
    shapes = _box(spot + up * 0.3, (4.1, 1.7, 0.55), axes, paint)
    shapes += _box(spot + up * 0.85 - right * 0.15, (2.3, 1.5, 0.5), axes, cabin, None)
    for x in (-1.25, 1.25):
        for y in (-0.82, 0.82):
            wheel = spot + right * x + forward * y + up * 0.31
            shapes.append(Ellipsoid(wheel, axes.T * (0.31, 0.1, 0.31), (34, 34, 36)))
            shapes.append(Ellipsoid(wheel, axes.T * (0.17, 0.13, 0.17), (170, 170, 174)))
    return shapes


def make_street(rng: np.random.Generator, *, clear: float) -> Scene:
    """Make a street with houses, cars and trees, or a park, with `clear` metres free around."""
    x, y, z = np.eye(3)
    far = clear + rng.uniform(3.0, 7.0)
    is_park = rng.random() < 0.35
    ground_colour = (104, 134, 74) if is_park else (122, 122, 124)
    ground = grain_texture(rng, ground_colour, coarse=7, fine=12)
    paving = lined_texture(rng, (170, 164, 156), rows=4, columns=4, line=0.85, shift=True)
    shapes: list[Shape] = [
        Rectangle(-x * 40 - y * 12, x * 80, y * 60, ground, 1.5),
        Rectangle(-x * 40 - y * 1.6 + z * 0.005, x * 80, y * 3.4, paving, 2.0),
    ]
    if is_park:
        hedge = grain_texture(rng, (62, 96, 52), coarse=18, fine=22)
        shapes += _box(y * (far + 2), (60, 1.0, rng.uniform(0.9, 2.0)), np.eye(3), hedge, 1.5)
    else:
        shapes.append(
            Rectangle(-x * 40 + y * far + z * 9, x * 80, -z * 9, facade_texture(rng), 3.0)
        )
        shapes.append(
            Rectangle(-x * 40 + y * (far - 1.6) + z * 0.008, x * 80, y * 1.6, paving, 2.0)
        )
        for at in rng.uniform(-9, 9, int(rng.integers(1, 4))):
            shapes += _car(rng, x * at + y * (far - 2.6), np.eye(3))
    for at in rng.uniform(-10, 10, int(rng.integers(2, 7))):
        shapes += _tree(rng, x * at + y * (far - rng.uniform(0.3, 1.2)))
    if rng.random() < 0.5:
        post = x * rng.choice([-1, 1]) * rng.uniform(1.5, 3.5) + y * (clear + 0.4)
        shapes.append(Capsule(post, post + z * 4.5, (0.07, 0.05), (70, 74, 78)))
    direction = np.array([rng.uniform(-1, 1), rng.uniform(-1.0, 0.2), rng.uniform(0.7, 1.4)])
    light = Light(direction / np.linalg.norm(direction), rng.uniform(0.42, 0.62))
    skies = [((112, 160, 220), (206, 224, 240)), ((188, 194, 202), (222, 224, 226))]
    return Scene(shapes, light, skies[rng.integers(2)], rng.uniform(0.35, 0.6), 0.02)


def place_seat(
    rng: np.random.Generator, *, heading: float, seat: float, with_desk: bool
) -> list[Shape]:
    """Return what someone with this heading sits on at the origin, and the desk before them."""
    axes = heading_axes(heading)
    if with_desk:
        return [*chair(rng, np.zeros(3), axes, seat), *desk(rng, np.zeros(3), axes, seat)]
    if rng.random() < 0.6:
        return chair(rng, np.zeros(3), axes, seat)
    fabric = grain_texture(rng, pick_colour(rng, FABRICS), coarse=6, fine=6)  # a sofa, a bed
    shapes = _box(np.zeros(3) - axes[1] * 0.2, (rng.uniform(0.5, 1.9), 0.8, seat), axes, fabric)
    back = -axes[1] * 0.55
    return [*shapes, *_box(back, (rng.uniform(0.5, 1.9), 0.18, seat + 0.4), axes, fabric)]


def place_board(rng: np.random.Generator, *, heading: float) -> list[Shape]:
    """Return the board before someone at the origin with this heading who writes on it."""
    right, forward, up = heading_axes(heading)
    board = np.full((8, 8, 3), rng.choice([240, 60]), np.uint8)
    corner = forward * 0.62 - right * 0.8 + up * rng.uniform(1.9, 2.1)
    return [Rectangle(corner, right * 1.6, -up * 1.0, board)]


def place_spare_desk(rng: np.random.Generator, *, clear: float) -> list[Shape]:
    """Return a desk with a chair that nobody uses, behind the person and to the side."""
    angle = rng.uniform(-np.pi, np.pi)
    spot = np.array([rng.choice([-1, 1]) * (clear + rng.uniform(0.1, 0.5)), rng.uniform(0, 0.6), 0])
    axes = heading_axes(angle)
    return [*chair(rng, spot, axes), *desk(rng, spot, axes)]
