"""The user's folder of videos: which there are, what they show, and who is in them.

Layout: one folder per label, perhaps within folders of splits or with such in it
(`har.folder.layout`), and optionally a table `metadata.csv` at the top (`har.folder.metadata`)::

    videos/
        metadata.csv        path,subject[,split][,fold][,start,end,label]
        walking/anna_1.mov
        walking/park/ben.mp4
        waving/anna_2.mov

`path` in the table is relative to the folder, with forward slashes. Rows with `start` and `end` are
of parts of long videos, which may lie anywhere (`har.dataset.annotations`). Labels and what the
table names are given in the spelling of `har.names.spelling`.
"""

from __future__ import annotations

import difflib
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from har.dataset.annotations import OF_ROWS, describe_unused_labels, expand, find_named, is_part
from har.folder.layout import Layout, find_layout, split_of
from har.folder.listing import (
    VIDEO_SUFFIXES,
    find_others,
    is_hidden,
    is_video_name,
    list_files,
)
from har.folder.metadata import (
    METADATA_NAME,
    Metadata,
    find_metadata,
    read_metadata,
)
from har.names.escaping import has_controls, visible
from har.names.spelling import clean_name

if TYPE_CHECKING:  # naming new videos needs no tables, and pandas is slow to load
    import pandas as pd


COLUMNS = ("video_id", "path", "label", "subject", "split", "fold", "problem", "start", "end")
# Tables in a form that is not read.
TABLE_NAMES = tuple(
    f"metadata.{form}" for form in ("csv", "csv.txt", "json", "ods", "tsv", "txt", "xls", "xlsx")
)
MAX_NAMED = 5  # folders and endings in a sentence
MAX_COMPARED = 2000  # paths, with one of a table that is not there
MAX_STEM_BYTES = 251  # 255, the most that file systems take, without the ending .mp4 or .npy
NAME_TOO_LONG = f"a name too long: shorten it to {MAX_STEM_BYTES} bytes and its ending"
BROKEN_LINK = "a link that leads nowhere: remove it, since DVC refuses a folder with one"
NOT_UTF8 = "a name that is not UTF-8: rename it, since DVC refuses a folder with one"
CONTROLS = "a name with control characters: rename it"
NOT_THE_TABLE = "not read as the table"
REFUSED_BY_DVC = (BROKEN_LINK, NOT_UTF8)


@dataclass(frozen=True)
class Survey:
    """What lies in a folder of videos.

    Attributes:
        videos: One row a file, as `find_videos` returns it.
        problems: Why the folder cannot be used as it is, each with its fix.
        notes: What a user should know of how it was read, a sentence each.
    """

    videos: pd.DataFrame
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def find_videos(folder: Path) -> pd.DataFrame:
    """List the videos of a folder, one row each, in an order that depends on the names only.

    Args:
        folder: The data set, laid out as this module's description says.

    Returns:
        A table of text columns: `video_id` (path below `folder` without its ending), `path`,
        `label` (the name of the label folder), `subject`, `split` and `fold` (from `metadata.csv`
        or the folders of splits, else empty), `problem` (empty, or why the file cannot be used),
        and `start` and `end` in seconds (of a part of a file; else empty).

    Raises:
        ValueError: The folder or every video in it is missing, its layout cannot be told, or
            `metadata.csv` is wrong.
    """
    survey = survey_videos(folder)
    for note in survey.notes:
        print(f"note: {note}", file=sys.stderr)
    if survey.problems:
        raise ValueError("\n".join(survey.problems))
    return survey.videos


def survey_videos(folder: Path) -> Survey:
    """List the videos of a folder and what is wrong with it; see `find_videos`.

    Raises:
        ValueError: The folder or every video in it is missing, or a part of it cannot be read.
    """
    import pandas as pd

    if not folder.is_dir():
        raise ValueError(
            f"There is no folder {folder}. Put the videos there, in one folder per label, or set "
            "`dataset.videos` in params.yaml to the folder that has them."
        )
    problems, notes = [], []
    table = _none_if_wrong(find_metadata, folder, problems)
    files = [path for path in list_files(folder) if path != table]
    opened = find_others(files)
    metadata = table and _none_if_wrong(read_metadata, table, problems)
    names = {path: _as_text(path.relative_to(folder)) for path in files}
    named = find_named(metadata, list(names.values()), table)
    videos = [name for path, name in names.items() if path in opened or is_video_name(path)]
    layout = find_layout([place for name in videos if (place := named.place_of(name)) is not None])
    rows = [
        _describe(path, folder, layout, is_video=path in opened, is_long=name in named.labels)
        for path, name in names.items()
    ]
    if metadata:
        notes += metadata.notes
        problems += _join_metadata(rows, metadata, named.paths, folder, table)
        problems += named.problems
        label_of = {name: row["label"] for name, row in zip(names.values(), rows, strict=True)}
        notes += describe_unused_labels(metadata, named.paths, label_of, table)
        rows = expand(rows, named.parts, folder)
    if all(row["problem"] for row in rows):
        raise ValueError(
            "\n".join(
                [
                    *problems,
                    f"{folder} has no videos in label folders. Expected, for example, "
                    f"{folder / 'walking' / 'clip1.mov'}; known endings: "
                    f"{' '.join(VIDEO_SUFFIXES)}.",
                ]
            )
        )
    _mark_ids(rows)
    problems += filter(None, [layout.problem, _find_vanished(rows, folder, layout)])
    videos = pd.DataFrame(rows, columns=list(COLUMNS))
    return Survey(videos, tuple(problems), (*filter(None, [layout.note]), *notes))


def _none_if_wrong(read: Callable, path: Path, problems: list[str]) -> Any:
    """Return what a function reads; None where it raises, and why is among the problems then."""
    try:
        return read(path)
    except ValueError as error:
        problems.append(str(error))
        return None


def _describe(
    path: Path, folder: Path, layout: Layout, *, is_video: bool, is_long: bool
) -> dict[str, str]:
    """Return the row of a file; `is_long` if its parts have labels, whatever its folder."""
    relative = path.relative_to(folder)
    folders = relative.parts if path.is_dir() else relative.parts[:-1]
    is_labelled = len(folders) >= layout.depth
    has_split = layout.split is not None and len(folders) > layout.split
    split = split_of(folders[layout.split]) if has_split else None
    return {
        "video_id": _as_text(relative.with_suffix("")),
        "path": (folder / _as_text(relative)).as_posix(),
        "label": clean_name(_as_text(folders[layout.label])) if is_labelled else "",
        "subject": "",
        "split": split or "",
        "fold": "",
        "problem": _find_problem(path, folder, 0 if is_long else layout.depth, is_video=is_video),
        "start": "",
        "end": "",
    }


def _find_problem(path: Path, folder: Path, depth: int, *, is_video: bool) -> str:
    """Return why a file cannot be a video of the data set, or an empty text.

    Args:
        path: The file.
        folder: The data set.
        depth: How many folders it has to lie in.
        is_video: Whether the decoder opens it, whatever its ending.
    """
    relative = path.relative_to(folder)
    folders = relative.parts[:-1]
    if _decoded(relative) != relative.as_posix():
        return NOT_UTF8
    if has_controls(relative.as_posix()):
        return CONTROLS
    if path.is_dir():
        return "a link to a folder, which DVC does not follow: put the folder itself here"
    if not path.exists():
        return BROKEN_LINK
    if path.name.casefold() in TABLE_NAMES:
        return f"{NOT_THE_TABLE}, which is {folder / METADATA_NAME}: save it as that"
    if len(folders) < depth:
        above = folder / folders[0] if folders else folder
        return f"not in a label folder: move it into one, as {above}/walking/"
    if not is_video and not is_video_name(path):
        return f"not a video by its ending {path.suffix!r}"
    if not path.is_file():
        return "not a file but a pipe, a socket or a device: remove it"
    return NAME_TOO_LONG if len(path.stem.encode()) > MAX_STEM_BYTES else ""


def _find_vanished(rows: list[dict[str, str]], folder: Path, layout: Layout) -> str:
    """Return what is wrong with folders of which no video makes a label; else an empty text."""
    above = [folder]
    if layout.label:  # below the splits
        above = [path for path in _inner_folders(folder) if split_of(path.name)]
    inner = [path for parent in above for path in _inner_folders(parent)]
    there = {clean_name(_as_text(path.name)): path for path in inner}
    found = {row["label"] for row in rows if not row["problem"] or is_video_name(Path(row["path"]))}
    # Folders of long files alone are no labels.
    found |= {path.name for row in rows if row["start"] for path in Path(row["path"]).parents}
    vanished = [path for label, path in sorted(there.items()) if label not in found]
    if not vanished or layout.problem:
        return ""
    said = []
    for path in vanished[:MAX_NAMED]:
        endings = Counter(file.suffix.lower() or "no ending" for file in list_files(path))
        kinds = ", ".join(f"{count} {ending}" for ending, count in endings.most_common(MAX_NAMED))
        said.append(f"{_as_text(path)} ({kinds or 'empty'})")
    more = f" and {len(vanished) - MAX_NAMED} more" if len(vanished) > MAX_NAMED else ""
    return (
        f"Each folder is a label, and in {len(vanished)} there is no video: {', '.join(said)}{more}"
        ". Put videos in, or remove the folder, or hide it by a dot before its name."
    )


def _inner_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder that are not hidden, and no links, which have a problem."""
    there = (path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    return [path for path in there if not is_hidden(path.name)]


def _as_text(path: Path | str) -> str:
    """Return a path with forward slashes; what is no UTF-8, or acts on a terminal, by numbers."""
    text = _decoded(path)
    return visible(text, one_line=True) if has_controls(text) else text


def _decoded(path: Path | str) -> str:
    return os.fsencode(Path(path).as_posix()).decode(errors="backslashreplace")


def _mark_ids(rows: list[dict[str, str]]) -> None:
    """Mark parts with too long a name, and the later ones of names that differ in the ending."""
    first: dict[str, str] = {}
    for row in rows:
        if row["problem"]:
            continue
        if len(Path(row["video_id"]).name.encode()) > MAX_STEM_BYTES:
            row["problem"] = NAME_TOO_LONG
            continue
        path = first.setdefault(row["video_id"], row["path"])
        if path != row["path"]:
            row["problem"] = f"same name as {path} but for the ending: rename one"


def _join_metadata(
    rows: list[dict[str, str]],
    metadata: Metadata,
    named: Sequence[str | None],
    folder: Path,
    file: Path,
) -> list[str]:
    """Fill in what the table says of whole videos; return what is wrong with it."""
    by_path = {Path(row["path"]).relative_to(folder).as_posix(): row for row in rows}
    paths = list(by_path)
    lines, unknown, problems = {}, [], []
    for row, line, found in zip(metadata.rows, metadata.lines, named, strict=True):
        if found is None:
            unknown.append((row["path"], line))
            continue
        by_folder = by_path[found]["split"]
        if by_folder and row.get("split") and by_folder != row["split"]:
            problems.append(
                f"{file}, line {line}, gives the split {row['split']!r} to {found!r}, which is in "
                f"a folder of the split {by_folder}. Correct the one or the other."
            )
        if is_part(row):
            continue
        if found in lines:
            problems.append(
                f"{file} has more than one row for {found!r}: lines {lines[found]} and {line}. "
                "Keep one."
            )
        lines[found] = line
        by_path[found] |= {name: row[name] for name in OF_ROWS if row.get(name)}
    if unknown:
        path, line = unknown[0]
        near = difflib.get_close_matches(path, paths[:MAX_COMPARED], n=1)
        problems.append(
            f"{file} names {len(unknown)} videos that are not there, as {path!r} in line {line}"
            f"{f' (is it {near[0]!r}?)' if near else ''}. Expected paths below {folder}, as "
            "'walking/clip1.mov'. Correct the paths or drop the rows."
        )
    return problems
