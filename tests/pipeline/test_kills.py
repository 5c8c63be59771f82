"""The pipeline killed while it runs: it goes on and ends with the same bits."""

import contextlib
import os
import random
import signal
import subprocess
import time

import psutil
import pytest
from tiny_project import STAGES, Project, environment, make_project

pytestmark = pytest.mark.slow

SLOW = ("pose", "features", "evaluate")  # take ten seconds; the others two


def test_second_clone_killed_in_every_stage_goes_on_and_ends_with_the_same_bits(
    first_run, other_run, tmp_path
):
    expected = {
        "mobilenet_lstm": Project(first_run).hashes(),
        "cnn3d": Project(other_run / "project").hashes(),
    }
    other = make_project(tmp_path)
    other.set_params({"workers": 1})
    # With own videos `demo` ends at once, as `settings` does.
    for stage in (stage for stage in STAGES if stage not in ("settings", "demo")):
        kill_stage(other, stage)
        if stage == "train":
            assert "goes on after epoch" in other.run("dvc", "repro", "train")
            assert not list((other.folder / ".har" / "checkpoints").iterdir())
    for model in ("mobilenet_lstm", "cnn3d"):
        other.set_params({"model": model})
        other.run("dvc", "repro")
        assert other.hashes() == expected[model]


def checkpoints(project):
    return list((project.folder / ".har").glob("checkpoints/*.npz"))


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
    """Let the pipeline go on to a stage, and kill it and its workers.

    At a random moment; training once it has an epoch to go on from.
    """
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
        if stage == "train":
            while not checkpoints(project):
                assert process.poll() is None, "training ended before it could be killed"
                time.sleep(0.01)
        else:
            time.sleep(random.uniform(0, longest))
        if runs(process, f"stages.{stage}"):
            os.killpg(process.pid, signal.SIGKILL)
            is_killed = True
        else:
            longest /= 2  # it ended before its turn
        process.wait()
        # What was made once, DVC would now take from its cache.
        command = ["dvc", "repro", "--force", "--single-item", stage]
