"""What a graphics card does of this project: features a second, steps of cnn3d, and the same bits.

    python -m benchmarks.gpu            # on a card, in less than ten minutes
    python -m benchmarks.gpu --quick    # tiny sizes: on a processor too, to see that it runs

The backbone runs by Keras, as on a card by `features.runtime: auto`, and by LiteRT, as without one;
"differs" is the largest difference of a feature between them, as a share of the largest feature.
`cnn3d` is trained by the loop of the stage `train`, from clips on the disk and their views, in a
process for each way. "Same bits" says whether the same is computed twice. Weights are random, which
changes no time.
"""

import argparse
import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.timing import (
    argument_parser,
    milliseconds,
    print_heading,
    print_table,
    timed,
)
from har.backbones.extractor import make_extractor
from har.clips.views import View
from har.engine.files import save_array
from har.engine.runtime import keras, setup_tensorflow, tf
from har.models.contract import build_model, settings_type
from har.settings.sections import Train
from har.training.devices import Devices, choose_devices
from har.training.examples import Examples, clip_examples
from har.training.loop import Drawing, train

# By name: the settings of the section `train`.
WAYS: dict[str, dict[str, Any]] = {
    "float32": {},
    "float32, not deterministic": {"deterministic": False},
    "mixed_bfloat16": {"precision": "mixed_bfloat16"},
    "mixed_float16": {"precision": "mixed_float16"},
    "float32, XLA": {"xla": True},
}
SEVERAL = {"two cards or more": {"strategy": "mirrored"}}
LABELS = ["one", "two"]
SECONDS_A_WAY = 90  # after which a way is given up; all together take less than ten minutes


def main() -> None:
    """Print the tables, or be one of the ways."""
    parser = argument_parser(__doc__, repeats=3)
    ways = WAYS | SEVERAL
    parser.add_argument("--ways", nargs="+", choices=ways, metavar="WAY", help=", ".join(ways))
    parser.add_argument("--child", choices=ways, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        print(json.dumps(train_twice(ways[options.child], options)))
        return
    print_heading("Graphics card", "tensorflow", "keras", "ai-edge-litert")
    cards = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(card).get("device_name") for card in cards]
    print(f"Graphics cards: {', '.join(map(str, names)) or 'none, so this says nothing of one'}.\n")
    print_features(options)
    print_training(options, options.ways or [*WAYS, *(SEVERAL if len(cards) > 1 else ())])


def print_features(options: argparse.Namespace) -> None:
    """Print how many images a second each runtime turns into features."""
    size, number = (32, 4) if options.quick else (224, 256)
    frames = np.random.default_rng(0).integers(256, size=(number, size, size, 3), dtype=np.uint8)
    made, rows = {}, []
    with tempfile.TemporaryDirectory() as folder:
        for runtime in ("litert", "keras"):
            extractor = make_extractor(
                weights="random", seed=0, frame_size=size, runtime=runtime,
                cache_folder=Path(folder),
            )  # fmt: skip
            made[runtime] = extractor(frames)  # the first time it is slower
            seconds = [timed(lambda run=extractor: run(frames))() for _ in range(options.repeats)]
            is_same = np.array_equal(extractor(frames), made[runtime])
            difference = np.abs(made[runtime] - made["litert"]).max() / made["litert"].max()
            images = f"{number / median(seconds):.0f}"
            rows.append((runtime, images, f"{difference:.0e}", "yes" if is_same else "no"))
    print_table(("features by", "images a second", "differs", "same bits"), rows)


def print_training(options: argparse.Namespace, ways: Sequence[str]) -> None:
    """Print what a step of cnn3d takes in each way."""
    rows = []
    for way in ways:
        command = [sys.executable, "-m", "benchmarks.gpu", "--child", way]
        command += ["--quick"] if options.quick else []
        command += ["--repeats", str(options.repeats)]
        try:
            ended = subprocess.run(
                command, capture_output=True, text=True, check=False, timeout=SECONDS_A_WAY
            )
        except subprocess.TimeoutExpired:
            rows.append((way, "", "", "", f"took more than {SECONDS_A_WAY} s"))
            continue
        if ended.returncode:
            rows.append((way, "", "", "", ended.stderr.strip().splitlines()[-1]))
            continue
        made = json.loads(ended.stdout.splitlines()[-1])
        rows.append(
            (
                way,
                milliseconds(made["seconds"]),
                milliseconds(made["reading"]),
                f"{made['loss']:.4f}",
                "yes" if made["is_same"] else "no",
            )
        )
    columns = ("cnn3d trained by", "ms a step", "ms to read a step by one thread", "loss")
    print_table((*columns, "same bits"), rows)


def train_twice(way: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    """Train some epochs twice from the same seed; return times, the loss, and whether all is same.

    Args:
        way: Settings of the section `train`.
        options: `quick` and `repeats`, the epochs after a first one that does not count.
    """
    own = Train(**way)
    setup_tensorflow(**own.runtime, seed=0)
    settings = settings_type("cnn3d")(epochs=1 + options.repeats)
    size, num_steps = (16, 2) if options.quick else (224, 12)
    if options.quick:
        settings = settings.model_copy(update={"batch_size": 2, "num_frames": 8})
    devices = choose_devices(own, most=settings.batch_size)
    results = []
    with tempfile.TemporaryDirectory() as folder:
        examples = write_examples(Path(folder), num_steps * settings.batch_size, size, settings)
        for number in range(2):
            checkpoint = Path(folder) / f"{number}.npz"
            results.append(train_once(examples, settings, size, devices, checkpoint))
        pairs = [(video, 1) for video in range(settings.batch_size)]
        read = timed(lambda: [examples.read(*pair) for pair in pairs])
        reading = [read() for _ in range(options.repeats)]
    (digest, seconds, loss), (other, *_) = results
    per_step = [one / num_steps for one in seconds[1:]]
    return {"seconds": per_step, "reading": reading, "loss": loss, "is_same": digest == other}


def train_once(
    examples: Examples, settings: Any, size: int, devices: Devices, checkpoint: Path
) -> tuple[str, list[float], float]:
    """Return the SHA-256 of the weights, the seconds of each epoch, and the last loss."""
    keras.utils.set_random_seed(0)
    with devices.building():
        model = build_model(
            "cnn3d", settings, num_classes=len(LABELS), num_frames=settings.num_frames,
            frame_size=size,
        )  # fmt: skip
    devices.prepare(model)
    drawing = Drawing(seed=0, balanced=True)
    result = train(
        model, examples, None, settings=settings, drawing=drawing, checkpoint=checkpoint,
        devices=devices,
    )  # fmt: skip
    digest = hashlib.sha256(b"".join(weights.tobytes() for weights in model.get_weights()))
    return digest.hexdigest(), result.seconds, result.history[-1]["loss"]


def write_examples(folder: Path, number: int, size: int, settings: Any) -> Examples:
    """Return clips of noise with a view each, on the disk as the stage `extract` leaves them."""
    rng = np.random.default_rng(0)
    shape = (30, size, size, 3)
    rows = []
    for place in range(number):
        path = folder / f"{place}.npy"
        save_array(rng.integers(256, size=shape, dtype=np.uint8), path)
        rows.append((f"{place}", str(path), LABELS[place % 2], f"{place}", 1.0))
    columns = ["video_id", "path", "label", "subject", "weight"]
    manifest = pd.DataFrame(rows, columns=columns)
    views = {video_id: [View(flip=True)] for video_id in manifest["video_id"]}
    return clip_examples(manifest, LABELS, num_frames=settings.num_frames, views=views)


if __name__ == "__main__":
    main()
