"""What a recognizer says of packed clips, and how long it takes."""

import time
from statistics import median

import numpy as np

from har.clips.clip import load_clip
from har.engine.progress import progress
from har.recognizer.recognizer import Recognizer

NUM_TIMED_CLIPS = 10


def predict_clips(recognizer: Recognizer, paths: list[str]) -> np.ndarray:
    """Return the probabilities of each clip, float32, shape (num_clips, num_classes)."""
    shown = progress(paths, total=len(paths), description="evaluate", unit="clips")
    return np.concatenate([recognizer.predict(load_clip(path)[np.newaxis]) for path in shown])


def time_prediction(recognizer: Recognizer, paths: list[str]) -> float:
    """Return the median time of predicting one clip, in milliseconds, after a first one."""
    seconds = []
    for path in [paths[0], *paths[:NUM_TIMED_CLIPS]]:
        clip = np.array(load_clip(path))[np.newaxis]
        start = time.perf_counter()
        recognizer.predict(clip)
        seconds.append(time.perf_counter() - start)
    return round(1000 * median(seconds[1:]), 1)
