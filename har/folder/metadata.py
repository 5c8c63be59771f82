"""`metadata.csv`: what people say of their videos, as text editors and spreadsheets write it.

Read is what has one meaning: UTF-8, UTF-16 and the Latin letters of Windows; commas, semicolons,
tabs and bars; headings in any case and by other usual names; empty rows and cells, `sep=;`. All
else is one error with the line.
"""

import codecs
import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from har.engine.files import write_bytes
from har.folder.layout import split_of
from har.names.escaping import as_cell, as_text
from har.names.spelling import clean_name

METADATA_NAME = "metadata.csv"
METADATA_COLUMNS = ("path", "subject", "split", "fold")
# Other headings of a column, without case, with one underscore for what is between words.
HEADINGS = {
    "path": (
        *("file", "file_name", "filename", "file_path", "filepath", "video", "video_file"),
        *("video_name", "video_path", "media_file", "media_file_name"),
    ),
    "subject": (
        *("subject_id", "subject_name", "person", "person_id", "person_name", "participant"),
        *("participant_id", "actor", "actor_id", "performer"),
    ),
    "split": ("set", "subset", "partition"),
    "fold": (),
    "label": (
        *("label_name", "class", "class_name", "action", "activity", "behavior", "behaviour"),
        *("annotation", "category"),
    ),
    "start": (
        *("start_time", "start_seconds", "start_sec", "start_s", "start_ms", "start_timestamp"),
        *("begin", "begin_time", "time_start", "t_start", "from", "onset", "segment_start"),
        "temporal_segment_start",
    ),
    "end": (
        *("end_time", "end_seconds", "end_sec", "end_s", "end_ms", "end_timestamp"),
        *("stop", "stop_time", "time_end", "t_end", "to", "stop_timestamp", "segment_end"),
        "temporal_segment_end",
    ),
}
SOURCES = ("origin", "licence")  # columns of `python -m har import`, for people to read
DELIMITERS = (",", ";", "\t", "|")
DELIMITER_NAMES = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
WINDOWS = "cp1252"
EXPECTED = "Expected a table with a heading, as `path,subject`, and a row a video"


@dataclass(frozen=True)
class Metadata:
    """What the table holds.

    Attributes:
        rows: The cells of each row that has any, by column; columns of other names by those.
        lines: The line of each row in the file, from 1.
        columns: The place in a row of those of `HEADINGS` that it has.
        heading: What stands above each column.
        delimiter: What is between two cells.
        notes: What a user should know of how it was read, a sentence each.
    """

    rows: list[dict[str, str]]
    lines: list[int]
    columns: dict[str, int]
    heading: list[str]
    delimiter: str
    notes: tuple[str, ...]


def find_metadata(folder: Path) -> Path | None:
    """Return the table of a folder, whatever the case of its name; None where there is none.

    Raises:
        ValueError: There are two, or it is a folder.
    """
    found = sorted(path for path in folder.iterdir() if path.name.casefold() == METADATA_NAME)
    if len(found) > 1:
        raise ValueError(
            f"{folder} has the tables {' and '.join(path.name for path in found)}. Keep one, "
            f"{METADATA_NAME}."
        )
    if found and found[0].is_dir():
        raise ValueError(
            f"{found[0]} is a folder; expected the table that says who is in the videos, or "
            "nothing of that name. Rename the folder."
        )
    return found[0] if found else None


def read_metadata(file: Path) -> Metadata:
    """Read the table.

    Raises:
        ValueError: It is no table, a heading is missing or there twice, or a row has more cells
            than the heading or no path.
    """
    text, encoding = _decode(file)
    first, *_ = text.splitlines() or [""]
    announced = re.fullmatch(r"\W*sep=(.)\W*", first.strip("\r\n"), re.IGNORECASE)
    delimiters = [announced[1]] if announced else DELIMITERS
    tables = [_parse(file, text, delimiter, skip=bool(announced)) for delimiter in delimiters]
    tables.sort(key=lambda table: -len(table.columns))  # stable: a comma first
    best = tables[0]
    if best.problem:
        raise ValueError(best.problem)
    notes = [f"{file} is not UTF-8 and was read as Windows-1252. Save it as UTF-8."]
    notes = notes if encoding == WINDOWS else []
    if best.unused:
        notes.append(
            f"{file} has columns that are not used: {', '.join(best.unused)}. Known are "
            f"{', '.join(HEADINGS)}."
        )
    for row in best.rows:
        if "split" in row:
            row["split"] = split_of(row["split"]) or row["split"]
    table = (best.rows, best.lines, best.columns, best.heading, best.delimiter)
    return Metadata(*table, tuple(notes))


def add_row(file: Path, row: dict[str, str]) -> None:
    """Add a row to a table, which is made where there is none; other columns stay empty.

    Args:
        file: The table.
        row: The cells of some of the columns, by the names of `HEADINGS`.

    Raises:
        ValueError: The table is wrong, or has no such column.
    """
    text, encoding, delimiter = f"{','.join(row)}\n", "utf-8", ","
    places, num_columns = {name: place for place, name in enumerate(row)}, len(row)
    if file.is_file():
        text, encoding = _decode(file)
        table = read_metadata(file)
        places, num_columns, delimiter = table.columns, len(table.heading), table.delimiter
        if missing := [name for name in row if name not in places]:
            raise ValueError(
                f"{file} has the columns {', '.join(table.heading)}; expected {' and '.join(row)}. "
                f"Add {', '.join(missing)}: that of {row['path']} is {row[missing[0]]!r}."
            )
    cells = [""] * num_columns
    for name, cell in row.items():
        cells[places[name]] = as_cell(cell)
    line = io.StringIO()
    csv.writer(line, delimiter=delimiter, lineterminator="\n").writerow(cells)
    # With a mark before it, which spreadsheets need, where it had one, or was no UTF-8.
    written = text if text.endswith("\n") else text + "\n"
    kept = "utf-8" if encoding == "utf-8" else "utf-8-sig"
    write_bytes((written + line.getvalue()).encode(kept), file)


def _decode(file: Path) -> tuple[str, str]:
    """Return the text of the file and its encoding."""
    content = file.read_bytes()
    encoding = next((name for mark, name in ENCODINGS.items() if content.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\0" in content[:2]:  # UTF-16 without its mark: a letter and a 0
        encoding = "utf-16-be" if content[0] == 0 else "utf-16-le"
    for name in (encoding, WINDOWS):
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text, name
    raise ValueError(f"{file} is not text. {EXPECTED}: save it as CSV in UTF-8.")


@dataclass(frozen=True)
class _Parsed:
    """A table as one delimiter gives it, with the attributes of `Metadata`, or why it is none."""

    delimiter: str
    heading: list[str]
    columns: dict[str, int]
    rows: list[dict[str, str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    problem: str = ""


def _parse(file: Path, text: str, delimiter: str, *, skip: bool) -> _Parsed:
    """Read the table by one delimiter; `skip` its first row, which names that."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    parsed = _Parsed(delimiter, [], {})
    try:
        cells = _filled(reader, skip)
        _, heading = next(cells, (0, []))
        parsed = _Parsed(delimiter, heading, _find_columns(file, heading))
        _read_rows(file, cells, parsed)
    except csv.Error as error:
        problem = (
            f"{file}, line {reader.line_num}, cannot be read ({error}). Expected cells as "
            'walking/clip1.mov or "walking, fast/clip1.mov": correct the double quotes.'
        )
        return replace(parsed, problem=problem)
    except ValueError as error:
        return replace(parsed, problem=str(error))
    return parsed


def _read_rows(file: Path, cells: Iterator[tuple[int, list[str]]], parsed: _Parsed) -> None:
    """Fill in the rows below the heading, and which of their columns have no use.

    Raises:
        ValueError: A row has no path, or more cells than the heading.
    """
    heading, unnamed = parsed.heading, False
    names = {place: column for column, place in parsed.columns.items()}
    parsed.unused.extend(
        name for i, name in enumerate(heading) if name and i not in names and name not in SOURCES
    )
    names |= {i: name for i, name in enumerate(heading) if name and i not in names}
    for line, row in cells:
        if len(row) > len(heading):
            said = DELIMITER_NAMES.get(parsed.delimiter, repr(parsed.delimiter))
            raise ValueError(
                f"{file}, line {line}, has {len(row)} cells, and the heading has {len(heading)} "
                f"({', '.join(heading)}): {parsed.delimiter.join(row)!r}. Put a cell that has "
                f"{said} in it in double quotes."
            )
        unnamed |= any(cell for i, cell in enumerate(row) if i not in names)
        parsed.rows.append({name: row[i] if i < len(row) else "" for i, name in names.items()})
        parsed.lines.append(line)
        if not parsed.rows[-1]["path"]:
            raise ValueError(
                f"{file}, line {line}, has no path; expected one, as walking/clip1.mov."
            )
    if unnamed:
        parsed.unused.append("one without a heading")


def _filled(reader: Iterator[list[str]], skip: bool) -> Iterator[tuple[int, list[str]]]:
    """Yield the line and the cells of each row that has any; empty ones at the end are no cells."""
    for number, row in enumerate(reader):
        cells = [clean_name(as_text(cell)) for cell in row]
        while cells and not cells[-1]:
            cells.pop()
        if cells and not (skip and number == 0):
            yield reader.line_num, cells


def _find_columns(file: Path, heading: list[str]) -> dict[str, int]:
    """Return the place of each column that the heading has.

    Raises:
        ValueError: There is no path, or two headings are of one column.
    """
    keys = [_heading_key(name) for name in heading]
    columns = {}
    for column, others in HEADINGS.items():
        # The column's own name wins: `path` beside `video` is the path.
        named = [i for i, key in enumerate(keys) if key == column]
        named = named or [i for i, key in enumerate(keys) if key in others]
        if len(named) > 1:
            twice = " and ".join(repr(heading[i]) for i in named)
            raise ValueError(
                f"{file} has two columns for the {column}, {twice}. Keep one, named `{column}`."
            )
        if named:
            columns[column] = named[0]
    if "path" not in columns:
        found = f"has the columns {', '.join(filter(None, heading))}" if heading else "is empty"
        raise ValueError(
            f"{file} {found}; expected at least `path`, and any of "
            f"{', '.join(f'`{name}`' for name in HEADINGS if name != 'path')}."
        )
    return columns


def _heading_key(name: str) -> str:
    """Return a heading without case and unit.

    Example:
        >>> _heading_key(" Start (s)"), _heading_key("File-Name")
        ('start', 'file_name')
        >>> _heading_key("Begin Time - ss.msec")
        'begin_time'
    """
    without_unit = re.sub(
        r"[(\[][^)\]]{0,20}[)\]]$| - [a-z.:]{0,20}$", "", clean_name(name).casefold()
    )
    return re.sub(r"[\s_-]+", "_", without_unit).strip("_")


class PathFinder:
    """Finds the files that a table names, however it writes the paths.

    Args:
        files: The paths of all files below the folder, with forward slashes.
    """

    def __init__(self, files: list[str]) -> None:
        self.files = files
        self._exact = set(files)
        self._by_key: dict[str, list[str]] = {}
        for file in files:
            cleaned = self._clean(file)
            for key in dict.fromkeys([cleaned, cleaned.casefold()]):
                self._by_key.setdefault(key, []).append(file)
            name = cleaned.rpartition("/")[2]
            self._by_key.setdefault(f"*/{name.casefold()}", []).append(file)

    def find(self, written: str) -> str | None:
        """Return the one file that a path means; None where there is none, or more than one.

        It may have backslashes, more folders in front, as an absolute path of another computer has,
        or another case; a file name alone means the one file of that name.
        """
        if written in self._exact:
            return written
        path = written if "\\" not in written else written.replace("\\", "/")
        parts = [part for part in self._clean(path).split("/") if part not in ("", ".")]
        for first in range(max(1, len(parts) - 1)):
            tail = "/".join(parts[first:])
            for key in (tail, tail.casefold()):
                if len(found := self._by_key.get(key, [])) == 1:
                    return found[0]
        found = self._by_key.get(f"*/{parts[0].casefold()}", []) if len(parts) == 1 else []
        return found[0] if len(found) == 1 else None

    @staticmethod
    def _clean(path: str) -> str:
        return "/".join(map(clean_name, path.split("/")))
