"""What a recognizer says of packed clips, and how long it takes."""

import time
from statistics import median

import numpy as np
import pandas as pd

from har.clips.clip import load_clip
from har.engine.progress import progress
from har.recognizer.recognizer import Recognizer


def predict_clips(
    recognizer: Recognizer, videos: pd.DataFrame, *, description: str = "evaluate"
) -> tuple[np.ndarray, float]:
    """Return the probabilities of each clip, and the median time that one takes.

    Args:
        recognizer: The model.
        videos: One row a clip, with `path` and `aspect`.
        description: Of the progress bar.

    Returns:
        float32, shape (num_clips, num_classes), and milliseconds from a clip's frames to its
        answer; the first, which loads the networks, does not count if there are others.
    """
    clips = list(zip(videos["path"], videos["aspect"].astype(float), strict=True))
    said, seconds = [], []
    for path, aspect in progress(clips, total=len(clips), description=description, unit="clips"):
        clip = np.array(load_clip(path))
        start = time.perf_counter()
        said.append(recognizer.predict(clip, aspect=aspect))
        seconds.append(time.perf_counter() - start)
    return np.stack(said), round(1000 * median(seconds[1:] or seconds), 1)
