"""What a recognizer says of packed clips, and how long it takes."""

from types import SimpleNamespace

import numpy as np
import pandas as pd

from har.recognizer import scoring
from har.recognizer.scoring import predict_clips


def test_predict_clips_times_all_but_the_first(tmp_path, monkeypatch):
    paths = [str(tmp_path / f"{number}.npy") for number in range(3)]
    for number, path in enumerate(paths):
        np.save(path, np.full((2, 4, 4, 3), number, np.uint8))
    # Each clip starts and ends at two of these: 5, 0.25 and 0.5 seconds.
    moments = iter([0.0, 5.0, 6.0, 6.25, 7.0, 7.5])
    monkeypatch.setattr(scoring.time, "perf_counter", lambda: next(moments))
    recognizer = SimpleNamespace(predict=lambda clip, aspect: np.array([clip.mean(), aspect]))
    videos = pd.DataFrame({"path": paths, "aspect": "1.5"})
    probabilities, milliseconds = predict_clips(recognizer, videos)
    assert probabilities.tolist() == [[0, 1.5], [1, 1.5], [2, 1.5]]
    assert milliseconds == 375.0
