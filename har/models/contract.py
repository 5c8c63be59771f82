"""What a model's file holds, and how the framework makes a network of it.

A file in this folder is a model; its name is the model's name. It has:

- `INPUT`: `features` of the frozen backbone, or `clips`, the frames themselves.
- `Settings`: what of it can be set, with defaults; the section `models.<name>` of params.yaml.
- `build(inputs, settings)`: from the inputs to the tensor before the classifier.

Where the defaults of the framework do not do, it also has:

- `CLASSIFIER`: arguments of the last layer, as `{"kernel_initializer": "zeros"}`.
- `MIN_FRAMES`: frames that it needs at least.
- `adapt(model, clips)`: called once before training with each training video's input.

docs/adding-a-model.md builds a complete one.
"""

from __future__ import annotations

import importlib
import math
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from pydantic import Field

from har.clips.streams import StreamName
from har.engine.runtime import keras, layers, ops
from har.engine.section import Count, Positive, Section, Share

if TYPE_CHECKING:
    Tensor = keras.KerasTensor
else:
    Tensor = Any  # Keras is not imported to read the settings of a model

__all__ = ["ClipSettings", "FeatureSettings", "ModelSettings", "Tensor", "layers", "ops"]

NO_MODELS = ("contract", "one_stream")  # files in this folder that are no models
LAST_LAYER = "probabilities"
BATCH_NORM_MOMENTUM = 0.9  # Keras's 0.99 needs 500 steps to forget its start; a run has fewer
MOST_DEVIATIONS = 6.0  # of a number; one that is farther off is mostly a body lost for a moment


class ModelSettings(Section):
    """How any model is trained."""

    num_frames: Count | None = None
    """frames of a clip that the model takes, evenly spaced; null: extract.num_frames"""
    epochs: Count = 60
    """number of epochs; in each, as many clips are seen as there are training videos"""
    patience: Count | None = None
    """epochs without a lower validation loss before training stops; null: train all epochs"""
    batch_size: Count = 16
    """clips of a training step"""
    learning_rate: Positive = 1e-3
    """highest learning rate of the optimizer AdamW"""
    weight_decay: float = Field(1e-4, ge=0)
    """weight decay of the optimizer AdamW"""
    label_smoothing: Share = 0.1
    """label smoothing of the cross entropy"""
    refit: bool = False
    """train again on the training and validation videos together, for the best epochs"""


class ClipSettings(ModelSettings):
    """Of a model that is trained on the frames of clips."""

    num_frames: Count | None = 16


class FeatureSettings(ModelSettings):
    """Of a model that is trained on features of the frozen backbone."""

    streams: list[StreamName] = Field(["frames"], min_length=1)
    """input streams, each of features.streams"""


# What a model can be trained on, its `INPUT`, and the settings that such models have.
INPUTS = {"clips": ClipSettings, "features": FeatureSettings}


def standardize(x: Tensor, *, epsilon: float) -> Tensor:
    """Return numbers in deviations from their running mean, those that are far off cut short.

    Args:
        x: Of any shape; each number of its last axis has a mean and a deviation of its own.
        epsilon: Added to the variance, so that what hardly varies stays small.
    """
    x = layers.BatchNormalization(
        momentum=BATCH_NORM_MOMENTUM, epsilon=epsilon, center=False, scale=False
    )(x)
    return ops.clip(x, -MOST_DEVIATIONS, MOST_DEVIATIONS)


def model_names() -> list[str]:
    """Return the names that `model` in params.yaml can have."""
    names = (path.stem for path in Path(__file__).parent.glob("[!_]*.py"))
    return sorted(name for name in names if name not in NO_MODELS)


def find_model(name: str) -> ModuleType:
    """Return the module of a model.

    Raises:
        ValueError: There is no model of that name, or its file lacks a part.
    """
    if name not in model_names():
        raise ValueError(
            f"There is no model {name!r}; expected one of {', '.join(model_names())}. Set `model` "
            "in params.yaml, or for one experiment with `dvc exp run -S model=...`."
        )
    module = importlib.import_module(f"har.models.{name}")
    base = INPUTS.get(getattr(module, "INPUT", ""))
    if base is None:
        raise ValueError(f"{module.__file__} has no INPUT; expected {' or '.join(INPUTS)}.")
    if not callable(getattr(module, "build", None)):
        raise ValueError(f"{module.__file__} has no function build(inputs, settings).")
    settings = getattr(module, "Settings", base)
    if not issubclass(settings, base):
        raise ValueError(
            f"Settings in {module.__file__} does not inherit from {base.__name__}, as a model on "
            f"{module.INPUT} must."
        )
    return module


def settings_type(name: str) -> type[ModelSettings]:
    """Return the type of the settings of a model: its own, or those of all models of its input."""
    module = find_model(name)
    return getattr(module, "Settings", INPUTS[module.INPUT])


def build_model(
    name: str,
    settings: ModelSettings | None = None,
    *,
    num_classes: int,
    num_frames: int,
    frame_size: int = 0,
    num_features: int = 0,
) -> keras.Model:
    """Build the network that is trained.

    Args:
        name: Of the model.
        settings: Its settings; None: the defaults of its file.
        num_classes: Number of labels.
        num_frames: Frames of a clip that the model takes.
        frame_size: Height and width of a frame in pixels, for a model on clips.
        num_features: Length of the features of all its streams together, for one on features.

    Returns:
        A model to probabilities (batch, num_classes) from uint8 RGB frames (batch, num_frames,
        frame_size, frame_size, 3), or from float32 features (batch, num_frames, num_features).
    """
    module, settings = find_model(name), settings or settings_type(name)()
    if module.INPUT == "features":
        inputs = keras.Input((num_frames, num_features), name="features")
    else:
        shape = (num_frames, frame_size, frame_size, 3)
        inputs = keras.Input(shape, dtype="uint8", name="frames")
    x = module.build(inputs, settings)
    # Probabilities keep all their bits, also where the layers before compute with fewer.
    options = {"activation": "softmax", "name": LAST_LAYER, "dtype": "float32"}
    classifier = layers.Dense(num_classes, **options, **getattr(module, "CLASSIFIER", {}))
    return keras.Model(inputs, classifier(x), name=name)


def count_parameters(model: keras.Model) -> dict[str, int]:
    """Return the number of parameters in all (`total`) and of those trained (`trainable`)."""
    trainable = sum(math.prod(weight.shape) for weight in model.trainable_weights)
    return {"total": model.count_params(), "trainable": trainable}
