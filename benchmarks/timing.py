"""What all benchmarks share: taking turns, ratios, children that take turns too, and tables.

A number of seconds says more about the machine than about the code. So everything here is timed in
turns with its baseline, and a result is the median of the ratios of one turn each, with the
smallest and the largest. Imports nothing beyond the standard library, so that other environments
can use it.
"""

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
GIGABYTE = 10**9

Contender = Callable[[], float]  # does its work once and returns the seconds that it took
Times = dict[str, list[float]]  # seconds of each turn, by contender


def argument_parser(description: str | None, *, repeats: int) -> argparse.ArgumentParser:
    """Return a parser with the options that benchmarks have in common."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="tiny inputs: only shows that it runs")
    parser.add_argument("--repeats", type=int, default=repeats, help="turns (default: %(default)s)")
    return parser


def wall_seconds() -> float:
    """Return the time of a clock on the wall."""
    return time.perf_counter()


def cpu_seconds() -> float:
    """Return the processor time of this process and its ended children; for a busy machine."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def timed(
    function: Callable[[], object], clock: Callable[[], float] = wall_seconds
) -> Callable[[], float]:
    """Return a contender that calls the function."""

    def run() -> float:
        start = clock()
        function()
        return clock() - start

    return run


def take_turns(contenders: Mapping[str, Contender], *, repeats: int, warm_up: bool = True) -> Times:
    """Run every contender once, then every one again, and so on.

    Args:
        contenders: By name.
        repeats: Turns, at least 1.
        warm_up: Whether a first turn is not counted.

    Returns:
        The seconds of each turn by name.
    """
    times: Times = {name: [] for name in contenders}
    for turn in range(-1 if warm_up else 0, repeats):
        for name, contender in contenders.items():
            seconds = contender()
            if turn >= 0:
                times[name].append(seconds)
    return times


def ratios(times: Times, name: str, baseline: str) -> list[float]:
    """Return, turn by turn, the time of a contender divided by that of the baseline."""
    return [one / other for one, other in zip(times[name], times[baseline], strict=True)]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Return median (smallest..largest).

    Example:
        >>> spread([1.0, 3.0, 1.5])
        '1.50 (1.00..3.00)'
    """
    low, high = min(values), max(values)
    return f"{median(values):.{digits}f} ({low:.{digits}f}..{high:.{digits}f})"


def milliseconds(seconds: Sequence[float]) -> str:
    """Return the median in milliseconds, with three digits or more."""
    value = 1000 * median(seconds)
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def is_met(met: bool) -> str:
    """Return what the table says of a target."""
    return "yes" if met else "**no**"


def print_heading(title: str, *packages: str) -> None:
    """Print the title, the machine, the versions and the command line."""
    versions = [f"{name} {importlib.metadata.version(name)}" for name in packages]
    load = os.getloadavg()[0]
    specification = sys.modules["__main__"].__spec__  # names the module run by `python -m`
    command = ["python", "-m", specification.name if specification else sys.argv[0], *sys.argv[1:]]
    print(f"### {title}\n")
    print(
        f"{num_cores()} cores, {_processor()}, {_memory_gigabytes():.0f} GB, {platform.system()}, "
        f"Python {platform.python_version()}, {', '.join(versions)}. Load at the start: {load:.1f}."
    )
    print(f"\n```\n{shlex.join(command)}\n```\n", flush=True)


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(columns) + " |")
    print("|" + "---|" * len(columns))
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |")
    print(flush=True)


def num_cores() -> int:
    """Return the number of processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Child:
    """A process that does its work each time it is asked, and then waits.

    So settings that a library reads once, when it is imported, can take turns.

    Args:
        command: Runs a script that ends in `serve`.
        environment: Variables beside those of this process.
        folder: Where it runs.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str] | None = None,
        folder: Path = ROOT,
    ):
        self.peak_gigabytes = 0.0
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **(environment or {})},
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.facts = self._answer()

    def __call__(self) -> float:
        """Have the work done once; return the seconds."""
        self._process.stdin.write("once more\n")
        self._process.stdin.flush()
        answer = self._answer()
        self.peak_gigabytes = answer["peak_gigabytes"]
        return answer["seconds"]

    def close(self) -> None:
        """End the process."""
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _answer(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError(f"{shlex.join(self._process.args)} ended; see its message above.")
        return json.loads(line)


def serve(function: Callable[[], object], facts: Mapping[str, object]) -> None:
    """Be a `Child`: say the facts, then call the function each time a line is read."""
    print(json.dumps(facts), flush=True)
    for _ in sys.stdin:
        seconds = timed(function)()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIGABYTE
        print(json.dumps({"seconds": seconds, "peak_gigabytes": peak}), flush=True)


@contextlib.contextmanager
def children(commands: Mapping[str, tuple[Sequence[str], Mapping[str, str]]]) -> Iterator[dict]:
    """Start a `Child` for each command and environment; end them all afterwards."""
    started: dict[str, Child] = {}
    try:
        for name, (command, environment) in commands.items():
            started[name] = Child(command, environment)
        yield started
    finally:
        for child in started.values():
            child.close()


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _memory_gigabytes() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / GIGABYTE
