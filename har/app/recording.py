"""Clips filmed in the browser, kept to train on, and how many of them there are."""

import shutil
import tempfile
import threading
from pathlib import Path

import pandas as pd

from har.app.uploads import Accepted, check_upload
from har.dataset.adding import add_video, check_name
from har.dataset.subjects import subject_from_name
from har.dataset.videos import find_videos, list_files
from har.engine.errors import VideoError
from har.engine.files import writing
from har.engine.steps import Limits

MIN_SECONDS = 0.5  # of a clip, as for `har record`
NOBODY = "(no name)"
# The ending of a file by what it holds, since its name comes from the browser.
ENDINGS = {"matroska,webm": ".webm", "mov,mp4,m4a,3gp,3g2,mj2": ".mp4"}
_ADDING = threading.Lock()  # two visitors at once would be given the same number


def keep_clip(
    upload: Path, folder: Path, label: str, subject: str, *, accepted: Accepted, limits: Limits
) -> Path:
    """Put a clip that was filmed into the user's folder, with its row in metadata.csv.

    Args:
        upload: The file that the browser sent; it stays.
        folder: Of the videos.
        label: The action, as the visitor wrote it.
        subject: The person, as the visitor wrote it.
        accepted: What the clip may be.
        limits: What looking at it may use.

    Raises:
        ValueError: A name cannot be that of a folder or a file.
        VideoError: The clip is too short, too long, too large, or no video that browsers film.
    """
    label, subject = check_name(label, what="The label"), check_name(subject, what="The person")
    info = check_upload(upload, accepted, limits)
    if info.duration_seconds < MIN_SECONDS:
        raise VideoError(
            f"{upload} is {info.duration_seconds:.1f} s long; expected {MIN_SECONDS:g} s or more. "
            "Film it again."
        )
    if info.container not in ENDINGS:
        raise VideoError(
            f"{upload} is {info.container}; expected WebM or MP4, which browsers film. Put other "
            f"videos into {folder} by hand."
        )
    folder.mkdir(parents=True, exist_ok=True)
    with _ADDING, tempfile.TemporaryDirectory(prefix=".recording-", dir=folder) as work:
        copy = Path(work) / f"clip{ENDINGS[info.container]}"  # on the same disk
        with writing(copy, num_bytes=upload.stat().st_size):
            shutil.copyfile(upload, copy)
        return add_video(copy, folder, label, subject)


def count_clips(folder: Path, pattern: str | None) -> pd.DataFrame:
    """Return how many videos there are of each label, by person.

    Args:
        folder: Of the videos; perhaps there is none yet.
        pattern: The value of `dataset.subject_pattern`, for videos that metadata.csv does not name.

    Returns:
        A row a label, a column a person, by name; no rows where there is no video.

    Raises:
        ValueError: metadata.csv is wrong, or the pattern does not match a file.
    """
    if not folder.is_dir() or not any(list_files(folder)):
        return pd.DataFrame()
    videos = find_videos(folder)
    videos = videos[videos["problem"] == ""]
    people = videos["subject"]
    if pattern:
        found = videos["path"].map(lambda path: subject_from_name(Path(path).name, pattern))
        people = people.where(people != "", found)
    return pd.crosstab(videos["label"], people.replace("", NOBODY))


def labels_and_people(counts: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the labels and the people that there are, to choose from."""
    return list(counts.index), [name for name in counts.columns if name != NOBODY]
