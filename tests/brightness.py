"""A recognizer that takes no training: it calls a picture bright or dark."""

import functools
from dataclasses import replace

from har.engine.runtime import keras
from har.recognizer.recognizer import Recognizer

NUM_FRAMES, SIZE = 6, 32
LABELS = ["dark", "bright"]
PREPROCESSING = {
    "num_frames": NUM_FRAMES,
    "size": SIZE,
    "aspect": "stretch",
    "max_side": 640,
    "model_frames": NUM_FRAMES,
    "streams": ["frames"],
    "context": 1.0,
    "window_seconds": 1.0,
    "longest_seconds": 1.5,
}


def brightness_recognizer(**preprocessing) -> Recognizer:
    """Return one that finds a clip as bright as its mean brightness is."""
    own = {"labels": list(LABELS), "params": {"model": "tiny"}}
    return replace(_converted(), preprocessing=PREPROCESSING | preprocessing, **own)


@functools.cache
def _converted() -> Recognizer:
    inputs = keras.Input((NUM_FRAMES, SIZE, SIZE, 3), dtype="uint8")
    mean = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    mean = keras.ops.mean(mean, axis=1, keepdims=True)
    model = keras.Model(inputs, keras.layers.Concatenate()([1 - mean, mean]), name="brightness")
    return Recognizer.of_model(model, LABELS, PREPROCESSING, {})
