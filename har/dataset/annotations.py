"""Rows of `metadata.csv` that give parts of long videos a label.

They are as annotation tools export them::

    path,start,end,label,subject
    saturday.mp4,12.5,17,walking,anna
    saturday.mp4,17,21.5,waving,anna

Each such row is a video of its own, as if it had been cut out into the folder of its label; the
long file's own folder then says nothing. Rows without `label` have that of the file's folder.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from har.dataset.adding import check_name
from har.folder.layout import split_of
from har.folder.metadata import METADATA_NAME, Metadata, PathFinder
from har.folder.times import as_seconds, seconds_of

OF_ROWS = ("subject", "split", "fold")  # columns that say more of a video
MAX_NAMED = 20  # rows that are wrong
SHARED_SECONDS = 1e-3  # two rows may share so much by rounding
Cells = dict[str, str]


@dataclass(frozen=True)
class Part:
    """A row that gives a part of a video.

    Attributes:
        line: Of the row in the table.
        path: Of the file, below the folder of the videos.
        label: What is done; empty for the label of the file's folder.
        start: Seconds from the first frame.
        end: Likewise; that instant is no longer part of it.
        cells: Of the row, by column.
    """

    line: int
    path: str
    label: str
    start: float
    end: float
    cells: Cells

    @property
    def where(self) -> str:
        """Which part of which file, in words."""
        return f"{as_seconds(self.start)} to {as_seconds(self.end)} s of {self.path!r}"


@dataclass(frozen=True)
class Named:
    """The files that the rows of the table name.

    Attributes:
        paths: Of each row, below the folder; None where there is no such file, or more than one.
        parts: The rows that give parts of files.
        labels: Of each file whose parts have labels of their own, one of them.
        problems: Why rows that give parts cannot be used.
    """

    paths: tuple[str | None, ...] = ()
    parts: tuple[Part, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def place_of(self, name: str) -> tuple[str, ...] | None:
        """Return the folders of a file that say how the data set is laid out, if any do.

        Args:
            name: Of the file, below the folder of the videos.
        """
        folders = tuple(name.split("/")[:-1])
        if name not in self.labels:
            return folders
        return (folders[0], self.labels[name]) if folders and split_of(folders[0]) else None


def is_part(row: Cells) -> bool:
    """Return whether a row of the table gives a part of a video, and not all of it."""
    return bool(row.get("start") or row.get("end"))


def find_named(metadata: Metadata | None, files: list[str], table: Path | None) -> Named:
    """Find the files of a table's rows among those there are.

    Args:
        metadata: What the table holds; None where there is none.
        files: The paths of all files below the folder.
        table: Its file, for messages.
    """
    if metadata is None:
        return Named()
    finder = PathFinder(files)
    paths = [finder.find(row["path"]) for row in metadata.rows]
    parts, problems = _read_parts(metadata, paths, table)
    labels = {part.path: part.label for part in parts if part.label}
    return Named(tuple(paths), tuple(parts), labels, tuple(problems))


def _read_parts(
    metadata: Metadata, paths: Sequence[str | None], table: Path
) -> tuple[list[Part], list[str]]:
    """Return the rows that give parts of videos, and what is wrong with others of that kind."""
    parts, problems = [], []
    whole: dict[str, int] = {}
    for row, line, path in zip(metadata.rows, metadata.lines, paths, strict=True):
        if path is None:
            continue
        if not is_part(row):
            whole.setdefault(path, line)
            continue
        try:
            parts.append(_read_part(metadata, row, line, path))
        except ValueError as error:
            problems.append(f"{table}, line {line}: {error}")
    for part in parts:
        if part.path in whole:
            problems.append(
                f"{table} gives all of {part.path!r} in line {whole.pop(part.path)} and a part of "
                f"it in line {part.line}. Drop the one, or give it start and end too."
            )
    problems += _overlaps(parts, table)
    if (more := len(problems) - MAX_NAMED) > 0:
        problems[MAX_NAMED:] = [f"{table} has {more} more such rows."]
    return parts, problems


def _read_part(metadata: Metadata, row: Cells, line: int, path: str) -> Part:
    """Return the part that a row gives.

    Raises:
        ValueError: A time is missing or none, the start is not before the end, or the label cannot
            be the name of a folder.
    """
    seconds = {}
    for name in ("start", "end"):
        written = row.get(name, "")
        heading = metadata.heading[metadata.columns[name]] if name in metadata.columns else ""
        value = seconds_of(written, heading=heading)
        if value is None:
            said = f"{written!r}, which is no time" if written else "empty"
            raise ValueError(
                f"{name} of {path!r} is {said}; expected seconds from the start of the video, as "
                "12.5, or 1:02.5. A row without start and end is of the whole video."
            )
        seconds[name] = value
    if seconds["start"] >= seconds["end"]:
        raise ValueError(
            f"start {row['start']} of {path!r} is not before end {row['end']}. Correct the times."
        )
    label = row.get("label", "")
    if label:
        label = check_name(label, what=f"the label of {path!r}")
    return Part(line, path, label, seconds["start"], seconds["end"], row)


def _overlaps(parts: Iterable[Part], table: Path) -> Iterable[str]:
    """Yield what is wrong with parts of one file that share frames."""
    by_file = defaultdict(list)
    for part in parts:
        by_file[part.path].append(part)
    for of_file in by_file.values():
        of_file.sort(key=lambda part: (part.start, part.end, part.line))
        for place, first in enumerate(of_file):
            for second in of_file[place + 1 :]:
                if first.end - second.start <= SHARED_SECONDS:
                    break
                lines = sorted((first.line, second.line))
                lines = f"{table}, lines {lines[0]} and {lines[1]}"
                if first.label != second.label:
                    yield (
                        f"{lines}, give two labels to the same frames: {first.label!r} to "
                        f"{first.where}, {second.label!r} to {second.where}. Correct the times."
                    )
                elif (first.start, first.end) == (second.start, second.end):
                    yield f"{lines}, give the same {first.where}. Keep one."


def describe_unused_labels(
    metadata: Metadata, paths: Iterable[str | None], label_of: Mapping[str, str], table: Path
) -> list[str]:
    """Return a note where the table gives whole videos other labels than their folders do.

    Args:
        metadata: What the table holds.
        paths: As of `Named`.
        label_of: The label of each file by its path below the folder.
        table: The file, for the message.
    """
    lines = [
        line
        for row, line, path in zip(metadata.rows, metadata.lines, paths, strict=True)
        if path and not is_part(row) and row.get("label", "") not in ("", label_of[path])
    ]
    if not lines:
        return []
    return [
        f"{table} gives {len(lines)} whole videos another label than their folder, as line "
        f"{lines[0]}: that of the folder is used. Move the videos, or give the rows start and end."
    ]


def expand(rows: Iterable[Cells], parts: Iterable[Part], folder: Path) -> list[Cells]:
    """Return the rows of the files with one for each part in place of the long file's own.

    Args:
        rows: As `har.dataset.videos.find_videos` returns them.
        parts: Of these files.
        folder: The data set.
    """
    by_file = defaultdict(list)
    for part in sorted(parts, key=lambda part: (part.start, part.end)):
        by_file[part.path].append(part)
    expanded = []
    for row in rows:
        relative = Path(row["path"]).relative_to(folder)
        of_file = by_file.get(relative.as_posix())
        expanded += [_row_of(part, row, relative) for part in of_file] if of_file else [row]
    return expanded


def _row_of(part: Part, row: Cells, relative: Path) -> Cells:
    start, end = as_seconds(part.start), as_seconds(part.end)
    name = relative.with_suffix("").as_posix()
    made = {
        **row,
        **{name: part.cells[name] for name in OF_ROWS if part.cells.get(name)},
        "video_id": f"{part.label}/{name}_{start}-{end}" if part.label else f"{name}_{start}-{end}",
        "label": part.label or row["label"],
        "start": start,
        "end": end,
    }
    if not made["label"]:
        made["problem"] = (
            f"no label for {start} to {end} s in line {part.line} of {METADATA_NAME}, and not in a "
            "label folder: give the row a label"
        )
    return made
