"""Running a function on many items, in threads or in processes that may hang, crash or eat memory.

In processes an item that fails costs itself only: its result is a reason that a user understands.
"""

import itertools
import multiprocessing
import os
import resource
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any, TypeVar

from pebble import ProcessExpired, ProcessFuture, ProcessPool

from har.engine.progress import progress

Item, Result = TypeVar("Item"), TypeVar("Result")

GIGABYTE = 10**9
MIN_MEMORY_GIGABYTES = 0.5
NUM_AHEAD = 16  # items that a thread takes before they are asked for
WAITING_PER_WORKER = 8  # items handed over ahead; few, so that memory is flat for any number
START_SECONDS = 60.0  # a worker that replaces a stopped one may take long on a busy machine


@dataclass(frozen=True)
class WorkerResult:
    """What became of one item.

    Attributes:
        value: What the function returned; None if it failed.
        reason: Why it failed, for a user to read; empty if it did not.
    """

    value: Any
    reason: str


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
    timeout_seconds: float,
    memory_gigabytes: float,
    description: str,
    section: str | None = None,
    failures: tuple[type[Exception], ...] = (),
) -> Iterator[WorkerResult]:
    """Yield the function's result on each item, in order, with progress.

    Args:
        function: Defined at the top of a module; takes one item.
        items: What to work on; each must be picklable.
        total: Number of items, for the progress.
        num_workers: Number of processes; 0 is one per core.
        timeout_seconds: Time that one item may take.
        memory_gigabytes: Memory that one worker may have, in 10^9 bytes.
        description: What is being done, in a word.
        section: The section of params.yaml with the limits; None: it has the description's name.
        failures: Exceptions that the function may raise and that only mean that the item is bad;
            their text is the reason. Any other exception ends the run.

    Yields:
        One `WorkerResult` per item.

    Raises:
        ValueError: A number is out of range.
    """
    _check_limits(num_workers, timeout_seconds, memory_gigabytes)
    if not total:
        return
    num_workers = min(num_workers or num_cores(), total)
    pool = _start_pool(function, num_workers, memory_gigabytes)
    section = section or description
    items = iter(items)
    waiting: deque[ProcessFuture] = deque()
    try:
        for _ in progress(range(total), total=total, description=description):
            for item in itertools.islice(items, num_workers * WAITING_PER_WORKER - len(waiting)):
                waiting.append(pool.schedule(function, args=(item,), timeout=timeout_seconds))
            future = waiting.popleft()
            yield _result(future, timeout_seconds, memory_gigabytes, section, failures)
        pool.close()
    finally:
        pool.stop()  # at an interrupt too: ends every worker at once
        pool.join()


def num_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _start_pool(function: Callable, num_workers: int, memory_gigabytes: float) -> ProcessPool:
    return ProcessPool(
        max_workers=num_workers,
        initializer=prepare_worker,
        initargs=(int(memory_gigabytes * GIGABYTE),),
        context=worker_context(function),
    )


def worker_context(function: Callable) -> multiprocessing.context.BaseContext:
    """Start workers from a clean process that has the needed modules loaded already.

    A plain fork would copy the locks of this process's threads and hang; a spawn would import
    everything again for each worker that replaces a stopped one.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    return context


def prepare_worker(memory_bytes: int) -> None:
    """Limit the memory of this process, a worker."""
    # Data and not address space: the latter counts the mapped libraries, gigabytes of them.
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is reported, not dumped


def _result(
    future: ProcessFuture,
    timeout_seconds: float,
    memory_gigabytes: float,
    section: str,
    failures: tuple[type[Exception], ...],
) -> WorkerResult:
    try:
        # The pool stops an item in time; waiting no longer than it can take only guards against
        # a worker that died between taking an item and saying so, which pebble can miss.
        return WorkerResult(future.result(2 * timeout_seconds + START_SECONDS), "")
    except failures as error:
        return WorkerResult(None, str(error))
    except (TimeoutError, FutureTimeoutError):
        reason = (
            f"took longer than {timeout_seconds:g} s and was stopped; if it is only long, raise "
            f"{section}.timeout_seconds"
        )
    except MemoryError:
        reason = (
            f"needed more than {memory_gigabytes:g} GB of memory; if it is only large, raise "
            f"{section}.memory_gigabytes"
        )
    except ProcessExpired as error:
        reason = f"crashed the process that worked on it ({_signal_name(error.exitcode)})"
    return WorkerResult(None, reason)


def _signal_name(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit code {exit_code}"
    return signal.Signals(-exit_code).name  # SIGKILL: most often the system was out of memory


def _check_limits(num_workers: int, timeout_seconds: float, memory_gigabytes: float) -> None:
    if num_workers < 0:
        raise ValueError(f"workers is {num_workers}; expected 0 (one per core) or more.")
    if timeout_seconds <= 0:
        raise ValueError(f"timeout_seconds is {timeout_seconds}; expected more than 0.")
    if memory_gigabytes < MIN_MEMORY_GIGABYTES:
        raise ValueError(
            f"memory_gigabytes is {memory_gigabytes}; expected at least {MIN_MEMORY_GIGABYTES}, "
            "which the program itself needs."
        )
