"""TensorFlow and Keras, imported here once, without their start-up noise, and made repeatable.

Every module that needs them takes them from here: `from har.engine.runtime import keras`. They are
imported when they are first used.
"""

import contextlib
import functools
import importlib
import importlib.metadata
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

from har.engine.progress import without_noise

# What TensorFlow 2.21 says on import at INFO level, whatever TF_CPP_MIN_LOG_LEVEL is
# (https://github.com/tensorflow/tensorflow/issues/100442). Warnings and errors do not match.
_START_UP_NOISE = (
    r"WARNING: All log messages before absl::InitializeLog|I0000 |\d{4}-\d\d-\d\d .*: I "
)


# Keras imports them for wrappers and pictures that nothing here uses, in a quarter of its time.
_UNUSED_BY_KERAS = ("matplotlib", "sklearn")


@functools.cache
def import_quietly() -> None:
    """Import TensorFlow and Keras, which takes seconds."""
    with without_noise(_START_UP_NOISE), _as_if_missing(_UNUSED_BY_KERAS):
        import absl.logging
        import keras
        import tensorflow  # noqa: F401
    absl.logging.set_verbosity(absl.logging.ERROR)
    keras.utils.disable_interactive_logging()  # the project has progress bars of its own


@contextlib.contextmanager
def _as_if_missing(names: tuple[str, ...]) -> Iterator[None]:
    """Let imports of packages that are not imported yet fail, as if they were not installed."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # of None, Python raises ModuleNotFoundError
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


class _Lazy(ModuleType):
    """A module that is imported when something of it is used for the first time.

    So the settings of a model can be read from its file in a moment.
    """

    def __getattr__(self, name: str) -> Any:
        # Of a module, and asked for by tools that only look at it.
        if name.startswith("__") and name != "__version__":
            raise AttributeError(name)
        import_quietly()
        return getattr(importlib.import_module(self.__name__), name)


keras, tf = _Lazy("keras"), _Lazy("tensorflow")
layers, ops = _Lazy("keras.layers"), _Lazy("keras.ops")

KERAS_HUB = "keras-hub==0.32.0"  # the extra `keras-hub` of pyproject.toml


def setup_tensorflow(*, num_threads: int, seed: int, deterministic: bool = True) -> None:
    """Fix what decides the bits of a result: threads, operation order and the random seed.

    Must be called before TensorFlow runs its first operation.

    Args:
        num_threads: Threads that one operation may use; 0 for one per core. Another number can
            change the last bits of a result.
        seed: Seed of Python, NumPy and Keras.
        deterministic: Whether every operation must give the same bits each time; on a graphics
            card one that cannot raises `tf.errors.UnimplementedError`.
    """
    tf.config.threading.set_intra_op_parallelism_threads(num_threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    if deterministic:
        tf.config.experimental.enable_op_determinism()
    keras.utils.set_random_seed(seed)


def import_keras_hub(needed_by: str) -> ModuleType:
    """Import KerasHub, which is not in requirements.txt, and with it the layers that it has.

    Args:
        needed_by: What asks for it, for the error.

    Raises:
        ValueError: If it is not installed, or in another version than `KERAS_HUB`.
    """
    try:
        module = importlib.import_module("keras_hub")
    except ImportError as error:
        raise ValueError(
            f"{needed_by} needs KerasHub, which cannot be imported: {error}. "
            f"Run `pip install {KERAS_HUB}`."
        ) from error
    version = importlib.metadata.version("keras-hub")
    if version != KERAS_HUB.partition("==")[2]:
        raise ValueError(
            f"{needed_by} needs {KERAS_HUB}, and keras-hub {version} is installed. "
            f"Run `pip install {KERAS_HUB}`."
        )
    return module
