"""Training `mobilenet_lstm` on cached features against the backbone in the loop.

    python -m benchmarks.features

Takes about two minutes. Weights and inputs are random: neither changes the time of a step.
"""

import numpy as np

from benchmarks.timing import (
    argument_parser,
    is_met,
    milliseconds,
    print_heading,
    print_table,
    ratios,
    spread,
    take_turns,
    timed,
)
from har.backbones.building import build_backbone
from har.engine.runtime import keras, setup_tensorflow
from har.evaluation.gradcam import with_backbone
from har.models.contract import build_model
from har.settings import load_settings

TARGET = 100  # times faster
NUM_CLASSES = 6
HEAD_STEPS = 20  # in one turn, since one alone is too short to time


def main() -> None:
    """Print the table."""
    options = argument_parser(__doc__, repeats=5).parse_args()
    params = load_settings()
    # Of one stream, as the backbone in the loop is.
    settings = params.models["mobilenet_lstm"].model_copy(update={"streams": ["frames"]})
    num_frames = settings.num_frames or params.extract.num_frames
    size = 32 if options.quick else params.extract.size
    batch_size = 2 if options.quick else settings.batch_size
    setup_tensorflow(**params.train.runtime, seed=params.seed)
    print_heading("Cached features", "tensorflow", "keras")
    backbone = build_backbone(name=params.backbone.name, weights="random", seed=0, frame_size=size)
    num_features = backbone.output_shape[-1]
    head = build_model(
        "mobilenet_lstm",
        settings,
        num_classes=NUM_CLASSES,
        num_frames=num_frames,
        num_features=num_features,
    )
    # Of the stream `motion` the backbone sees each frame.
    whole = with_backbone(head, backbone, ["motion"], clip_frames=num_frames).model
    rng = np.random.default_rng(0)
    shape = (batch_size, num_frames)
    features = rng.random((*shape, num_features), np.float32)
    frames = rng.integers(256, size=(batch_size, num_frames, size, size, 3), dtype=np.uint8)
    targets = np.eye(NUM_CLASSES, dtype=np.float32)[rng.integers(NUM_CLASSES, size=batch_size)]
    for model in (head, whole):
        model.compile(keras.optimizers.AdamW(), "categorical_crossentropy", jit_compile=False)

    def train_head() -> None:
        for _ in range(HEAD_STEPS):
            head.train_on_batch(features, targets)

    times = take_turns(
        {
            "cached features": timed(train_head),
            "backbone in the loop": timed(lambda: whole.train_on_batch(frames, targets)),
        },
        repeats=options.repeats,
    )
    times["cached features"] = [seconds / HEAD_STEPS for seconds in times["cached features"]]
    faster = ratios(times, "backbone in the loop", "cached features")
    columns = ("training on", f"ms a step of {batch_size} clips", "times faster", "goal met")
    met = is_met(sorted(faster)[len(faster) // 2] >= TARGET)
    print_table(
        columns,
        [
            ("backbone in the loop", milliseconds(times["backbone in the loop"]), "1", ""),
            ("cached features", milliseconds(times["cached features"]), spread(faster, 0), met),
        ],
    )


if __name__ == "__main__":
    main()
