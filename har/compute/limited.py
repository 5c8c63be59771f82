"""Processes with a time and a memory limit: an item that breaks one costs itself only."""

import multiprocessing
import resource
import signal
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any

from pebble import ProcessExpired, ProcessFuture, ProcessPool

GIGABYTE = 10**9
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


@dataclass(frozen=True)
class Work:
    """What is done to each item, and what one item may take.

    Attributes:
        function: Defined at the top of a module; takes one item.
        timeout_seconds: Time that one item may take; None for any.
        memory_gigabytes: Memory that one worker may have, in 10^9 bytes; None for any.
        section: The section of params.yaml with the limits.
        failures: Exceptions that the function may raise and that only mean that the item is bad;
            their text is the reason. Any other exception ends the run.
    """

    function: Callable[[Any], Any]
    timeout_seconds: float | None
    memory_gigabytes: float | None
    section: str
    failures: tuple[type[Exception], ...] = ()


class BrokenPoolError(Exception):
    """A process ended while none had an item, after which the pool does nothing more."""


class LimitedPool:
    """Processes that do the work, each one item at a time.

    Args:
        work: What they do.
        num_workers: How many there are.
        context: How they are started.
        prepare: Called in each with the arguments that follow, before its first item.
    """

    def __init__(
        self,
        work: Work,
        num_workers: int,
        *prepare: Any,
        context: multiprocessing.context.BaseContext,
    ):
        self._work = work
        function, *arguments = prepare
        self._pool = ProcessPool(
            max_workers=num_workers, initializer=function, initargs=arguments, context=context
        )

    def schedule(self, item: Any) -> ProcessFuture:
        """Hand over an item.

        Raises:
            BrokenPoolError: A new pool must do what this one has not done.
        """
        try:
            return self._pool.schedule(
                self._work.function, args=(item,), timeout=self._work.timeout_seconds
            )
        except RuntimeError as error:  # pebble has no name of its own for it
            raise BrokenPoolError from error

    def result(self, future: ProcessFuture) -> WorkerResult:
        """Wait for what became of an item.

        Raises:
            BrokenPoolError: As for `schedule`.
            Exception: The function raised it, and it is no failure of the item.
        """
        work, patience = self._work, None
        if work.timeout_seconds is not None:
            # The pool stops an item in time; waiting no longer than it can take only guards against
            # a worker that died between taking an item and saying so, which pebble can miss.
            patience = 2 * work.timeout_seconds + START_SECONDS
        try:
            return WorkerResult(future.result(patience), "")
        except BrokenProcessPool as error:
            raise BrokenPoolError from error
        except work.failures as error:
            return WorkerResult(None, str(error))
        except (TimeoutError, FutureTimeoutError):
            reason = (
                f"took longer than {work.timeout_seconds:g} s and was stopped; if it is only long, "
                f"raise {work.section}.timeout_seconds"
            )
        except MemoryError:
            reason = (
                f"needed more than {work.memory_gigabytes:g} GB of memory; if it is only large, "
                f"raise {work.section}.memory_gigabytes"
            )
        except ProcessExpired as error:
            reason = f"crashed the process that worked on it ({_signal_name(error.exitcode)})"
        return WorkerResult(None, reason)

    def finish(self) -> None:
        """Take no more items; the processes end when they have done theirs."""
        self._pool.close()

    def stop(self) -> None:
        """End every process at once."""
        self._pool.stop()
        self._pool.join()


def worker_context(function: Callable) -> multiprocessing.context.BaseContext:
    """Start workers from a clean process that has the needed modules loaded already.

    A plain fork would copy the locks of this process's threads and hang; a spawn would import
    everything again for each worker that replaces a stopped one.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([function.__module__])
    return context


def prepare_worker(memory_gigabytes: float | None) -> None:
    """Limit the memory of this process, a worker.

    Args:
        memory_gigabytes: In 10^9 bytes; None for no limit.
    """
    if memory_gigabytes is not None:
        limit = int(memory_gigabytes * GIGABYTE)
        # Data and not address space: the latter counts the mapped libraries, gigabytes of them.
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash is reported, not dumped


def _signal_name(exit_code: int) -> str:
    if exit_code >= 0:
        return f"exit code {exit_code}"
    return signal.Signals(-exit_code).name  # SIGKILL: most often the system was out of memory
