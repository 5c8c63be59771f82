"""Live pictures by a trained model, against the same work done clip by clip.

    python -m benchmarks.live MODEL VIDEO [VIDEO ...]

MODEL is a folder in models/. Each VIDEO is played at its own speed, as a camera would give it. The
table has what the model keeps up with, and how late its answers are; beside it what it costs to
give an answer by a clip of its own, as `har predict` does for short videos. A second table says how
often the label of a whole video is the one that `har predict` gives it.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.timing import argument_parser, cpu_seconds, print_heading, print_table
from har.engine.steps import Limits
from har.evaluation.scores import wilson_interval
from har.recognizer.prediction import predict_videos
from har.recognizer.recognizer import Recognizer, load_recognizer
from har.timeline.live import LiveWindow, watch_live

LIMITS = Limits(workers=1, timeout_seconds=600, memory_gigabytes=3, max_gigabytes=1)
NUM_CLIPS = 10  # that are answered one by one
BYTES_PER_MEGABYTE = 10**6


@dataclass
class Played:
    """What playing videos gave.

    Attributes:
        seconds: For which they played.
        processor_seconds: Of the process that answers.
        latencies: From the arrival of a picture to the answer that includes it, in seconds.
        num_pictures: That were taken.
        num_dropped: That came while the model was busy.
        memory: Of the process, in bytes, after each picture with an answer.
        labels: Of each video, the most probable one in the mean of its answers.
    """

    seconds: float = 0.0
    processor_seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    num_pictures: int = 0
    num_dropped: int = 0
    memory: list[int] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


def main() -> None:
    """Print both tables."""
    parser = argument_parser(__doc__, repeats=1)
    parser.add_argument("model", type=Path, metavar="MODEL")
    parser.add_argument("videos", type=Path, nargs="+", metavar="VIDEO")
    options = parser.parse_args()
    print_heading(f"Live pictures by {options.model}", "av", "ai-edge-litert", "opencv-python")
    recognizer = load_recognizer(options.model)
    if recognizer.window_seconds is None:
        parser.error(f"{options.model} does not say how long its window is: train it again")
    played, answer = Played(), time_a_clip(recognizer)
    for _ in range(options.repeats):
        for video in options.videos:
            play(recognizer, video, played)
    print_table(["what", "live", "clip by clip"], compare(played, answer))
    said = predict_videos(recognizer, options.videos, limits=LIMITS)
    expected = [one.label for one in said] * options.repeats
    print_table(["videos", "same label as predict", "95 % interval"], [agree(played, expected)])


def play(recognizer: Recognizer, video: Path, played: Played) -> None:
    """Play a video and add what it gave."""
    window, answers = LiveWindow(recognizer, recognizer.window_seconds), []
    began, cpu, num_dropped = None, cpu_seconds(), 0
    for moment in watch_live(window, recognizer, str(video), limits=LIMITS, on_loss=print):
        began = moment.shot.arrived if began is None else began
        played.num_pictures += 1
        num_dropped = moment.num_dropped
        if moment.answer is not None:
            played.latencies.append(moment.seconds)
            answers.append(moment.answer.probabilities)
            played.memory.append(resident_bytes())
    short = window.answer_short()
    answers += [] if short is None else [short.probabilities]
    played.seconds += time.monotonic() - began
    played.processor_seconds += cpu_seconds() - cpu
    played.num_dropped += num_dropped
    played.labels.append(recognizer.labels[int(np.mean(answers, axis=0).argmax())])


def time_a_clip(recognizer: Recognizer) -> tuple[float, float]:
    """Return the seconds and the processor seconds of an answer about a clip of its own."""
    how = recognizer.preprocessing
    rng = np.random.default_rng(0)
    clip = rng.integers(0, 256, (how["num_frames"], how["size"], how["size"], 3), np.uint8)
    recognizer.predict(clip)
    wall, cpu = time.perf_counter(), cpu_seconds()
    for _ in range(NUM_CLIPS):
        recognizer.predict(clip)
    return (time.perf_counter() - wall) / NUM_CLIPS, (cpu_seconds() - cpu) / NUM_CLIPS


def compare(played: Played, clip: tuple[float, float]) -> list[tuple[str, str, str]]:
    """Return the rows of the first table.

    Args:
        played: What playing gave.
        clip: Seconds and processor seconds of an answer about a clip.
    """
    num_answers = len(played.latencies)
    milliseconds = 1000 * np.array(played.latencies or [np.nan])
    came = played.num_pictures + played.num_dropped
    return [
        ("pictures a second that came", f"{came / played.seconds:.1f}", ""),
        ("of them dropped", f"{played.num_dropped / came:.1%}", ""),
        ("answers a second", f"{num_answers / played.seconds:.1f}", f"{1 / clip[0]:.1f}"),
        (
            "processor seconds an answer",
            f"{played.processor_seconds / max(1, num_answers):.3f}",
            f"{clip[1]:.3f}",
        ),
        ("from picture to answer, median", f"{np.median(milliseconds):.0f} ms", ""),
        ("95 of 100 within", f"{np.percentile(milliseconds, 95):.0f} ms", ""),
        ("memory at the end", f"{played.memory[-1] / BYTES_PER_MEGABYTE:.0f} MB", ""),
        ("memory that an hour adds", f"{growth(played):.0f} MB", ""),
    ]


def growth(played: Played) -> float:
    """Return how many megabytes an hour would add, by the slope over the second half."""
    later = np.array(played.memory[len(played.memory) // 2 :]) / BYTES_PER_MEGABYTE
    hours = np.linspace(0, played.seconds / 2 / 3600, len(later))
    return float(np.polyfit(hours, later, 1)[0]) if len(later) > 1 else 0.0


def agree(played: Played, expected: Sequence[str]) -> tuple[str, str, str]:
    """Return the row of the second table."""
    num_same = sum(one == other for one, other in zip(played.labels, expected, strict=True))
    low, high = wilson_interval(num_same, len(expected))
    return str(len(expected)), f"{num_same / len(expected):.1%}", f"{low:.0%} to {high:.0%}"


def resident_bytes() -> int:
    """Return the memory of this process."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


if __name__ == "__main__":
    main()
