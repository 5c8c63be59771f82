"""The textures of the demo data: what is painted on walls, floors, furniture and houses."""

import cv2
import numpy as np

Colour = tuple[float, float, float]

WALLS = [
    (214, 206, 190),
    (190, 200, 206),
    (224, 218, 208),
    (176, 192, 172),
    (206, 184, 164),
    (160, 170, 186),
]
WOODS = [(156, 112, 70), (112, 76, 48), (190, 156, 112), (206, 198, 186), (70, 56, 48)]
FABRICS = [(92, 100, 120), (140, 70, 62), (84, 110, 90), (60, 62, 70), (170, 150, 120)]


def pick_colour(rng: np.random.Generator, colours: list[Colour]) -> Colour:
    """Return one of `colours`."""
    return colours[rng.integers(len(colours))]


def grain_texture(
    rng: np.random.Generator, colour: Colour, *, coarse: float, fine: float, size: int = 64
) -> np.ndarray:
    """Return a repeating texture, uint8 RGB (size, size, 3): a colour with spots and speckles."""
    spots = cv2.resize(rng.normal(0, 1, (size // 8, size // 8)), (size, size))
    speckles = rng.normal(0, 1, (size, size))
    value = (coarse * spots + fine * speckles)[..., None]
    return np.clip(np.array(colour) + value, 0, 255).astype(np.uint8)


def lined_texture(
    rng: np.random.Generator, colour: Colour, *, rows: int, columns: int, line: float, shift: bool
) -> np.ndarray:
    """Return planks, bricks or tiles: cells of varying shade, lines `line` times as bright."""
    size = 128
    texture = grain_texture(rng, colour, coarse=3, fine=4, size=size).astype(np.float32)
    height, width = size // rows, size // columns
    for row in range(rows):
        offset = (row % 2) * width // 2 if shift else 0
        for column in range(columns):
            x = np.arange(column * width + offset, (column + 1) * width + offset) % size
            cell = np.ix_(np.arange(row * height, (row + 1) * height), x)
            texture[cell] *= rng.uniform(0.88, 1.1)
            texture[np.ix_(np.arange(row * height, (row + 1) * height), x[:2])] *= line
        texture[row * height : row * height + 2] *= line
    return np.clip(texture, 0, 255).astype(np.uint8)


def facade_texture(rng: np.random.Generator) -> np.ndarray:
    """Return a house front with one window, to be repeated."""
    texture = lined_texture(rng, pick_colour(rng, WALLS), rows=16, columns=4, line=0.93, shift=True)
    glass = tuple(rng.uniform(50, 110, 3))
    cv2.rectangle(texture, (38, 30), (90, 96), (226, 224, 218), -1)
    cv2.rectangle(texture, (42, 34), (62, 92), glass, -1)
    cv2.rectangle(texture, (66, 34), (86, 92), glass, -1)
    cv2.rectangle(texture, (34, 96), (94, 101), (150, 146, 140), -1)
    return texture


def window_texture(rng: np.random.Generator) -> np.ndarray:
    """Return the window of a room with what is outside."""
    texture = np.empty((64, 64, 3), np.uint8)
    texture[:] = np.linspace((196, 220, 244), (236, 240, 240), 64)[:, None].astype(np.uint8)
    for _ in range(4):
        x, y = rng.integers(0, 64), rng.integers(34, 60)
        cv2.circle(texture, (int(x), int(y)), int(rng.integers(8, 16)), (120, 150, 110), -1)
    for x in (0, 31, 61):
        cv2.rectangle(texture, (x, 0), (x + 2, 63), (244, 244, 240), -1)
    cv2.rectangle(texture, (0, 0), (63, 2), (244, 244, 240), -1)
    cv2.rectangle(texture, (0, 60), (63, 63), (244, 244, 240), -1)
    return texture


def picture_texture(rng: np.random.Generator) -> np.ndarray:
    """Return a framed picture of nothing in particular."""
    texture = np.full((64, 64, 3), rng.uniform(60, 240, 3), np.uint8)
    for _ in range(6):
        centre = tuple(int(v) for v in rng.integers(0, 64, 2))
        colour = tuple(rng.uniform(30, 250, 3))
        cv2.circle(texture, centre, int(rng.integers(5, 26)), colour, -1)
    cv2.rectangle(texture, (0, 0), (63, 63), tuple(rng.uniform(20, 90, 3)), 5)
    return texture


def books_texture(rng: np.random.Generator, wood: Colour) -> np.ndarray:
    """Return the front of a book shelf."""
    texture = np.full((96, 64, 3), np.array(wood) * 0.6, np.uint8)
    for top in range(4, 96, 23):
        x = 3
        while x < 58:
            width, height = int(rng.integers(3, 7)), int(rng.integers(12, 19))
            colour = tuple(rng.uniform(30, 220, 3))
            if rng.random() < 0.85:
                cv2.rectangle(
                    texture, (x, top + 19 - height), (x + width - 1, top + 18), colour, -1
                )
            x += width + 1
        cv2.rectangle(texture, (0, top + 19), (63, top + 22), wood, -1)
    return texture
