"""What a recognizer says of packed clips, and how long it takes."""

import time
from statistics import median

import numpy as np
import pandas as pd

from har.clips.clip import load_clip
from har.engine.progress import progress
from har.recognizer.recognizer import Recognizer

NUM_TIMED_CLIPS = 10


def predict_clips(
    recognizer: Recognizer, videos: pd.DataFrame, *, description: str = "evaluate"
) -> np.ndarray:
    """Return the probabilities of each clip, float32, shape (num_clips, num_classes).

    Args:
        recognizer: The model.
        videos: One row a clip, with `path` and `aspect`.
        description: Of the progress bar.
    """
    clips = list(zip(videos["path"], videos["aspect"].astype(float), strict=True))
    shown = progress(clips, total=len(clips), description=description, unit="clips")
    return np.stack([recognizer.predict(load_clip(path), aspect=one) for path, one in shown])


def time_prediction(recognizer: Recognizer, videos: pd.DataFrame) -> float:
    """Return the median time of predicting one clip, in milliseconds, after a first one."""
    first, seconds = videos.head(NUM_TIMED_CLIPS), []
    for video in [*first.head(1).itertuples(), *first.itertuples()]:
        clip, aspect = np.array(load_clip(video.path)), float(video.aspect)
        start = time.perf_counter()
        recognizer.predict(clip, aspect=aspect)
        seconds.append(time.perf_counter() - start)
    return round(1000 * median(seconds[1:]), 1)
