"""How stages start and end, params.yaml, and progress."""

import errno
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import ROOT

import har.engine.progress
from har.engine.progress import progress
from har.engine.repository import project_root
from har.engine.stage import run_stage


def end_of(main, arguments: list[str], capsys) -> tuple[int, str]:
    """Run a stage that is to end the process; return its exit code and what it said on stderr."""
    with pytest.raises(SystemExit) as end:
        run_stage(main, arguments)
    return end.value.code, capsys.readouterr().err


def failing_with(error: BaseException):
    def main(out: Path) -> None:
        """Fail."""
        raise error

    return main


def test_run_stage_reads_options_by_annotation():
    got = {}

    def main(out_folder: Path, count: int, name: str = "nobody") -> None:
        """Take options."""
        got.update(out_folder=out_folder, count=count, name=name)

    run_stage(main, ["--out-folder", "a b", "--count", "3"])
    assert got == {"out_folder": Path("a b"), "count": 3, "name": "nobody"}
    run_stage(main, ["--out-folder", "a", "--count", "3", "--name", "ann"])
    assert got["name"] == "ann"


@pytest.mark.parametrize("arguments", [[], ["--out"], ["--out", "a", "--more", "b"], ["a"]])
def test_run_stage_ends_with_2_when_options_are_wrong(arguments, capsys):
    code, said = end_of(failing_with(AssertionError()), arguments, capsys)
    assert code == 2
    assert "usage: python -m" in said


@pytest.mark.parametrize("traceback", [False, True])
def test_run_stage_ends_with_1_and_a_message_on_a_user_mistake(traceback, capsys, monkeypatch):
    monkeypatch.delenv("HAR_TRACEBACK", raising=False)
    if traceback:
        monkeypatch.setenv("HAR_TRACEBACK", "1")
    code, said = end_of(failing_with(ValueError("fix `seed`")), ["--out", "a"], capsys)
    assert code == 1
    assert said.endswith("\nerror: fix `seed`\n")
    assert ("Traceback (most recent call last)" in said) == traceback


def test_run_stage_ends_with_130_when_interrupted(capsys):
    code, said = end_of(failing_with(KeyboardInterrupt()), ["--out", "a"], capsys)
    assert code == 130
    assert said.startswith("\nerror: interrupted; what is finished is kept")


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_run_stage_says_that_the_disk_is_full(number, capsys):
    error = OSError(number, "No space left on device", "data/clips/a.npy")
    code, said = end_of(failing_with(error), ["--out", "a"], capsys)
    assert code == 1
    assert "error: the disk is full: the stage `test_stage` cannot write data/clips/a.npy" in said
    assert said.count("\n") == 2  # and one before it


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_run_stage_puts_things_in_order_when_the_process_is_ended(number, code, capsys):
    ended = []

    def main() -> None:
        try:
            os.kill(os.getpid(), number)
            time.sleep(10)
        finally:
            os.kill(os.getpid(), number)  # a second one does not disturb it
            ended.append(number)

    before = signal.getsignal(number)
    assert end_of(main, [], capsys) == (
        code,
        "\nerror: ended by the system; what is finished is kept and the same command goes on from "
        "there\n",
    )
    assert ended == [number]
    assert signal.getsignal(number) == before


def test_run_stage_goes_on_without_its_terminal_where_that_is_asked_for(capsys):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as `nohup` does
    try:
        run_stage(lambda: os.kill(os.getpid(), signal.SIGHUP), [])
        assert not capsys.readouterr().err
    finally:
        signal.signal(signal.SIGHUP, before)


def test_run_stage_names_the_file_of_other_system_errors(capsys):
    code, said = end_of(lambda: Path("no/such/file").read_bytes(), [], capsys)
    assert code == 1
    assert "No such file or directory: 'no/such/file'" in said


def test_run_stage_lets_defects_through():
    with pytest.raises(ZeroDivisionError):
        run_stage(failing_with(ZeroDivisionError()), ["--out", "a"])


def test_run_stage_names_the_command_in_its_help():
    result = subprocess.run(
        [sys.executable, "-m", "stages.split", "--help"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert result.stdout.startswith("usage: python -m stages.split ")
    assert "Split the clips by person or by video" in result.stdout


def test_run_stage_ends_a_process_without_traceback(tmp_path):
    options = ["--report", "report.csv", "--clips", "clips.csv", "--out", "out"]
    result = subprocess.run(
        [sys.executable, "-c", "from stages.split import *; run_stage(main)", *options],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1
    assert result.stderr.startswith("\nerror: There is no params.yaml in ")
    assert "Traceback" not in result.stderr


def test_project_root_is_the_repository_of_an_experiment(monkeypatch):
    monkeypatch.delenv("DVC_ROOT", raising=False)
    assert project_root() == Path()
    monkeypatch.setenv("DVC_ROOT", "/somewhere/project")
    assert project_root() == Path("/somewhere/project")


def test_progress_yields_the_items_and_prints_lines_with_time_left(capsys, monkeypatch):
    monkeypatch.setattr(har.engine.progress, "LOG_INTERVAL_SECONDS", 0.0)
    items = list(progress(iter("abc"), total=3, description="reading"))
    assert items == ["a", "b", "c"]
    lines = [line for line in capsys.readouterr().err.splitlines() if line.strip()]
    line = re.compile(r"reading: \d/3 +videos, 00:00 gone, (\?|00:00) left")
    assert all(map(line.fullmatch, lines))
    assert lines[-1].startswith("reading: 3/3")


def test_progress_counts_what_was_done_before(capsys, monkeypatch):
    monkeypatch.setattr(har.engine.progress, "LOG_INTERVAL_SECONDS", 0.0)
    list(progress("ab", total=5, initial=3, description="train", unit="epochs"))
    said = capsys.readouterr().err
    assert re.search(r"train: 4/5 +epochs", said)
    assert not re.search(r"train: [012]/5", said)


def test_progress_is_sparing_in_a_log(capsys):
    list(progress(range(10_000), total=10_000, description="reading"))
    assert capsys.readouterr().err.count("\n") <= 2
