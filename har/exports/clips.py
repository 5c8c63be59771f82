"""The clips on which an export is compared with what it was made of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from har.clips.clip import even_indices, load_clip
from har.dataset.tables import check_named_files, read_table
from har.demo import draw_frames, plan_videos
from har.demo.motion import LABELS
from har.recognizer.using import UsedRecognizer

MANIFEST, CLIPS = Path("data/split/manifest.csv"), Path("data/clips/clips.csv")
TRAINING_MANIFEST = Path("data/downsample/manifest.csv")
MAX_CLIPS = 300  # of the test clips
MAX_TRAINING_CLIPS = 60
NUM_DRAWN = 6


@dataclass(frozen=True)
class Clips:
    """Clips to compare on.

    Attributes:
        what: Whose they are, in words.
        videos: One row a clip, with `label`, `subject`, `path` and `aspect`; None: they are drawn,
            and no label is right or wrong.
        drawn: Clips and the aspect of each, where they are drawn.
    """

    what: str
    videos: pd.DataFrame | None
    drawn: tuple[tuple[np.ndarray, float], ...] = ()

    def __len__(self) -> int:
        return len(self.drawn) if self.videos is None else len(self.videos)

    def __iter__(self) -> Iterator[tuple[np.ndarray, float]]:
        """Yield each clip, uint8 RGB (num_frames, size, size, 3), and its aspect."""
        if self.videos is None:
            yield from self.drawn
        else:
            for path, aspect in zip(self.videos["path"], self.videos["aspect"], strict=True):
                yield np.asarray(load_clip(path)), float(aspect)


def find_clips(recognizer: UsedRecognizer) -> Clips:
    """Return the test clips of the project, or drawn ones where it has none of this model."""
    test = _read_clips(recognizer, MANIFEST, "test", most=MAX_CLIPS)
    return test or Clips("drawn clips", None, tuple(_draw(recognizer)))


def find_training_clips(recognizer: UsedRecognizer) -> Clips | None:
    """Return training clips of the project; None: it has none."""
    return _read_clips(recognizer, TRAINING_MANIFEST, "train", most=MAX_TRAINING_CLIPS)


def _read_clips(
    recognizer: UsedRecognizer, manifest: Path, split: str, *, most: int
) -> Clips | None:
    """Return clips of a split, evenly spaced over the table; None where none are of the model.

    Raises:
        ValueError: A clip is damaged.
    """
    videos = read_table(manifest) if manifest.is_file() else None
    if videos is None or not _is_for(recognizer, videos):
        return None
    videos = videos[videos["split"] == split]
    chosen = np.unique(even_indices(len(videos), min(len(videos), most)))
    videos = videos.iloc[chosen].reset_index(drop=True)
    check_named_files(CLIPS, set(videos["video_id"]), description=f"{split} clips")
    return Clips(f"{split} clips", videos)


def _is_for(recognizer: UsedRecognizer, videos: pd.DataFrame) -> bool:
    """Return whether clips are those that a model takes, and have its labels."""
    how, first = recognizer.preprocessing, Path(next(iter(videos["path"]), ""))
    if not set(videos["label"]) <= set(recognizer.labels) or not first.is_file():
        return False
    return load_clip(first).shape == (how["num_frames"], how["size"], how["size"], 3)


def _draw(recognizer: UsedRecognizer) -> Iterator[tuple[np.ndarray, float]]:
    how = recognizer.preprocessing
    videos = plan_videos(num_subjects=NUM_DRAWN, num_videos=len(LABELS), seed=0)
    shape = (how["size"], how["size"])
    for video in videos[:NUM_DRAWN]:
        share = how["num_frames"] / video.num_frames  # no more frames are drawn than are shown
        few = replace(video, num_frames=how["num_frames"], fps=max(1, round(share * video.fps)))
        frames = draw_frames(few)
        clip = [cv2.resize(frame, shape, interpolation=cv2.INTER_AREA) for frame in frames]
        yield np.stack(clip), video.size[0] / video.size[1] if how["aspect"] == "stretch" else 1.0
