"""The user's folder of videos: which there are, what they show, and who is in them.

Layout: one folder per label, and optionally a table `metadata.csv` at the top::

    videos/
        metadata.csv        path,subject[,split][,fold]
        walking/anna_1.mov
        walking/park/ben.mp4
        waving/anna_2.mov

`path` in the table is relative to the folder, with forward slashes. Labels and what the table names
are given in the spelling of `har.names.spelling`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from har.names.spelling import clean_name

if TYPE_CHECKING:  # naming new videos needs no tables, and pandas is slow to load
    import pandas as pd


VIDEO_SUFFIXES = tuple(
    ".3gp .avi .flv .gif .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .ogv .ts .webm .wmv".split()  # noqa: SIM905
)
METADATA_NAME = "metadata.csv"
METADATA_COLUMNS = ("path", "subject", "split", "fold")
COLUMNS = ("video_id", "path", "label", "subject", "split", "fold", "problem")
MAX_STEM_BYTES = 251  # 255, the most that file systems take, without the ending .mp4 or .npy
BROKEN_LINK = "a link that leads nowhere: remove it, since DVC refuses a folder with one"
NOT_UTF8 = "a name that is not UTF-8: rename it, since DVC refuses a folder with one"
REFUSED_BY_DVC = (BROKEN_LINK, NOT_UTF8)


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
    import pandas as pd

    if not folder.is_dir():
        raise ValueError(
            f"There is no folder {folder}. Put the videos there, in one folder per label, or set "
            "`dataset.videos` in params.yaml to the folder that has them."
        )
    files = [path for path in list_files(folder) if path != folder / METADATA_NAME]
    table = pd.DataFrame([_describe(path, folder) for path in files], columns=list(COLUMNS))
    if not (table["problem"] == "").any():
        raise ValueError(
            f"{folder} has no videos in label folders. Expected, for example, "
            f"{folder / 'walking' / 'clip1.mov'}; known endings: "
            f"{' '.join(VIDEO_SUFFIXES)}."
        )
    _mark_same_ids(table)
    return _join_metadata(table, folder)


def list_files(folder: Path, *, follow_links: bool = False) -> list[Path]:
    """List all that is below a folder and not hidden, but for the folders, sorted by name.

    Args:
        folder: Where to look.
        follow_links: Whether to look into linked folders too, each once. If not, as DVC, a linked
            folder is listed as if it were a file.

    Raises:
        ValueError: A folder may not be read.
    """
    found: list[Path] = []
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=follow_links, onerror=_refuse):
        real = os.path.realpath(parent)
        if real in seen:  # a link leads back up
            folders.clear()
            continue
        seen.add(real)
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(parent, name) for name in files if not name.startswith(".")]
        if not follow_links:
            paths += [path for name in folders if (path := Path(parent, name)).is_symlink()]
        found += paths
    return sorted(found)


def _refuse(error: OSError) -> None:
    raise ValueError(
        f"{error.filename} cannot be read ({error.strerror}). Allow it with `chmod u+rx`, or "
        "remove it."
    ) from error


def _describe(path: Path, folder: Path) -> dict[str, str]:
    relative = path.relative_to(folder)
    in_label_folder = len(relative.parts) > 1
    is_labelled = in_label_folder or path.is_dir()
    return {
        "video_id": _as_text(relative.with_suffix("")),
        "path": _as_text(path),
        "label": clean_name(_as_text(relative.parts[0])) if is_labelled else "",
        "subject": "",
        "split": "",
        "fold": "",
        "problem": _find_problem(path, folder, in_label_folder),
    }


def _find_problem(path: Path, folder: Path, in_label_folder: bool) -> str:
    """Return why a file cannot be a video of the data set, or an empty text."""
    if _as_text(path) != path.as_posix():
        return NOT_UTF8
    if path.is_dir():
        return "a link to a folder, which DVC does not follow: put the folder itself here"
    if not path.exists():
        return BROKEN_LINK
    if not in_label_folder:
        return f"not in a label folder: move it into one, as {folder}/walking/"
    if path.suffix.lower() not in VIDEO_SUFFIXES:
        return f"not a video by its ending {path.suffix!r}"
    if not path.is_file():
        return "not a file but a pipe, a socket or a device: remove it"
    if len(path.stem.encode()) > MAX_STEM_BYTES:
        return f"a name too long: shorten it to {MAX_STEM_BYTES} bytes and its ending"
    return ""


def _as_text(path: Path | str) -> str:
    """Return a path with forward slashes, and bytes that are no UTF-8 by their numbers."""
    return os.fsencode(Path(path).as_posix()).decode(errors="backslashreplace")


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
    relative = table["path"].map(lambda path: clean_name(Path(path).relative_to(folder).as_posix()))
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
    import pandas as pd

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
    metadata = metadata.fillna("").map(clean_name)
    repeated = metadata["path"][metadata["path"].duplicated()]
    if not repeated.empty:
        raise ValueError(f"{file} has more than one row for {repeated.iloc[0]!r}. Keep one.")
    return metadata.set_index("path")
