"""Work on many items in processes of this machine."""

import itertools
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

from pebble import ProcessFuture

from har.compute.limited import (
    BrokenPoolError,
    LimitedPool,
    Work,
    WorkerResult,
    prepare_worker,
    worker_context,
)

WAITING_PER_WORKER = 8  # items handed over ahead; few, so that memory is flat for any number
MAX_BROKEN = 3  # pools one after the other that do nothing


def run_locally(
    work: Work, items: Iterable[Any], *, total: int, num_workers: int
) -> Iterator[WorkerResult]:
    """Yield what became of each item, in order.

    A process that is killed costs the item that it works on; one that has none costs nothing.

    Args:
        work: What is done.
        items: What it is done to; each must be picklable.
        total: How many there are.
        num_workers: Number of processes.

    Raises:
        OSError: The processes are killed before they do anything.
    """
    num_workers, items, num_broken = min(num_workers, total), iter(items), 0
    pool = _start(work, num_workers)
    # What is given to the pool, and its futures; after it broke, items that are to be given again.
    waiting: deque[Any] = deque()
    futures: deque[ProcessFuture] = deque()
    try:
        while total:
            most = num_workers * WAITING_PER_WORKER
            waiting.extend(itertools.islice(items, most - len(waiting)))
            try:
                for item in itertools.islice(waiting, len(futures), None):
                    futures.append(pool.schedule(item))
                result = pool.result(futures[0])
            except BrokenPoolError as error:
                num_broken += 1
                if num_broken == MAX_BROKEN:
                    raise OSError(
                        "The worker processes are killed before they do anything, most often "
                        "because the system is out of memory. Set workers to 1 in params.yaml, "
                        "or end other programs."
                    ) from error
                pool.stop()
                futures.clear()
                pool = _start(work, num_workers)
                continue
            waiting.popleft()
            futures.popleft()
            total, num_broken = total - 1, 0
            yield result
        pool.finish()
    finally:
        pool.stop()  # at an interrupt too


def _start(work: Work, num_workers: int) -> LimitedPool:
    return LimitedPool(
        work,
        num_workers,
        prepare_worker,
        work.memory_gigabytes,
        context=worker_context(work.function),
    )
