"""Sequences of drawn people, made as landmarks alone, as features of the pose to train on."""

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from har.clips.views import View
from har.demo.motion import LABELS, table_digest
from har.demo.sequences import draw_sequence
from har.engine.cache import Cache, CacheEntry, place_or_make
from har.engine.code import code_digest
from har.engine.files import save_array
from har.engine.workers import run_in_workers
from har.pose.landmarks import pose_features, view_landmarks

COLUMNS = ["label", "path", "num_sequences", "sha256"]
MIRRORED = View(flip=True)
PART = 50  # sequences that a worker makes at once
SECONDS, GIGABYTES = 600.0, 3.0  # far more than a part takes


def pack_drawn(
    labels: Sequence[str],
    out: Path,
    *,
    number: int,
    num_frames: int,
    seed: int,
    num_workers: int,
    max_gigabytes: float,
) -> pd.DataFrame:
    """Write the features of drawn sequences, one file for each action that can be drawn.

    Args:
        labels: Those to train on; of those that are not drawn there are no sequences.
        out: The folder to write to.
        number: Sequences of each action.
        num_frames: Of a sequence.
        seed: Decides all of them; a sequence is the same whatever their number.
        num_workers: Processes, 0 for one per core; the files are the same for any.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.

    Returns:
        The table (`label`, `path`, `num_sequences`, `sha256`).
    """
    labels = [label for label in LABELS if label in labels and number]
    cache, code = Cache("drawn", ending=".npy"), code_digest(__name__)
    made_by = {"number": number, "num_frames": num_frames, "seed": seed, "table": table_digest()}
    keys = {label: cache.key(label, parameters=made_by, code_version=code) for label in labels}
    paths = [out / "drawn" / f"{label}.npy" for label in labels]

    def make(missing: set[str]) -> dict[str, CacheEntry]:
        wanted = [label for label in labels if keys[label] in missing]
        packed = _draw(wanted, number, num_frames=num_frames, seed=seed, num_workers=num_workers)
        return {keys[label]: _keep(cache, keys[label], packed[label]) for label in wanted}

    wanted = list(zip(keys.values(), paths, strict=True))
    entries, _ = place_or_make(cache, wanted, make, max_gigabytes=max_gigabytes)
    rows = [
        (label, path.as_posix(), number, entry.sha256)
        for label, path, entry in zip(labels, paths, entries, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def _draw(
    labels: Sequence[str], number: int, *, num_frames: int, seed: int, num_workers: int
) -> dict[str, np.ndarray]:
    """Return the features by label, float32, (number, 2, num_frames, num_features) each."""
    parts = [
        (label, range(start, min(start + PART, number)), num_frames, seed)
        for label in labels
        for start in range(0, number, PART)
    ]
    results = run_in_workers(
        _draw_part, parts, total=len(parts), num_workers=num_workers, timeout_seconds=SECONDS,
        memory_gigabytes=GIGABYTES, description="drawn", unit="parts",
    )  # fmt: skip
    made: dict[str, list[np.ndarray]] = {label: [] for label in labels}
    with contextlib.closing(results):
        for (label, *_), result in zip(parts, results, strict=True):
            if result.reason:
                raise ValueError(f"Sequences of {label} could not be drawn: {result.reason}.")
            made[label].append(result.value)
    return {label: np.concatenate(arrays) for label, arrays in made.items()}


def _draw_part(part: tuple[str, range, int, int]) -> np.ndarray:
    """Return the features of some sequences and of their mirror images; runs in a worker."""
    label, places, num_frames, seed = part
    generators = (np.random.default_rng([seed, LABELS.index(label), at]) for at in places)
    sequences = (draw_sequence(label, rng, num_frames=num_frames) for rng in generators)
    shown = ((one, view_landmarks(one, MIRRORED, aspect=1.0)) for one in sequences)
    return np.stack([np.stack(list(map(pose_features, views))) for views in shown])


def _keep(cache: Cache, key: str, features: np.ndarray) -> CacheEntry:
    file = cache.new_file()
    save_array(features, file)
    return cache.put(key, file, {})
