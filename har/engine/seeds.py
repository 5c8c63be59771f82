"""Random numbers: a generator of its own for each purpose, from the one seed of the project."""

import hashlib

import numpy as np


def generator_for(seed: int, *names: str) -> np.random.Generator:
    """Return a random generator of its own for a purpose and a name.

    Drawing for one video then never depends on which other videos there are.
    """
    text = "\0".join([str(seed), *names])
    digest = hashlib.sha256(text.encode("utf-8")).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))
