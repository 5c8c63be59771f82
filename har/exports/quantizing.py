"""Networks with smaller numbers: weights of 16 bits (`float16`), or 8 (`int8`).

Of networks that see pictures `int8` also computes in 8 bits, within ranges that are found on
training clips. Heads on features compute as before: their inputs are of so different sizes that 8
bits for all of them changed the label of 37 clips of 105 of the demo, and 8-bit weights alone of
none. The networks are converted again from Keras; those of the pose are of 16 bits already and stay
as they are. Reference: Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from har.backbones.conversion import convert_built
from har.backbones.litert import convert_model
from har.clips.clip import even_indices
from har.clips.streams import picture_streams, show_streams
from har.engine.runtime import tf
from har.exports.clips import Clips
from har.exports.trained import build_own_backbone, check_trained
from har.recognizer.recognizer import Recognizer, load_trained

QUANTIZED = ("float16", "int8")
NUM_SEEN = 4  # frames of a clip and stream that the backbone is calibrated on


def quantize(recognizer: Recognizer, folder: Path, how: str, clips: Clips | None) -> Recognizer:
    """Return the recognizer with smaller numbers in its networks.

    Args:
        recognizer: The model.
        folder: Where it was read from, with what was trained.
        how: Of `QUANTIZED`.
        clips: Of the training, on which `int8` is calibrated; None: there are none.

    Raises:
        ValueError: The folder has not what was trained, or there are no clips to calibrate on.
    """
    check_trained(folder, f"--quantize {how}")
    sees_pictures = recognizer.backbone is not None or not recognizer.takes_features
    seen = list(_calibration_clips(clips)) if how == "int8" and sees_pictures else []
    inputs = [] if recognizer.takes_features else [recognizer.inputs(clip) for clip in seen]
    network = convert_model(load_trained(folder), prepare=_prepare(how, inputs))
    if recognizer.backbone is None:
        return replace(recognizer, network=network)
    prepare = _prepare(how, list(_frames(recognizer, seen)))
    backbone = convert_built(build_own_backbone(recognizer), prepare=prepare)
    return replace(recognizer, network=network, backbone=backbone)


def _calibration_clips(clips: Clips | None) -> Iterator[np.ndarray]:
    if clips is None:
        raise ValueError(
            "int8 is calibrated on training clips, and there are none of this model here. Run it "
            "in the project's folder after `dvc repro`, or use --quantize float16."
        )
    for clip, _ in clips:
        yield clip


def _prepare(how: str, examples: list[np.ndarray]) -> Callable[[Any], None]:
    """Return what sets a converter so.

    Args:
        how: Of `QUANTIZED`.
        examples: Inputs of its network; of none, `int8` is for the weights alone.
    """

    def prepare(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if how == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if how != "int8" or not examples:
            return
        converter.representative_dataset = lambda: ([one[np.newaxis]] for one in examples)
        # What cannot be computed in 8 bits stays as it is.
        kinds = tf.lite.OpsSet
        converter.target_spec.supported_ops = [kinds.TFLITE_BUILTINS_INT8, kinds.TFLITE_BUILTINS]

    return prepare


def _frames(recognizer: Recognizer, clips: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """Yield frames that the backbone sees of clips, uint8 RGB (size, size, 3)."""
    how = recognizer.preprocessing
    names = picture_streams(how["streams"])
    for clip in clips:
        for stream in show_streams(names, clip, context=how["context"]):
            yield from stream[even_indices(len(stream), NUM_SEEN)]
