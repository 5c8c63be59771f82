"""Tests of the worker processes: what hangs, crashes or eats memory costs only itself."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
from behaving import behave
from places import ROOT

from har.engine.workers import num_cores, run_in_workers

LIMITS = {
    "num_workers": 2,
    "timeout_seconds": 30,
    "memory_gigabytes": 1,
    "description": "convert",
    "section": "convert",
}


def run(items, **options):
    options = {**LIMITS, **options}
    results = run_in_workers(behave, items, total=len(items), failures=(ValueError,), **options)
    return list(results)


def test_run_in_workers_gives_results_in_order_with_any_number_of_workers():
    items = ["slow", *range(40)]
    for num_workers in (1, 3):
        results = run(items, num_workers=num_workers)
        assert [result.value for result in results] == [item * 2 for item in items]
        assert not any(result.reason for result in results)


def test_run_in_workers_gives_a_reason_for_each_failure_and_goes_on():
    items = [1, "crash", 2, "memory", 3, "abort", 4, "bad", 5]
    results = run(items)
    assert [result.value for result in results] == [2, None, 4, None, 6, None, 8, None, 10]
    reasons = [result.reason for result in results if result.reason]
    assert "crashed the process that worked on it (SIGSEGV)" in reasons[0]
    assert "needed more than 1 GB" in reasons[1]
    assert "convert.memory_gigabytes" in reasons[1]
    assert "SIGABRT" in reasons[2]
    assert reasons[3] == "a.mp4 is not a video"


def test_run_in_workers_stops_what_hangs():
    started = time.monotonic()
    results = run([1, "hang", 2], timeout_seconds=1)
    assert [result.value for result in results] == [2, None, 4]
    assert "took longer than 1 s" in results[1].reason
    assert "convert.timeout_seconds" in results[1].reason
    (result,) = run(["hang"], timeout_seconds=1, section=None)  # a limit that nobody can set
    assert result.reason == "took longer than 1 s and was stopped"
    assert time.monotonic() - started < 15


def test_run_in_workers_raises_what_is_no_failure_of_an_item():
    with pytest.raises(KeyError, match="a mistake in the program"):
        run([1, "bug", 2])


def test_run_in_workers_does_nothing_without_items():
    assert run([]) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "workers is -1"),
        ({"timeout_seconds": 0}, "timeout_seconds is 0"),
        ({"memory_gigabytes": 0.2}, r"memory_gigabytes is 0\.2; expected at least 0\.5"),
    ],
)
def test_run_in_workers_refuses_wrong_limits(options, message):
    with pytest.raises(ValueError, match=message):
        run([1], **options)


def test_num_cores_is_at_least_one():
    assert num_cores() >= 1


def test_run_in_workers_ends_all_processes_at_an_interrupt():
    program = (
        # A shell in which the tests were started with `&` has the interrupt ignored.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"import sys; sys.path[:0] = {[str(ROOT / 'tests'), str(ROOT / 'tests' / 'engine')]!r}\n"
        "from test_workers import LIMITS, behave, run\n"
        "if __name__ == '__main__': run(['hang'] * 4)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 20
    # the server that starts workers, its tracker, and two workers
    while len(psutil.Process(process.pid).children(recursive=True)) < 4:
        assert time.monotonic() < deadline, "the workers did not start"
        time.sleep(0.1)
    children = psutil.Process(process.pid).children(recursive=True)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive


def test_run_in_workers_needs_no_guard_in_a_script(tmp_path):
    script = tmp_path / "script.py"
    places = [str(ROOT / place) for place in (".", "tests", "tests/engine")]
    script.write_text(
        f"import sys; sys.path[:0] = {places}\n"
        "from test_workers import run\n"
        "print([result.value for result in run([1, 2])])\n"
    )
    command = [sys.executable, str(script)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "[2, 4]\n"), done.stderr


def kill_workers() -> None:
    """Kill the processes that work for this one, and wait until that is seen."""
    for server in psutil.Process().children():
        for worker in server.children():
            worker.kill()
    time.sleep(0.5)


def test_worker_that_is_killed_between_two_items_costs_none():
    def items():
        yield 1
        time.sleep(1)  # until it is done
        kill_workers()
        yield from (2, 3)

    results = run_in_workers(behave, items(), total=3, **LIMITS)
    assert [(result.value, result.reason) for result in results] == [(2, ""), (4, ""), (6, "")]


def test_item_whose_worker_is_killed_is_tried_once_more(tmp_path):
    results = run([1, tmp_path / "a.once", tmp_path / "b.always", 2])
    assert [result.value for result in results] == [2, "a.once", None, 4]
    assert "killed twice (SIGKILL), most often because the system is out" in results[2].reason


def test_workers_that_are_killed_again_and_again_end_the_run(monkeypatch):
    def refuse(self, function, **options):
        raise RuntimeError("Unexpected error within the Pool")

    monkeypatch.setattr("pebble.ProcessPool.schedule", refuse)
    with pytest.raises(OSError, match=r"killed before they do anything.*Set workers to 1"):
        run([1, 2])
