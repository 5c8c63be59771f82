"""A model in use whose networks Keras or TensorFlow runs; those of the pose are run by LiteRT."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from har.backbones.extractor import Extractor
from har.engine.runtime import keras, tf
from har.integrity.unpacking import check_keras
from har.models.one_stream import OneStream
from har.recognizer.using import UsedRecognizer

BATCH = 32  # frames that the backbone sees at once


class LoadedNetwork:
    """A network as `har.backbones.litert.Network` is: one example at a time.

    Args:
        run: Takes a batch.
        input_shape: Of an example.
    """

    def __init__(self, run: Callable[[np.ndarray], Any], input_shape: tuple[int, ...]):
        self._run, self.input_shape = run, input_shape

    def batch(self, examples: np.ndarray) -> np.ndarray:
        """Return the output of some examples."""
        parts = range(0, len(examples), BATCH)
        return np.concatenate([np.asarray(self._run(examples[at : at + BATCH])) for at in parts])

    def __call__(self, example: np.ndarray) -> np.ndarray:
        """Return the output of an example."""
        return self.batch(example[np.newaxis])[0]


class LoadedRecognizer(UsedRecognizer):
    """A model in use whose networks are not bytes but places, from which they are loaded."""

    @classmethod
    def read_network(cls, path: Path) -> Path:
        """Return the place itself."""
        return path

    @staticmethod
    def open_network(path: Path) -> LoadedNetwork:
        """Load a network."""
        raise NotImplementedError

    @cached_property
    def extractor(self) -> Extractor | None:
        """The backbone, ready to run; None where there is none."""
        if self.backbone is None:
            return None
        network = self.open_network(self.backbone)
        size = network.input_shape[0]
        return Extractor([network.batch], runtime="keras", fingerprint="", frame_size=size)


class KerasRecognizer(LoadedRecognizer):
    """One whose networks are `.keras` files."""

    ending = ".keras"

    @staticmethod
    def open_network(path: Path) -> LoadedNetwork:
        """Load a network."""
        check_keras(path)
        own = {"har>OneStream": OneStream}  # the one layer that Keras does not have
        model = keras.models.load_model(path, compile=False, custom_objects=own)
        return LoadedNetwork(lambda batch: model(batch, training=False), model.input_shape[1:])


class SavedRecognizer(LoadedRecognizer):
    """One whose networks are TensorFlow's folders."""

    ending = ""

    @staticmethod
    def open_network(path: Path) -> LoadedNetwork:
        """Load a network."""
        loaded = tf.saved_model.load(path.as_posix())
        serve = loaded.signatures["serving_default"]
        ((name, shown),) = serve.structured_input_signature[1].items()
        (output,) = serve.structured_outputs

        def run(batch: np.ndarray) -> Any:
            # `loaded` is named so that it lives as long: the function has its weights from there.
            return loaded and serve(**{name: tf.cast(batch, shown.dtype)})[output]

        return LoadedNetwork(run, tuple(shown.shape[1:]))
