"""Clips in packed files, and the choice of frames.

A *clip* is a uint8 RGB array of shape (num_frames, size, size, 3) in one `.npy` file.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from har.integrity.unpacking import read_array


def load_clip(path: Path | str) -> np.ndarray:
    """Return a clip, mapped from its file so that only the frames used are read.

    Returns:
        uint8 RGB, shape (num_frames, size, size, 3), read-only.
    """
    return read_array(path)


@lru_cache  # training asks for the same ones a hundred thousand times
def even_indices(num_available: int, num_wanted: int) -> np.ndarray:
    """Return which of `num_available` frames to take for `num_wanted`, evenly spaced.

    The first and the last are always taken. With fewer frames than wanted, some repeat.

    Returns:
        int64, shape (num_wanted,), rising, read-only.

    Example:
        >>> even_indices(30, 4).tolist()
        [0, 10, 19, 29]
    """
    indices = np.linspace(0, num_available - 1, num_wanted).round().astype(np.int64)
    indices.setflags(write=False)
    return indices
