"""Naming new videos by a trained model: the start and each further video, against plain decoding.

    python -m benchmarks.prediction MODEL VIDEO

MODEL is a folder in models/, VIDEO a file as a phone makes it. `har predict` names one copy of it
and then nine, in turns with decoding every frame of it by one thread.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from benchmarks.timing import (
    ROOT,
    argument_parser,
    cpu_seconds,
    print_heading,
    print_table,
    spread,
    wall_seconds,
)
from har.video.reading import decode_frames, open_video

NUM_MORE = 8  # videos after the first
PR_SET_CHILD_SUBREAPER = 36

Spent = tuple[float, float]  # seconds of the processor, and by a clock on the wall


def main() -> None:
    """Print the table."""
    parser = argument_parser(__doc__, repeats=3)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("video", type=Path, metavar="VIDEO")
    options = parser.parse_args()
    print_heading(f"Naming copies of {options.video.name}", "av", "ai-edge-litert")
    adopt_orphans()
    spent: dict[str, list[Spent]] = {}
    with tempfile.TemporaryDirectory() as folder:
        copies = [Path(folder) / f"{place}{options.video.suffix}" for place in range(1 + NUM_MORE)]
        for copy in copies:
            shutil.copy(options.video, copy)
        for _ in range(options.repeats):
            plain = measure(decode, options.video)
            first = measure(predict, options.model, copies[:1])
            every = measure(predict, options.model, copies)
            more = tuple((all_ - one) / NUM_MORE for all_, one in zip(every, first, strict=True))
            turn = {"plain decode": plain, "start and one video": first, "each more video": more}
            for name, seconds in turn.items():
                spent.setdefault(name, []).append(seconds)
    print_table(
        ["what", "processor seconds", "relative to the plain decode", "seconds"],
        describe(spent, "plain decode"),
    )


def measure(function: Callable[..., None], *arguments: object) -> Spent:
    """Call a function and return what it and the processes that it ran took."""
    cpu, wall = cpu_seconds(), wall_seconds()
    function(*arguments)
    return cpu_seconds() - cpu, wall_seconds() - wall


def decode(video: Path) -> None:
    """Decode every frame of a video, by one thread."""
    with open_video(video) as (container, stream):
        for _ in decode_frames(container, stream):
            pass


def predict(model: Path, videos: Sequence[Path]) -> None:
    """Name videos as a user does, by the command line."""
    command = [sys.executable, "-m", "har", "predict", *map(str, videos), "--model", str(model)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    with contextlib.suppress(ChildProcessError):
        while True:  # the server that its workers were started by, with what they took
            os.wait()


def adopt_orphans() -> None:
    """Become the parent of what a child leaves behind, so that its time counts as this process's.

    Reference: prctl(2), PR_SET_CHILD_SUBREAPER.
    """
    if sys.platform != "linux" or ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise SystemExit("The time of the workers can be told on Linux only.")


def describe(spent: dict[str, list[Spent]], baseline: str) -> list[tuple[str, ...]]:
    """Return the rows of the table: medians, and ratios turn by turn.

    Args:
        spent: Of each turn, by what was done.
        baseline: One of its names.
    """
    rows = []
    for name, turns in spent.items():
        cpu, wall = ([turn[clock] for turn in turns] for clock in (0, 1))
        times = [one / other for one, (other, _) in zip(cpu, spent[baseline], strict=True)]
        rows.append((name, f"{median(cpu):.2f}", spread(times), f"{median(wall):.2f}"))
    return rows


if __name__ == "__main__":
    main()
