"""Curves of time that the demo data's people move along.

Time is in seconds from the first frame, a number or an array, and so is what is returned.
"""

import numpy as np

Time = float | np.ndarray


class Wobble:
    """A smooth wandering around 0, never repeating: three sines near one frequency.

    Args:
        rng: Where the phases come from.
        size: Usual distance from 0.
        hertz: Middle frequency.
    """

    def __init__(self, rng: np.random.Generator, size: float, hertz: float) -> None:
        self.sizes = size * np.array([0.7, 0.6, 0.35])
        self.rates = 2 * np.pi * hertz * np.array([0.6, 1.0, 1.9]) * rng.uniform(0.85, 1.15, 3)
        self.phases = rng.uniform(0, 2 * np.pi, 3)

    def __call__(self, time: Time) -> Time:
        """Return the value at `time` seconds."""
        return np.sin(np.multiply.outer(time, self.rates) + self.phases) @ self.sizes


def wander(
    rng: np.random.Generator, size: float, hertz: float, *, dimensions: int = 3
) -> "Wandering":
    """Return a wandering in several dimensions at once."""
    return Wandering([Wobble(rng, size, hertz) for _ in range(dimensions)])


class Wandering:
    """Several wobbles, whose values stand side by side along a last axis."""

    def __init__(self, wobbles: list[Wobble]) -> None:
        self.wobbles = wobbles

    def __call__(self, time: Time) -> np.ndarray:
        """Return the values at `time` seconds, shape (..., number of wobbles)."""
        return np.stack([wobble(time) for wobble in self.wobbles], axis=-1)


def ease(time: Time, start: float, length: float) -> Time:
    """Go from 0 to 1 between `start` and `start + length` seconds, with the least jerk.

    Reference: Flash and Hogan, "The coordination of arm movements: an experimentally confirmed
    mathematical model", Journal of Neuroscience, 1985.

    Example:
        >>> [float(ease(time, 1.0, 2.0)) for time in (0.5, 2.0, 9.0)]
        [0.0, 0.5, 1.0]
    """
    share = np.clip((time - start) / length, 0.0, 1.0)
    return share**3 * (10 - 15 * share + 6 * share**2)


def between(time: Time, start: float | None, end: float | None, length: float) -> Time:
    """Return how far a movement is there: up from `start` on, back from `end` on, 0 to 1.

    Args:
        time: Seconds.
        start: When it begins; None: it is there from the first frame.
        end: When it begins to go back; None: never.
        length: Seconds of the way up and of the way back.
    """
    up = 1.0 if start is None else ease(time, start, length)
    return up * (1.0 if end is None else 1 - ease(time, end, length))
