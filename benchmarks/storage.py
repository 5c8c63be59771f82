"""The packed format of clips against the other ways to keep them: size, write, read and DVC.

    python -m benchmarks.storage

makes 100 clips of 30 frames of 224x224 and keeps them in each way, in turns. It takes about 6
minutes and 2 GB of disk.
"""

import functools
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.samples import moving_frames
from benchmarks.storage_formats import FORMATS, JPEG_FILES, OURS
from benchmarks.timing import (
    Times,
    argument_parser,
    cpu_seconds,
    milliseconds,
    print_heading,
    print_table,
    ratios,
    spread,
    take_turns,
    timed,
)
from har.clips.clip import even_indices

NUM_FRAMES, SIDE = 30, 224
NUM_WANTED = 16  # frames that a model takes of a clip
DVC_STEPS = ("add", "status", "checkout")


def main() -> None:
    """Print the tables."""
    parser = argument_parser(__doc__, repeats=3)
    parser.add_argument("--num-clips", type=int, default=100)
    options = parser.parse_args()
    num_clips = 5 if options.quick else options.num_clips
    print_heading(f"Keeping {num_clips} clips", "numpy", "opencv-python", "av", "dvc")
    clips = make_clips(num_clips)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        measured = time_formats(folder, clips, options.repeats)
        print_formats(folder, clips, measured)
        names = [OURS, JPEG_FILES] if options.quick else list(FORMATS)
        dvc = time_dvc(folder, names, num_clips, options.repeats)
    print_dvc(dvc, num_clips)


def make_clips(num_clips: int) -> list[np.ndarray]:
    """Return different clips, uint8 RGB of shape (30, 224, 224, 3); drawing is slow, so few are."""
    drawn = [np.stack(list(moving_frames(NUM_FRAMES, SIDE, SIDE, seed=seed))) for seed in range(5)]
    return [np.roll(drawn[index % 5], index // 5, axis=2) for index in range(num_clips)]


def paths_of(folder: Path, name: str, num_clips: int) -> list[Path]:
    """Return where the clips of a format are; makes the folder."""
    below = folder / str(list(FORMATS).index(name))
    below.mkdir(exist_ok=True)
    return [below / f"{index:05}{FORMATS[name].ending}" for index in range(num_clips)]


def time_formats(folder: Path, clips: list[np.ndarray], repeats: int) -> dict[str, Times]:
    """Write all clips in each format in turns, and read of each the frames that a model takes."""
    wanted = even_indices(NUM_FRAMES, NUM_WANTED)

    def write_all(name: str) -> None:
        for path, clip in zip(paths_of(folder, name, len(clips)), clips, strict=True):
            FORMATS[name].write(path, clip)

    def read_all(name: str) -> None:
        for path in paths_of(folder, name, len(clips)):
            np.array(FORMATS[name].read(path)[wanted])

    return {
        action: take_turns(
            {name: timed(functools.partial(function, name), cpu_seconds) for name in FORMATS},
            repeats=repeats,
        )
        for action, function in {"write": write_all, "read": read_all}.items()
    }


def time_dvc(folder: Path, names: list[str], num_clips: int, repeats: int) -> dict[str, Times]:
    """Let DVC add the clips of each format, look for changes, and bring them back, in turns."""
    times: dict[str, Times] = {step: {name: [] for name in names} for step in DVC_STEPS}
    for _, name in itertools.product(range(repeats), names):
        repository = folder / "repository"
        data = repository / "clips"
        repository.mkdir()
        shutil.copytree(paths_of(folder, name, num_clips)[0].parent, data)
        run_dvc(repository, "init", "--no-scm")
        times["add"][name].append(timed(lambda: run_dvc(repository, "add", "clips"))())  # noqa: B023
        times["status"][name].append(timed(lambda: run_dvc(repository, "status"))())  # noqa: B023
        shutil.rmtree(data)
        times["checkout"][name].append(timed(lambda: run_dvc(repository, "checkout"))())  # noqa: B023
        shutil.rmtree(repository)
    return times


def run_dvc(repository: Path, *arguments: str) -> None:
    """Run a DVC command, without a word to anyone."""
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-m", "dvc", *arguments, "--quiet"]
    subprocess.run(command, cwd=repository, env=environment, check=True)


def num_bytes(path: Path) -> int:
    """Return the size of a file, or of all in a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files)


def print_formats(folder: Path, clips: list[np.ndarray], measured: dict[str, Times]) -> None:
    """Print sizes, losses and times."""
    print("Milliseconds of processor time:\n")
    rows = []
    for name, kept in FORMATS.items():
        paths = paths_of(folder, name, len(clips))
        megabytes = sum(map(num_bytes, paths)) / len(clips) / 1e6
        error = np.abs(np.subtract(kept.read(paths[0]), clips[0], dtype=int)).mean()
        times = [
            cell
            for action in ("write", "read")
            for cell in (
                milliseconds([seconds / len(clips) for seconds in measured[action][name]]),
                spread(ratios(measured[action], name, OURS), digits=1),
            )
        ]
        rows.append([name, f"{megabytes:.2f}", f"{error:.1f}" if error else "none", *times])
    columns = ["format", "MB a clip", "mean error, grey levels", "write, ms a clip", "times .npy"]
    columns += [f"read {NUM_WANTED} of {NUM_FRAMES} frames, ms a clip", "times .npy"]
    print_table(columns, rows)


def print_dvc(times: dict[str, Times], num_clips: int) -> None:
    """Print DVC's seconds."""
    print(f"`dvc` on all {num_clips} clips, seconds, its own start included:\n")
    rows = [[name, *(spread(times[step][name]) for step in DVC_STEPS)] for name in times["add"]]
    print_table(["format", *(f"dvc {step}" for step in DVC_STEPS)], rows)


if __name__ == "__main__":
    main()
