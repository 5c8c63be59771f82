"""The first picture of the README: `python -m benchmarks.make_timeline`; see `make pictures`.

Three drawn clips of people that the recognizer was not trained on, joined to one video with a grey
picture between them. On top is the video as `har predict --video` writes it, below the labels over
time as `--out` has them.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import matplotlib
import numpy as np
from matplotlib.figure import Figure

from benchmarks.joined import FPS, LONGEST, SHORTEST, fit, grey_picture, read_frames
from har.dataset.tables import read_table
from har.video.steady import steady_frames
from har.video.writing import write_video

OUT = Path("docs/pictures/timeline.jpg")
CLIPS = ("walking/s14_walking_1", "waving/s07_waving_1", "sitting/s14_sitting_1")
NUM_FRAMES, HEIGHT, DPI = 9, 220, 150
WIDTH = 9.0  # inches
DARK = 40  # of 255
GAP_SECONDS = 1.2
COLORS = ("#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#bbbbbb")


def main() -> None:
    """Write the picture."""
    manifest = read_table(Path("data/split/manifest.csv")).set_index("video_id")
    trained = [clip for clip in CLIPS if manifest.loc[clip, "split"] != "test"]
    if trained:
        sys.exit(f"Not in the test split: {trained}; choose other clips.")
    with tempfile.TemporaryDirectory() as folder:
        video, drawn = Path(folder) / "joined.mp4", Path(folder) / "drawn.mp4"
        clips = [next(Path("data/demo").glob(f"{clip}.*")) for clip in CLIPS]
        write_video(video, iter(join(clips)), fps=FPS)
        command = [sys.executable, "-m", "har", "predict", str(video)]
        command += ["--video", str(drawn), "--out", folder]
        subprocess.run(command, check=True)
        segments = json.loads((Path(folder) / "joined.mp4.json").read_text(encoding="utf-8"))
        shown = [
            frame for _, frame in steady_frames(drawn, interval=0.1, size=2 * HEIGHT, aspect="pad")
        ]
    save(strip(shown), segments, OUT)


def join(clips: list[Path]) -> list[np.ndarray]:
    """Return the frames of clips, uint8, with grey ones between two of them."""
    frames: list[np.ndarray] = []
    for clip in clips:
        if frames:
            frames += fit([grey_picture()], GAP_SECONDS, GAP_SECONDS)
        frames += fit(read_frames(clip), SHORTEST, LONGEST)
    return frames


def strip(frames: list[np.ndarray]) -> np.ndarray:
    """Return frames side by side, evenly spaced in time, uint8 RGB, without black borders."""
    places = np.linspace(0, len(frames) - 1, NUM_FRAMES + 2)[1:-1].round().astype(int)
    return np.hstack([without_borders(frames[place]) for place in places])


def without_borders(frame: np.ndarray) -> np.ndarray:
    """Return what is between the black borders, without the band of the label, `HEIGHT` high."""
    frame = frame[: int(0.8 * len(frame))]
    bright = frame.max(axis=2) > DARK
    rows, columns = np.flatnonzero(bright.mean(1) > 0.2), np.flatnonzero(bright.mean(0) > 0.2)
    inner = frame[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return cv2.resize(inner, (int(0.9 * HEIGHT), HEIGHT), interpolation=cv2.INTER_AREA)


def save(frames: np.ndarray, segments: list[dict], path: Path) -> None:
    """Write the strip with the segments below."""
    matplotlib.rcParams["font.size"] = 8
    figure = Figure(figsize=(WIDTH, 1.75), dpi=DPI, layout="constrained")
    top, below = figure.subplots(2, 1, height_ratios=(2.3, 1))
    top.imshow(frames, aspect="auto")
    top.axis("off")
    labels = sorted({one["label"] for one in segments})
    for one in segments:
        length = one["end"] - one["start"]
        color = (
            "#dddddd" if one["label"] in ("none", "unsure") else COLORS[labels.index(one["label"])]
        )
        below.barh(0, length, left=one["start"], color=color, edgecolor="white")
        below.text(
            one["start"] + length / 2,
            0,
            f"{one['label']}\n{one['probability']:.0%}",
            ha="center",
            va="center",
        )
    below.set(yticks=[], xlim=(0, segments[-1]["end"]), xlabel="seconds")
    below.spines[["top", "left", "right"]].set_visible(False)
    figure.savefig(path, pil_kwargs={"quality": 85})


if __name__ == "__main__":
    main()
