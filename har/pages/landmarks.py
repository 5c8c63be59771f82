"""The people that the pose networks found: a sentence, and clips with skeletons to look at."""

from pathlib import Path

import numpy as np
import pandas as pd

from har.clips.clip import load_clip
from har.inspection.problems import MOST_WITHOUT, NO_USE
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
    """Draw one clip of each label with its skeletons.

    Args:
        videos: One row a clip, with `video_id`, `path`, `label` and `aspect`.
        table: As for `describe_people`, with `path`, the landmarks.
        path: The picture.
    """
    found = videos.merge(table[["video_id", "path"]], on="video_id", suffixes=("", "_of_landmarks"))
    rows = []
    for video in found.drop_duplicates("label").itertuples():
        landmarks = np.load(video.path_of_landmarks)
        rows.append((video.label, draw_skeletons(load_clip(video.path), landmarks, video.aspect)))
    save_contact_sheet(rows, path)
