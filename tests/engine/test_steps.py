"""Tests of a step over many videos: what one of them does to its worker costs only itself."""

import ctypes
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from damage import flip_bit
from places import ROOT

from har.engine.cache import file_digest
from har.engine.steps import Job, Limits, Outcome, run_step
from har.video.converting import convert_step

LIMITS = Limits(workers=2, timeout_seconds=30, memory_gigabytes=1, max_gigabytes=1)


def behave_step(source: Path, destination: Path) -> dict:
    """Do what the source says, as a decoder could; or write it twice."""
    content = source.read_text()
    if content == "hang":
        time.sleep(1000)
    elif content == "crash":
        ctypes.string_at(0)
    elif content == "memory":
        bytearray(2 * 10**9)
    elif content == "disk":
        raise OSError(errno.ENOSPC, "No space left on device", str(destination))
    elif content == "slow":
        time.sleep(0.5)
    destination.write_text(content * 2)
    return {"length": len(content)}


def run(names: dict[str, str], limits: Limits = LIMITS) -> dict[str, Outcome]:
    """Run the step on files of the given contents, in the current folder."""
    jobs = []
    for name, content in names.items():
        Path(name).write_text(content)
        jobs.append(Job(Path(name), file_digest(Path(name)), Path("out", f"{name}.mp4")))
    outcomes = run_step(
        "convert", behave_step, jobs, parameters={}, code_version="1", limits=limits
    )
    return dict(zip(names, outcomes, strict=True))


def test_run_step_gives_each_bad_video_its_reason_and_makes_the_others(project):
    names = {"a": "one", "b": "crash", "c": "memory", "d": "hang", "e": "two"}
    limits = Limits(workers=2, timeout_seconds=3, memory_gigabytes=1, max_gigabytes=1)
    outcomes = run(names, limits)
    assert "crashed the process that worked on it (SIGSEGV)" in outcomes["b"].reason
    assert "needed more than 1 GB of memory" in outcomes["c"].reason
    assert "took longer than 3 s and was stopped" in outcomes["d"].reason
    assert Path("out/a.mp4").read_text() == "oneone"
    assert Path("out/e.mp4").read_text() == "twotwo"
    again = run({"a": "one", "b": "crash"}, limits)
    assert again["a"].is_reused
    assert again["b"].reason  # tried again: it may have been the machine's fault


def test_run_step_ends_when_the_disk_is_full_and_keeps_what_is_made(project):
    with pytest.raises(OSError, match=r"free: .*/partial/") as caught:
        run({"a": "one", "b": "slow", "c": "disk"}, Limits(1, 30, 1, 1))
    assert caught.value.errno == errno.ENOSPC  # har.engine.stage explains it
    assert not list(Path(".har/cache/partial").iterdir())
    assert run({"a": "one"})["a"].is_reused


def test_run_step_notices_a_damaged_result_and_makes_it_again(project, capsys):
    run({"a": "one"})
    Path("out/a.mp4").write_text("edited by hand, and so is the cache, by its hard link")
    outcome = run({"a": "one"})["a"]
    assert "is damaged (its data was changed); made again" in capsys.readouterr().err
    assert not outcome.is_reused
    assert Path("out/a.mp4").read_text() == "oneone"


def test_run_step_fixes_a_damaged_result_in_dvc_s_cache_too(project):
    # After the stage DVC puts its own file where the stage's was: it must be the repaired one.
    run({"a": "one"})
    in_dvc = Path("out/a.mp4").rename("in_dvc")
    in_dvc.write_text("damaged on the disk")
    in_dvc.chmod(0o444)
    run({"a": "one"})
    assert in_dvc.read_text() == "oneone"
    assert in_dvc.stat().st_mode & 0o777 == 0o444


def test_run_step_makes_nothing_of_a_damaged_file_that_a_stage_has_made(project):
    Path("a").write_text("one")
    options = {"parameters": {}, "code_version": "1", "limits": LIMITS}
    job = Job(Path("a"), file_digest(Path("a")), Path("out/a.mp4"), is_made=True)
    flip_bit(Path("a"))
    with pytest.raises(ValueError, match=r"a is damaged.*`make repro`"):
        run_step("convert", behave_step, [job], **options)
    assert not list(Path(".har/cache").glob("convert/*/*"))


def test_run_step_goes_on_after_it_was_killed(project):
    names = {f"video{number}": f"number {number}" for number in range(6)} | {"last": "hang"}
    for name, content in names.items():
        Path(name).write_text(content)
    paths = [str(ROOT / part) for part in (".", "tests", "tests/engine")]
    program = (
        f"import sys; sys.path[:0] = {paths!r}\n"
        "from test_steps import run\n"
        f"if __name__ == '__main__': run({names!r})"
    )
    process = subprocess.Popen([sys.executable, "-c", program], start_new_session=True)
    deadline = time.monotonic() + 60
    while len(list(Path(".har/cache/convert").glob("*/*.json"))) < 6:
        assert time.monotonic() < deadline, "the videos were not made"
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    names["last"] = "now well"
    outcomes = run(names)
    assert [outcome.is_reused for outcome in outcomes.values()] == [True] * 6 + [False]
    assert all(Path(f"out/{name}.mp4").read_text() == names[name] * 2 for name in names)


def test_run_step_stops_a_decoder_that_wants_more_memory_than_it_may_have(project):
    header = b"GIF89a" + (16_000).to_bytes(2, "little") * 2 + b"\xf0\0\0" + bytes(6)
    picture = b"\x2c" + bytes(4) + b"\x01\0\x01\0" + b"\0" + b"\x02\x02\x44\x01\0" + b"\x3b"
    Path("large.gif").write_bytes(header + picture)  # one pixel on a sheet of a gigabyte
    job = Job(Path("large.gif"), file_digest(Path("large.gif")), Path("out/large.mp4"))
    options = {"parameters": {"max_side": 640}, "code_version": "1"}
    tight = Limits(workers=1, timeout_seconds=60, memory_gigabytes=0.5, max_gigabytes=1)
    (outcome,) = run_step("convert", convert_step, [job], **options, limits=tight)
    assert "needed more than 0.5 GB of memory" in outcome.reason
    assert "convert.memory_gigabytes" in outcome.reason
