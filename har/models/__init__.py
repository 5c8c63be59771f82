"""The models, one file each.

A model's file has `INPUT`, what it is trained on (`clips`, or `features` of the frozen backbone in
the `STREAMS` that it names), and `build`, which makes the network that is trained. Its settings are
the section `models.<file name>` of params.yaml. To add a model, add a file and a section.
"""

import importlib
import math
from pathlib import Path
from types import ModuleType

from har.runtime import keras
from har.streams import show_stream

ops = keras.ops


def model_names() -> list[str]:
    """Return the names that `model` in params.yaml can have."""
    return sorted(path.stem for path in Path(__file__).parent.glob("[!_]*.py"))


def find_model(name: str) -> ModuleType:
    """Return the module of a model.

    Raises:
        ValueError: There is no model of that name.
    """
    if name not in model_names():
        raise ValueError(
            f"There is no model {name!r}; expected one of {', '.join(model_names())}. Set `model` "
            "in params.yaml, or for one experiment with `dvc exp run -S model=...`."
        )
    return importlib.import_module(f"har.models.{name}")


def deployable(
    trained: keras.Model, backbone: keras.Model, streams: tuple[str, ...] = ("frames",)
) -> keras.Model:
    """Return the model that takes frames, for one that was trained on their features.

    Args:
        trained: What `build` returned, trained.
        backbone: The frozen network whose features it was trained on.
        streams: What the backbone is shown, as the model's `STREAMS`.

    Returns:
        A model from uint8 RGB frames (batch, num_frames, size, size, 3) to probabilities.
    """
    num_frames = trained.input_shape[1]
    frame_shape, num_features = backbone.input_shape[1:], backbone.output_shape[-1]
    frames = keras.Input((num_frames, *frame_shape), dtype="uint8", name="frames")
    shown = frames
    if streams != ("frames",):
        shown = ops.stack([show_stream(stream, frames, xp=ops) for stream in streams], axis=1)
    # A reshape to (batch x streams x time) compiles ten times faster than TimeDistributed, which
    # unrolls.
    features = backbone(ops.reshape(shown, (-1, *frame_shape)))
    features = ops.reshape(features, (-1, len(streams), num_frames, num_features))
    features = ops.concatenate([features[:, i] for i in range(len(streams))], axis=-1)
    return keras.Model(frames, trained(features), name=trained.name)


def count_parameters(model: keras.Model) -> dict[str, int]:
    """Return the number of parameters in all (`total`) and of those trained (`trainable`)."""
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return {"total": model.count_params(), "trainable": trainable}
