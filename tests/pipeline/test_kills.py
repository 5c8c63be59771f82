"""The pipeline killed while it runs: it goes on and ends with the same bits."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time

import psutil
import pytest
from tiny_project import STAGES, environment, make_project

pytestmark = pytest.mark.slow

SLOW = ("pose", "features", "train", "evaluate")  # take ten seconds; the others two


def test_killed_training_goes_on_and_ends_with_the_same_result(project):
    kept, expected = project.folder / ".har", project.hashes()
    shutil.rmtree(kept / "cache" / "train")  # what was trained before is reused
    process = subprocess.Popen(
        ["dvc", "repro", "--force", "--single-item", "train"],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while not list(kept.glob("checkpoints/*.npz")):
        assert process.poll() is None, "training ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    printed = project.run("dvc", "repro", "--force", "--single-item", "train")
    assert "goes on after epoch" in printed
    assert project.hashes() == expected
    assert not list(kept.glob("checkpoints/*"))


def test_second_clone_killed_again_and_again_ends_with_the_same_bits(project, tmp_path):
    expected = {"mobilenet_lstm": project.hashes()}
    project.set_params({"model": "cnn3d"})
    project.run("dvc", "repro")
    expected["cnn3d"] = project.hashes()
    other = make_project(tmp_path)
    other.set_params({"workers": 1})
    # With own videos `demo` ends at once, as `settings` does.
    stages = [stage for stage in STAGES if stage not in ("settings", "demo")]
    for stage in stages:
        kill_stage(other, stage)
    for model in ("mobilenet_lstm", "cnn3d"):
        other.set_params({"model": model})
        other.run("dvc", "repro")
        assert other.hashes() == expected[model]


def runs(process, module):
    """Return whether a process has a child that runs a module.

    DVC itself, killed while it writes dvc.lock, leaves it cut off: not what is tested here.
    """
    if process.poll() is not None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        children = psutil.Process(process.pid).children(recursive=True)
        return any(module in child.cmdline() for child in children if child.is_running())
    return False


def kill_stage(project, stage):
    """Let the pipeline go on to a stage, and kill it and its workers at a random moment."""
    longest = 6.0 if stage in SLOW else 2.0  # seconds
    command = ["dvc", "repro", stage]
    is_killed = False
    while not is_killed:
        log = project.folder / "killed.log"
        with log.open("w") as file:
            process = subprocess.Popen(
                command,
                cwd=project.folder,
                env=environment(),
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while f"Running stage '{stage}'" not in log.read_text():
            assert process.poll() is None, log.read_text()
            time.sleep(0.02)
        time.sleep(random.uniform(0, longest))
        if runs(process, f"stages.{stage}"):
            os.killpg(process.pid, signal.SIGKILL)
            is_killed = True
        else:
            longest /= 2  # it ended before its turn
        process.wait()
        # What was made once, DVC would now take from its cache.
        command = ["dvc", "repro", "--force", "--single-item", stage]
