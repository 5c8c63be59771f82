"""Processes with a time and a memory limit: an item that breaks one costs itself only."""

import multiprocessing
import resource
import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeoutError
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from functools import partial
from types import ModuleType
from typing import Any
from weakref import WeakSet

from pebble import ProcessExpired, ProcessFuture, ProcessPool

GIGABYTE = 10**9
START_SECONDS = 60.0  # a worker that replaces a stopped one may take long on a busy machine
MAX_BROKEN = 3  # pools one after the other that do nothing


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
        section: The section of params.yaml with the limits; None: they are in none.
        failures: Exceptions that the function may raise and that only mean that the item is bad;
            their text is the reason. Any other exception ends the run.
    """

    function: Callable[[Any], Any]
    timeout_seconds: float | None
    memory_gigabytes: float | None
    section: str | None
    failures: tuple[type[Exception], ...] = ()


@dataclass(frozen=True)
class Handed:
    """An item that was handed over.

    Attributes:
        item: What work is done to.
        future: Of what becomes of it.
        pool: The processes that have it.
        is_last: Whether it is given up where its process ends once more.
    """

    item: Any
    future: ProcessFuture
    pool: ProcessPool
    is_last: bool = False


class LimitedPool:
    """Processes that do the work, each one item at a time.

    Where one is killed or crashes, its item is tried once more: it may be good, as when the system
    is out of memory, or when another one that was killed has left them unable to give back what
    they have made, which ends them after a minute. Where one ends while none has an item, pebble
    gives up all of them; then there are new ones, and that costs nothing.

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
        self._make = partial(
            ProcessPool,
            max_workers=num_workers,
            initializer=function,
            initargs=arguments,
            context=context,
        )
        self._pool, self._num_broken, self._is_stopped = self._make(), 0, False
        self._futures: WeakSet[ProcessFuture] = WeakSet()
        self._lock = threading.Lock()

    def schedule(self, item: Any) -> Handed:
        """Hand over an item.

        Raises:
            OSError: The processes are killed before they do anything.
        """
        while True:
            pool, timeout = self._pool, self._work.timeout_seconds
            try:
                with self._lock:  # `stop` cancels what is scheduled before it
                    future = pool.schedule(self._work.function, args=(item,), timeout=timeout)
                    self._futures.add(future)
            except RuntimeError as error:  # pebble has no name of its own for a broken pool
                self._replace(pool, error)
            else:
                return Handed(item, future, pool)

    def result(self, handed: Handed) -> WorkerResult:
        """Wait for what became of an item.

        Raises:
            CancelledError: `stop` was called.
            OSError: As for `schedule`.
            Exception: The function raised it, and it is no failure of the item.
        """
        try:
            result = self._wait(handed.future)
        except BrokenProcessPool as error:
            self._replace(handed.pool, error)
            return self.result(replace(self.schedule(handed.item), is_last=handed.is_last))
        except ProcessExpired as error:
            if not handed.is_last:
                return self.result(replace(self.schedule(handed.item), is_last=True))
            result = WorkerResult(None, _describe_end(error.exitcode))
        self._num_broken = 0
        return result

    def _replace(self, broken: ProcessPool, error: RuntimeError) -> None:
        """Start new processes in place of those that pebble gave up, unless another thread has."""
        with self._lock:
            if self._is_stopped:
                raise error
            if self._pool is not broken:
                return
            self._num_broken += 1
            if self._num_broken == MAX_BROKEN:
                raise OSError(
                    "The worker processes are killed before they do anything, most often because "
                    "the system is out of memory. Set workers to 1 in params.yaml, or end other "
                    "programs."
                ) from error
            broken.stop()
            broken.join()
            self._pool = self._make()

    def _wait(self, future: ProcessFuture) -> WorkerResult:
        work, patience = self._work, None
        if work.timeout_seconds is not None:
            # The pool stops an item in time; waiting no longer than it can take only guards against
            # a worker that died between taking an item and saying so, which pebble can miss.
            patience = 2 * work.timeout_seconds + START_SECONDS
        try:
            return WorkerResult(future.result(patience), "")
        except work.failures as error:
            return WorkerResult(None, str(error))
        except (TimeoutError, FutureTimeoutError):
            reason = f"took longer than {work.timeout_seconds:g} s and was stopped"
            reason += self._remedy("long", "timeout_seconds")
        except MemoryError:
            reason = f"needed more than {work.memory_gigabytes:g} GB of memory"
            reason += self._remedy("large", "memory_gigabytes")
        return WorkerResult(None, reason)

    def _remedy(self, kind: str, limit: str) -> str:
        section = self._work.section
        return f"; if it is only {kind}, raise {section}.{limit}" if section else ""

    def finish(self) -> None:
        """Take no more items; the processes end when they have done theirs."""
        self._pool.close()

    def stop(self) -> None:
        """End every process at once, and whatever waits for one."""
        with self._lock:
            self._is_stopped = True
        self._pool.stop()
        self._pool.join()
        with self._lock:
            futures = list(self._futures)
        for future in futures:
            future.cancel()  # pebble leaves those that it had not begun


def worker_context(function: Callable) -> multiprocessing.context.BaseContext:
    """Start workers from a clean process that has the needed modules loaded already.

    A plain fork would copy the locks of this process's threads and hang; a spawn would import
    everything again for each worker that replaces a stopped one.
    """
    is_in_script = function.__module__ == "__main__"
    context = multiprocessing.get_context("forkserver") if is_in_script else _Context()
    context.set_forkserver_preload([function.__module__])
    return context


class _Worker(multiprocessing.context.ForkServerProcess):
    """A process that does not run the script of its parent again, as Python's own does first.

    What it works on is in modules; a script that is not guarded by `__name__` would start workers.
    """

    _lock = threading.Lock()

    @staticmethod
    def _Popen(process: Any) -> Any:  # noqa: N802 -- Python's name
        with _Worker._lock:
            script = sys.modules["__main__"]
            sys.modules["__main__"] = ModuleType("__main__")
            try:
                return multiprocessing.context.ForkServerProcess._Popen(process)
            finally:
                sys.modules["__main__"] = script


class _Context(multiprocessing.context.ForkServerContext):
    Process = _Worker


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


def _describe_end(exit_code: int) -> str:
    if exit_code == -signal.SIGKILL:
        return (
            "had the process that worked on it killed twice (SIGKILL), most often because the "
            "system is out of memory; set workers to 1 in params.yaml, or end other programs"
        )
    how = f"exit code {exit_code}" if exit_code >= 0 else signal.Signals(-exit_code).name
    return f"crashed the process that worked on it ({how})"
