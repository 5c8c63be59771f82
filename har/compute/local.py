"""Work on many items in processes of this machine."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from har.compute.limited import (
    Handed,
    LimitedPool,
    Work,
    WorkerResult,
    prepare_worker,
    worker_context,
)

WAITING_PER_WORKER = 8  # items handed over ahead; few, so that memory is flat for any number


def run_locally(
    work: Work, items: Iterable[Any], *, total: int, num_workers: int
) -> Iterator[WorkerResult]:
    """Yield what became of each item, in order.

    Args:
        work: What is done.
        items: What it is done to; each must be picklable.
        total: How many there are.
        num_workers: Number of processes.
    """
    num_workers, items = min(num_workers, total), iter(items)
    pool = LimitedPool(
        work,
        num_workers,
        prepare_worker,
        work.memory_gigabytes,
        context=worker_context(work.function),
    )
    waiting: deque[Handed] = deque()
    try:
        for _ in range(total):
            for item in itertools.islice(items, num_workers * WAITING_PER_WORKER - len(waiting)):
                waiting.append(pool.schedule(item))
            yield pool.result(waiting.popleft())
        pool.finish()
    finally:
        pool.stop()  # at an interrupt too
