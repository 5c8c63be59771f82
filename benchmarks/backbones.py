"""Frames a second of each backbone by LiteRT, beside MobileNetV2.

    python -m benchmarks.backbones

Takes about a minute. Weights and frames are random: neither changes the time of a frame.
"""

import tempfile
from pathlib import Path

import numpy as np

from benchmarks.timing import (
    argument_parser,
    num_cores,
    print_heading,
    print_table,
    ratios,
    spread,
    take_turns,
    timed,
)
from har.backbones.building import build_backbone
from har.backbones.extractor import make_extractor

# With the frame size in pixels.
BACKBONES = (
    ("mobilenet_v2", 224),
    ("efficientnet_lite0", 224),
)
NUM_FRAMES = 60


def main() -> None:
    """Print the table."""
    options = argument_parser(__doc__, repeats=5).parse_args()
    num_frames = 4 if options.quick else NUM_FRAMES
    print_heading("Backbones", "tensorflow", "ai-edge-litert")
    rng = np.random.default_rng(0)
    contenders, num_parameters = {}, {}
    with tempfile.TemporaryDirectory() as folder:
        for name, size in BACKBONES:
            choice = {"name": name, "weights": "random", "seed": 0}
            choice["frame_size"] = 32 if options.quick else size
            extractor = make_extractor(**choice, runtime="litert", cache_folder=Path(folder))
            shape = (num_frames, choice["frame_size"], choice["frame_size"], 3)
            frames = rng.integers(256, size=shape, dtype=np.uint8)
            contenders[name, size] = timed(lambda run=extractor, frames=frames: run(frames))
            num_parameters[name, size] = build_backbone(**choice).count_params()
    times = take_turns(contenders, repeats=options.repeats)
    columns = (
        "backbone",
        "frame size",
        "parameters",
        "frames a second",
        "time, `mobilenet_v2` being 1",
    )
    rows = [
        (
            f"`{name}`",
            size,
            f"{num_parameters[name, size]:,}",
            f"{num_frames / sorted(seconds)[len(seconds) // 2]:.0f}",
            spread(ratios(times, (name, size), BACKBONES[0])),
        )
        for (name, size), seconds in times.items()
    ]
    print(f"{num_cores()} threads, {num_frames} frames a turn.\n")
    print_table(columns, rows)


if __name__ == "__main__":
    main()
