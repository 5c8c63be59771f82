"""A scheduler of Dask and its workers, as a user starts them, on this machine."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
from places import ROOT

NUM_WORKERS = 3
ENVIRONMENT = {
    "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")]),
    "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": "5s",  # in which a worker must say something
}


@dataclass
class Cluster:
    """A scheduler and its workers, each with a nanny that starts it again when it ends."""

    address: str
    nannies: list[psutil.Process]

    def workers(self) -> list[psutil.Process]:
        children = [child for nanny in self.nannies for child in nanny.children()]
        return [child for child in children if "spawn_main" in " ".join(child.cmdline())]


@contextlib.contextmanager
def running(*command: str, log: Path) -> Iterator[psutil.Process]:
    """Run a command of Dask in a folder of its own while the body runs."""
    with log.open("w") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *command, "--no-dashboard"],
            env=os.environ | ENVIRONMENT,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


@contextlib.contextmanager
def start_scheduler(folder: Path) -> Iterator[str]:
    """Run a scheduler while the body runs; gives its address."""
    file = folder / "scheduler.json"
    command = ["scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(file)]
    with running(*command, log=folder / "scheduler.log"):
        wait_until(file.exists)
        yield json.loads(file.read_text())["address"]


@contextlib.contextmanager
def start_cluster(folder: Path) -> Iterator[Cluster]:
    """Run a scheduler and its workers while the body runs."""
    with contextlib.ExitStack() as stack:
        address = stack.enter_context(start_scheduler(folder))
        worker = ["worker", address, "--nthreads", "1", "--local-directory", str(folder)]
        nannies = [
            stack.enter_context(running(*worker, log=folder / f"worker{number}.log"))
            for number in range(NUM_WORKERS)
        ]
        cluster = Cluster(address, nannies)
        wait_until(lambda: len(cluster.workers()) == NUM_WORKERS)
        yield cluster


def wait_until(is_so: Callable[[], object], *, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)
