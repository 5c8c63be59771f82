"""Extracting a clip against the other ways to do it, and against merely decoding the file.

    python -m benchmarks.decode

makes videos of 150 frames and takes 30 evenly spaced ones to 224x224 in each way, in turns, all
with one thread. It takes about 15 minutes on 2 cores.
"""

import itertools
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import av
import cv2
import numpy as np

from benchmarks.samples import write_sample
from benchmarks.timing import (
    Times,
    argument_parser,
    cpu_seconds,
    is_met,
    milliseconds,
    num_cores,
    print_heading,
    print_table,
    ratios,
    spread,
    take_turns,
    timed,
)
from har.engine.workers import run_in_workers
from har.video.extracting import extract_clip, spaced_indices

SIZES = {"240p": (426, 240), "480p": (854, 480), "1080p": (1920, 1080)}
KINDS = {"x264": "H.264 by x264", "phone": "H.264 of a phone", "hevc": "HEVC of a phone"}
NUM_TAKEN, SIDE = 30, 224
PLAIN, OURS, SEEKING = "plain decode", "har.video.extracting", "OpenCV, seeking"
MAX_DIFFERENCE = 4  # grey levels; other filters make 2 to 3, the frame beside makes 9


def main() -> None:
    """Print the tables."""
    options = argument_parser(__doc__, repeats=5).parse_args()
    sizes = {"240p": SIZES["240p"]} if options.quick else SIZES
    num_frames, num_videos = (40, 4) if options.quick else (150, 12)
    cv2.setNumThreads(1)
    print_heading(f"Taking {NUM_TAKEN} of {num_frames} frames", "av", "opencv-python", "numpy")
    ways = find_ways()
    measured: dict[tuple[str, str], Times] = {}
    with tempfile.TemporaryDirectory() as folder:
        for size, kind in itertools.product(sizes, KINDS):
            path = Path(folder) / f"{size}-{kind}.mp4"
            width, height = sizes[size]
            write_sample(path, kind=kind, width=width, height=height, num_frames=num_frames)
            check_frames(path, ways)
            # Processor time, since all have one thread: it depends less on who else is at work.
            contenders = {
                name: timed(partial(way, path), cpu_seconds) for name, way in ways.items()
            }
            measured[size, kind] = take_turns(contenders, repeats=options.repeats)
        phone = Path(folder) / f"{list(sizes)[-1]}-phone.mp4"
        workers = take_turns(
            {
                str(num): timed(partial(extract_in_workers, phone, num_videos, num))
                for num in (1, 2)
            },
            repeats=options.repeats,
        )
    print("Milliseconds of processor time, and in brackets times the plain decode:\n")
    print_times(measured)
    print_targets(measured)
    print(f"{num_videos} videos ({phone.stem}) by worker processes, by the clock:\n")
    row = target("2 workers, times as fast as 1", ratios(workers, "1", "2"), 1.8, at_most=False)
    print_table([f"{num_cores()} cores", "target", "measured", "met"], [row])


def find_ways() -> dict[str, Callable[[Path], object]]:
    """Return what is compared; each takes the path of a video."""
    ways = {
        PLAIN: decode_only,
        OURS: take_by_extract,
        "OpenCV, grab": take_by_grabbing,
        "OpenCV, all": take_by_reading_all,
        "PyAV": take_by_pyav,
        SEEKING: take_by_seeking,
    }
    if shutil.which("ffmpeg"):
        ways["ffmpeg pipe"] = take_by_ffmpeg
    else:
        print("There is no `ffmpeg` on the PATH: its pipe is left out.\n")
    return ways


def decode_only(path: Path) -> int:
    """Decode the file and do nothing with the frames."""
    with av.open(str(path)) as container:
        container.streams.video[0].codec_context.thread_count = 1
        return sum(1 for _ in container.decode(video=0))


def take_by_extract(path: Path) -> np.ndarray:
    """Extract a clip as the pipeline does."""
    return extract_clip(path, num_frames=NUM_TAKEN, size=SIDE)[0]


def take_by_seeking(path: Path) -> np.ndarray:
    """Seek to each frame by its number, as the baseline system did (docs/how-it-works.md)."""
    capture, wanted = open_capture(path)
    frames = []
    for index in wanted:
        capture.set(cv2.CAP_PROP_POS_FRAMES, index)
        frames.append(shrink(capture.read()[1]))
    return np.stack(frames)


def take_by_grabbing(path: Path) -> np.ndarray:
    """Decode in order and convert only the wanted frames."""
    capture, wanted = open_capture(path)
    frames = {}
    for index in range(wanted[-1] + 1):
        capture.grab()
        if index in wanted:
            frames[index] = shrink(capture.retrieve()[1])
    return np.stack([frames[index] for index in wanted])


def take_by_reading_all(path: Path) -> np.ndarray:
    """Decode, convert and shrink all frames, and keep the wanted ones."""
    capture, wanted = open_capture(path)
    frames = [shrink(capture.read()[1]) for _ in range(wanted[-1] + 1)]
    return np.stack([frames[index] for index in wanted])


def open_capture(path: Path) -> tuple[cv2.VideoCapture, list[int]]:
    """Open a video in OpenCV with one thread; also return which frames are wanted."""
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_N_THREADS, 1])
    return capture, spaced_indices(range(int(capture.get(cv2.CAP_PROP_FRAME_COUNT))), NUM_TAKEN)


def shrink(frame: np.ndarray) -> np.ndarray:
    """Scale a BGR frame by area and turn it to RGB."""
    small = cv2.resize(frame, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_BGR2RGB)


def take_by_pyav(path: Path) -> np.ndarray:
    """Decode in order by PyAV, and scale the wanted frames by OpenCV."""
    frames = {}
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        wanted = spaced_indices(range(stream.frames), NUM_TAKEN)
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                frames[index] = shrink(frame.to_ndarray(format="bgr24"))
    return np.stack([frames[index] for index in wanted])


def take_by_ffmpeg(path: Path) -> np.ndarray:
    """Let the ffmpeg program take and shrink the wanted frames, and read them from a pipe."""
    with av.open(str(path)) as container:
        wanted = spaced_indices(range(container.streams.video[0].frames), NUM_TAKEN)
    chosen = "+".join(f"eq(n\\,{index})" for index in wanted)
    command = ["ffmpeg", "-v", "error", "-threads", "1", "-i", str(path)]
    command += ["-vf", f"select={chosen},scale={SIDE}:{SIDE}:flags=area", "-fps_mode", "vfr"]
    command += ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    output = subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout
    return np.frombuffer(output, np.uint8).reshape(NUM_TAKEN, SIDE, SIDE, 3)


def check_frames(path: Path, ways: dict[str, Callable[[Path], object]]) -> None:
    """Say which ways do not give the same frames, but for the filter that scales them."""
    expected = take_by_extract(path)
    for name in [name for name in ways if name != PLAIN]:
        difference = np.abs(np.subtract(ways[name](path), expected, dtype=int)).mean()
        if difference > MAX_DIFFERENCE:
            print(f"Note: {name} gives other frames of {path.stem} (off by {difference:.1f}).\n")


def extract_in_workers(path: Path, num_videos: int, num_workers: int) -> None:
    """Extract the same video several times in worker processes."""
    results = run_in_workers(
        take_by_extract,
        [path] * num_videos,
        total=num_videos,
        num_workers=num_workers,
        timeout_seconds=600,
        memory_gigabytes=3,
        description="extract",
    )
    for result in results:
        if result.reason:
            raise RuntimeError(f"{path}: {result.reason}")


def print_times(measured: dict[tuple[str, str], Times]) -> None:
    """Print a row for each video and a column for each way."""
    rows = []
    for (size, kind), times in measured.items():
        cells = [
            f"{milliseconds(times[way])} ({median(ratios(times, way, PLAIN)):.2f})" for way in times
        ]
        rows.append([f"{size}, {KINDS[kind]}", *cells])
    print_table(["", *next(iter(measured.values()))], rows)


def print_targets(measured: dict[tuple[str, str], Times]) -> None:
    """Print the targets beside what was measured."""
    rows = []
    for (size, kind), times in measured.items():
        others = [name for name in times if name not in (PLAIN, OURS)]
        fastest = min(others, key=lambda name: median(times[name]))
        of_plain = 1.15 if size == "1080p" and kind != "hevc" else 1 / 0.85
        rows += [
            target(f"{size} {kind}: {name}", ratios(times, *pair), limit, at_most=at_most)
            for name, pair, limit, at_most in [
                ("time to the plain decode", (OURS, PLAIN), of_plain, True),
                (f"time to the fastest other ({fastest})", (OURS, fastest), 1.1, True),
                ("times as fast as seeking", (SEEKING, OURS), 4, False),
            ]
        ]
    print_table([OURS, "target", "measured", "met"], rows)


def target(name: str, values: list[float], limit: float, *, at_most: bool) -> list[str]:
    """Return a row of the table of targets."""
    met = median(values) <= limit if at_most else median(values) >= limit
    said = f"{'at most' if at_most else 'at least'} {limit:.3g}"
    return [name, said, spread(values), is_met(met)]


if __name__ == "__main__":
    main()
