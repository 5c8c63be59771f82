"""Any KerasHub preset of an image model as a backbone, a Vision Transformer for one.

A preset is a folder of three files: what the model is, how it wants its images, and its weights.
KerasHub finds a built-in one in kagglehub's cache, or fetches it from Kaggle. It is loaded from
that folder here, so that nothing is fetched but these files. KerasHub is not in requirements.txt:
it brings 250 MB, most of it for texts.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from har.backbones.vision_transformer import copy_vision_transformer
from har.engine.cache import file_digest
from har.engine.runtime import KERAS_HUB, import_keras_hub, keras
from har.integrity.trial import KERAS_GIGABYTES, keras_reason, try_files
from har.integrity.unpacking import check_weights

TIMEOUT_SECONDS = 30  # without a byte from the network

_CONFIG, _CONVERTER, _WEIGHTS = "config.json", "image_converter.json", "model.weights.h5"
_FILES = (_CONFIG, _CONVERTER, _WEIGHTS)  # the smallest first
LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError)
# Their class token comes first, and they adapt their positions to the images' size.
_DINO = ("DINOV2Backbone", "DINOV3Backbone")


def find_preset(name: str) -> Path:
    """Locate the folder of a preset, fetching what kagglehub's cache lacks.

    Args:
        name: Of a built-in preset, such as `vit_base_patch16_224_imagenet`, or a folder that holds
            one, as KerasHub's `save_to_preset` writes it.

    Returns:
        The folder, with all that `build_keras_hub_preset` needs.

    Raises:
        ValueError: If KerasHub is not installed, there is no such preset of an image model, or it
            is missing and cannot be fetched.
    """
    presets = _import().layers.ImageConverter.presets
    if name in presets:
        return _fetch(name, presets[name]["kaggle_handle"].removeprefix("kaggle://"))
    folder = Path(str(name))
    if not folder.is_dir():
        raise ValueError(
            f"backbone.name is {name!r}, expected with backbone.weights 'keras_hub' a preset of an "
            "image model, such as vit_base_patch16_224_imagenet (https://keras.io/keras_hub/presets"
            "/), or the folder of one. Change either in params.yaml."
        )
    missing = [file for file in _FILES if not (folder / file).is_file()]
    if missing:
        raise ValueError(
            f"{folder} is no preset of an image model: it has no {' and no '.join(missing)}. Name "
            "another folder or preset as backbone.name in params.yaml."
        )
    return folder


def identify_preset(name: str) -> str:
    """Return a digest of all files of a preset, and of KerasHub's version, whose code runs it.

    Args:
        name: As for `find_preset`.

    Raises:
        ValueError: As `find_preset`.
    """
    folder = find_preset(name)
    parts = [KERAS_HUB, *(file_digest(folder / file) for file in _FILES)]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()


def build_keras_hub_preset(name: str, frame_size: int) -> keras.Model:
    """Build the model of a preset with its weights and its preprocessing.

    Args:
        name: As for `find_preset`.
        frame_size: Height and width of a frame in pixels.

    Returns:
        Model from RGB frames with values 0 to 255, shape (batch, frame_size, frame_size, 3), to
        features, shape (batch, num_features): the class token, or else the average over places.
        It has no layers of KerasHub if it is a Vision Transformer, or made of Keras' layers as a
        ResNet; else loading it needs KerasHub.

    Raises:
        ValueError: As `find_preset`, or if the preset is for frames of another size, takes more
            than images, cannot be saved, or is damaged.
    """
    folder = find_preset(name)
    _check_size(name, folder, frame_size)
    shape = (frame_size, frame_size, 3)
    try:
        if name not in _import().layers.ImageConverter.presets:  # anybody may have made it
            trial = functools.partial(_try_weights, shape=shape)
            weights = folder / _WEIGHTS
            try_files(trial, [weights], gigabytes=KERAS_GIGABYTES, remedy="")
        converter, original = _load(folder, shape)
    except LOAD_ERRORS as error:
        reason = str(error).partition("\n")[0].rstrip(". ")
        raise ValueError(
            f"{folder} does not hold the model of backbone.name {name!r} in params.yaml: {reason}. "
            "Write it again, or delete it where it is kagglehub's, or name another."
        ) from error
    scale = 1.0 if converter.scale is None else converter.scale
    offset = 0.0 if converter.offset is None else converter.offset
    frames = keras.Input(shape, name="frames")
    images = keras.layers.Rescaling(scale, offset, name="preprocessing")(frames)
    maps = _simplify(name, original)(images)
    backbone = keras.Model(frames, _summarize(maps, original), name=type(original).__name__)
    _check_saves(name, backbone)
    return backbone


def _load(folder: Path, shape: tuple[int, int, int]) -> tuple[keras.Layer, keras.Model]:
    """Return the preset's image converter and model, whose every weight is from the file.

    Keras leaves some weights that it does not find as they are, which would be random.
    """
    keras_hub = _import()
    converter = keras_hub.layers.ImageConverter.from_preset(str(folder))
    model = keras_hub.models.Backbone.from_preset(
        str(folder), image_shape=shape, load_weights=False
    )
    for weight in model.weights:
        if keras.backend.is_float_dtype(weight.dtype):
            weight.assign(np.full(weight.shape, np.nan))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Skipping nested container")  # what matters is checked
        check_weights(folder / _WEIGHTS)
        model.load_weights(str(folder / _WEIGHTS))
    missing = [w.path for w in model.weights if not np.isfinite(w.numpy()).all()]
    if missing:
        raise ValueError(f"{_WEIGHTS} has no good numbers for {', '.join(missing)}")
    return converter, model


def _try_weights(path: Path, *, shape: tuple[int, int, int]) -> None:
    """Load the preset that weights are of, and run it once.

    Raises:
        ValueError: It asks for too much.
    """
    try:
        _, model = _load(path.parent, shape)
        if len(model.inputs) == 1:  # others are refused by name
            model(np.zeros((1, *shape), np.float32))
    except MemoryError:
        raise
    except LOAD_ERRORS:  # they come again, and are explained, where it is loaded to be used
        return
    except Exception as error:  # Keras and TensorFlow have nothing narrower in common
        raise ValueError(f"cannot be loaded ({keras_reason(error)})") from error


def _import() -> ModuleType:
    return import_keras_hub("backbone.weights 'keras_hub' in params.yaml")


def _check_size(name: str, folder: Path, frame_size: int) -> None:
    """Check that a preset takes images, and of this size."""
    try:
        config = json.loads((folder / _CONFIG).read_text(encoding="utf-8"))
        kind, wanted = config["class_name"], config["config"]["image_shape"][:2]
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{folder / _CONFIG} is not that of an image model of KerasHub: {error!r}. Name "
            "another folder or preset as backbone.name in params.yaml."
        ) from error
    if kind not in _DINO and any(side not in (None, frame_size) for side in wanted):
        raise ValueError(
            f"extract.size is {frame_size} pixels, and the preset {name} takes frames of "
            f"{'x'.join(map(str, wanted))}. Change either in params.yaml."
        )


def _simplify(name: str, original: keras.Model) -> keras.Model:
    """Return the same model, without KerasHub's classes where that is easy."""
    if len(original.inputs) != 1 or len(original.outputs) != 1:
        raise ValueError(
            f"backbone.name is {name!r}, whose model takes {len(original.inputs)} inputs and gives "
            f"{len(original.outputs)} outputs, expected one each. Name another in params.yaml."
        )
    if type(original).__name__ == "ViTBackbone":
        return copy_vision_transformer(original)
    # KerasHub's own class goes, its layers stay: those of a ResNet are all Keras' own.
    return keras.Model(original.inputs[0], original.outputs[0])


def _check_saves(name: str, backbone: keras.Model) -> None:
    """Check now what would fail after training: some layers of KerasHub cannot be saved."""
    try:
        keras.saving.serialize_keras_object(backbone)
    except Exception as error:  # the mistake can be any
        raise ValueError(
            f"backbone.name is {name!r}, and {KERAS_HUB} cannot save that model: {error}. Name "
            "another in params.yaml."
        ) from error


def _summarize(maps: Any, original: keras.Model) -> Any:
    """Return one vector for each frame: the class token, or the average over places."""
    kind = type(original).__name__
    if getattr(original, "use_class_token", kind in _DINO):
        return maps[:, 0]
    if len(maps.shape) == 3:
        return keras.layers.GlobalAveragePooling1D()(maps)
    return keras.layers.GlobalAveragePooling2D()(maps)


def _fetch(name: str, handle: str) -> Path:
    """Return the folder of a built-in preset in kagglehub's cache, from the network if need be."""
    import kagglehub  # comes with KerasHub, as does requests

    home = Path(os.environ.get("KAGGLEHUB_CACHE", Path.home() / ".cache" / "kagglehub"))
    folder = home / "models" / handle  # as kagglehub finds it
    if not all((folder / file).is_file() for file in _FILES):
        print(
            f"Fetching {name} from Kaggle into {folder}, giving up after {TIMEOUT_SECONDS} seconds "
            "without an answer",
            file=sys.stderr,
            flush=True,
        )
    try:
        with _impatient():
            for file in _FILES:
                path = Path(kagglehub.model_download(handle, file))
        return path.parent
    except Exception as error:  # kagglehub's errors have nothing narrower in common
        raise ValueError(
            f"The preset {name} is not whole in {folder}, and could not be fetched from Kaggle: "
            f"{error}. Connect this computer to the internet, or copy {home} from one that has "
            "fetched it, or set backbone.weights to 'registry' in params.yaml."
        ) from error


@contextlib.contextmanager
def _impatient() -> Iterator[None]:
    """Limit every wait for the network: kagglehub would wait for ever for its first answer."""
    from requests.adapters import HTTPAdapter

    original = HTTPAdapter.send

    def send(self: Any, request: Any, **options: Any) -> Any:
        return original(self, request, **options | {"timeout": TIMEOUT_SECONDS})

    HTTPAdapter.send = send
    try:
        yield
    finally:
        HTTPAdapter.send = original
