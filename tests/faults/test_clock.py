"""The clock of the computer set back or ahead, before a run and while it runs."""

import os
import time

import pytest
from tiny_project import Project

DAY, YEAR = 86400.0, 365 * 86400.0
# What Python is told the time is: `after` seconds of a process, it is `shift` later.
CLOCK = """
import time
began, now, now_ns = time.monotonic(), time.time, time.time_ns
def shift():
    return {shift} if time.monotonic() - began >= {after} else 0.0
time.time = lambda: now() + shift()
time.time_ns = lambda: now_ns() + int(shift() * 1e9)
"""
CLOCKS = {
    "a day behind": {"shift": -DAY, "after": 0.0},
    "a day ahead": {"shift": DAY, "after": 0.0},
    "set back in each process after two seconds": {"shift": -DAY, "after": 2.0},
}


def with_times(project: Project, seconds: float) -> int:
    """Set when all that is kept was written last; return of how many files."""
    num_files = 0
    for folder in ("data", "models", "metrics", ".har", ".dvc/cache", ".dvc/tmp"):
        for path in (project.folder / folder).rglob("*"):
            if path.is_file():
                os.utime(path, (seconds, seconds))
                num_files += 1
    return num_files


@pytest.mark.parametrize("shift", [YEAR, -50 * YEAR], ids=["from the future", "of 1976"])
def test_files_of_another_time_rebuild_nothing(shift, project):
    expected = project.hashes()
    assert with_times(project, time.time() + shift) > 100
    printed = project.run("dvc", "repro")
    assert "Running stage" not in printed
    assert project.hashes() == expected
    said = project.run("python", "-m", "har", "doctor", check=False)
    assert "damaged" not in said
    assert "Traceback" not in said


@pytest.mark.parametrize("clock", CLOCKS)
def test_run_by_a_wrong_clock_ends_with_the_same_bits(clock, project, tmp_path, monkeypatch):
    expected = project.hashes()
    (tmp_path / "sitecustomize.py").write_text(CLOCK.format(**CLOCKS[clock]))
    with monkeypatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        printed = project.run("dvc", "repro", "--force")
        assert printed.count("Running stage") > 5
        assert project.hashes() == expected
    assert "Running stage" not in project.run("dvc", "repro")  # by the right one
    # What was made by the wrong clock is there for the next change, and none of it is in its way.
    project.set_params({"augment": {"num_views": 1}})
    project.run("dvc", "repro")
    project.set_params({"augment": {"num_views": 2}})
    project.run("dvc", "repro")
    assert project.hashes() == expected
    said = project.run("python", "-m", "har.integrity.repair")
    assert said == ""
