"""The models, one file each.

A model's file has `INPUT`, what it is trained on (`clips`, or `features` of the frozen backbone),
and `build`, which makes the network that is trained. Its settings are the section
`models.<file name>` of params.yaml; one on features has `streams` there, what of a clip the
backbone is shown. To add a model, add a file and a section.
"""

import importlib
import math
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from har.clips.streams import show_stream
from har.engine.runtime import keras

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
    trained: keras.Model,
    backbone: keras.Model,
    streams: Sequence[str] = ("frames",),
    *,
    context: float = 1.0,
) -> keras.Model:
    """Return the model that takes frames, for one that was trained on their features.

    Args:
        trained: What `build` returned, trained.
        backbone: The frozen network whose features it was trained on.
        streams: What the backbone is shown, of `har.clips.streams.STREAMS`.
        context: As for `har.clips.streams.show_stream`.

    Returns:
        A model from uint8 RGB frames (batch, num_frames, size, size, 3) to probabilities.
    """
    frame_shape = backbone.input_shape[1:]
    frames = keras.Input((trained.input_shape[1], *frame_shape), dtype="uint8", name="frames")
    shown = [show_stream(stream, frames, context=context, xp=ops) for stream in streams]
    shown = ops.stack(shown, axis=1) if len(shown) > 1 else shown[0]
    return keras.Model(frames, _connect(shown, backbone, trained, len(streams)), name=trained.name)


def with_last_blocks(
    trained: keras.Model, tail: keras.Model, streams: Sequence[str]
) -> keras.Model:
    """Return the model that takes maps of the backbone, for one that was trained on its features.

    Args:
        trained: What `build` returned, trained.
        tail: The last blocks of the backbone, from maps (height, width, channels) to features.
        streams: What the backbone is shown.

    Returns:
        A model from float32 maps (batch, num_streams, num_frames, height, width, channels) to
        probabilities. Its layers are those of `trained` and `tail`.
    """
    shape = (len(streams), trained.input_shape[1], *tail.input_shape[1:])
    maps = keras.Input(shape, name="maps")
    return keras.Model(maps, _connect(maps, tail, trained, len(streams)), name=trained.name)


def _connect(
    shown: keras.KerasTensor, network: keras.Model, trained: keras.Model, num_streams: int
) -> keras.KerasTensor:
    """Return the probabilities of what a network is shown, (batch, [streams,] time, ...)."""
    num_frames, num_features = trained.input_shape[1], network.output_shape[-1]
    # A reshape to (batch x streams x time) compiles ten times faster than TimeDistributed, which
    # unrolls.
    features = network(ops.reshape(shown, (-1, *network.input_shape[1:])))
    features = ops.reshape(features, (-1, num_streams, num_frames, num_features))
    features = ops.concatenate([features[:, i] for i in range(num_streams)], axis=-1)
    return trained(features)


def count_parameters(model: keras.Model) -> dict[str, int]:
    """Return the number of parameters in all (`total`) and of those trained (`trainable`)."""
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return {"total": model.count_params(), "trainable": trainable}
