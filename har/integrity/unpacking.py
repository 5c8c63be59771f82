"""Files that unpack to more than they are: read up to a limit, whatever they say of their size.

A `.zip`, and so a `.keras` or `.npz`, of 3 MB can hold 3 GB, and so can an `.h5` that is compressed
or whose arrays are only declared. Whatever reads one goes by this module.
"""

import copy
import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

ALWAYS_BYTES = 100 * 10**6  # a file may unpack to so much, however small it is
MAX_RATIO = 50  # or to so many times its size; videos and weights do to less than 10
CHUNK_BYTES = 1 << 20
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # of others Python unpacks a part unbounded
WEIGHTS_IN_KERAS = "model.weights.h5"


class Archive:
    """A `.zip` of which no more is unpacked than its size allows.

    Args:
        path: The file.

    Raises:
        ValueError: It is no whole `.zip`; so do the methods where it is damaged or too large.

    Attributes:
        names: Of its members.
    """

    def __init__(self, path: Path):
        self._path, self._left = path, max_unpacked(path.stat().st_size)
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
            raise ValueError(f"{path} is not a whole .zip file ({error}).") from error
        self.names = self._zip.namelist()

    def __enter__(self) -> "Archive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def read(self, name: str) -> bytes:
        """Return a member."""
        return b"".join(self.chunks(name))

    def chunks(self, name: str) -> Iterator[bytes]:
        """Yield a member in parts of up to 1 MiB."""
        try:
            info = self._zip.getinfo(name)
            if info.compress_type not in METHODS:
                raise zipfile.BadZipFile(f"{name} is compressed in a way that is not read here")
            whole = copy.copy(info)
            whole.file_size = 1 << 62  # all of its stream, and not what the directory says
            num_bytes = 0
            with self._zip.open(whole) as member:
                while chunk := member.read(CHUNK_BYTES):
                    num_bytes, self._left = num_bytes + len(chunk), self._left - len(chunk)
                    if self._left < 0:
                        raise too_large(self._path)
                    yield chunk
            if num_bytes != info.file_size:
                raise zipfile.BadZipFile(f"{name} has {num_bytes} bytes, not {info.file_size}")
        except (zipfile.BadZipFile, zlib.error, EOFError, KeyError, RuntimeError) as error:
            # A RuntimeError: it has a password.
            raise ValueError(f"{self._path} is damaged, or locked ({error}).") from error


def max_unpacked(num_bytes: int) -> int:
    """Return to how many bytes a file may unpack.

    Args:
        num_bytes: Its size.

    Example:
        >>> max_unpacked(3_000_000)
        150000000
    """
    return max(ALWAYS_BYTES, MAX_RATIO * num_bytes)


def too_large(path: Path) -> ValueError:
    """Return the error of a file that unpacks to more than it may."""
    size = path.stat().st_size
    return ValueError(
        f"{path} has {size / 1e6:.1f} MB and unpacks to more than "
        f"{max_unpacked(size) / 1e6:.0f} MB, which no data or weights do: it is refused. Get it "
        "again from where it came from, and do not use it if it is the same there."
    )


def read_array(path: Path | str, *, in_memory: bool = False) -> np.ndarray:
    """Return the array of an `.npy`, mapped from its file: it takes no more than the file has.

    Args:
        path: The file.
        in_memory: Whether to read it whole.

    Raises:
        ValueError: It is none, or of Python's objects, which could run code.
    """
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OverflowError, MemoryError, zipfile.BadZipFile) as error:
        raise ValueError(f"{path} is no whole .npy file ({error}).") from error
    if not isinstance(array, np.ndarray):
        array.close()
        raise ValueError(f"{path} is a .npz file; expected a .npy file.")
    return np.array(array) if in_memory else array


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Return the arrays of an `.npz` by their names.

    Raises:
        ValueError: It is damaged, has something else than arrays of numbers, or is too large.
    """
    with Archive(path) as archive:
        return {
            name.removesuffix(".npy"): _as_array(archive.read(name), path) for name in archive.names
        }


def _as_array(content: bytes, path: Path) -> np.ndarray:
    """Return the array of an `.npy`, after its head was compared with what there is."""
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        head = np.lib.format.read_array_header_1_0 if version == (1, 0) else None
        shape, _, dtype = (head or np.lib.format.read_array_header_2_0)(file)
        if math.prod(shape) * dtype.itemsize != len(content) - file.tell():
            raise ValueError(f"an array of shape {shape} has {len(content)} bytes")
        file.seek(0)
        return np.load(file, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path} is damaged ({error}).") from error


def check_keras(path: Path) -> None:
    """Check that a `.keras` file may be loaded: it is whole, and no larger than it may be.

    Raises:
        ValueError: It is not, or its weights are not as `check_weights` wants them.
    """
    with Archive(path) as archive:
        if WEIGHTS_IN_KERAS not in archive.names:  # those in a .npz, a .zip once more, are not read
            raise ValueError(f"{path} is damaged: it has no {WEIGHTS_IN_KERAS}.")
        for name in archive.names:
            if name == WEIGHTS_IN_KERAS:
                _check_opened(path, io.BytesIO(archive.read(name)))
            else:
                for _ in archive.chunks(name):
                    pass


def check_weights(path: Path) -> None:
    """Check that an `.h5` of weights may be loaded.

    Raises:
        ValueError: It is damaged, compressed, leads to other files, or has arrays that are larger
            than it may unpack to.
    """
    _check_opened(path, path)


def _check_opened(path: Path, content: Path | io.BytesIO) -> None:
    import h5py  # slow to load, and most of what uses this module needs it not

    try:
        with h5py.File(content, "r") as file:
            num_bytes, odd = [0], []

            def look(name: str, link: Any) -> None:
                if not isinstance(link, h5py.HardLink):
                    odd.append(name)
                elif isinstance(found := file[name], h5py.Dataset):
                    how = found.id.get_create_plist()
                    if how.get_nfilters() or how.get_external_count() or found.is_virtual:
                        odd.append(name)
                    num_bytes[0] += math.prod(found.shape or ()) * found.dtype.itemsize

            file.visititems_links(look)
    except (OSError, RuntimeError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged: its weights cannot be read ({error}).") from error
    if odd:
        raise ValueError(
            f"{path} has weights that are compressed or lead to other files ({odd[0]}); expected "
            "them as Keras writes them, by `model.save` or `model.save_weights`."
        )
    if num_bytes[0] > max_unpacked(path.stat().st_size):
        raise too_large(path)
