"""Workers that run out of memory or are killed: one video is lost and named, not the others."""

import csv
import os
import signal
import subprocess
import sys
import time

import numpy as np
import psutil
from tiny_project import environment

from har.video.writing import write_video

CONVERT = ["-m", "stages.convert", "--out", "data/converted_videos"]


def failures_of(project) -> dict[str, str]:
    """Return why videos failed, by their paths."""
    with (project.folder / "data/converted_videos/report.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return {row["source"]: row["reason"] for row in rows if row["status"] == "failed"}


def test_a_video_too_large_for_the_memory_is_named(project):
    path = project.folder / "data/videos/still/p0_huge.mp4"
    frame = np.random.default_rng(0).integers(0, 256, (4320, 7680, 3), np.uint8)
    write_video(path, [frame] * 20, fps=20, preset="ultrafast")
    project.set_params({"convert": {"memory_gigabytes": 0.5}})
    project.set_params({"dataset": {"max_failed_fraction": 1.0}})
    project.run("python", *CONVERT)
    failed = failures_of(project)
    assert list(failed) == ["data/videos/still/p0_huge.mp4"]
    assert "needed more than 0.5 GB of memory" in failed["data/videos/still/p0_huge.mp4"]
    path.unlink()


def test_a_killed_worker_costs_its_video(project):
    for number in range(6):
        frames = np.random.default_rng(number).integers(0, 256, (40, 720, 1280, 3), np.uint8)
        path = project.folder / f"data/videos/still/p{number}_9.avi"
        write_video(path, frames, fps=20, codec="mpeg4")
    project.set_params({"workers": 2})
    process = subprocess.Popen([sys.executable, *CONVERT], cwd=project.folder, env=environment())
    assert kill_a_worker(process)
    assert process.wait(120) == 0
    (reason,) = failures_of(project).values()
    assert "crashed the process that worked on it (SIGKILL)" in reason
    project.run("python", *CONVERT)
    assert failures_of(project) == {}


def kill_a_worker(process: subprocess.Popen) -> bool:
    """Kill a worker that is at work; return whether one was."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        for child in psutil.Process(process.pid).children(recursive=True):
            if child.cpu_times().user > 0.5 and not child.children():
                os.kill(child.pid, signal.SIGKILL)
                return True
        time.sleep(0.05)
    return False
