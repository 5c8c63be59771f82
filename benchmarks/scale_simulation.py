"""What many videos take: time, memory, disk and money, by rates that are measured on a few.

    python -m benchmarks.scale_simulation
    python -m benchmarks.scale_simulation --measured 16 48 --checked 96 --core-hour 0.03

The stages run with the settings of params.yaml on videos of three seconds, 640x480, at the numbers
`--measured`. Through what each stage takes goes a line, `fixed + each * number`, for processor
seconds and for the bytes on the disk; the number `--checked`, which is larger, shows how well it
holds. Then

    hours = sum over the stages of (fixed + each * number) / cores it can use / 3600
    money = core hours * price of one + gigabytes * price of one for a month
    memory = the largest measured + ROW * number, and in train the features that it keeps mapped

Stages work video by video, so that what a few need says nothing about what a row of a table needs:
`ROW` is from `benchmarks.scale`, which runs 10,000. The prices are examples: put in your own. Takes
about ten minutes.
"""

import argparse
import ctypes
import os
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks.scale import run_command, stage_commands, write_settings, write_videos
from benchmarks.timing import GIGABYTE, ROOT, print_heading, print_table
from har.training.examples import MAX_OPENED

SETTINGS = {"dataset.videos": "data/videos", "dataset.subject_pattern": "^(p[0-9]+)_"}
# They work on one video at a time in each core; the others keep to these many, or one.
SPREAD, OF_OTHERS = ("convert", "extract", "pose", "features"), {"train": 2}
DVC = "dvc, to keep the outputs"
KEPT = ("converted_videos", "clips", "landmarks", "features")
SIMULATED = (1000, 10_000, 1_000_000)
# 10^9 bytes: convert and extract take 0.07 more for 10,000 videos than for 1,000 (docs/speed.md).
ROW = 8e-6
PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Taken:
    """What a stage took.

    Attributes:
        seconds: Of all processors together.
        gigabytes: Of its largest process, in 10^9 bytes.
        stored: That it left on the disk, in 10^9 bytes.
    """

    seconds: float
    gigabytes: float
    stored: float = 0.0


@dataclass(frozen=True)
class Prices:
    """What is paid.

    Attributes:
        core_hour: For a core, with its memory, for an hour.
        gigabyte_month: For 10^9 bytes of disk for a month.
    """

    core_hour: float
    gigabyte_month: float


def fit_line(numbers: Iterable[int], values: Iterable[float]) -> tuple[float, float]:
    """Return (fixed, each) of the line through what some numbers of videos took; never negative.

    Example:
        >>> fit_line([10, 30], [7.0, 17.0])
        (2.0, 0.5)
    """
    each, fixed = np.polyfit(list(numbers), list(values), 1)
    return max(0.0, round(float(fixed), 9)), max(0.0, round(float(each), 9))


def predict(measured: dict[int, dict[str, Taken]], number: int) -> dict[str, Taken]:
    """Return what each stage will take for a number of videos.

    Args:
        measured: What it took, by the number of videos and the stage.
        number: Of videos.
    """
    numbers = list(measured)
    stages = {}
    for stage in measured[numbers[0]]:
        values = {}
        for name in ("seconds", "stored"):
            taken = [getattr(measured[one][stage], name) for one in numbers]
            fixed, each = fit_line(numbers, taken)
            values[name] = fixed + each * number
        values["gigabytes"] = max(measured[one][stage].gigabytes for one in numbers) + ROW * number
        stages[stage] = Taken(**values)
    if "features" in stages:  # whose files `train` keeps mapped, up to so many
        mapped = stages["features"].stored / number * max(0, min(number, MAX_OPENED) - max(numbers))
        train = stages["train"]
        stages["train"] = replace(train, gigabytes=train.gigabytes + mapped)
    return stages


def hours_on(stages: dict[str, Taken], num_cores: int) -> float:
    """Return the hours on the clock on a number of cores.

    Args:
        stages: What each takes.
        num_cores: Of one machine or of several.
    """
    cores = {name: num_cores if name in SPREAD else OF_OTHERS.get(name, 1) for name in stages}
    cores = {name: min(number, num_cores) for name, number in cores.items()}
    return sum(taken.seconds / cores[name] for name, taken in stages.items()) / 3600


def cost_of(stages: dict[str, Taken], prices: Prices) -> float:
    """Return the money for making everything once and keeping it for a month."""
    core_hours = sum(taken.seconds for taken in stages.values()) / 3600
    stored = sum(taken.stored for taken in stages.values())
    return core_hours * prices.core_hour + stored * prices.gigabyte_month


def main() -> None:
    """Measure, check and print the simulation."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measured", type=int, nargs="+", default=[20, 60])
    parser.add_argument("--checked", type=int, default=120)
    parser.add_argument("--cores", type=int, nargs="+", default=[8, 200])
    parser.add_argument("--core-hour", type=float, default=0.04)
    parser.add_argument("--gigabyte-month", type=float, default=0.05)
    options = parser.parse_args()
    prices = Prices(options.core_hour, options.gigabyte_month)
    print_heading("Simulation of many videos", "tensorflow", "av", "dvc")
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)  # workers that outlive a stage count too
    measured = {number: measure(number) for number in options.measured}
    checked, expected = measure(options.checked), predict(measured, options.checked)
    print_table(
        ["stage", "s fixed", "s a video", "MB a video", "peak GB", "seconds checked / predicted"],
        [row_of(stage, measured, checked, expected) for stage in checked],
    )
    columns = ["videos", "core hours", *(f"hours on {cores} cores" for cores in options.cores)]
    rows = []
    for number in SIMULATED:
        stages = predict(measured | {options.checked: checked}, number)
        hours = [f"{hours_on(stages, cores):,.1f}" for cores in options.cores]
        core_hours = sum(taken.seconds for taken in stages.values()) / 3600
        memory = max(taken.gigabytes for taken in stages.values())
        stored = sum(taken.stored for taken in stages.values())
        told = [f"{number:,}", f"{core_hours:,.1f}", *hours, f"{memory:,.1f}", f"{stored:,.1f}"]
        rows.append([*told, f"{cost_of(stages, prices):,.2f}"])
    print_table([*columns, "peak GB", "GB on the disk", "money"], rows)


def row_of(
    stage: str,
    measured: dict[int, dict[str, Taken]],
    checked: dict[str, Taken],
    expected: dict[str, Taken],
) -> list[str]:
    """Return a row of the table of rates."""
    fixed, each = fit_line(measured, [one[stage].seconds for one in measured.values()])
    _, stored = fit_line(measured, [one[stage].stored for one in measured.values()])
    ratio = checked[stage].seconds / expected[stage].seconds
    memory = max(one[stage].gigabytes for one in [*measured.values(), checked])
    return [
        stage,
        f"{fixed:.1f}",
        f"{each:.3g}",
        f"{1000 * stored:.2f}",
        f"{memory:.2f}",
        f"{checked[stage].seconds:.1f} / {expected[stage].seconds:.1f} = {ratio:.2f}",
    ]


def measure(number: int) -> dict[str, Taken]:
    """Return what each stage, and DVC's keeping of what they made, takes for so many videos."""
    taken = {}
    with tempfile.TemporaryDirectory(prefix="scale") as name:
        folder = Path(name)
        write_settings(folder, SETTINGS)
        write_videos(folder / "data/videos", range(number), width=640, height=480, num_frames=60)
        before = _stored(folder)
        for stage, command in stage_commands().items():
            taken[stage], before = _take(command, folder, before)
        for command in (["git", "init", "--quiet"], ["dvc", "init", "--quiet"]):
            run_command(command, folder)
        shutil.copy(ROOT / ".dvc/config", folder / ".dvc/config")  # hard links first
        before = _stored(folder)
        outputs = [f"data/{output}" for output in KEPT]
        taken[DVC], _ = _take(["dvc", "add", "--quiet", *outputs], folder, before)
    print(f"measured {number} videos", file=sys.stderr)
    return taken


def _take(command: list[str], folder: Path, before: float) -> tuple[Taken, float]:
    """Run a command; return what it took, and what lies on the disk then, in 10^9 bytes."""
    used = _processor_seconds()
    _, gigabytes = run_command(command, folder)
    while True:  # workers and their server, which this process has inherited
        try:
            os.wait()
        except ChildProcessError:
            break
    after = _stored(folder)
    return Taken(_processor_seconds() - used, gigabytes, max(0.0, after - before)), after


def _processor_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _stored(folder: Path) -> float:
    """Return the bytes of a folder's files on the disk, each hard link once, in 10^9."""
    stats = [path.stat() for path in folder.rglob("*") if path.is_file()]
    return sum({stat.st_ino: 512 * stat.st_blocks for stat in stats}.values()) / GIGABYTE


if __name__ == "__main__":
    main()
