"""Features of frames: the frozen backbone, run by the fastest runtime that agrees with Keras.

On processors that is LiteRT in float32, one frame at a time: the same frame then has the same
features to the last bit, whatever clip it comes in and however many threads there are.
`har.backbones.conversion` makes its file.
"""

import functools
import hashlib
import importlib.metadata
import itertools
import os
import queue
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from har.backbones.conversion import check_agreement, check_frames, convert_backbone, key_of
from har.backbones.litert import Network
from har.engine.workers import num_cores

Runner = Callable[[np.ndarray], np.ndarray]  # frames to features; used by one thread at a time

RUNTIMES = ("auto", "litert", "keras")
_KERAS_BATCH = 32
# Files that a driver makes when there is a graphics card: NVIDIA, AMD, and either within Windows.
_GPU_FILES = ("/dev/nvidia0", "/dev/kfd", "/dev/dxg")


class Extractor:
    """The frozen backbone, ready to run on several threads.

    Attributes:
        runtime: What runs it: `litert` or `keras`.
        fingerprint: Digest of all that decides the features of a frame.
        num_threads: How many threads run it at once.
        made_by: The arguments of `make_extractor` that make it again in another process; None if
            it is of other origin and cannot be pickled.
    """

    made_by: dict[str, Any] | None = None

    def __init__(self, runners: list[Runner], *, runtime: str, fingerprint: str, frame_size: int):
        self.runtime, self.fingerprint = runtime, fingerprint
        self.num_threads = len(runners)
        self._frame_shape = (frame_size, frame_size, 3)
        self._idle: queue.SimpleQueue[Runner] = queue.SimpleQueue()
        for runner in runners:
            self._idle.put(runner)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle what it is made from; unpickling makes it once in a process, for one thread."""
        if self.made_by is None:
            raise TypeError("Only an extractor of make_extractor can be pickled.")
        return _make_again, (tuple(self.made_by.items()), self.fingerprint)

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
            backbone, or its features differ too much from Keras'.
    """
    if num_threads < 0:
        raise ValueError(f"num_threads is {num_threads}, expected 0 (one per core) or more.")
    runtime = _choose_runtime(runtime)
    options = {"name": name, "weights": weights, "seed": seed, "frame_size": frame_size}
    if runtime == "keras":
        runners, key = [_keras_runner(**options)], key_of(**options)
        extractor = Extractor(runners, runtime=runtime, fingerprint=key, frame_size=frame_size)
        extractor.made_by = options | {"runtime": runtime}
        return extractor
    converted = convert_backbone(**options, cache_folder=cache_folder)
    extractor = load_extractor(converted.network, num_threads=num_threads, key=converted.key)
    check_agreement(extractor.run(check_frames(frame_size)), converted.features)
    extractor.made_by = options | {"runtime": runtime, "cache_folder": cache_folder}
    return extractor


@functools.lru_cache(maxsize=1)
def _make_again(made_by: tuple[tuple[str, Any], ...], fingerprint: str) -> Extractor:
    """Make an extractor as another process has it, for one thread."""
    extractor = make_extractor(**dict(made_by), num_threads=1)
    if extractor.fingerprint != fingerprint:
        raise ValueError(
            f"The backbone on {socket.gethostname()} gives other features than that of the "
            "command: its weights or LiteRT differ. Install the same requirements there."
        )
    return extractor


def load_extractor(network: bytes, *, num_threads: int = 0, key: str = "") -> Extractor:
    """Make a converted backbone ready to run.

    Args:
        network: In LiteRT's format, from `har.backbones.conversion.convert_backbone`.
        num_threads: Threads that run it at once; 0 is one per core. It never changes a result.
        key: Tells this backbone from all others.
    """
    networks = [Network(network) for _ in range(num_threads or num_cores())]
    version = importlib.metadata.version("ai-edge-litert")
    return Extractor(
        [partial(run_one_by_one, network) for network in networks],
        runtime="litert",
        fingerprint=hashlib.sha256(f"{key} ai-edge-litert {version}".encode()).hexdigest(),
        frame_size=networks[0].input_shape[0],
    )


def run_one_by_one(network: Callable[[np.ndarray], np.ndarray], frames: np.ndarray) -> np.ndarray:
    """Return what a network says of each frame; see `Runner`."""
    return np.stack([network(frame) for frame in frames])


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
