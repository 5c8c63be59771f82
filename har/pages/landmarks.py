"""The people that the pose networks found: a sentence, and clips with skeletons to look at."""

from pathlib import Path

import pandas as pd

from har.clips.clip import load_clip
from har.engine.verification import check_file
from har.inspection.problems import MOST_WITHOUT, NO_USE
from har.integrity.unpacking import read_array
from har.pages.plots import save_contact_sheet
from har.pose.drawing import draw_skeletons

FEW_FOUND = 0.1  # of a clip's frames
MAX_NAMED = 5


def describe_people(table: pd.DataFrame) -> str:
    """Return in which share of the frames a person was found, and where hardly any.

    Args:
        table: One row a video, with `video_id` and `share_found`.
    """
    shares = table["share_found"].astype(float)
    said = f"pose: a person in {shares.mean():.0%} of the frames"
    without = table.loc[shares < FEW_FOUND, "video_id"].tolist()
    if not without:
        return said
    named = ", ".join(without[:MAX_NAMED]) + (", ..." if len(without) > MAX_NAMED else "")
    said += f"; in hardly any of {len(without)} of {len(table)} videos: {named}"
    return f"{said}. {NO_USE}" if len(without) >= MOST_WITHOUT * len(table) else said


def save_skeletons(videos: pd.DataFrame, table: pd.DataFrame, path: Path) -> None:
    """Draw one clip of each label with its skeletons, after both were checked.

    Args:
        videos: One row a clip, with `video_id`, `path`, `sha256`, `label` and `aspect`.
        table: As for `describe_people`, with `path` and `sha256` of the landmarks.
        path: The picture.
    """
    found = table[["video_id", "path", "sha256"]]
    found = videos.merge(found, on="video_id", suffixes=("", "_of_landmarks"))
    rows = []
    for video in found.drop_duplicates("label").itertuples():
        check_file(video.path, video.sha256)
        check_file(video.path_of_landmarks, video.sha256_of_landmarks)
        landmarks = read_array(video.path_of_landmarks)
        rows.append((video.label, draw_skeletons(load_clip(video.path), landmarks, video.aspect)))
    save_contact_sheet(rows, path)
