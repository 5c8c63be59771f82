"""Files that unpack to more than they are: refused by name, after no more memory than the limit."""

import io
import re
import shutil
import tracemalloc
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from places import ROOT

from har.integrity import unpacking
from har.integrity.unpacking import Archive, check_keras, check_weights, read_array, read_arrays

LIMIT, LARGE = 2 * 10**6, 16 * 10**6  # of the tests: bytes that may be unpacked, and that are there


@pytest.fixture(autouse=True)
def _small_limit(monkeypatch):
    monkeypatch.setattr(unpacking, "ALWAYS_BYTES", LIMIT)


def write_zip(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def lie(path: Path, says: int) -> None:
    """Let a .zip of one member of `LARGE` bytes say another size, in both places."""
    size = LARGE.to_bytes(4, "little")
    content = path.read_bytes()
    assert content.count(size) == 2
    path.write_bytes(content.replace(size, says.to_bytes(4, "little")))


@pytest.mark.parametrize("says", [LARGE, 1000])
def test_a_zip_is_read_up_to_the_limit_whatever_it_says(tmp_path, says):
    path = write_zip(tmp_path / "a.zip", {"zeros": bytes(LARGE)})
    if says != LARGE:
        lie(path, says)
    tracemalloc.start()
    with Archive(path) as archive, pytest.raises(ValueError, match=r"a\.zip has .* more than 2 MB"):
        archive.read("zeros")
    assert tracemalloc.get_traced_memory()[1] < 2 * LIMIT + 4 * unpacking.CHUNK_BYTES
    tracemalloc.stop()


def test_members_count_together(tmp_path):
    path = write_zip(tmp_path / "a.zip", {str(number): bytes(LIMIT // 4) for number in range(5)})
    with Archive(path) as archive:
        assert [len(archive.read(str(number))) for number in range(4)] == [LIMIT // 4] * 4
        with pytest.raises(ValueError, match="unpacks to more"):
            archive.read("4")


def test_a_large_file_may_unpack_to_some_times_its_size(tmp_path):
    content = np.random.default_rng(0).bytes(LIMIT // 10) * 15
    path = write_zip(tmp_path / "a.zip", {"a": content})
    assert path.stat().st_size * unpacking.MAX_RATIO > len(content) > LIMIT
    with Archive(path) as archive:
        assert archive.read("a") == content


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_other_methods_are_refused(tmp_path, method):
    path = write_zip(tmp_path / "a.zip", {"a": bytes(1000)}, method)
    with Archive(path) as archive, pytest.raises(ValueError, match=r"a\.zip is damaged"):
        archive.read("a")


def test_a_size_that_is_too_small_is_damage(tmp_path):
    path = write_zip(tmp_path / "a.zip", {"a": bytes(1_000_001)})
    path.write_bytes(path.read_bytes().replace((1_000_001).to_bytes(4, "little"), b"\1\0\0\0"))
    with Archive(path) as archive, pytest.raises(ValueError, match="1000001 bytes, not 1"):
        archive.read("a")


def weights_of(**datasets: dict) -> bytes:
    file = io.BytesIO()
    with h5py.File(file, "w") as weights:
        for name, options in datasets.items():
            weights.create_dataset(name, **options)
    return file.getvalue()


BOMBS = {
    "compressed": {"data": np.zeros(LARGE // 8), "compression": "gzip"},
    "declared": {"shape": (LARGE,), "dtype": "f8"},
    "elsewhere": {"shape": (5,), "dtype": "u1", "external": [("/etc/hostname", 0, 5)]},
}


@pytest.mark.parametrize("name", BOMBS)
def test_weights_that_grow_or_lead_elsewhere_are_refused(tmp_path, name):
    content = weights_of(**{name: BOMBS[name]})
    reason = "unpacks to more" if name == "declared" else rf"lead to other files \({name}\)"
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.h5 has .*{reason}"):
        check_weights(tmp_path / "a.h5")
    write_zip(tmp_path / "a.keras", {"config.json": b"{}", "model.weights.h5": content})
    with pytest.raises(ValueError, match=rf"a\.keras has .*{reason}"):
        check_keras(tmp_path / "a.keras")


def test_links_out_of_weights_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_group("layers")["out"] = h5py.ExternalLink("other.h5", "/secret")
    with pytest.raises(ValueError, match=r"lead to other files \(layers/out\)"):
        check_weights(tmp_path / "a.h5")


@pytest.mark.parametrize("content", [b"", b"no weights", weights_of(a={"data": [1.0]})[:600]])
def test_damaged_weights_are_named(tmp_path, content):
    (tmp_path / "a.h5").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.h5 is damaged"):
        check_weights(tmp_path / "a.h5")


@pytest.mark.parametrize("name", ["config.json", "assets/words.txt"])
def test_any_member_of_a_keras_file_counts(tmp_path, name):
    weights = {"model.weights.h5": weights_of(a={"data": [1.0]}), "config.json": b"{}"}
    check_keras(write_zip(tmp_path / "a.keras", weights))
    with pytest.raises(ValueError, match="unpacks to more"):
        check_keras(write_zip(tmp_path / "a.keras", weights | {name: bytes(LARGE)}))


def test_arrays_are_read_as_numpy_writes_them(tmp_path):
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array("text"), "c": np.zeros((0, 3))}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    read = read_arrays(tmp_path / "a.npz")
    assert list(read) == list(arrays)
    assert all(np.array_equal(read[name], arrays[name]) for name in arrays)
    np.save(tmp_path / "a.npy", arrays["a"])
    assert np.array_equal(read_array(tmp_path / "a.npy"), arrays["a"])


def test_arrays_that_are_too_large_are_refused(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(LARGE, np.uint8))
    with pytest.raises(ValueError, match=r"a\.npz has .* unpacks to more"):
        read_arrays(tmp_path / "a.npz")


def npy_that_says(shape: tuple, dtype: str = "|u1") -> bytes:
    head = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY\1\0" + len(head).to_bytes(2, "little") + head + bytes(16)


@pytest.mark.parametrize(
    "content",
    [npy_that_says((10**13,)), npy_that_says((1,), "|O"), b"\x93NUMPY\1", b"", b"PK\3\4"],
    ids=["large", "objects", "cut", "empty", "zip"],
)
def test_an_array_that_says_it_is_larger_is_refused(tmp_path, content):
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.npy is no whole \.npy file"):
        read_array(tmp_path / "a.npy")
    write_zip(tmp_path / "a.npz", {"a.npy": content})
    with pytest.raises(ValueError, match=r"a\.npz is damaged"):
        read_arrays(tmp_path / "a.npz")


def test_an_npz_by_the_name_of_an_npy_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", a=np.zeros(3))
    shutil.move(tmp_path / "a.npz", tmp_path / "a.npy")
    with pytest.raises(ValueError, match=r"a\.npy is a \.npz file"):
        read_array(tmp_path / "a.npy")


def test_nothing_else_reads_such_files():
    reads = re.compile(r"np\.load\(|ZipFile\((?!.*\"w\")|import (gzip|tarfile|h5py|bz2|lzma)\b")
    files = [file for room in ("har", "stages") for file in (ROOT / room).rglob("*.py")]
    found = {file.name for file in files if reads.search(file.read_text(encoding="utf-8"))}
    assert found == {"unpacking.py"}
