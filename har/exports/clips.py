"""The clips on which an export is compared with what it was made of."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from har.clips.clip import even_indices, load_clip
from har.dataset.tables import read_table
from har.demo import draw_frames, plan_videos
from har.demo.motion import LABELS
from har.recognizer.using import UsedRecognizer

MANIFEST = Path("data/split/manifest.csv")
MAX_CLIPS = 300  # of the test clips
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


def find_clips(recognizer: UsedRecognizer, manifest: Path = MANIFEST) -> Clips:
    """Return the test clips of the project, or drawn ones where it has none of this model.

    Args:
        recognizer: The model that the clips are for.
        manifest: The table of the project's clips.
    """
    if manifest.is_file():
        videos = read_table(manifest)
        test = videos[videos["split"] == "test"].reset_index(drop=True)
        if len(test) and _is_for(recognizer, test):
            chosen = np.unique(even_indices(len(test), min(len(test), MAX_CLIPS)))
            return Clips("test clips", test.iloc[chosen].reset_index(drop=True))
    return Clips("drawn clips", None, tuple(_draw(recognizer)))


def _is_for(recognizer: UsedRecognizer, videos: pd.DataFrame) -> bool:
    """Return whether clips are those that a model takes, and have its labels."""
    how, first = recognizer.preprocessing, Path(videos["path"].iloc[0])
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
