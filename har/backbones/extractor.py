"""Features of frames: the frozen backbone, run by the fastest runtime that agrees with Keras.

On processors that is LiteRT in float32, one frame at a time: the same frame then has the same
features to the last bit, whatever clip it comes in and however many threads there are. Converting
the backbone needs TensorFlow and some seconds, so the converted model is kept in the cache; a later
run does not import TensorFlow at all.
"""

import hashlib
import importlib.metadata
import itertools
import os
import queue
import tempfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from har.backbones.weights import identify_weights
from har.engine.cache import Cache
from har.engine.code import code_digest
from har.engine.quiet import without_noise
from har.engine.workers import num_cores

if TYPE_CHECKING:
    from har.engine.runtime import keras

Key = TypeVar("Key")
Runner = Callable[[np.ndarray], np.ndarray]  # frames to features; used by one thread at a time

RUNTIMES = ("auto", "litert", "keras")
MAX_ERROR = 1e-4  # largest difference to Keras' features, as a share of the largest feature

MAX_CONSTANTS_BYTES = 100 * 2**20  # of weights, above which they go by way of a saved model

_KERAS_BATCH = 32
# Files that a driver makes when there is a graphics card: NVIDIA, AMD, and either within Windows.
_GPU_FILES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")


class Extractor:
    """The frozen backbone, ready to run on several threads.

    Attributes:
        runtime: What runs it: `litert` or `keras`.
        fingerprint: Digest of all that decides the features of a frame.
        num_threads: How many threads run it at once.
    """

    def __init__(self, runners: list[Runner], *, runtime: str, fingerprint: str, frame_size: int):
        self.runtime, self.fingerprint = runtime, fingerprint
        self.num_threads = len(runners)
        self._frame_shape = (frame_size, frame_size, 3)
        self._idle: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        for runner in runners:
            self._idle.put(runner)

    def __call__(self, frames: np.ndarray) -> np.ndarray:
        """Return the features of frames, shared out between the threads.

        Args:
            frames: uint8 RGB, shape (num_frames, frame_size, frame_size, 3), at least one.

        Returns:
            float32, shape (num_frames, num_features).

        Raises:
            ValueError: If the frames have another type or shape.
        """
        self._check(frames)
        blocks = np.array_split(frames, min(self.num_threads, len(frames)))
        with ThreadPoolExecutor(self.num_threads) as pool:
            return np.concatenate(list(pool.map(self.run, blocks)))

    def run(self, frames: np.ndarray) -> np.ndarray:
        """Return the features of frames as `__call__` does, within the calling thread."""
        self._check(frames)
        # A slowed, stopped or short clip repeats frames: one run of the network serves them all.
        is_new = [True, *(not np.array_equal(a, b) for a, b in itertools.pairwise(frames))]
        runner = self._idle.get()
        try:
            features = runner(frames[is_new])
        finally:
            self._idle.put(runner)
        return features[np.cumsum(is_new) - 1]  # is_new 1 1 0 1 takes rows 0 1 1 2

    def _check(self, frames: np.ndarray) -> None:
        if frames.dtype != np.uint8 or frames.shape[1:] != self._frame_shape or not len(frames):
            raise ValueError(
                f"The backbone got {frames.dtype} frames of shape {frames.shape}, expected uint8 "
                f"and (num_frames, {', '.join(map(str, self._frame_shape))}) with one frame or "
                "more. Set extract.size in params.yaml to the size of the frames."
            )


def make_extractor(
    name: str = "mobilenet_v2",
    weights: str = "registry",
    *,
    seed: int | None = None,
    frame_size: int = 224,
    runtime: str = "auto",
    num_threads: int = 0,
    cache_folder: Path | None = None,
) -> Extractor:
    """Make the backbone ready to run and check it against Keras on generated frames.

    Args:
        name: The backbone, as for `har.backbones.building.build_backbone`.
        weights: Where its weights come from, as for `build_backbone`.
        seed: Seed of random weights; the others need none.
        frame_size: Height and width of a frame in pixels.
        runtime: `litert`, `keras`, or `auto`: Keras where it has a graphics card, else LiteRT.
        num_threads: Threads of LiteRT; 0 is one per core. It never changes a result.
        cache_folder: Where converted models are kept; by default the cache of the repository.

    Returns:
        A callable from uint8 RGB frames (num_frames, frame_size, frame_size, 3) to float32
        features (num_frames, num_features).

    Raises:
        ValueError: If a name is unknown, weights are missing or damaged, LiteRT cannot run the
            backbone, or its features differ from Keras' by more than `MAX_ERROR` of the largest.
    """
    if num_threads < 0:
        raise ValueError(f"num_threads is {num_threads}, expected 0 (one per core) or more.")
    runtime = _choose_runtime(runtime)
    options = {"name": name, "weights": weights, "seed": seed, "frame_size": frame_size}
    cache = Cache("backbone", ending=".npz", folder=cache_folder)
    key = _key_of(cache, **options)
    if runtime == "keras":
        runners = [_keras_runner(**options)]
    else:
        flatbuffer, expected = _converted(cache, key, options)
        runners = [_litert_runner(flatbuffer) for _ in range(num_threads or num_cores())]
        check_agreement(runners[0](_check_frames(frame_size)), expected)
        runtime_version = importlib.metadata.version("ai-edge-litert")
        key = hashlib.sha256(f"{key} ai-edge-litert {runtime_version}".encode()).hexdigest()
    return Extractor(runners, runtime=runtime, fingerprint=key, frame_size=frame_size)


def _key_of(cache: Cache, *, name: str, weights: str, seed: int | None, frame_size: int) -> str:
    """Return the key of a converted backbone, which names all that decides its features."""
    made_from = {
        "name": name,
        "frame_size": frame_size,
        "tensorflow": importlib.metadata.version("tensorflow"),
        "keras": importlib.metadata.version("keras"),
    }
    digest = identify_weights(name, weights, seed=seed, frame_size=frame_size)
    return cache.key(digest, parameters=made_from, code_version=code_digest(__name__))


def extract_features(
    clips: Iterable[tuple[Key, np.ndarray]], extractor: Extractor
) -> Iterator[tuple[Key, np.ndarray]]:
    """Yield the features of clips, in order, with as many clips at once as there are threads.

    Clips are read in the calling thread, a few ahead, so that memory is the same for any number.

    Args:
        clips: A key and a clip each; uint8 RGB, shape (num_frames, frame_size, frame_size, 3).
        extractor: From `make_extractor`.

    Yields:
        The key and the clip's features, float32, shape (num_frames, num_features).

    Raises:
        ValueError: If a clip has another type or shape.
    """
    pool = ThreadPoolExecutor(extractor.num_threads)
    waiting: deque = deque()
    try:
        for key, clip in clips:
            waiting.append((key, pool.submit(extractor.run, clip)))
            if len(waiting) > 2 * extractor.num_threads:
                done_key, future = waiting.popleft()
                yield done_key, future.result()
        for key, future in waiting:
            yield key, future.result()
    finally:
        pool.shutdown(cancel_futures=True)


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


def _check_frames(frame_size: int) -> np.ndarray:
    """Return frames from one colour to fine noise, uint8, shape (4, frame_size, frame_size, 3)."""
    rng = np.random.default_rng(0)
    frames = []
    for num_patches in (1, 7, 56, frame_size):
        patches = rng.integers(0, 256, (num_patches, num_patches, 3), dtype=np.uint8)
        places = np.arange(frame_size) * num_patches // frame_size
        frames.append(patches[places][:, places])
    return np.stack(frames)


def _converted(cache: Cache, key: str, options: dict[str, Any]) -> tuple[bytes, np.ndarray]:
    """Return the backbone as LiteRT's flatbuffer, and Keras' features of the check frames."""
    entry = cache.get(key)
    if entry is None:
        from har.backbones.building import build_backbone  # here, as it imports TensorFlow

        backbone = build_backbone(**options)
        made = cache.new_file()
        np.savez(
            made,
            flatbuffer=np.frombuffer(_convert(backbone), np.uint8),
            features=backbone.predict_on_batch(_check_frames(options["frame_size"])),
        )
        entry = cache.put(key, made, {})
    with np.load(entry.data) as arrays:
        return arrays["flatbuffer"].tobytes(), arrays["features"]


def _convert(backbone: "keras.Model") -> bytes:
    """Convert to LiteRT's format, for one uint8 frame at a time.

    With the weights as constants of the function MobileNetV2 takes 2 s, by way of a saved model
    8 s; a Vision Transformer of 343 MB takes 106 s and 12 GB of memory, by a saved model 22 s and
    4 GB. As variables of the function they would be lost.

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
        try:
            return converter.convert()
        except Exception as error:  # its own class is not part of tf.lite
            reason = str(error).partition("\n")[0]
            raise ValueError(
                f"{backbone.name} could not be converted to LiteRT: {reason}. Set features.runtime "
                "to 'keras' in params.yaml."
            ) from error


def _litert_runner(flatbuffer: bytes) -> Runner:
    from ai_edge_litert.interpreter import Interpreter

    with without_noise("INFO: Created TensorFlow Lite"):
        interpreter = Interpreter(model_content=flatbuffer, num_threads=1)
        interpreter.allocate_tensors()
    source = interpreter.get_input_details()[0]["index"]
    target = interpreter.get_output_details()[0]

    def run(frames: np.ndarray) -> np.ndarray:
        features = np.empty((len(frames), target["shape"][-1]), np.float32)
        for place, frame in enumerate(frames):
            interpreter.set_tensor(source, frame[None])
            interpreter.invoke()
            features[place] = interpreter.get_tensor(target["index"])[0]
        return features

    return run


def _keras_runner(**options: Any) -> Runner:
    from har.backbones.building import build_backbone
    from har.engine.runtime import tf

    # On newer cards TensorFlow would round the inputs of convolutions to 10 bits.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    backbone = build_backbone(**options)

    def run(frames: np.ndarray) -> np.ndarray:
        features = []
        for start in range(0, len(frames), _KERAS_BATCH):
            batch = frames[start : start + _KERAS_BATCH]
            # Another batch size would change the last bits: fill up the last batch.
            padding = [(0, _KERAS_BATCH - len(batch)), (0, 0), (0, 0), (0, 0)]
            features.append(backbone.predict_on_batch(np.pad(batch, padding))[: len(batch)])
        return np.concatenate(features)

    return run


def _choose_runtime(runtime: str) -> str:
    if runtime not in RUNTIMES:
        raise ValueError(
            f"features.runtime is {runtime!r}, expected one of: {', '.join(RUNTIMES)}. "
            "Change it in params.yaml."
        )
    if runtime == "auto":
        return "keras" if _has_gpu() else "litert"
    return runtime


def _has_gpu() -> bool:
    """Return whether TensorFlow sees a graphics card; without a driver it is not even asked."""
    if not any(os.path.exists(file) for file in _GPU_FILES):
        return False
    from har.engine.runtime import tf

    return bool(tf.config.list_physical_devices("GPU"))
