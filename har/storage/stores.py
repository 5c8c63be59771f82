"""The places that several machines see: a folder, or a bucket of S3-compatible object storage.

Who may read a bucket, and where its server is, comes from where the tools of AWS have it: the
variables `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_ENDPOINT_URL` and so on, or `~/.aws`.
Packages for buckets are loaded when one is named.
"""

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from har.engine.files import is_disk_full, whole

BUCKET = "s3://"
# A server that is gone is noticed in 5 seconds, and one that hangs in 80.
CLIENT = {"connect_timeout": 10, "read_timeout": 20, "retries": {"max_attempts": 1}}
RETRIES = 2  # times that s3fs tries, each with one more by the client


class StorageError(OSError):
    """A place that cannot be used; the message names it, the file and the reason."""


@dataclass(frozen=True)
class Stored:
    """What a file of a bucket is told by.

    Attributes:
        num_bytes: Its size.
        changed: When it was written, in seconds since 1970.
    """

    num_bytes: int
    changed: float


class Store(Protocol):
    """A place with files by names with slashes."""

    def names(self, folder: str) -> set[str]:
        """Return the names of all files below a folder."""

    def get(self, name: str, file: Path) -> None:
        """Copy a file of the place to a path."""

    def put(self, file: Path, name: str) -> None:
        """Copy a file to the place, wholly or not at all."""


class Folder:
    """A folder, as of a network's file system.

    Args:
        path: Of the folder; it is made where it is missing.
    """

    def __init__(self, path: Path):
        self._path = path

    def names(self, folder: str) -> set[str]:
        """Return the names of all files below a folder."""
        with _naming(str(self._path)):
            files = (self._path / folder).rglob("[!.]*")
            return {file.relative_to(self._path).as_posix() for file in files if file.is_file()}

    def get(self, name: str, file: Path) -> None:
        """Copy a file of the place to a path."""
        with _naming(str(self._path / name)):
            shutil.copyfile(self._path / name, file)

    def put(self, file: Path, name: str) -> None:
        """Copy a file to the place, wholly or not at all."""
        with _naming(str(self._path / name)), whole(self._path / name) as partial:
            shutil.copyfile(file, partial)


class Bucket:
    """A folder in a bucket.

    Args:
        address: As `s3://bucket/folder`.

    Raises:
        ValueError: The packages for it are not installed.
    """

    def __init__(self, address: str):
        try:
            from s3fs import S3FileSystem
        except ImportError as error:
            raise ValueError(
                f"{address} is on object storage, whose packages are not installed. Install them "
                "with `make s3`."
            ) from error
        self.address = address.rstrip("/")
        self._root = self.address.removeprefix(BUCKET)
        self._files = S3FileSystem(config_kwargs=CLIENT, use_listings_cache=False)
        self._files.retries = RETRIES

    def list_files(self, folder: str = "") -> dict[str, Stored]:
        """Return all files below a folder, by their names in the bucket's folder."""
        with _naming(f"{self.address}/{folder}".rstrip("/")):
            found = self._files.find(f"{self._root}/{folder}", detail=True)
            if not found:  # nor is anything found in a bucket that is not there
                self._files.info(self._root.partition("/")[0])
        return {
            path.removeprefix(f"{self._root}/"): Stored(
                about["size"], about["LastModified"].timestamp()
            )
            for path, about in found.items()
            if about["type"] == "file" and not path.endswith("/")
        }

    def names(self, folder: str) -> set[str]:
        """Return the names of all files below a folder."""
        return set(self.list_files(folder))

    def get(self, name: str, file: Path) -> None:
        """Copy a file of the place to a path."""
        with _naming(f"{self.address}/{name}"):
            self._files.get_file(f"{self._root}/{name}", str(file))

    def put(self, file: Path, name: str) -> None:
        """Copy a file to the place, wholly or not at all."""
        with _naming(f"{self.address}/{name}"):
            self._files.put_file(str(file), f"{self._root}/{name}")


def open_store(address: str) -> Store:
    """Return the place of an address: `s3://bucket/folder`, or the path of a folder."""
    return Bucket(address) if address.startswith(BUCKET) else Folder(Path(address))


@contextlib.contextmanager
def _naming(name: str) -> Iterator[None]:
    """Name what the body gets or puts, whatever goes wrong with it.

    Raises:
        StorageError: With the reason.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise StorageError(
            f"{name} is not there, or its bucket is not ({error}). Check the address."
        ) from error
    except PermissionError as error:
        raise StorageError(
            f"{name} may not be used ({error}). Check the credentials, and what they allow."
        ) from error
    except Exception as error:  # those of botocore and aiohttp have no type in common
        if is_disk_full(error):
            raise
        raise StorageError(
            f"{name} cannot be used ({error or type(error).__name__}). Check the address, the "
            "credentials and whether the server answers."
        ) from error
