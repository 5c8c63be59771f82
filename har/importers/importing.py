"""Public data sets, from their own layout to a folder of videos as `har.dataset.videos` reads it.

The importer of a data set has the facts about it and makes a plan; here it is carried out::

    DEST/
        metadata.csv        path,subject,split,fold,origin,licence
        <label>/<video>
        .import.json        which data set and split this is

Videos go by hard link where that is possible, else as copies; parts are cut out frame by frame.
Nothing outside DEST is written. `metadata.csv` comes first, so that a folder half made is refused
by the pipeline, and what is there already is not made again.
"""

import csv
import json
import re
import shutil
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from har.engine.cache import place
from har.engine.errors import VideoError
from har.engine.files import whole, write_json
from har.engine.progress import progress
from har.engine.workers import run_in_workers
from har.folder.metadata import METADATA_COLUMNS, METADATA_NAME
from har.importers import find_importer
from har.importers.plan import NAMES, Item, Plan, find_origins, name_some, visible_files
from har.names.escaping import as_cell
from har.video.cutting import cut_origin
from har.video.parts import Cut, Origin, unpack

TABLE_COLUMNS = (*METADATA_COLUMNS, "origin", "licence")
RECORD_NAME = ".import.json"
SCRATCH_NAME = ".import"
LEFTOVER = re.compile(r"\.[0-9a-f]{8}\..+")  # of a run that was killed


@dataclass(frozen=True)
class ImportSummary:
    """What an import did.

    Attributes:
        num_videos: Videos that are in the destination now.
        num_linked: Of them, made by hard link in this run.
        num_copied: Of them, made by copying or out of a .zip in this run.
        num_cut: Of them, made by cutting in this run.
        num_reused: Those there before this run.
        num_skipped: Videos that the data set names, or that lie there, and that are not imported.
        problems: What a user should know, each a sentence or two.
        licence: Under which terms the data set is.
    """

    num_videos: int
    num_linked: int
    num_copied: int
    num_cut: int
    num_reused: int
    num_skipped: int
    problems: tuple[str, ...]
    licence: str


def import_dataset(
    name: str,
    source: Path,
    destination: Path,
    *,
    split: int | None = None,
    workers: int = 0,
    timeout_seconds: float = 600.0,
    memory_gigabytes: float = 3.0,
) -> ImportSummary:
    """Turn a downloaded data set into videos by label with a `metadata.csv`.

    Another run, after an interrupt or with more of the videos, makes only what is missing.

    Args:
        name: One of `har.importers.importer_names()`.
        source: The folder that the data set was downloaded to.
        destination: The folder to make; empty, or from an earlier import of the same data set.
        split: Of data sets with several official splits which one; None for the first.
        workers: Processes that cut; 0 is one per core.
        timeout_seconds: Time to cut one downloaded video.
        memory_gigabytes: Memory to cut one downloaded video, in 10^9 bytes.

    Raises:
        ValueError: An argument or a list of the data set is wrong, or there are no videos.
    """
    importer = find_importer(name)
    split = _check_split(name, importer, split)
    _check_folders(source, destination)
    record = {"dataset": name, "split": split, "licence": importer.LICENCE}
    _check_record(destination, record)
    plan = _make_plan(name, importer, source, split)
    _begin(destination, record)
    write_metadata(destination, plan.items, source=source, licence=importer.LICENCE)
    limits = {
        "num_workers": workers,
        "timeout_seconds": timeout_seconds,
        "memory_gigabytes": memory_gigabytes,
    }
    counts, failures = _carry_out(plan.items, destination, limits)
    made = [item for item in plan.items if (destination / item.path).is_file()]
    write_metadata(destination, made, source=source, licence=importer.LICENCE)
    problems = [*plan.problems, *failures, *_strangers(destination, made)]
    return ImportSummary(
        num_videos=len(made),
        **counts,
        num_skipped=plan.num_skipped + len(plan.items) - len(made),
        problems=tuple(problems),
        licence=importer.LICENCE,
    )


def write_metadata(destination: Path, items: Iterable[Item], *, source: Path, licence: str) -> None:
    """Write `metadata.csv` in one go: the table of before stays until the new one is whole."""
    with (
        whole(destination / METADATA_NAME) as partial,
        partial.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(TABLE_COLUMNS)
        for item in sorted(items, key=lambda item: item.path):
            origin = _describe_origin(item, source)
            cells = [item.path, item.subject, item.split, "", origin, licence]
            writer.writerow(map(as_cell, cells))


def _describe_origin(item: Item, source: Path) -> str:
    """Return where a video comes from, as 'boxing.zip:person01_boxing_d1.avi frames 1 to 95'."""
    origin = item.origin
    text = origin.file.relative_to(source).as_posix()
    if origin.member:
        text += f":{origin.member}"
    return f"{text} {item.span}" if item.span else text


def _check_split(name: str, importer: ModuleType, split: int | None) -> int:
    num_splits = _num_splits(importer)
    if split is None:
        return 1
    if num_splits == 1 and split != 1:
        raise ValueError(
            f"split is {split}, but {name} has no splits to choose from. Leave the option away."
        )
    if not 1 <= split <= num_splits:
        raise ValueError(f"split is {split}; expected 1 to {num_splits} for {name}.")
    return split


def _num_splits(importer: ModuleType) -> int:
    return getattr(importer, "NUM_SPLITS", 1)


def _check_folders(source: Path, destination: Path) -> None:
    if not source.is_dir():
        raise ValueError(
            f"There is no folder {source}. Name the folder that the data set was downloaded to."
        )
    if destination.exists() and not destination.is_dir():
        raise ValueError(f"{destination} is a file; expected a folder to make. Name another one.")
    inner, outer = destination.resolve(), source.resolve()
    if inner == outer or outer in inner.parents or inner in outer.parents:
        raise ValueError(
            f"{destination} and {source} are inside one another; expected two folders apart. Name "
            "another destination, as data/videos."
        )


def _check_record(destination: Path, record: dict) -> None:
    """Refuse a destination that has anything but an import of the same data set and split."""
    file = destination / RECORD_NAME
    if not destination.is_dir() or not any(destination.iterdir()):
        return
    if not file.is_file():
        raise ValueError(
            f"{destination} is not empty; expected a new folder, or one that an import has made. "
            "Name another destination, or empty it."
        )
    previous = json.loads(file.read_text(encoding="utf-8"))
    if (previous["dataset"], previous["split"]) != (record["dataset"], record["split"]):
        raise ValueError(
            f"{destination} has {previous['dataset']}, split {previous['split']}; expected "
            f"{record['dataset']}, split {record['split']}. Name another destination, or empty it."
        )


def _make_plan(name: str, importer: ModuleType, source: Path, split: int) -> Plan:
    """Return the plan of an importer.

    Raises:
        ValueError: There is no video to import.
    """
    has_splits = _num_splits(importer) > 1
    plan = importer.plan(source, split=split) if has_splits else importer.plan(source)
    if not plan.items:
        problems = "".join(f"\n  {problem}" for problem in plan.problems)
        raise ValueError(
            f"{source} has no video of {name}. Expected, in any folders, for example "
            f"{importer.LAYOUT}. Download and unpack it there.{problems}"
        )
    return plan


def _begin(destination: Path, record: dict) -> None:
    """Mark the folder as made by an import, and remove what a killed run has left."""
    write_json(record, destination / RECORD_NAME)
    shutil.rmtree(destination / SCRATCH_NAME, ignore_errors=True)
    for file in destination.glob("*/.*"):
        if LEFTOVER.fullmatch(file.name):
            file.unlink()


def _carry_out(
    items: list[Item], destination: Path, limits: dict[str, float]
) -> tuple[dict[str, int], list[str]]:
    """Make what is not there; return the counts of `ImportSummary` and what went wrong."""
    waiting = [item for item in items if not _is_there(item, destination)]
    whole = [item for item in waiting if item.span is None]
    cut = [item for item in waiting if item.span is not None]
    try:
        num_linked, failures = _place_all(whole, destination)
        failures += _cut_all(cut, destination, limits)
    finally:
        shutil.rmtree(destination / SCRATCH_NAME, ignore_errors=True)
    num_placed = sum((destination / item.path).is_file() for item in whole)
    counts = {
        "num_linked": num_linked,
        "num_copied": num_placed - num_linked,
        "num_cut": sum((destination / item.path).is_file() for item in cut),
        "num_reused": len(items) - len(waiting),
    }
    return counts, failures


def _is_there(item: Item, destination: Path) -> bool:
    file = destination / item.path
    if not file.is_file():
        return False
    is_as_downloaded = item.span is None and not item.origin.member
    return not is_as_downloaded or file.stat().st_size == item.origin.file.stat().st_size


def _place_all(items: list[Item], destination: Path) -> tuple[int, list[str]]:
    """Link, copy or unpack whole videos; return how many are links, and what went wrong."""
    num_linked, failures = 0, []
    for item in progress(items, total=len(items), description="import: linking"):
        target, origin = destination / item.path, item.origin
        try:
            if origin.member:
                unpacked = destination / SCRATCH_NAME / target.name
                unpack(origin, unpacked)
                place(unpacked, target)
            else:
                file = origin.file.resolve()  # a link to a link would lead nowhere elsewhere
                place(file, target)
                num_linked += target.samefile(file)
        except VideoError as error:
            failures.append(str(error))
    return num_linked, failures


def _cut_all(items: list[Item], destination: Path, limits: dict[str, float]) -> list[str]:
    """Cut parts, each downloaded video in one go; return what went wrong."""
    cuts: dict[Origin, list[Cut]] = defaultdict(list)
    for item in items:
        cuts[item.origin].append(Cut(destination / item.path, item.span))
    scratch = destination / SCRATCH_NAME
    results = run_in_workers(
        cut_origin,
        ((origin, parts, scratch) for origin, parts in cuts.items()),
        total=len(cuts),
        description="import: cutting",
        section="convert",  # whose limits these are
        failures=(VideoError,),
        **limits,
    )
    failures = []
    for origin, result in zip(cuts, results, strict=True):
        if result.reason:
            is_named = str(origin) in result.reason
            failures.append(result.reason if is_named else f"{origin}: {result.reason}")
        else:
            failures += [problem for problem in result.value if problem]
    return failures


def _strangers(destination: Path, items: list[Item]) -> list[str]:
    """Say which videos of the destination are not of this import."""
    known = {item.path for item in items}
    files = (origin.file for origin in find_origins(visible_files(destination)))
    paths = [file.relative_to(destination).as_posix() for file in files]
    strangers = [path for path in paths if path not in known]
    if not strangers:
        return []
    return [
        name_some(
            strangers,
            f"videos in {destination} are not of this import: {NAMES}. Remove them, or import to "
            "another folder.",
        )
    ]
