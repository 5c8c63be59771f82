"""Trained models that are kept in the cache: what was trained before is not trained again.

DVC's run cache goes by the bytes of the code; this one by the fingerprint of the training, which a
comment or a docstring does not change.
"""

import zipfile
from collections.abc import Sequence
from pathlib import Path

from har.engine.cache import Cache, keep_entries
from har.engine.files import write_bytes, writing
from har.integrity.unpacking import Archive


class KeptTrainings:
    """The trainings of a repository, by their fingerprints.

    Args:
        max_gigabytes: Size of the cache of all steps, in 10^9 bytes.
        folder: The cache; by default that of the repository.
    """

    def __init__(self, max_gigabytes: float, *, folder: Path | None = None):
        self._cache = Cache("train", ending=".zip", folder=folder)
        self._max_gigabytes = max_gigabytes

    def keep(self, fingerprint: str, files: Sequence[Path]) -> None:
        """Keep the files of a training.

        Args:
            fingerprint: Of the training.
            files: What it has written, by paths that are those of every training of its model.
        """
        with keep_entries(self._max_gigabytes, folder=self._cache.folder):
            packed = self._cache.new_file()
            with writing(packed), zipfile.ZipFile(packed, "w") as archive:
                for file in sorted(files):
                    # ZipInfo has no time of writing: the same files give the same archive.
                    archive.writestr(zipfile.ZipInfo(file.as_posix()), file.read_bytes())
            self._cache.put(fingerprint, packed, {})

    def restore(self, fingerprint: str) -> bool:
        """Write the files of a training again, if it was kept, and return whether it was."""
        with keep_entries(self._max_gigabytes, folder=self._cache.folder):
            entry = self._cache.get(fingerprint)
            if entry is None:
                return False
            with Archive(entry.data) as archive:
                for name in archive.names:
                    write_bytes(archive.read(name), Path(name))
        return True
