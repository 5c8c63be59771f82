"""Grad-CAM: which places of which frames are evidence for a label, by any model with convolutions.

A convolution's maps keep the places of a frame. Each value of the maps times the gradient of the
label's score by that value is what it adds to the score; summed over the channels, where the sum is
positive, that is the evidence, drawn as heat. For a network that averages each map over its places,
as MobileNetV2 does, this is Grad-CAM as published. For one that does not, as `cnn3d`, which
flattens its maps, Grad-CAM as published would average the gradient over places all the same and so
lose where the model looks; without the average it does not (HiResCAM).

References: Selvaraju et al., "Grad-CAM", ICCV 2017; Draelos and Carin, "Use HiResCAM instead of
Grad-CAM for faithful explanations of convolutional neural networks", 2020, arXiv 2011.08891.
"""

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from har.backbones.building import build_backbone
from har.clips.clip import even_indices
from har.clips.streams import POSE, find_person, picture_streams, show_streams
from har.engine.runtime import keras, ops, tf
from har.features.packed import seen_in_place
from har.models.contract import LAST_LAYER
from har.pose.joints import NUM_POSE_FEATURES
from har.recognizer.recognizer import Recognizer, load_trained

CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.Conv3D)
MAX_GRID = 14  # places of the map along a side, at most
HEAT_SHARE = 0.55  # of the colour, where the evidence is strongest


@dataclass(frozen=True)
class FromFrames:
    """A model from the frames of a clip to probabilities, with gradients.

    Attributes:
        model: From uint8 frames (batch, num_seen, size, size, 3), those of each stream after those
            of the one before.
        maps_layer: Of the model, from `find_maps_layer`.
        streams: Those of pictures.
        seen: For each stream, the frames of a clip that the model sees, in order.
        shown: For each stream, which of those it has in place of each frame that it takes.
        places: The frames of a clip that it takes.
        context: As for `har.clips.streams.show_streams`.
    """

    model: keras.Model
    maps_layer: keras.Layer | None
    streams: list[str]
    seen: list[np.ndarray]
    shown: list[np.ndarray]
    places: np.ndarray
    context: float = 1.0


def of_clips(model: keras.Model, *, clip_frames: int) -> FromFrames:
    """Return a model that takes the frames of a clip itself, all that it takes.

    Args:
        model: From uint8 (batch, num_frames, size, size, 3); its last layer is as
            `har.training.calibration` says.
        clip_frames: Frames of a clip.
    """
    num_frames = model.input_shape[1]
    places, every = even_indices(clip_frames, num_frames), np.arange(num_frames)
    return FromFrames(model, find_maps_layer(model), ["frames"], [places], [every], places)


def load_from_frames(folder: Path, recognizer: Recognizer) -> FromFrames:
    """Return a trained model from frames to probabilities, with gradients.

    Args:
        folder: Of the model, with what `har.recognizer.recognizer.save_trained` wrote.
        recognizer: The same model, as it is used.
    """
    model, preprocessing = load_trained(folder), recognizer.preprocessing
    clip_frames = preprocessing["num_frames"]
    if recognizer.backbone is None:
        return of_clips(model, clip_frames=clip_frames)
    params = recognizer.params
    backbone = build_backbone(
        **params["backbone"], seed=params["seed"], frame_size=preprocessing["size"]
    )
    return with_backbone(
        model,
        backbone,
        preprocessing["streams"],
        clip_frames=clip_frames,
        context=preprocessing["context"],
    )


def with_backbone(
    head: keras.Model,
    backbone: keras.Model,
    streams: Sequence[str],
    *,
    clip_frames: int,
    context: float = 1.0,
) -> FromFrames:
    """Return the model from frames, for one that was trained on their features.

    It takes nothing of a pose, whose features it has as 0: what a stream adds to a label's score
    does not depend on the others.

    Args:
        head: From features (batch, num_frames, num_features) to probabilities.
        backbone: From a frame to its features.
        streams: Those whose features stand side by side.
        clip_frames: Frames of a clip.
        context: As for `har.clips.streams.show_streams`.
    """
    frame_shape, num_frames = backbone.input_shape[1:], head.input_shape[1]
    places, pictures = even_indices(clip_frames, num_frames), picture_streams(streams)
    in_place = [seen_in_place(stream, places, clip_frames) for stream in pictures]
    seen, shown = zip(*(np.unique(one, return_inverse=True) for one in in_place), strict=True)
    ends = np.cumsum([0, *map(len, seen)])
    frames = keras.Input((int(ends[-1]), *frame_shape), dtype="uint8", name="frames")
    # A reshape to (batch x frames) compiles ten times faster than TimeDistributed, which unrolls.
    features = backbone(ops.reshape(frames, (-1, *frame_shape)))
    features = ops.reshape(features, (-1, int(ends[-1]), backbone.output_shape[-1]))
    by_picture = [
        ops.take(features, start + rows, axis=1)
        for start, rows in zip(ends[:-1], shown, strict=True)
    ]
    nothing, rest = ops.zeros_like(by_picture[0][..., :NUM_POSE_FEATURES]), iter(by_picture)
    parts = [nothing if stream == POSE else next(rest) for stream in streams]
    model = keras.Model(frames, head(ops.concatenate(parts, axis=-1)), name=head.name)
    return FromFrames(model, find_maps_layer(model), pictures, [*seen], [*shown], places, context)


def find_maps_layer(model: keras.Model) -> keras.Layer | None:
    """Return the layer whose output is the last maps that keep places.

    That is the last convolution, in the model or in a model within it as a frozen backbone, or
    what follows it without changing the maps' shape, as normalisation, ReLU or a shortcut's sum.

    Args:
        model: Functional or sequential.

    Returns:
        The layer; None if there is no convolution over places, or beside it, in the same model,
        attention, which mixes them. A Vision Transformer has maps before all its blocks, whose
        gradient takes 0.4 GB an image. Attention in a head on features mixes frames, not places.
    """
    found, follows = None, False
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            found, follows = find_maps_layer(layer) or found, False
            continue
        if isinstance(layer, keras.layers.MultiHeadAttention):
            return None
        keeps_shape = follows and layer.output.shape == found.output.shape
        follows = isinstance(layer, CONVOLUTIONS) or keeps_shape
        found = layer if follows else found
    return found


def find_heat_map(looks: FromFrames, clip: np.ndarray, label_index: int) -> np.ndarray:
    """Return the Grad-CAM heat map of each frame that the model takes, for a label.

    Contributions of several streams are summed.

    Args:
        looks: The model; it has a layer whose maps keep places.
        clip: uint8 RGB, shape (num_frames, size, size, 3).
        label_index: The label.

    Returns:
        float32 in [0, 1], shape (model frames, size, size); 1 where the clip has most, 0 everywhere
        if nothing in it is evidence for the label.
    """
    pictures = show_streams(looks.streams, clip, context=looks.context)
    inputs = [picture[seen] for picture, seen in zip(pictures, looks.seen, strict=True)]
    heat = _find_contributions(looks.model, looks.maps_layer, np.concatenate(inputs), label_index)
    # Pooling leaves the gradient to one place in four: over a coarser grid the specks even out.
    grid = (min(MAX_GRID, heat.shape[2]), min(MAX_GRID, heat.shape[1]))
    heat = np.stack([cv2.resize(one, grid, interpolation=cv2.INTER_AREA) for one in heat])
    num_seen = sum(map(len, looks.seen))
    # A network for clips has fewer maps than frames: of 4 for 16, frame 7 has 7 * 4 // 16 = 1.
    heat = heat[np.arange(num_seen) * len(heat) // num_seen]
    by_stream = np.split(heat, np.cumsum([len(seen) for seen in looks.seen])[:-1])
    of_streams = zip(by_stream, looks.streams, looks.seen, looks.shown, strict=True)
    placed = [
        # What a frame adds is shared by the frames that it is seen for.
        _place(one / np.bincount(shown)[:, None, None], stream, clip, seen, looks.context)[shown]
        for one, stream, seen, shown in of_streams
    ]
    heat = np.maximum(np.sum(placed, axis=0), 0)
    return heat / heat.max() if heat.max() > 0 else heat


def _find_contributions(
    model: keras.Model, maps_layer: keras.Layer, inputs: np.ndarray, label_index: int
) -> np.ndarray:
    """Return what each place of the maps contributes to the label's score.

    Args:
        model: As of `FromFrames`.
        maps_layer: Likewise.
        inputs: What the model takes, without the batch dimension.
        label_index: The label.

    Returns:
        float32, shape (num_maps, rows, columns), the maps of all streams one after the other.
    """
    last = next(layer for layer in _all_layers(model) if layer.name == LAST_LAYER)
    seen: dict[str, Any] = {}

    def note_maps(inputs: Any, outputs: Any) -> None:
        seen["maps"] = outputs
        tape.watch(outputs)  # what comes before, the backbone for one, needs no gradient

    def note_score(inputs: Any, outputs: Any) -> None:
        # Before softmax: a probability near 1 hardly changes with anything.
        seen["score"] = tf.linalg.matvec(inputs, last.kernel[:, label_index])

    with (
        tf.GradientTape(watch_accessed_variables=False) as tape,
        _observed(maps_layer, note_maps),
        _observed(last, note_score),
    ):
        model(inputs[np.newaxis], training=False)
    added = tape.gradient(seen["score"], seen["maps"]) * seen["maps"]
    heat = tf.reduce_sum(added, axis=-1).numpy()
    return heat.reshape(-1, *heat.shape[-2:])


def _place(
    heat: np.ndarray, stream: str, clip: np.ndarray, places: np.ndarray, context: float
) -> np.ndarray:
    """Return the heat map of one stream, placed where the stream is in the frames.

    Args:
        heat: float32, shape (num_maps, rows, columns).
        stream: Its name.
        clip: As for `find_heat_map`.
        places: Frames that the model takes.
        context: As for `har.clips.streams.show_streams`.

    Returns:
        float32, shape (len(places), size, size).
    """
    size = clip.shape[2]
    if stream != "person":
        return np.stack([cv2.resize(one, (size, size)) for one in heat])
    left, top, side = find_person(*show_streams(["motion"], clip), context=context)
    placed = np.zeros((len(places), size, size), np.float32)
    for one, x, y, out in zip(heat, left[places], top[places], placed, strict=True):
        inside = cv2.resize(one, (side, side))
        out[y : y + side, x : x + side] = inside * (size / side) ** 2  # as much in all
    return placed


@contextlib.contextmanager
def _observed(layer: keras.Layer, note: Callable[[Any, Any], None]) -> Iterator[None]:
    """Tell of a layer's input and output whenever it is called.

    Of a model within a model Keras gives no way to ask for an inner output and go on from it: the
    graph of the one is not connected to that of the other. Run step by step, both are one.
    """
    call = layer.call

    def call_and_note(inputs: Any, *arguments: Any, **options: Any) -> Any:
        outputs = call(inputs, *arguments, **options)
        note(inputs, outputs)
        return outputs

    layer.call = call_and_note
    try:
        yield
    finally:
        del layer.call  # the class's own is seen again


def _all_layers(model: keras.Model) -> Iterator[keras.Layer]:
    """Yield the layers of a model and of the models within it, in the order they are run."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _all_layers(layer)
        else:
            yield layer


def paint_heat_map(frames: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Return the frames in grey with the heat in colour on them.

    Args:
        frames: uint8 RGB, shape (num_frames, height, width, 3).
        heat: float in [0, 1], shape (num_frames, height, width).

    Returns:
        uint8 RGB, the same shape as the frames.
    """
    painted = np.empty_like(frames)
    for index, (frame, one) in enumerate(zip(frames, heat, strict=True)):
        grey = cv2.cvtColor(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
        levels = (255 * one).astype(np.uint8)
        colour = cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
        share = HEAT_SHARE * np.sqrt(one)[..., np.newaxis]
        painted[index] = ((1 - share) * grey + share * colour).astype(np.uint8)
    return painted
