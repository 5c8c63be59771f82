"""Videos of clips joined with gaps between them, and how well segments that are found fit them."""

import itertools
import random
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import cv2
import numpy as np

from har.dataset.none_label import UNSURE
from har.recognizer.prediction import Segment
from har.video.extracting import stretched_aspect
from har.video.steady import steady_frames
from har.video.writing import write_video

FPS, WIDTH, HEIGHT = 30, 640, 480
NUM_CLIPS, GAP_SECONDS = 5, 2.0
SHORTEST, LONGEST = 3.0, 6.0  # seconds of a clip; one that is shorter is shown again
NEAR = 0.5  # seconds
STEP = 0.05  # seconds between two instants that are compared
EVERY = 1 / FPS


@dataclass(frozen=True)
class Clip:
    """A clip to join, and what is done in it."""

    path: Path
    label: str


@dataclass
class Fit:
    """How well segments fit what is in a joined video, or in several.

    Attributes:
        right: For each video, the share of the time with the right label; in a gap `unsure` is too.
        near: For each end of a clip or a gap, whether one is found within half a second.
        clips: For each clip, whether its middle has its label.
        gaps: For each gap, whether its middle has the label of no action.
        num_found: Segments that are found.
    """

    right: list[float]
    near: list[bool]
    clips: list[bool]
    gaps: list[bool]
    num_found: int

    def __add__(self, other: "Fit") -> "Fit":
        """Return the fit of both."""
        both = {one.name: getattr(self, one.name) for one in fields(self)}
        return Fit(**{name: value + getattr(other, name) for name, value in both.items()})

    @property
    def num_true(self) -> int:
        """Segments that there are."""
        return len(self.clips) + len(self.gaps)


def join(
    out: Path, clips: Sequence[Clip], gaps: Sequence[Clip], rng: random.Random, none_label: str
) -> list[Segment]:
    """Write a joined video of random clips; return what is in it.

    Args:
        out: The video.
        clips: Of which none is shown twice where there are enough.
        gaps: What is shown between them; none: a grey picture.
        rng: Chooses.
        none_label: Of the gaps.
    """
    truth: list[Segment] = []
    frames: list[np.ndarray] = []
    choose = rng.sample if len(clips) >= NUM_CLIPS else rng.choices
    shown = choose(clips, k=NUM_CLIPS)
    for number, clip in enumerate(shown):
        if number:
            gap = read_frames(rng.choice(gaps).path) if gaps else [grey_picture()]
            frames += fit(gap, GAP_SECONDS, GAP_SECONDS)
            truth.append(Segment(truth[-1].end, len(frames) / FPS, none_label, 1.0))
        frames += fit(read_frames(clip.path), SHORTEST, LONGEST)
        start = truth[-1].end if truth else 0.0
        truth.append(Segment(start, len(frames) / FPS, clip.label, 1.0))
    write_video(out, frames, fps=FPS)
    return truth


def grey_picture() -> np.ndarray:
    """Return a picture without anybody."""
    return np.full((HEIGHT, WIDTH, 3), 120, np.uint8)


def read_frames(path: Path) -> list[np.ndarray]:
    """Return the frames of a clip at the pace and size of the joined video, black at two sides."""
    aspect = stretched_aspect(path, "stretch")
    width, height = min(WIDTH, round(HEIGHT * aspect)), min(HEIGHT, round(WIDTH / aspect))
    left, top = (WIDTH - width) // 2, (HEIGHT - height) // 2
    frames = []
    for _, square in steady_frames(path, interval=EVERY, size=HEIGHT, aspect="stretch"):
        frames.append(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        frames[-1][top : top + height, left : left + width] = cv2.resize(square, (width, height))
    return frames


def fit(frames: list[np.ndarray], shortest: float, longest: float) -> list[np.ndarray]:
    """Return frames that are shown again until they last, and end where they are to."""
    number = max(round(shortest * FPS), min(len(frames), round(longest * FPS)))
    return list(itertools.islice(itertools.cycle(frames), number))


def compare(truth: Sequence[Segment], found: Sequence[Segment]) -> Fit:
    """Return how well the segments that are found fit the true ones, which alternate."""
    none_label = truth[1].label
    pairs = [(label_at(truth, at), label_at(found, at)) for at in np.arange(0, truth[-1].end, STEP)]
    ends = np.array([one.end for one in found[:-1]] or [np.inf])
    middles = [label_at(found, (one.start + one.end) / 2) == one.label for one in truth]
    return Fit(
        right=[float(np.mean([a == b or (a == none_label and b == UNSURE) for a, b in pairs]))],
        near=[bool(np.abs(ends - one.end).min() <= NEAR) for one in truth[:-1]],
        clips=middles[::2],
        gaps=middles[1::2],
        num_found=len(found),
    )


def label_at(segments: Sequence[Segment], seconds: float) -> str:
    """Return the label of the segment at an instant."""
    return next((one.label for one in segments if seconds < one.end), segments[-1].label)
