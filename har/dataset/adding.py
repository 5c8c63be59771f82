"""New videos into the user's folder: a name that is free, and a row in metadata.csv."""

import os
import re
import unicodedata
from pathlib import Path

from har.folder.metadata import METADATA_NAME, add_row, find_metadata
from har.names.escaping import has_controls
from har.names.spelling import clean_name

MAX_NAME_BYTES = 200  # file systems take 255 with all that is added


def check_name(name: str, *, what: str) -> str:
    """Return a label or a subject that may be part of a path.

    Args:
        name: What the user gave.
        what: What it is, for the message.

    Raises:
        ValueError: It is empty or long, starts with a dot, or has a slash or a character that
            nobody can see.
    """
    name = clean_name(name)
    unseen = has_controls(name) or any(unicodedata.category(one) in ("Cc", "Cs") for one in name)
    if not name or unseen or name.startswith(".") or re.search(r"[/\\]", name):
        raise ValueError(
            f"{what} is {name!r}; expected a name without a slash, and without a dot in front, as "
            "waving or anna."
        )
    if len(name.encode()) > MAX_NAME_BYTES:
        raise ValueError(
            f"{what} has {len(name.encode())} bytes; expected a name of {MAX_NAME_BYTES} or fewer, "
            "as waving or anna."
        )
    return name


def next_video(folder: Path, label: str, subject: str, ending: str = ".mp4") -> Path:
    """Return the path of a person's next video of a label: two digits at least, none used twice.

    Args:
        folder: Of the videos.
        label: What is done.
        subject: Who does it.
        ending: Of the file.

    Example:
        >>> next_video(Path("no such folder"), "waving", "anna").as_posix()
        'no such folder/waving/anna_01.mp4'
    """
    pattern = re.compile(re.escape(subject) + r"_(\d+)", re.IGNORECASE)
    stems = [clean_name(path.stem) for path in (folder / label).glob("*")]
    used = [int(found[1]) for stem in stems if (found := pattern.fullmatch(stem))]
    return folder / label / f"{subject}_{max(used, default=0) + 1:02}{ending}"


def label_folders(folder: Path) -> dict[str, str]:
    """Return the names of the label folders as they are on the disk, by the label.

    Args:
        folder: Of the videos; it need not be there.
    """
    folders = [path.name for path in folder.glob("[!.]*") if path.is_dir()]
    return {clean_name(name): name for name in sorted(folders)}


def add_video(recorded: Path, folder: Path, label: str, subject: str) -> Path:
    """Give a recorded video its name in the folder, and metadata.csv its row; return the path.

    Where the label has a folder, that is taken, however its name is spelled there.

    Args:
        recorded: The file, on the same disk, with the ending that it keeps; it is moved.
        folder: Of the videos.
        label: What is done.
        subject: Who does it.
    """
    label = label_folders(folder).get(clean_name(label), label)
    (folder / label).mkdir(parents=True, exist_ok=True)
    while True:
        path = next_video(folder, label, subject, recorded.suffix)
        try:
            os.link(recorded, path)  # which, unlike renaming, never overwrites
            break
        except FileExistsError:
            continue
    table = find_metadata(folder) or folder / METADATA_NAME
    try:
        add_row(table, {"path": path.relative_to(folder).as_posix(), "subject": subject})
    except BaseException:
        path.unlink()  # a video without its row would be nobody's
        raise
    recorded.unlink()
    return path
