"""DVC killed, and run twice at once."""

import contextlib
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

from places import ROOT
from tiny_project import environment

from har.integrity.records import find_torn_records

NUM_KILLS, NUM_STAGES, LONGEST_SECONDS = 50, 12, 5.0


def write_pipeline(folder: Path) -> None:
    """Write a pipeline of quick stages, in which DVC's own work takes most of the time."""
    stages = ["stages:"]
    for number in range(NUM_STAGES):
        before, after = f"data/s{number - 1}", f"data/s{number}"
        stages += [
            f"  s{number}:",
            f"    cmd: mkdir -p {after} && sort {before}/a.txt > {after}/a.txt",
            f"    deps: [{before}]",
            f"    outs: [{after}]",
        ]
    (folder / "dvc.yaml").write_text("\n".join(stages) + "\n")


def run(folder: Path, *command: str) -> str:
    variables = environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_fifty_kills_of_dvc_are_put_right(tmp_path, capsys):
    folder, rng, num_torn = tmp_path / "quick", random.Random(0), 0
    source = folder / "data/s-1/a.txt"
    source.parent.mkdir(parents=True)
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    write_pipeline(folder)
    for kill in range(NUM_KILLS):
        # Another input each time, so that all stages have to run.
        source.write_text("".join(f"{rng.random()}\n" for _ in range(20)))
        process = subprocess.Popen(
            ["dvc", "repro"], cwd=folder, env=environment(), start_new_session=True,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        time.sleep(rng.uniform(1, LONGEST_SECONDS))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        with contextlib.chdir(folder):
            num_torn += len(list(find_torn_records()))
            run(folder, "python", "-m", "har.integrity.repair")
            assert not list(find_torn_records()), kill
    run(folder, "dvc", "repro")
    wanted = sorted(source.read_text().splitlines())
    assert (folder / f"data/s{NUM_STAGES - 1}/a.txt").read_text().splitlines() == wanted
    assert "up to date" in run(folder, "dvc", "status")
    with capsys.disabled():
        print(f"\n{NUM_KILLS} kills of DVC, {num_torn} torn records")


def test_two_runs_at_once_make_one_result(project):
    expected = project.hashes()
    shutil.rmtree(project.folder / ".har/cache")  # so that each stage takes its time
    command = ["dvc", "repro", "--force", "--single-item", "extract"]
    started = [
        subprocess.Popen(
            command, cwd=project.folder, env=environment(),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    printed = [process.communicate(timeout=300)[0] for process in started]
    codes = [process.returncode for process in started]
    assert 0 in codes, printed
    for code, text in zip(codes, printed, strict=True):
        assert code == 0 or "it is being blocked by" in text or "Unable to acquire lock" in text
        assert "Traceback" not in text
    project.run("dvc", "repro")
    assert project.hashes() == expected
