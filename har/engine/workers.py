"""Running a function on many items, in threads or in processes that may hang, crash or eat memory.

In processes an item that fails costs itself only: its result is a reason that a user understands.
They run here or, where `compute` says so, on other machines (`har.compute`).
"""

import contextlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from har.compute.limited import Work, WorkerResult
from har.compute.local import run_locally
from har.compute.place import LOCAL, Compute
from har.compute.scheduler import run_on_dask
from har.engine.progress import progress

Item, Result = TypeVar("Item"), TypeVar("Result")

MIN_MEMORY_GIGABYTES = 0.5
NUM_AHEAD = 16  # items that a thread takes before they are asked for


def map_in_threads(
    function: Callable[[Item], Result], items: Iterable[Item], *, num_threads: int
) -> Iterator[Result]:
    """Yield the function's result on each item, in order, with some at once in threads.

    Items are taken in the calling thread, a few ahead, so that memory is the same for any number.

    Args:
        function: Spends its time outside Python, as networks do.
        items: What to work on.
        num_threads: Items at once.
    """
    pool = ThreadPoolExecutor(num_threads)
    waiting: deque = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > 2 * num_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)


def ahead(items: Iterable[Item]) -> Iterator[Item]:
    """Yield items that another thread takes from where they come, some ahead."""
    items, end = iter(items), object()
    pool = ThreadPoolExecutor(1)
    try:
        waiting = deque(pool.submit(next, items, end) for _ in range(NUM_AHEAD))
        while (item := waiting.popleft().result()) is not end:
            waiting.append(pool.submit(next, items, end))
            yield item
    finally:
        pool.shutdown(cancel_futures=True)


def run_in_workers(
    function: Callable[[Any], Any],
    items: Iterable[Any],
    *,
    total: int,
    num_workers: int,
    timeout_seconds: float | None,
    memory_gigabytes: float | None,
    description: str,
    section: str | None = None,
    failures: tuple[type[Exception], ...] = (),
    compute: Compute = LOCAL,
    unit: str = "videos",
) -> Iterator[WorkerResult]:
    """Yield the function's result on each item, in order, with progress.

    Whoever gives it a name and may raise before its end closes it (`contextlib.closing`): the
    exception holds the name, so that the processes would live as long as that.

    Args:
        function: Defined at the top of a module; takes one item.
        items: What to work on; each must be picklable.
        total: Number of items, for the progress.
        num_workers: Number of processes; 0 is one per core. Workers of Dask have their own number.
        timeout_seconds: Time that one item may take; None for any.
        memory_gigabytes: Memory that one worker may have, in 10^9 bytes; None for any.
        description: What is being done, in a word.
        section: The section of params.yaml with the limits; None: they are in none.
        failures: Exceptions that the function may raise and that only mean that the item is bad;
            their text is the reason. Any other exception ends the run.
        compute: Which machines do it; the results are the same.
        unit: What the items are, for the progress.

    Yields:
        One `WorkerResult` per item.

    Raises:
        ValueError: A number is out of range, or the workers of Dask cannot be used.
    """
    _check_limits(num_workers, timeout_seconds, memory_gigabytes)
    if not total:
        return
    work = Work(function, timeout_seconds, memory_gigabytes, section, failures)
    if compute.engine == "dask":
        results = run_on_dask(work, items, total=total, address=compute.address)
    else:
        results = run_locally(work, items, total=total, num_workers=num_workers or num_cores())
    with contextlib.closing(results):  # at an interrupt too: ends every worker at once
        yield from progress(results, total=total, description=description, unit=unit)


def map_clips(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    *,
    num_threads: int,
    description: str,
    compute: Compute = LOCAL,
) -> Iterator[Result]:
    """Yield the function's result on each item, in order, with progress; none may fail.

    Args:
        function: Spends its time outside Python, as networks do; picklable, for other machines.
        items: What to work on; each must be picklable.
        num_threads: Items at once on this machine; 0 is one per core.
        description: What is being done, in a word.
        compute: Which machines do it; the results are the same.

    Raises:
        ValueError: An item ended the workers that had it.
    """
    options = {"total": len(items), "description": description}
    if compute.engine == "local":
        results = map_in_threads(function, items, num_threads=num_threads or num_cores())
        yield from progress(results, **options)
        return
    limits = {"num_workers": 0, "timeout_seconds": None, "memory_gigabytes": None}
    results = run_in_workers(function, items, **options, **limits, compute=compute)
    with contextlib.closing(results):
        for item, result in zip(items, results, strict=True):
            if result.reason:
                raise ValueError(f"{description}: {item}: {result.reason}")
            yield result.value


def num_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_limits(
    num_workers: int, timeout_seconds: float | None, memory_gigabytes: float | None
) -> None:
    if num_workers < 0:
        raise ValueError(f"workers is {num_workers}; expected 0 (one per core) or more.")
    if timeout_seconds is not None and timeout_seconds <= 0:
        raise ValueError(f"timeout_seconds is {timeout_seconds}; expected more than 0.")
    if memory_gigabytes is not None and memory_gigabytes < MIN_MEMORY_GIGABYTES:
        raise ValueError(
            f"memory_gigabytes is {memory_gigabytes}; expected at least {MIN_MEMORY_GIGABYTES}, "
            "which the program itself needs."
        )
