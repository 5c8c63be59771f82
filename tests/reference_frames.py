"""Frames whose features by the framework of the weights are stored in `tests/data`."""

import numpy as np

SIZE = 224


def reference_frames() -> dict[str, np.ndarray]:
    """Return uint8 RGB frames, shape (224, 224, 3), by name; the same on every machine."""
    y, x = np.mgrid[:SIZE, :SIZE]
    ramp = np.stack([x, y, SIZE - 1 - x], axis=-1).astype(np.uint8)
    # Integers only, so that no machine rounds otherwise: a wave by the parabola of each period.
    wave = np.stack([_wave(x + 2 * y, 64), _wave(3 * x - y, 96), _wave(x * y // 16, 128)], axis=-1)
    noise = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    squares = np.where(((x // 28 + y // 28) % 2 == 0)[..., None], (230, 40, 90), (20, 160, 200))
    return {
        "ramp": ramp,
        "wave": wave,
        "noise": noise,
        "squares": squares.astype(np.uint8),
        "black": np.zeros((SIZE, SIZE, 3), np.uint8),
    }


def _wave(phase: np.ndarray, period: int) -> np.ndarray:
    position = phase % period
    return (position * (period - position) * 255 * 4 // period**2).astype(np.uint8)
