"""Long videos by a trained model: clips joined with gaps, and the segments that are found.

    python -m benchmarks.segments MODEL FOLDER [--gaps FOLDER]

FOLDER has one folder of clips per label, with the model's names. Each joined video has five clips
of random labels, each three to six seconds long, and two seconds between them: a grey picture
without anybody or, with `--gaps`, parts of the clips of a folder, of people who do something else.
The table has the share of the time with the right label, the share of the ends that are found
within half a second, and how many seconds of video are watched in a second.
"""

import itertools
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from benchmarks.timing import argument_parser, print_heading, print_table
from har.dataset.none_label import UNSURE
from har.engine.steps import Limits
from har.folder.listing import VIDEO_SUFFIXES
from har.recognizer.prediction import Segment
from har.recognizer.recognizer import load_recognizer
from har.timeline.answers import none_label_of
from har.timeline.prediction import choose_pace, predict_any
from har.video.steady import steady_frames
from har.video.writing import write_video

LIMITS = Limits(workers=1, timeout_seconds=600, memory_gigabytes=3, max_gigabytes=0)
FPS, WIDTH, HEIGHT = 30, 640, 480
NUM_CLIPS, GAP_SECONDS = 5, 2.0
SHORTEST, LONGEST = 3.0, 6.0  # seconds of a clip; one that is shorter is shown again
NEAR = 0.5  # seconds
STEP = 0.05  # seconds between two instants that are compared
EVERY = 1 / FPS


def main() -> None:
    """Print the table."""
    parser = argument_parser(__doc__, repeats=4)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    parser.add_argument("--gaps", type=Path, metavar="FOLDER", help="clips of something else")
    options = parser.parse_args()
    print_heading(f"Segments by {options.model}", "av", "ai-edge-litert")
    recognizer = load_recognizer(options.model)
    clips = [clip for clip in find_clips(options.folder) if clip.parent.name in recognizer.labels]
    gaps = find_clips(options.gaps) if options.gaps else []
    pace, longest = choose_pace(recognizer, window_seconds=None, step_seconds=0.3)
    right, ends, seconds, took = [], [], 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for turn in range(options.repeats):
            video = Path(folder) / "joined.mp4"
            truth = join(video, clips, gaps, random.Random(turn), none_label_of(recognizer))
            start = time.perf_counter()
            (said,) = predict_any(
                recognizer, [video], pace=pace, longest_seconds=longest, limits=LIMITS
            )
            took += time.perf_counter() - start
            seconds += truth[-1].end
            right.append(share_right(truth, said.prediction.segments))
            ends += distances(truth, said.prediction.segments)
    near = np.mean(np.array(ends) <= NEAR)
    row = (options.repeats, f"{np.mean(right):.0%}", f"{near:.0%}", f"{seconds / took:.1f}")
    columns = ["joined videos", "time with the right label", "ends within half a second"]
    print_table([*columns, "seconds of video a second"], [row])


def find_clips(folder: Path) -> list[Path]:
    """Return the videos below a folder, in order."""
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise SystemExit(f"{folder} has no videos.")
    return found


def join(
    out: Path, clips: Sequence[Path], gaps: Sequence[Path], rng: random.Random, none_label: str
) -> list[Segment]:
    """Write a joined video; return what is in it."""
    truth: list[Segment] = []
    frames: list[np.ndarray] = []
    for number in range(NUM_CLIPS):
        if number:
            gap = read_frames(rng.choice(gaps)) if gaps else [np.full((HEIGHT, WIDTH, 3), 120)]
            frames += fit(gap, GAP_SECONDS, GAP_SECONDS)
            truth.append(Segment(truth[-1].end, len(frames) / FPS, none_label, 1.0))
        clip = rng.choice(clips)
        frames += fit(read_frames(clip), SHORTEST, LONGEST)
        start = truth[-1].end if truth else 0.0
        truth.append(Segment(start, len(frames) / FPS, clip.parent.name, 1.0))
    write_video(out, (frame.astype(np.uint8) for frame in frames), fps=FPS)
    return truth


def read_frames(path: Path) -> list[np.ndarray]:
    """Return the frames of a clip at the pace of the joined video, black at its sides."""
    squares = steady_frames(path, interval=EVERY, size=HEIGHT, aspect="pad")
    side = (WIDTH - HEIGHT) // 2
    return [
        cv2.copyMakeBorder(frame, 0, 0, side, side, cv2.BORDER_CONSTANT) for _, frame in squares
    ]


def fit(frames: list[np.ndarray], shortest: float, longest: float) -> list[np.ndarray]:
    """Return frames that are shown again until they last, and end where they are to."""
    number = max(round(shortest * FPS), min(len(frames), round(longest * FPS)))
    return list(itertools.islice(itertools.cycle(frames), number))


def share_right(truth: Sequence[Segment], found: Sequence[Segment]) -> float:
    """Return the share of the time with the right label; where there is none, `unsure` is too."""
    instants = np.arange(0, truth[-1].end, STEP)
    pairs = [(label_at(truth, at), label_at(found, at)) for at in instants]
    none_label = truth[1].label
    return float(np.mean([a == b or (a == none_label and b == UNSURE) for a, b in pairs]))


def label_at(segments: Sequence[Segment], seconds: float) -> str:
    """Return the label of the segment at an instant."""
    return next((one.label for one in segments if seconds < one.end), segments[-1].label)


def distances(truth: Sequence[Segment], found: Sequence[Segment]) -> list[float]:
    """Return how far the nearest end that was found is from each true one, but the last."""
    ends = np.array([one.end for one in found[:-1]] or [np.inf])
    return [float(np.abs(ends - one.end).min()) for one in truth[:-1]]


if __name__ == "__main__":
    main()
