"""A model that was trained on features, put together with the backbone that they are from."""

from collections.abc import Sequence

from har.clips.streams import show_stream
from har.engine.runtime import keras, ops


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
