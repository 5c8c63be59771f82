"""Work on many items by the workers of a Dask scheduler, whose address is given."""

import contextlib
import importlib.util
import itertools
import os
import pickle
import shutil
import sys
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from har.compute.limited import Work, WorkerResult
from har.compute.remote import KILLED, Run, call_pickled, identify_code, run_item

if TYPE_CHECKING:
    from distributed import Client, Future

RUNS = Path(".har") / "compute"  # of the project, with a folder for each run that goes on
CONNECT_SECONDS = 30.0
WORKERS_SECONDS = 120.0  # that there may be no worker; a cluster that scales itself starts some
LOOK_SECONDS = 5.0
WAITING_PER_THREAD = 8  # items handed over ahead, as in `har.compute.local`


def check_installed() -> None:
    """Check that Dask is installed.

    Raises:
        ValueError: It is not.
    """
    if importlib.util.find_spec("distributed") is None:
        raise ValueError(
            "compute.engine is dask, and Dask is not installed. Run `make dask` in the project's "
            "folder, or set compute.engine to local."
        )


def run_on_dask(
    work: Work, items: Iterable[Any], *, total: int, address: str
) -> Iterator[WorkerResult]:
    """Yield what became of each item, in order.

    Args:
        work: What is done.
        items: What it is done to; each must be picklable.
        total: How many there are.
        address: Of the scheduler.

    Raises:
        ValueError: Dask is missing, the scheduler cannot be reached or is lost, or has no workers.
    """
    with _connect(address) as client, _new_run(work) as run:
        numbers, items = itertools.count(), iter(items)
        waiting: deque[Future] = deque()
        num_ahead = 0
        for _ in range(total):
            if len(waiting) <= num_ahead // 2:  # many at once cost the scheduler least
                num_ahead = WAITING_PER_THREAD * _num_threads(client)
                part = itertools.islice(items, max(0, num_ahead - len(waiting)))
                waiting += _submit(client, run, list(part), numbers)
            yield _result(waiting.popleft(), client)


@contextlib.contextmanager
def _connect(address: str) -> "Iterator[Client]":
    check_installed()
    from distributed import Client

    try:
        client = Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(
            f"No scheduler of Dask answers at compute.address {address} ({error}). Start one with "
            "`python -m dask scheduler` in the project's folder, or correct the address."
        ) from error
    with client:
        yield client


@contextlib.contextmanager
def _new_run(work: Work) -> Iterator[Run]:
    name = uuid.uuid4().hex
    folder = Path.cwd()
    attempts = folder / RUNS / name
    attempts.mkdir(parents=True)
    try:
        yield Run(
            name=name,
            folder=folder,
            root=os.environ.get("DVC_ROOT"),
            attempts=attempts,
            function=pickle.dumps(work.function),
            work=replace(work, function=call_pickled),
            code=identify_code(),
        )
    finally:
        ended = attempts.rename(attempts.with_name(f"{name}-ended"))  # at once, for all workers
        shutil.rmtree(ended)


def _num_threads(client: "Client") -> int:
    """Return how many items the workers take at once, after waiting for a first worker."""
    num_threads = sum(client.nthreads().values())
    if num_threads:
        return num_threads
    print(f"{_address(client)} has no workers now; waiting for one", file=sys.stderr, flush=True)
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except TimeoutError as error:
        raise ValueError(
            f"The scheduler {_address(client)} has had no workers for {WORKERS_SECONDS:g} s. Run "
            f"`python -m dask worker {_address(client)}` in the project's folder on each machine "
            "(docs/scale.md) and the same command again; what is finished is kept."
        ) from error
    return sum(client.nthreads().values())


def _submit(
    client: "Client", run: Run, items: Sequence[Any], numbers: Iterator[int]
) -> "list[Future]":
    """Hand over items, each as a task of its own."""
    if not items:
        return []
    places = [next(numbers) for _ in items]
    return client.map(
        run_item,
        places,
        [pickle.dumps(item) for item in items],
        run=run,
        key=[f"{run.work.section}-{run.name}-{place}" for place in places],
    )


def _result(future: "Future", client: "Client") -> WorkerResult:
    """Wait for what became of an item."""
    from distributed import CancelledError, KilledWorker

    try:
        while True:
            try:
                return future.result(timeout=LOOK_SECONDS)
            except TimeoutError:
                if future.done():
                    raise  # the function's own
            _num_threads(client)  # waits for workers, but not for ever
    except KilledWorker:  # where the scheduler allows fewer attempts
        return WorkerResult(None, KILLED)
    except CancelledError as error:
        raise ValueError(
            f"The scheduler {_address(client)} was lost. Start it again and run the same command "
            "again; what is finished is kept."
        ) from error


def _address(client: "Client") -> str:
    return client.scheduler.address
