"""The clips of the project's last run: what is in the data, and where the model was wrong."""

import hashlib
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from har.clips.clip import load_clip
from har.dataset.tables import read_table
from har.engine.verification import check_file
from har.video.writing import write_video

MANIFEST = Path("data/split/manifest.csv")
CLIPS = Path("data/clips/clips.csv")
PREDICTIONS = Path("metrics/predictions.csv")
MISTAKES, TESTED, EVERYTHING = "mistakes of the test", "all test videos", "all videos"
KINDS = (MISTAKES, TESTED, EVERYTHING)
ANY = "any"  # label or person
PAGE_SIZE = 12
CLIP_HEIGHT = 192  # pixels
MIN_FPS = 1.0


def read_clips() -> pd.DataFrame:
    """Return the clips of the last run, one row each.

    Returns:
        `video_id`, `path`, `sha256`, `label`, `subject`, `split`, `aspect`, `seconds`, and of the
        test videos `predicted` and `probability`, by the model that was scored; else empty and 0.

    Raises:
        ValueError: No run has been finished here.
    """
    missing = [path.as_posix() for path in (MANIFEST, CLIPS) if not path.is_file()]
    if missing:
        raise ValueError(
            f"There are no clips to look at: {' and '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} missing in {Path.cwd()}. Make them with "
            "`dvc repro`."
        )
    made = read_table(CLIPS)[["video_id", "duration_seconds", "sha256"]]
    clips = read_table(MANIFEST).merge(made, on="video_id", how="left")
    clips["aspect"] = clips["aspect"].astype(float)
    clips["seconds"] = clips.pop("duration_seconds").astype(float)
    columns = ["video_id", "predicted", "probability"]
    said = pd.DataFrame(columns=columns)
    if PREDICTIONS.is_file():
        said = read_table(PREDICTIONS)[columns]
    clips = clips.merge(said, on="video_id", how="left")
    clips["predicted"] = clips["predicted"].fillna("")
    clips["probability"] = pd.to_numeric(clips["probability"]).fillna(0.0)
    return clips


def choose_clips(clips: pd.DataFrame, kind: str, label: str, subject: str) -> pd.DataFrame:
    """Return the clips that a visitor wants to see, mistakes first, the most confident ones ahead.

    Args:
        clips: Of `read_clips`.
        kind: One of `KINDS`.
        label: What is done, or `ANY`.
        subject: Who does it, or `ANY`.
    """
    is_tested, is_wrong = clips["predicted"] != "", clips["predicted"] != clips["label"]
    wanted = {MISTAKES: is_tested & is_wrong, TESTED: is_tested}.get(kind, clips["label"] != "")
    for column, value in (("label", label), ("subject", subject)):
        if value != ANY:
            wanted &= clips[column] == value
    chosen = clips[wanted].assign(is_right=~(is_tested & is_wrong)[wanted])
    order = {"is_right": True, "probability": False, "video_id": True}
    return chosen.sort_values(list(order), ascending=list(order.values()), kind="stable")


def describe_clip(row: dict[str, object]) -> str:
    """Return a line about a clip.

    Example:
        >>> row = {"label": "sit", "subject": "anna", "predicted": "", "probability": 0.0}
        >>> describe_clip(row), describe_clip(row | {"predicted": "walk", "probability": 0.91})
        ('sit, anna', 'sit, anna: taken for walk 91 %')
        >>> describe_clip(row | {"predicted": "sit", "probability": 0.9})
        'sit, anna: recognized 90 %'
    """
    said = ""
    if row["predicted"]:
        is_right = row["predicted"] == row["label"]
        said = ": recognized" if is_right else f": taken for {row['predicted']}"
        said += f" {100 * row['probability']:.0f} %"
    return f"{row['label']}, {row['subject']}{said}"


def film_of(row: dict[str, object], folder: Path) -> Path:
    """Return a clip as an MP4 that browsers play: as a model takes it, in its own shape and time.

    Args:
        row: Of `read_clips`.
        folder: Where it is written, by a name that is made of its `video_id`.
    """
    name = hashlib.sha256(str(row["video_id"]).encode()).hexdigest()[:16]
    path = folder / f"{name}.mp4"
    if not path.is_file():
        clip = read_frames(row)
        seconds = row["seconds"] if np.isfinite(row["seconds"]) else 0.0
        fps = max(MIN_FPS, len(clip) / seconds) if seconds > 0 else float(len(clip))
        write_video(path, _in_shape(clip, float(row["aspect"])), fps=fps)
    return path


def read_frames(row: dict[str, object]) -> np.ndarray:
    """Return the frames of a clip, uint8 RGB, shape (num_frames, size, size, 3).

    Raises:
        ValueError: They are not there, or damaged.
    """
    path = Path(str(row["path"]))
    if not path.is_file():
        raise ValueError(f"The clip {path} is missing. Make it again with `dvc repro`.")
    check_file(path, str(row["sha256"]))
    return np.array(load_clip(path))


def _in_shape(clip: np.ndarray, aspect: float) -> list[np.ndarray]:
    """Return frames as wide as they were before they were made square, with even sides."""
    width = max(2, round(CLIP_HEIGHT * aspect / 2) * 2)
    shrink = {"interpolation": cv2.INTER_AREA}
    return [cv2.resize(frame, (width, CLIP_HEIGHT), **shrink) for frame in clip]
