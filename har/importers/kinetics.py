"""Kinetics-400, -600 and -700: about ten seconds each of some 240,000 to 650,000 YouTube videos.

Facts:
    - Lists: `train.csv`, `validate.csv` or `val.csv`, `test.csv` with the columns
      `label,youtube_id,time_start,time_end,split`, and more in some copies; seconds from the start
      of the YouTube video. Some test lists have no label: those are not imported. Any .csv with
      such columns is read.
    - Videos, in any folders: clips `<youtube_id>_<start>_<end>.mp4`, both times as six digits,
      `-3B32lodo2M_000059_000069.mp4`; or whole videos `<youtube_id>.mp4`, which are cut here. Other
      endings (.mkv, .webm) are fine. A folder whose name starts with `replacement` wins: it has
      whole copies of clips that are damaged.
    - A part of the videos is always missing, since YouTube has them no more.
    - Labels have spaces, brackets and quotes ("massaging person's head") and are kept.
    - The subject is the YouTube video. Should one be in two splits, the official split is kept,
      each of its clips becomes a subject of its own, and the import says so. A clip with two
      labels is left out.
    - Do not train on one version and test on another: their splits overlap.

Reference:
    Kay et al.: The Kinetics Human Action Video Dataset. arXiv:1705.06950, 2017.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from har.importers.plan import (
    NAMES,
    Item,
    Plan,
    drop_repeated,
    find_origins,
    safe_part,
    separate_shared_subjects,
    visible_files,
)
from har.video.parts import Origin, Span

LICENCE = (
    "Kinetics (Kay et al. 2017): annotations Creative Commons Attribution 4.0 (CC BY 4.0); the "
    "videos belong to their YouTube uploaders"
)
LAYOUT = "train/-3B32lodo2M_000059_000069.mp4 or -3B32lodo2M.mp4, beside train.csv"

COLUMNS = ("label", "youtube_id", "time_start", "time_end", "split")
SPLITS = {"train": "train", "val": "val", "validate": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Row:
    """A row of a list: a clip with its label, its YouTube video, its seconds and its split."""

    label: str
    youtube_id: str
    start: float
    stop: float
    split: str

    @property
    def stem(self) -> str:
        """The clip's file name without its ending."""
        return f"{self.youtube_id}_{round(self.start):06}_{round(self.stop):06}"


def plan(source: Path) -> Plan:
    """Plan one video for each row of the lists.

    Raises:
        ValueError: There is no list, or one is not as expected.
    """
    result = Plan()
    files = visible_files(source)
    rows = _drop_contradicting(_read_lists(files, source, result), result)
    videos = _by_stem(find_origins(files), source)
    missing = []
    for row in rows:
        origin, span = videos.get(row.stem), None
        if origin is None:
            origin, span = videos.get(row.youtube_id), Span(row.start, row.stop, "seconds")
        if origin is None:
            missing.append(f"{row.stem}.mp4")
            continue
        ending = ".mp4" if span else Path(origin.name).suffix
        path = f"{row.label}/{row.stem}{ending}"
        result.items.append(Item(path, origin, row.youtube_id, row.split, span))
    result.skip(
        missing,
        f"videos are in the lists but not below {source}: {NAMES}. Expected such names, or whole "
        "videos as <youtube_id>.mp4.",
    )
    drop_repeated(result)
    separate_shared_subjects(result)
    return result


def _read_lists(files: list[Path], source: Path, result: Plan) -> list[Row]:
    rows, num_lists = [], 0
    for file in files:
        if file.suffix.lower() != ".csv":
            continue
        table = _read_table(file)
        absent = [column for column in COLUMNS if column not in table.columns]
        if "youtube_id" in absent:
            result.problems.append(
                f"{file} is not read: it has the columns {', '.join(table.columns)}; expected "
                f"{', '.join(COLUMNS)}."
            )
        elif absent == ["label"]:
            result.skip(list(table["youtube_id"]), f"videos of {file} have no label: {NAMES}.")
            num_lists += 1
        elif absent:
            raise ValueError(
                f"{file} has no column {', '.join(absent)}; expected {', '.join(COLUMNS)}. "
                "Download it again, or name its columns so."
            )
        else:
            rows += _read_rows(table, file, result)
            num_lists += 1
    if not num_lists:
        raise ValueError(
            f"{source} has no list of clips; expected a .csv with the columns "
            f"{', '.join(COLUMNS)}, as train.csv. Put it there."
        )
    return rows


def _read_table(file: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a table in UTF-8 with commas: {error}") from error
    table.columns = table.columns.str.strip()
    return table


def _read_rows(table: pd.DataFrame, file: Path, result: Plan) -> list[Row]:
    rows, wrong = [], []
    for number, cells in enumerate(table[list(COLUMNS)].itertuples(index=False), 2):
        where = f"{file}, line {number}"
        label, youtube_id, start, stop, split = (cell.strip() for cell in cells)
        if split not in SPLITS:
            raise ValueError(f"{where} has the split {split!r}; expected train, val or test.")
        label, youtube_id = safe_part(label, where), safe_part(youtube_id, where)
        try:
            row = Row(label, youtube_id, float(start), float(stop), SPLITS[split])
        except ValueError as error:
            raise ValueError(
                f"{where} has the times {start!r} and {stop!r}; expected seconds."
            ) from error
        if 0 <= row.start < row.stop < float("inf"):
            safe_part(f"{row.stem}.mp4", where)
            rows.append(row)
        else:
            wrong.append(f"{youtube_id} {start} to {stop}")
    result.skip(wrong, f"rows of {file} have times that are no stretch of a video: {NAMES}.")
    return rows


def _drop_contradicting(rows: list[Row], result: Plan) -> list[Row]:
    """Leave out the clips that have two labels."""
    labels = defaultdict(set)
    for row in rows:
        labels[row.stem].add(row.label)
    wrong = sorted(stem for stem, names in labels.items() if len(names) > 1)
    result.skip(wrong, f"clips have more than one label and are left out: {NAMES}.")
    return [row for row in rows if len(labels[row.stem]) == 1]


def _by_stem(origins: Iterable[Origin], source: Path) -> dict[str, Origin]:
    """Return the videos by file name without ending; those in a `replacement…` folder win."""
    found: dict[str, Origin] = {}
    for origin in origins:
        folders = origin.file.relative_to(source).parts[:-1]
        is_replacement = any(folder.startswith("replacement") for folder in folders)
        stem = Path(origin.name).stem
        if is_replacement or stem not in found:
            found[stem] = origin
    return found
