"""The backbone in LiteRT's format, made once and kept, with features of Keras to check it by.

Converting needs TensorFlow and some seconds, so the converted network is kept in the cache; a later
run does not import TensorFlow at all.
"""

import importlib.metadata
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from har.backbones.litert import finish_conversion
from har.backbones.weights import identify_weights
from har.engine.cache import Cache
from har.engine.code import code_digest
from har.engine.files import writing
from har.integrity.unpacking import read_arrays

if TYPE_CHECKING:
    from har.engine.runtime import keras

MAX_ERROR = 1e-4  # largest difference to Keras' features, as a share of the largest feature
MAX_CONSTANTS_BYTES = 100 * 2**20  # of weights, above which they go by way of a saved model


@dataclass(frozen=True)
class ConvertedBackbone:
    """A backbone in LiteRT's format.

    Attributes:
        network: The file's content.
        features: Keras' features of `check_frames`, float32, shape (4, num_features).
        key: Names all that decides its features.
    """

    network: bytes
    features: np.ndarray
    key: str


def convert_backbone(
    name: str = "mobilenet_v2",
    weights: str = "registry",
    *,
    seed: int | None = None,
    frame_size: int = 224,
    cache_folder: Path | None = None,
) -> ConvertedBackbone:
    """Convert a backbone, or take it from the cache where it was converted before.

    Args:
        name: The backbone, as for `har.backbones.building.build_backbone`.
        weights: Where its weights come from, one of `backbone.weights`.
        seed: Seed of random weights; the others need none.
        frame_size: Height and width of a frame in pixels.
        cache_folder: Where converted models are kept; by default the cache of the repository.
    """
    options = {"name": name, "weights": weights, "seed": seed, "frame_size": frame_size}
    cache, key = Cache("backbone", ending=".npz", folder=cache_folder), key_of(**options)
    entry = cache.get(key)
    if entry is None:
        from har.backbones.building import build_backbone  # here, as it imports TensorFlow

        backbone = build_backbone(**options)
        with writing(cache.new_file()) as made:
            np.savez(
                made,
                flatbuffer=np.frombuffer(convert_built(backbone), np.uint8),
                features=backbone.predict_on_batch(check_frames(options["frame_size"])),
            )
            entry = cache.put(key, made, {})
    arrays = read_arrays(entry.data)
    return ConvertedBackbone(arrays["flatbuffer"].tobytes(), arrays["features"], key)


def key_of(*, name: str, weights: str, seed: int | None, frame_size: int) -> str:
    """Return the key of a converted backbone, which names all that decides its features."""
    cache = Cache("backbone", ending=".npz")
    made_from = {
        "name": name,
        "frame_size": frame_size,
        "tensorflow": importlib.metadata.version("tensorflow"),
        "keras": importlib.metadata.version("keras"),
    }
    digest = identify_weights(name, weights, seed=seed, frame_size=frame_size)
    return cache.key(digest, parameters=made_from, code_version=code_digest(__name__))


def check_agreement(features: np.ndarray, expected: np.ndarray) -> float:
    """Check features against those of Keras.

    Args:
        features: By the runtime to check, float32, shape (num_frames, num_features).
        expected: By Keras, of the same dtype and shape.

    Returns:
        The largest difference, as a share of the largest of Keras' features.

    Raises:
        ValueError: If it is over `MAX_ERROR`.
    """
    error = float(np.abs(features - expected).max() / np.abs(expected).max())
    if not error <= MAX_ERROR:  # so that not-a-number fails too
        raise ValueError(
            f"The backbone's features by LiteRT differ from those by Keras by {error:.1e} of the "
            f"largest feature; expected at most {MAX_ERROR:.0e}. Set features.runtime to 'keras' "
            "in params.yaml."
        )
    return error


def check_frames(frame_size: int) -> np.ndarray:
    """Return frames from one colour to fine noise, uint8, shape (4, frame_size, frame_size, 3)."""
    rng = np.random.default_rng(0)
    frames = []
    for num_patches in (1, 7, 56, frame_size):
        patches = rng.integers(0, 256, (num_patches, num_patches, 3), dtype=np.uint8)
        places = np.arange(frame_size) * num_patches // frame_size
        frames.append(patches[places][:, places])
    return np.stack(frames)


def convert_built(
    backbone: "keras.Model", *, prepare: Callable[[Any], None] | None = None
) -> bytes:
    """Convert to LiteRT's format, for one uint8 frame at a time.

    With the weights as constants of the function MobileNetV2 takes 2 s, by way of a saved model
    8 s; a Vision Transformer of 343 MB takes 106 s and 12 GB of memory, by a saved model 22 s and
    4 GB. As variables of the function they would be lost.

    Args:
        backbone: As `har.backbones.building.build_backbone` returns it.
        prepare: As for `har.backbones.litert.convert_model`.

    Raises:
        ValueError: LiteRT lacks something that the backbone does.
    """
    from har.engine.runtime import tf

    variables = backbone.non_trainable_variables
    signature = [tf.TensorSpec((1, *backbone.input_shape[1:]), tf.uint8)]
    module = tf.Module()
    with tempfile.TemporaryDirectory() as folder:
        if sum(variable.value.numpy().nbytes for variable in variables) <= MAX_CONSTANTS_BYTES:
            weights = [variable.numpy() for variable in variables]

            @tf.function(input_signature=signature)
            def run(frame):
                return backbone.stateless_call([], weights, frame, training=False)[0]

            concrete = [run.get_concrete_function()]
            converter = tf.lite.TFLiteConverter.from_concrete_functions(concrete, module)
        else:
            module.weights = [variable.value for variable in variables]
            run = tf.function(partial(backbone, training=False), input_signature=signature)
            tf.saved_model.save(module, folder, signatures=run.get_concrete_function())
            converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        if prepare:
            prepare(converter)
        advice = "Set features.runtime to 'keras' in params.yaml."
        return finish_conversion(converter, backbone.name, advice=advice)
