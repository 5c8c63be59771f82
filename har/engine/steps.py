"""One step of the pipeline over many videos: each in a worker, and each only once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from har.compute.limited import WorkerResult
from har.compute.place import LOCAL, Compute
from har.engine.cache import (
    Cache,
    CacheEntry,
    Shared,
    exchanged,
    file_digest,
    keep_entries,
    place,
)
from har.engine.errors import VideoError
from har.engine.files import writing
from har.engine.progress import progress
from har.engine.verification import check_file
from har.engine.workers import num_cores, run_in_workers

if TYPE_CHECKING:  # naming new videos needs no tables, and pandas is slow to load
    import pandas as pd

# Called as function(source, destination, **parameters): makes `destination` and returns what is
# to be remembered about it, as JSON. It stands at the top of a module.
StepFunction = Callable[..., dict[str, Any]]


@dataclass(frozen=True)
class Job:
    """One video to work on.

    Attributes:
        source: The file to read.
        digest: SHA-256 of its bytes.
        destination: The file to make.
        is_made: Whether a stage has made the source, so that it is checked against the digest
            before it is read; nobody else writes there.
    """

    source: Path
    digest: str
    destination: Path
    is_made: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a job.

    Attributes:
        meta: What the step's function returned; empty if it failed.
        sha256: Digest of the file made; empty if it failed.
        reason: Why it failed, for a user to read; empty if it did not.
        is_reused: Whether it was in the cache.
    """

    meta: dict[str, Any]
    sha256: str
    reason: str
    is_reused: bool


@dataclass(frozen=True)
class Limits:
    """What a step may use; the names are those of params.yaml.

    Attributes:
        workers: Number of processes; 0 is one per core.
        timeout_seconds: Time for one video.
        memory_gigabytes: Memory of one worker, in 10^9 bytes.
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.
        compute: Which machines work.
        shared: Where results lie for other machines too, if anywhere.
    """

    workers: int
    timeout_seconds: float
    memory_gigabytes: float
    max_gigabytes: float
    compute: Compute = LOCAL
    shared: Shared | None = None

    @property
    def of_workers(self) -> dict[str, Any]:
        """These limits by the names that `har.engine.workers.run_in_workers` takes them by."""
        return {
            "num_workers": self.workers,
            "timeout_seconds": self.timeout_seconds,
            "memory_gigabytes": self.memory_gigabytes,
        }


def run_step(
    step: str,
    function: StepFunction,
    jobs: Sequence[Job],
    *,
    parameters: dict[str, Any],
    code_version: str,
    limits: Limits,
) -> list[Outcome]:
    """Make what is not in the cache, put all results where they belong, and trim the cache.

    Args:
        step: Name of the step, also its section in params.yaml.
        function: What to do with each video, as `StepFunction` says; a `VideoError` fails it.
        jobs: The videos; the destinations all have one ending.
        parameters: Passed to the function; all of them decide the result.
        code_version: Changed when the function would give other bytes.
        limits: What the step may use.

    Returns:
        One outcome per job, in order; they do not depend on the number of workers.
    """
    cache = Cache(step, ending=jobs[0].destination.suffix if jobs else "")
    keys = [cache.key(job.digest, parameters=parameters, code_version=code_version) for job in jobs]
    with keep_entries(limits.max_gigabytes), exchanged(limits.shared, cache, keys):
        looked_up = _in_threads(cache.get, keys, f"{step}: looking up")
        found = {key: entry for key, entry in zip(keys, looked_up, strict=True) if entry}
        # Two videos can have the same bytes once they are converted: they are made once.
        first_with: dict[str, Job] = {}
        for key, job in zip(keys, jobs, strict=True):
            if key not in found:
                first_with.setdefault(key, job)
        results = run_in_workers(
            _make,
            ((function, job, parameters, cache, key) for key, job in first_with.items()),
            total=len(first_with),
            **limits.of_workers,
            description=step,
            section=step,
            failures=(VideoError,),
            compute=limits.compute,
        )
        made = dict(zip(first_with, results, strict=True))
        return [
            _take(found[key], job, is_reused=True)
            if key in found
            else _take_made(made[key], job, is_reused=first_with[key] is not job)
            for key, job in zip(keys, jobs, strict=True)
        ]


def digests(files: Sequence[Path], description: str) -> Iterable[str]:
    """Yield the SHA-256 of each file, in order."""
    return _in_threads(file_digest, files, description)


def say_outcomes(
    step: str, outcomes: Sequence[Outcome], *, num_unusable: int = 0, more: str = ""
) -> None:
    """Print the line that ends a step.

    Args:
        step: Its name.
        outcomes: What `run_step` returned.
        num_unusable: Videos that failed before, and so are not among the outcomes.
        more: What else to say, in brackets.
    """
    num_failed = sum(bool(outcome.reason) for outcome in outcomes)
    num_reused = sum(outcome.is_reused for outcome in outcomes)
    num_made = len(outcomes) - num_failed - num_reused
    print(
        f"{step}: {num_made} made, {num_reused} reused, {num_failed + num_unusable} failed"
        + (f" ({more})" if more else "")
    )


def check_failures(failed: pd.DataFrame, *, total: int, max_fraction: float, report: Path) -> None:
    """Fail the stage if too many videos failed.

    Args:
        failed: One row per failed video, with the columns `source` and `reason`.
        total: Number of videos tried.
        max_fraction: The value of `dataset.max_failed_fraction`.
        report: The table that lists them all.

    Raises:
        ValueError: More than the fraction failed.
    """
    if len(failed) <= max_fraction * total:
        return
    first = "\n".join(f"  {row.source}: {row.reason}" for row in failed.head(5).itertuples())
    raise ValueError(
        f"{len(failed)} of {total} videos failed, more than dataset.max_failed_fraction "
        f"{max_fraction:g} allows:\n{first}\nAll are in {report}. Fix or remove them, or raise "
        "dataset.max_failed_fraction."
    )


def remove_previous(table: Path) -> None:
    """Remove the files that an earlier run by hand listed in the `path` column of its table."""
    import pandas as pd

    if table.is_file():  # DVC has removed it before the stage; then there is nothing to do
        for path in pd.read_csv(table, dtype=str, keep_default_na=False)["path"]:
            if path:
                Path(path).unlink(missing_ok=True)


def _make(task: tuple[StepFunction, Job, dict[str, Any], Cache, str]) -> CacheEntry:
    """Make one result and put it into the cache; runs in a worker."""
    function, job, parameters, cache, key = task
    if job.is_made:
        check_file(job.source, job.digest)
    made = cache.new_file()
    try:
        with writing(made):
            meta = function(job.source, made, **parameters)
        return cache.put(key, made, meta)
    finally:
        made.unlink(missing_ok=True)


def _take(entry: CacheEntry, job: Job, *, is_reused: bool) -> Outcome:
    place(entry.data, job.destination)
    return Outcome(entry.meta, entry.sha256, "", is_reused)


def _take_made(result: WorkerResult, job: Job, *, is_reused: bool) -> Outcome:
    if result.reason:
        return Outcome({}, "", result.reason, is_reused=False)
    return _take(result.value, job, is_reused=is_reused)


def _in_threads(function: Callable, items: Sequence, description: str) -> Iterable:
    """Yield the function's results in order; threads suffice where hashing lets others run."""
    pool = ThreadPoolExecutor(num_cores())
    try:
        results = pool.map(function, items)
        yield from progress(results, total=len(items), description=description)
    finally:
        pool.shutdown(cancel_futures=True)  # at an interrupt, not all the rest first
