"""Any model of `keras.applications` as a backbone, with the ImageNet weights that Keras has for it.

Which file those are in is known only to the function that builds the model: it asks Keras'
`get_file` for it. So `get_file` is replaced while a model is built. Keras' own would wait for ever
on a network that swallows everything, and say nothing of it.

Weights are never given to Keras as a path: EfficientNetB0 to B7 would then scale their input
otherwise than with `weights="imagenet"`.
"""

from __future__ import annotations

import inspect
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from har.engine.runtime import keras
from har.integrity.unpacking import check_weights

TIMEOUT_SECONDS = 30  # without a byte from the network

_OTHER_NAMES = {"mobilenet_v2": "MobileNetV2"}


class _AskedError(Exception):
    """Carries what Keras asked `get_file` for: the file's name, its address and options."""


def application_names() -> list[str]:
    """Return the names of the models of `keras.applications`."""
    return [name for name in dir(keras.applications) if name[0].isupper()]


def find_keras_weights(name: str, frame_size: int) -> Path:
    """Locate the file with a model's ImageNet weights, fetching it where Keras' cache lacks it.

    Args:
        name: Of a model of `keras.applications`, or `mobilenet_v2`.
        frame_size: Height and width of a frame in pixels: some models have other weights for it.

    Returns:
        Path of the file in Keras' cache.

    Raises:
        ValueError: If there is no such model, it does not take frames of that size, or the file is
            missing and cannot be fetched.
    """
    names = [*_OTHER_NAMES, *application_names()]
    if name not in names:
        raise ValueError(
            f"backbone.name is {name!r}, expected with backbone.weights 'keras' one of: "
            f"{', '.join(names)}. Change either in params.yaml."
        )

    def ask(fname: str, origin: str, **options: Any) -> None:
        raise _AskedError(fname, origin, options)

    try:
        _build(name, frame_size, ask)
    except _AskedError as asked:
        file_name, address, options = asked.args
    except ValueError as error:
        raise ValueError(
            f"extract.size is {frame_size} pixels, which Keras' {name} does not take: {error}. "
            "Change it in params.yaml."
        ) from error
    return _fetch(file_name, address, options)


def build_keras_application(name: str, frame_size: int) -> keras.Model:
    """Build a model of `keras.applications` with its ImageNet weights and its preprocessing.

    Args:
        name: Of a model of `keras.applications`, or `mobilenet_v2`.
        frame_size: Height and width of a frame in pixels.

    Returns:
        Model from RGB frames with values 0 to 255, shape (batch, frame_size, frame_size, 3), to
        features, shape (batch, num_features), the average of its last maps over their places.

    Raises:
        ValueError: As `find_keras_weights`, or if the file is damaged.
    """
    path = find_keras_weights(name, frame_size)
    try:
        check_weights(path)
        return _build(name, frame_size, lambda *_, **__: str(path))
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(
            f"{path} does not hold the weights of Keras' {name}: {error}. Delete it, so that it is "
            "fetched again, or set backbone.weights to 'registry'."
        ) from error


def _build(name: str, frame_size: int, get_file: Callable[..., str | None]) -> keras.Model:
    application = getattr(keras.applications, _OTHER_NAMES.get(name, name))
    frames = keras.Input((frame_size, frame_size, 3), name="frames")
    # Each family has a preprocessing of its own, in the module of its models.
    preprocess = inspect.getmodule(application).preprocess_input
    file_utils = inspect.getmodule(keras.utils.get_file)
    original, file_utils.get_file = file_utils.get_file, get_file
    try:
        return application(
            input_tensor=preprocess(keras.ops.cast(frames, "float32")),
            input_shape=(frame_size, frame_size, 3),
            include_top=False,
            pooling="avg",
            weights="imagenet",
        )
    finally:
        file_utils.get_file = original


def _fetch(file_name: str, address: str, options: dict[str, Any]) -> Path:
    """Return the file in Keras' cache, from the network if it is missing or has another hash."""
    home = Path(os.environ.get("KERAS_HOME", Path.home() / ".keras"))  # as Keras finds it
    path = home / "models" / file_name
    path.parent.mkdir(parents=True, exist_ok=True)  # without it Keras would take /tmp/.keras
    if not path.is_file():
        print(
            f"Fetching {address} into {path.parent}, giving up after {TIMEOUT_SECONDS} seconds "
            "without an answer",
            file=sys.stderr,
            flush=True,
        )
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(TIMEOUT_SECONDS)
    try:
        return Path(keras.utils.get_file(file_name, address, cache_dir=str(home), **options))
    except Exception as error:  # Keras raises nothing narrower
        raise ValueError(
            f"{path} is missing or damaged, and could not be fetched from {address}: "
            f"{error.__context__ or error}. "
            "Connect this computer to the internet, or put the file there from one that is "
            "connected, or set backbone.weights to 'registry' in params.yaml."
        ) from error
    finally:
        socket.setdefaulttimeout(before)
