"""Training `cnn3d` as the pipeline does against other settings and the same layers in PyTorch.

    python -m benchmarks.cnn3d                          # settings of TensorFlow only
    python -m benchmarks.cnn3d --torch PYTHON           # and PyTorch, installed for that Python

Each way is a process of its own, since a library reads its settings once; they take turns of one
training step. PyTorch is not needed by the project: `pip install torch numpy` into another
environment, and name its Python. Takes about five minutes.
"""

import argparse
import os
import sys

from benchmarks.timing import (
    argument_parser,
    children,
    is_met,
    print_heading,
    print_table,
    ratios,
    serve,
    spread,
    take_turns,
)

NUM_CLASSES, NUM_FRAMES = 6, 16
OURS = "as the pipeline trains"
# By name: the environment and the options of the process.
WAYS: dict[str, tuple[dict[str, str], list[str]]] = {
    OURS: ({}, []),
    "without oneDNN": ({"TF_ENABLE_ONEDNN_OPTS": "0"}, []),
    "without determinism": ({}, ["--no-determinism"]),
    "normalising before pooling": ({}, ["--normalise-first"]),
}
FILTERS = (32, 64, 98)  # of the three convolutions, for the variants that this file builds


def main() -> None:
    """Print the table, or be one of the ways."""
    parser = argument_parser(__doc__, repeats=5)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--torch", metavar="PYTHON", help="Python of an environment with PyTorch")
    parser.add_argument("--child", choices=("tensorflow", "torch"), help=argparse.SUPPRESS)
    parser.add_argument("--no-determinism", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--normalise-first", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child == "tensorflow":
        serve_tensorflow(options)
    elif options.child == "torch":
        serve_torch(options)
    else:
        compare(options)


def compare(options: argparse.Namespace) -> None:
    """Let the ways take turns and print the table."""
    print_heading("Training cnn3d", "tensorflow", "keras")
    here = ["-m", "benchmarks.cnn3d", "--batch-size", str(options.batch_size)]
    here += ["--quick"] if options.quick else []
    commands = {
        name: ([sys.executable, *here, "--child", "tensorflow", *arguments], environment)
        for name, (environment, arguments) in WAYS.items()
    }
    if options.torch:
        commands["PyTorch, channels last"] = ([options.torch, *here, "--child", "torch"], {})
    with children(commands) as started:
        times = take_turns(started, repeats=options.repeats)
        rows = []
        for name, child in started.items():
            seconds_per_clip = [seconds / options.batch_size for seconds in times[name]]
            slower = sorted(ratios(times, OURS, name))[options.repeats // 2]
            rows.append(
                (
                    name,
                    child.facts["parameters"],
                    spread(seconds_per_clip, 3),
                    spread(ratios(times, name, OURS)),
                    f"{child.peak_gigabytes:.1f}",
                    "" if name == OURS else is_met(slower <= 1.1),
                )
            )
    columns = ("way", "parameters", "s a clip and step", "times ours", "peak GB")
    print_table((*columns, "ours within 10 %"), rows)


def serve_tensorflow(options: argparse.Namespace) -> None:
    """Train one step each time it is asked for."""
    import numpy as np

    from har.engine.runtime import keras, setup_tensorflow
    from har.models.contract import build_model
    from har.settings import load_settings

    settings = load_settings()
    setup = settings.train.runtime
    setup["deterministic"] &= not options.no_determinism
    setup_tensorflow(**setup, seed=settings.seed)
    size = 32 if options.quick else settings.extract.size
    if options.normalise_first:
        model = _normalising_first(keras, size)
    else:
        model = build_model(
            "cnn3d",
            settings.models["cnn3d"],
            num_classes=NUM_CLASSES,
            num_frames=NUM_FRAMES,
            frame_size=size,
        )
    model.compile(keras.optimizers.AdamW(), "categorical_crossentropy", jit_compile=False)
    frames, labels = _batch(options.batch_size, size)
    targets = np.eye(NUM_CLASSES, dtype=np.float32)[labels]
    serve(
        lambda: model.train_on_batch(frames, targets),
        {"parameters": sum(int(np.prod(v.shape)) for v in model.trainable_variables)},
    )


def serve_torch(options: argparse.Namespace) -> None:
    """Do the same with the same layers in PyTorch."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    size = 32 if options.quick else 224
    layers: list[nn.Module] = []
    channels = 3
    for filters in FILTERS:
        convolution = nn.Conv3d(channels, filters, 3, padding=1)
        layers += [convolution, nn.ReLU(), nn.MaxPool3d(2), nn.BatchNorm3d(filters)]
        channels = filters
    num_values = channels * (NUM_FRAMES // 8) * (size // 8) ** 2
    layers += [nn.Flatten(), nn.Linear(num_values, 128), nn.ReLU(), nn.Dropout(0.2)]
    layers.append(nn.Linear(128, NUM_CLASSES))
    model = nn.Sequential(*layers).to(memory_format=torch.channels_last_3d)
    optimizer = torch.optim.AdamW(model.parameters())
    loss_function = nn.CrossEntropyLoss()
    frames, labels = _batch(options.batch_size, size)
    inputs = torch.from_numpy(frames).permute(0, 4, 1, 2, 3)  # in memory the channels stay last
    targets = torch.from_numpy(labels)

    def step() -> None:
        optimizer.zero_grad()
        loss_function(model(inputs.float() / 127.5 - 1), targets).backward()
        optimizer.step()

    serve(step, {"parameters": sum(p.numel() for p in model.parameters() if p.requires_grad)})


def _normalising_first(keras, size: int):
    """Return the same layers, each block's batch normalisation before its pooling."""
    layers = keras.layers
    frames = keras.Input((NUM_FRAMES, size, size, 3), dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1.0)(frames)
    for filters in FILTERS:
        x = layers.Conv3D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPool3D(2)(layers.BatchNormalization()(x))
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(
        frames, layers.Dense(NUM_CLASSES, activation="softmax")(layers.Dropout(0.2)(x))
    )


def _batch(batch_size: int, size: int):
    """Return frames, uint8 (batch, time, height, width, 3), and labels, int64."""
    import numpy as np

    rng = np.random.default_rng(0)
    frames = rng.integers(256, size=(batch_size, NUM_FRAMES, size, size, 3), dtype=np.uint8)
    return frames, rng.integers(NUM_CLASSES, size=batch_size)


if __name__ == "__main__":
    main()
