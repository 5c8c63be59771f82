"""Work by a scheduler with three workers: as on this machine, whatever happens to a worker."""

import contextlib
import threading
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from behaving import behave
from dask_cluster import wait_until

from har.compute import remote, scheduler
from har.compute.limited import Work, WorkerResult
from har.compute.place import LOCAL, Compute
from har.engine.workers import map_clips, run_in_workers

LIMITS = {
    "num_workers": 2,
    "timeout_seconds": 60,
    "memory_gigabytes": 1,
    "description": "convert",
    "failures": (ValueError,),
}


def start(items, compute, **options):
    options = {**LIMITS, **options}
    return run_in_workers(behave, items, total=len(items), **options, compute=compute)


@pytest.fixture
def dask(cluster, tmp_path, monkeypatch) -> Compute:
    """The workers of a scheduler, for a project in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return Compute("dask", cluster.address)


def test_results_and_reasons_are_those_of_this_machine(dask):
    items = [*range(60), "crash", 1, "memory", 2, "hang", 3, "bad", 4]
    of_dask, here = (list(start(items, where, timeout_seconds=3)) for where in (dask, LOCAL))
    assert of_dask == here
    assert len([result for result in of_dask if result.reason]) == 4
    assert list(map_clips(behave, [1, 2], num_threads=1, description="pose", compute=dask)) == [
        2,
        4,
    ]


def test_what_is_no_failure_of_an_item_is_raised(dask):
    with pytest.raises(KeyError, match="a mistake in the program"):
        list(start([1, "bug", 2], dask))


def test_items_of_a_killed_worker_are_tried_elsewhere(cluster, dask):
    results = start(["slow"] * 30, dask)
    first = next(results)
    cluster.workers()[0].kill()
    assert [first, *results] == [WorkerResult("slowslow", "")] * 30


def test_items_of_a_hung_worker_are_tried_elsewhere(cluster, dask):
    items, results = ["hold the first worker", *["slow"] * 10], []
    thread = threading.Thread(target=lambda: results.extend(start(items, dask)))
    thread.start()
    file = Path("first-worker")
    wait_until(lambda: file.exists() and file.read_text())
    hung = psutil.Process(int(file.read_text()))
    hung.suspend()
    try:
        thread.join(60)
        assert [result.value for result in results] == [item * 2 for item in items]
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            hung.resume()


def test_item_that_ends_its_workers_is_given_up_after_two(cluster, dask):
    before = {worker.pid for worker in cluster.workers()}
    results = list(start([1, 2, "kill the worker", *range(20)], dask))
    assert [result.value for result in results] == [2, 4, None, *range(0, 40, 2)]
    assert results[2].reason.startswith("ended 2 workers of Dask, one after the other, and was")
    wait_until(lambda: len(cluster.workers()) == len(before))
    assert len(before - {worker.pid for worker in cluster.workers()}) == 2
    with pytest.raises(ValueError, match="pose: kill the worker: ended 2 workers of Dask"):
        list(
            map_clips(behave, ["kill the worker"], num_threads=1, description="pose", compute=dask)
        )


def test_end_of_the_client_ends_what_runs(cluster, dask):
    def processes() -> list[psutil.Process]:
        return [child for worker in cluster.workers() for child in worker.children()]

    wait_until(lambda: not processes())
    results = start([1, *["hang"] * 5], dask)
    assert next(results).value == 2
    assert processes()
    results.close()
    wait_until(lambda: not processes(), seconds=20)
    assert not list(scheduler.RUNS.iterdir())


def test_other_code_at_a_worker_is_refused(dask, monkeypatch):
    here = remote.identify_code()
    monkeypatch.setattr(scheduler, "identify_code", lambda: here | {"av": "1.0", "code": "other"})
    with pytest.raises(ValueError, match=rf"other results: it has av {here['av']} instead of 1\.0"):
        list(start([1], dask, failures=()))


def test_machine_that_does_not_see_the_project_is_refused(tmp_path):
    work = Work(behave, 1, 1, "convert")
    run = remote.Run("a", tmp_path, None, tmp_path / "missing", b"", work, {})
    with pytest.raises(ValueError, match=r"missing does not exist for the worker of Dask"):
        remote.run_item(0, b"", run)


def test_scheduler_that_does_not_answer_is_named(dask, monkeypatch):
    monkeypatch.setattr(scheduler, "CONNECT_SECONDS", 1)
    nobody = replace(dask, address="tcp://127.0.0.1:1")
    with pytest.raises(ValueError, match=r"No scheduler .* compute\.address tcp://127.0.0.1:1"):
        list(start([1], nobody))


def test_scheduler_without_workers_is_named(idle_scheduler, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(scheduler, "WORKERS_SECONDS", 1)
    with pytest.raises(
        ValueError, match=rf"no workers for 1 s. Run `python -m dask worker {idle_scheduler}`"
    ):
        list(start([1], Compute("dask", idle_scheduler)))
    assert "has no workers now; waiting for one" in capfd.readouterr().err


def test_missing_dask_is_said_with_the_command_that_installs_it(monkeypatch):
    monkeypatch.setattr(scheduler.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"Dask is not installed\. Run `make dask`"):
        list(start([1], Compute("dask", "tcp://127.0.0.1:1")))
