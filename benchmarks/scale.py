"""Time and memory of the stages at more and more videos, and of adding one video to many.

    python -m benchmarks.scale                        # 100, 1,000 and 10,000 small videos
    python -m benchmarks.scale --videos 100 1000

Every video is another one. The clips of the first table are small (8 frames of 32x32, one view), so
that it shows what grows with the number of videos; those of the second are as in params.yaml. Each
stage is a process of its own, as `dvc repro` runs it. Takes about half an hour, and 15 GB of disk.
"""

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from benchmarks.timing import GIGABYTE, ROOT, print_heading, print_table, wall_seconds
from har.settings import load_settings
from har.settings.loading import changed_settings
from har.video.converting import convert_step
from har.video.extracting import extract_step
from har.video.writing import write_video

NUM_LABELS, VIDEOS_PER_PERSON = 5, 5
MODEL = "mobilenet_lstm"
SMALL = {
    "model": MODEL,
    "dataset.videos": "data/videos",
    "dataset.subject_pattern": "^(p[0-9]+)_",
    "extract.num_frames": 8,
    "extract.size": 32,
    "downsample.method": "none",
    "augment.num_views": 1,
    "backbone.weights": "random",
    "evaluate.num_bootstrap": 200,
    f"models.{MODEL}.epochs": 1,
}
UNMEASURED = ("settings", "demo")  # they do nothing for a video of one's own


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--added-to", type=int, default=1000, help="videos there are before one")
    options = parser.parse_args()
    print_heading("Scale", "tensorflow", "av")
    measured = {number: _measure_stages(number) for number in options.videos}
    columns = [f"{number:,} videos: ms a video, peak GB" for number in options.videos]
    rows = [
        [stage, *(f"{m[stage][0]:.3g}, {m[stage][1]:.2f}" for m in measured.values())]
        for stage in stage_commands()
    ]
    print_table(["stage", *columns], rows)
    _measure_adding(options.added_to)


def stage_commands() -> dict[str, list[str]]:
    """Return the command of each stage that is measured, in order, as dvc.yaml has it."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {
        name: [sys.executable, *shlex.split(stage["cmd"])[1:]]
        for name, stage in stages.items()
        if name not in UNMEASURED
    }


def _measure_stages(num_videos: int) -> dict[str, tuple[float, float]]:
    """Return each stage's milliseconds a video and its largest process in 10^9 bytes."""
    measured = {}
    with tempfile.TemporaryDirectory(prefix="scale") as name:
        folder = Path(name)
        write_settings(folder, SMALL)
        write_videos(folder / "data" / "videos", range(num_videos), width=64, height=48)
        for stage, command in stage_commands().items():
            seconds, gigabytes = run_command(command, folder)
            measured[stage] = 1000 * seconds / num_videos, gigabytes
    return measured


def _measure_adding(num_videos: int) -> None:
    """Print the seconds that one video more takes, and whether all is as in a run from nothing."""
    repro = ["dvc", "repro", "--quiet", "extract"]
    with tempfile.TemporaryDirectory(prefix="scale") as name:
        first, second = Path(name, "first"), Path(name, "second")
        for project, number in ((first, num_videos), (second, num_videos + 1)):
            _make_project(project, number)
            run_command(repro, project)
        write_videos(first / "data" / "videos", [num_videos], width=320, height=240)
        seconds = (
            run_command(["dvc", "add", "--quiet", "data/videos"], first)[0]
            + run_command(repro, first)[0]
        )
        start = wall_seconds()
        video = next((first / "data" / "videos").glob(f"*/{_name(num_videos)}.mp4"))
        convert_step(video, Path(name, "one.mp4"), max_side=640)
        extract_step(
            Path(name, "one.mp4"), Path(name, "one.npy"), num_frames=30, size=224, aspect="stretch"
        )
        own = wall_seconds() - start
        same = _outputs(first) == _outputs(second)
    columns = ("videos before", "s for one more", "of them its own work", "as from nothing")
    row = (f"{num_videos:,}", f"{seconds:.1f}", f"{own:.2f}", "yes" if same else "**no**")
    print_table(columns, [row])


def _make_project(folder: Path, num_videos: int) -> None:
    """Copy this project, with videos of a phone's length in it."""
    for part in ("har", "stages", "dvc.yaml", ".dvc/config", ".dvc/plots", ".gitignore"):
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy
        (folder / part).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / part, folder / part)
    write_settings(folder, {name: SMALL[name] for name in SMALL if name.startswith("dataset.")})
    write_videos(folder / "data" / "videos", range(num_videos), width=320, height=240)
    run_command(["git", "init", "--quiet"], folder)
    run_command(["dvc", "add", "--quiet", "data/videos"], folder)


def write_settings(folder: Path, changes: dict[str, Any]) -> None:
    """Write the settings of this project, with some changes, into another folder."""
    settings = changed_settings(load_settings(ROOT / "params.yaml"), changes)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "requirements.txt", folder)  # logged with the model
    (folder / "params.yaml").write_text(yaml.safe_dump(settings.as_params()), encoding="utf-8")


def _name(number: int) -> str:
    return f"p{number // VIDEOS_PER_PERSON}_{number}"


def write_videos(
    folder: Path, numbers: Iterable[int], *, width: int, height: int, num_frames: int = 40
) -> None:
    """Write videos of a drifting picture, 20 frames a second, each number another one."""
    for number in numbers:
        rng = np.random.default_rng(number)
        scene = np.repeat(np.repeat(rng.integers(0, 256, (9, 16, 3)), 16, 0), 16, 1)
        scene = np.tile(scene.astype(np.uint8), (4, 4, 1))[:height]
        frames = (scene[:, step : step + width] for step in range(num_frames))
        path = folder / f"label{number % NUM_LABELS}" / f"{_name(number)}.mp4"
        write_video(path, frames, fps=20, preset="ultrafast")


def run_command(command: list[str], folder: Path) -> tuple[float, float]:
    """Run a command in a project; return its seconds and, in 10^9 bytes, its memory."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": path, "DVC_ROOT": str(folder)}
    start = wall_seconds()
    process = subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} failed in {folder}; see its message above.")
    return wall_seconds() - start, usage.ru_maxrss * 1024 / GIGABYTE


def _outputs(folder: Path) -> dict[str, str]:
    stages = yaml.safe_load((folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {out["path"]: out["md5"] for stage in stages.values() for out in stage["outs"]}


if __name__ == "__main__":
    main()
