"""The user's folder of videos: which there are, what they show, and who is in them.

Layout: one folder per label, and optionally a table `metadata.csv` at the top::

    videos/
        metadata.csv        path,subject[,split][,fold]
        walking/anna_1.mov
        walking/park/ben.mp4
        waving/anna_2.mov

`path` in the table is relative to the folder, with forward slashes.
"""

import re
from pathlib import Path

import pandas as pd

VIDEO_SUFFIXES = tuple(
    ".3gp .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split()  # noqa: SIM905
)
METADATA_NAME = "metadata.csv"
METADATA_COLUMNS = ("path", "subject", "split", "fold")
COLUMNS = ("video_id", "path", "label", "subject", "split", "fold", "problem")


def find_videos(folder: Path) -> pd.DataFrame:
    """List the videos of a folder, one row each, in an order that depends on the names only.

    Args:
        folder: The data set, laid out as this module's description says.

    Returns:
        A table of text columns: `video_id` (path below `folder` without its ending), `path`,
        `label` (the first folder's name), `subject`, `split` and `fold` (from `metadata.csv`, else
        empty) and `problem` (empty, or why the file cannot be used).

    Raises:
        ValueError: The folder or every video in it is missing, or `metadata.csv` is wrong.
    """
    if not folder.is_dir():
        raise ValueError(
            f"There is no folder {folder}. Put the videos there, in one folder per label, or set "
            "`dataset.videos` in params.yaml to the folder that has them."
        )
    files = sorted(path for path in folder.rglob("*") if _is_visible_file(path, folder))
    table = pd.DataFrame([_describe(path, folder) for path in files], columns=list(COLUMNS))
    if not (table["problem"] == "").any():
        raise ValueError(
            f"{folder} has no videos in label folders. Expected, for example, "
            f"{folder / 'walking' / 'clip1.mov'}; known endings: "
            f"{' '.join(VIDEO_SUFFIXES)}."
        )
    _mark_same_ids(table)
    return _join_metadata(table, folder)


def read_table(path: Path) -> pd.DataFrame:
    """Read a table of videos as text, so that a label `None` or a subject `007` stays what it is.

    Columns of numbers, where there are any, are numbers: `weight`, `num_views`.
    """
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    numbers = {"weight": float, "num_views": int}
    return table.astype({name: kind for name, kind in numbers.items() if name in table})


def subject_from_name(name: str, pattern: str) -> str:
    """Return the subject that a regular expression finds in a file name.

    Args:
        name: A file name, without folders.
        pattern: The value of `dataset.subject_pattern`. Its group `subject`, or else its first
            group, or else the whole match is the subject.

    Raises:
        ValueError: The pattern is not a regular expression, does not match the name, or finds
            nothing in it.

    Example:
        >>> subject_from_name("daria_walk.avi", r"^([a-z]+)_")
        'daria'
    """
    try:
        match = re.search(pattern, name)
    except re.error as error:
        raise ValueError(
            f"dataset.subject_pattern {pattern!r} is not a regular expression: {error}."
        ) from error
    if match is None:
        raise ValueError(
            f"dataset.subject_pattern {pattern!r} does not match the file name {name!r}. Change "
            f"the pattern, or name the subjects in {METADATA_NAME}."
        )
    named = "subject" in match.groupdict()
    subject = match["subject"] if named else match[1] if match.groups() else match[0]
    if not subject:
        raise ValueError(
            f"dataset.subject_pattern {pattern!r} finds an empty subject in {name!r}. Change the "
            "pattern so that its group has at least one character."
        )
    return subject


def _is_visible_file(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    is_metadata = path == folder / METADATA_NAME
    return path.is_file() and not hidden and not is_metadata


def _describe(path: Path, folder: Path) -> dict[str, str]:
    relative = path.relative_to(folder)
    in_label_folder = len(relative.parts) > 1
    problem = ""
    if not in_label_folder:
        problem = f"not in a label folder: move it into one, as {folder}/walking/"
    elif path.suffix.lower() not in VIDEO_SUFFIXES:
        problem = f"not a video by its ending {path.suffix!r}"
    return {
        "video_id": relative.with_suffix("").as_posix(),
        "path": path.as_posix(),
        "label": relative.parts[0] if in_label_folder else "",
        "subject": "",
        "split": "",
        "fold": "",
        "problem": problem,
    }


def _mark_same_ids(table: pd.DataFrame) -> None:
    """Mark the later ones of videos whose names differ only in their ending."""
    usable = table[table["problem"] == ""]
    for _, same in usable.groupby("video_id"):
        first = same["path"].iloc[0]
        for row in same.index[1:]:
            table.loc[row, "problem"] = f"same name as {first} but for the ending: rename one"


def _join_metadata(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    file = folder / METADATA_NAME
    if not file.is_file():
        return table
    metadata = _read_metadata(file)
    relative = table["path"].map(lambda path: Path(path).relative_to(folder).as_posix())
    unknown = sorted(set(metadata.index) - set(relative))
    if unknown:
        raise ValueError(
            f"{file} names {len(unknown)} videos that are not there, as {unknown[0]!r}. Expected "
            f"paths below {folder}, as 'walking/clip1.mov'. Correct the paths or drop the rows."
        )
    for column in metadata.columns:
        table[column] = relative.map(metadata[column]).fillna("").astype(str)
    return table


def _read_metadata(file: Path) -> pd.DataFrame:
    """Return the known columns of `metadata.csv` as text, by path."""
    try:
        metadata = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is not a table in UTF-8 with commas: {error}") from error
    metadata.columns = metadata.columns.str.strip()  # a heading written as "path, subject"
    if "path" not in metadata.columns:
        raise ValueError(
            f"{file} has the columns {', '.join(metadata.columns)}; expected at least `path`, and "
            "any of `subject`, `split`, `fold`."
        )
    metadata = metadata[[column for column in METADATA_COLUMNS if column in metadata.columns]]
    metadata = metadata.apply(lambda column: column.str.strip())
    repeated = metadata["path"][metadata["path"].duplicated()]
    if not repeated.empty:
        raise ValueError(f"{file} has more than one row for {repeated.iloc[0]!r}. Keep one.")
    return metadata.set_index("path")
