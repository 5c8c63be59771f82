"""The clips of a finished run, as the stages leave them in the folder of the project."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from har.engine.cache import file_digest

COLUMNS = ("video_id", "label", "subject", "split", "predicted", "probability")


def write_clips_of_run(rows: Sequence[tuple], *, num_frames: int = 8, size: int = 32) -> None:
    """Write the tables and the clips of a run into the current folder.

    Args:
        rows: Of `COLUMNS`, one a clip; what is predicted counts for the split `test`.
        num_frames: Of a clip.
        size: Of a frame.
    """
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    table["path"] = [f"data/clips/{number}.npy" for number in range(len(rows))]
    Path("data/clips").mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(table["path"]):
        np.save(path, np.full((num_frames, size, size, 3), 20 * number + 20, np.uint8))
    digests = [file_digest(Path(path)) for path in table["path"]]
    table = table.assign(aspect=4 / 3, duration_seconds=2.0, sha256=digests)
    tables = {
        "data/split/manifest.csv": ["video_id", "path", "label", "subject", "split", "aspect"],
        "data/clips/clips.csv": ["video_id", "duration_seconds", "sha256"],
        "metrics/predictions.csv": ["video_id", "predicted", "probability"],
    }
    for name, columns in tables.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        part = table[table["split"] == "test"] if "predictions" in name else table
        part[columns].to_csv(name, index=False)
