"""Files against the SHA-256 that a table has of them."""

import os
import time
from pathlib import Path

import pytest
from damage import flip_bit

from har.engine.cache import file_digest
from har.engine.verification import check_file, check_files, checked_file

OLD = time.time() - 1000


@pytest.fixture
def files(tmp_path, monkeypatch) -> dict[Path, str]:
    """Some write-protected files, by their SHA-256, and a check of DVC's cache in the past."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    checked_file().parent.mkdir()
    checked_file().write_text("{}")
    found = {}
    for number in range(7):
        path = tmp_path / f"{number}.npy"
        path.write_bytes(bytes([number]) * 1000)
        path.chmod(0o444)
        os.utime(path, (OLD, OLD))
        found[path] = file_digest(path)
    return found


def test_check_files_accepts_what_was_made(files):
    check_files(list(files), list(files.values()), description="train")
    check_files([], [], description="train")
    assert checked_file().exists()


def test_check_file_names_a_damaged_file_and_the_command(files):
    path, sha256 = next(iter(files.items()))
    flip_bit(path, in_silence=True)
    with pytest.raises(ValueError, match=r"/0\.npy is damaged.*`make repro`.*har doctor"):
        check_file(path, sha256)


def test_check_files_names_a_missing_file(files):
    path = list(files)[3]
    path.unlink()
    with pytest.raises(ValueError, match=r"/3\.npy is damaged"):
        check_files(list(files), list(files.values()), description="train")


def test_check_files_names_five_and_counts_all(files):
    for path in files:
        flip_bit(path)
    with pytest.raises(ValueError, match=r"/4\.npy, \.\.\. \(7 files\) are damaged"):
        check_files(list(files), list(files.values()), description="train")


def test_damaged_file_is_marked_so_that_dvc_looks_at_its_bytes(files):
    path, sha256 = next(iter(files.items()))
    flip_bit(path, in_silence=True)
    with pytest.raises(ValueError, match="damaged"):
        check_file(path, sha256)
    assert path.stat().st_mode & 0o200
    assert path.stat().st_mtime > OLD + 500
    assert not checked_file().exists()  # so that `make repro` reads all of DVC's cache
