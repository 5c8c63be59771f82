"""What a worker of Dask does with an item: hands it to a process with limits, as `local` does.

So a video that hangs, crashes its decoder or eats memory does not touch the worker itself. What
ends the worker all the same (a machine that is switched off, a system out of memory) costs what it
worked on one of two attempts. They are counted in files, in a folder that all machines share and
that the client removes when it ends: with it the processes end too.
"""

import functools
import hashlib
import importlib.metadata
import multiprocessing
import os
import pickle
import platform
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from har.compute.limited import LimitedPool, Work, WorkerResult, prepare_worker

CODE = Path(__file__).parents[1]  # of the whole package
# They decide the bytes of results, beside the code.
PACKAGES = ("ai-edge-litert", "av", "keras", "numpy", "opencv-python", "scipy", "tensorflow")
MAX_ATTEMPTS = 2
KILLED = (
    f"ended {MAX_ATTEMPTS} workers of Dask, one after the other, and was given up; look into their "
    "logs: most often the system was out of memory"
)
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Run:
    """What the items of one run share.

    Attributes:
        name: Tells it from all others.
        folder: The folder in which the client works; relative paths start there.
        root: The variable DVC_ROOT of the client; None if there is none.
        attempts: The folder in which attempts are counted.
        function: What is done, pickled, so that only the process that does it imports it.
        work: The limits; its function is `call_pickled`.
        code: From `identify_code`, at the client.
    """

    name: str
    folder: Path
    root: str | None
    attempts: Path
    function: bytes
    work: Work
    code: dict[str, str]


def identify_code() -> dict[str, str]:
    """Return what decides the bytes of results here: Python, packages and the project's code."""
    digest = hashlib.sha256()
    for file in sorted(CODE.rglob("*.py")):
        digest.update(f"\0{file.relative_to(CODE)}\0".encode() + file.read_bytes())
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"Python": platform.python_version(), **versions, "code": digest.hexdigest()[:12]}


def run_item(number: int, item: bytes, run: Run) -> WorkerResult:
    """Do the work on one item; runs in a thread of a worker of Dask.

    Args:
        number: Of the item.
        item: Pickled.
        run: What all items share.

    Raises:
        ValueError: This machine does not see the client's folder, or has other code.
        Exception: As for `LimitedPool.result`.
    """
    if not run.attempts.is_dir():
        raise ValueError(
            f"{run.attempts} does not exist for the worker of Dask on {socket.gethostname()}. "
            "The project, its videos and its cache must be on a file system that all machines see "
            "at the same path."
        )
    attempts = run.attempts / str(number)
    with attempts.open("ab") as file:
        file.write(b".")
        if file.tell() > MAX_ATTEMPTS:
            return WorkerResult(None, KILLED)
    pool = _pool_of(run)
    result = pool.result(pool.schedule((run.function, item)))
    attempts.unlink(missing_ok=True)
    return result


_pools: dict[str, LimitedPool] = {}
_lock = threading.Lock()


def _pool_of(run: Run) -> LimitedPool:
    """Return the processes that work on the items of a run, one for each thread of this worker."""
    from distributed import get_worker

    with _lock:
        if run.name not in _pools:
            # A nanny's worker is daemonic, which only says that it may have no children; these
            # end by themselves when it does.
            multiprocessing.current_process().daemon = False
            _pools[run.name] = LimitedPool(
                run.work,
                get_worker().state.nthreads,
                _prepare_process,
                run,
                os.getpid(),
                context=multiprocessing.get_context("spawn"),  # imports the code as it is now
            )
            threading.Thread(target=_stop_with, args=(run,), daemon=True).start()
        return _pools[run.name]


def _stop_with(run: Run) -> None:
    """End the processes when the client ends the run."""
    while run.attempts.is_dir():
        time.sleep(POLL_SECONDS)
    with _lock:
        _pools.pop(run.name).stop()


def _prepare_process(run: Run, parent: int) -> None:
    """Make this process one of the run: its folder, limits and end."""
    global _problem
    prepare_worker(run.work.memory_gigabytes)
    os.setsid()  # with what it starts it is a group, which ends together
    signal.signal(signal.SIGTERM, lambda *_: os.killpg(0, signal.SIGKILL))
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    os.chdir(run.folder)
    os.environ.pop("DVC_ROOT", None)
    if run.root is not None:
        os.environ["DVC_ROOT"] = run.root
    _problem = _compare(identify_code(), run.code)


_problem = ""  # of this process


def _end_with(parent: int) -> None:
    """End this process and what it has started when the worker of Dask is gone."""
    while os.getppid() == parent:
        time.sleep(POLL_SECONDS)
    os.killpg(0, signal.SIGKILL)


def _compare(here: dict[str, str], client: dict[str, str]) -> str:
    others = [
        f"{name} {here.get(name)} instead of {value}"
        for name, value in client.items()
        if here.get(name) != value
    ]
    if not others:
        return ""
    return (
        f"The worker of Dask on {socket.gethostname()} would make other results: it has "
        f"{', '.join(others)} ({sys.executable}, {CODE}). Start it with the environment and in the "
        "folder of the project."
    )


def call_pickled(task: tuple[bytes, bytes]) -> Any:
    """Call a function on an item, both pickled; runs in a process with limits."""
    function, item = task
    if _problem:
        raise ValueError(_problem)
    return _load(function)(pickle.loads(item))  # noqa: S301 -- from the client, which sends code


@functools.lru_cache(maxsize=1)
def _load(function: bytes) -> Callable[[Any], Any]:
    return pickle.loads(function)  # noqa: S301 -- likewise
