"""The batches of an epoch, read by threads of their own while the last ones are trained on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from har.engine.workers import num_cores
from har.training.examples import Examples

Drawn = tuple[int, int]  # a video's place, and a view's number
Arrays = tuple[np.ndarray, np.ndarray, np.ndarray]  # inputs, targets, weights
Share = tuple[Sequence[Drawn], float]  # what a device is shown, and what it counts: 1 or 0
T, R = TypeVar("T"), TypeVar("R")
MAX_THREADS = 16  # each holds a batch of up to some ten megabytes
AHEAD = 2  # batches that wait, beside those that are being read


@dataclass(frozen=True)
class Batch:
    """What a step shows.

    Attributes:
        shares: Inputs, targets and weights for each device of this process.
        size: Examples on all devices.
        weight: Of them together.
    """

    shares: list[Arrays]
    size: int
    weight: float


def read_batches(
    examples: Examples,
    order: Sequence[Drawn],
    batch_size: int,
    num_classes: int,
    share: Callable[[Sequence[Drawn]], list[Share]],
) -> Iterator[Batch]:
    """Yield the steps of an epoch in their order, of which some are read ahead.

    Args:
        examples: What is shown.
        order: Of the epoch: which video in which view.
        batch_size: Examples of a step.
        num_classes: Number of labels.
        share: Returns what of a step each device of this process is shown.
    """

    def read(chosen: Sequence[Drawn]) -> Batch:
        shares = [_read_share(examples, *one, num_classes) for one in share(chosen)]
        weights = examples.weights[[video for video, _ in chosen]].astype(np.float32)
        return Batch(shares, len(chosen), weights.sum())

    steps = (order[start : start + batch_size] for start in range(0, len(order), batch_size))
    return read_ahead(read, steps)


def read_ahead(read: Callable[[T], R], wanted: Iterator[T]) -> Iterator[R]:
    """Yield what `read` returns of each, in their order, read in threads before it is asked for.

    At most `AHEAD` and one for each thread are in memory; there is one for each processor core.
    """
    num_threads = min(num_cores(), MAX_THREADS)
    waiting: deque[Future[R]] = deque()
    with ThreadPoolExecutor(num_threads) as pool:
        try:
            for one in wanted:
                waiting.append(pool.submit(read, one))
                if len(waiting) >= num_threads + AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:  # of an epoch that ends early
                future.cancel()


def _read_share(
    examples: Examples, chosen: Sequence[Drawn], counts: float, num_classes: int
) -> Arrays:
    videos = [video for video, _ in chosen]
    inputs = np.stack([examples.read(video, view) for video, view in chosen])
    targets = np.eye(num_classes, dtype=np.float32)[examples.label_indices[videos]]
    return inputs, targets, (counts * examples.weights[videos]).astype(np.float32)
