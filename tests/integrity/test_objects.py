"""DVC's cache: objects that are damaged are found, discarded and made again."""

import json
import os
import time
from pathlib import Path

import pytest
from damage import flip_bit
from dvc.repo import Repo

from har.engine.repository import cache_folder
from har.integrity.objects import (
    discard_objects,
    find_damaged_objects,
    last_checked,
    name_objects,
    note_checked,
)


@pytest.fixture
def cache(repository) -> Path:
    """The cache of a repository with a folder of three files and a file."""
    folder = repository / "data" / "clips"
    folder.mkdir(parents=True)
    for name in "abc":
        (folder / f"{name}.npy").write_bytes(name.encode() * 1000)
    (repository / "one.txt").write_bytes(b"one")
    with Repo() as repo, repo.config.edit("repo") as config:
        config["cache"] = {"type": ["hardlink"]}
    with Repo() as repo:
        repo.add(["data/clips", "one.txt"])
    return cache_folder()


def object_of(path: Path, cache: Path) -> Path:
    """Return the object that a file is linked to."""
    return next(file for file in cache.glob("files/md5/*/*") if file.samefile(path))


def test_find_damaged_objects_finds_none_in_a_whole_cache(cache):
    assert len(list(cache.glob("files/md5/*/*"))) == 5
    assert find_damaged_objects(cache) == []


def test_find_damaged_objects_finds_what_was_damaged_in_silence(cache):
    path = Path("data/clips/b.npy")
    damaged = object_of(path, cache)
    flip_bit(path, in_silence=True)
    assert find_damaged_objects(cache) == [damaged]


def test_find_damaged_objects_finds_a_damaged_list_of_a_folder(cache):
    (listing,) = cache.glob("files/md5/*/*.dir")
    flip_bit(listing)
    assert find_damaged_objects(cache) == [listing]


def test_find_damaged_objects_reads_only_what_was_written_to_since(cache):
    now = time.time()
    for file in cache.glob("files/md5/*/*"):
        os.utime(file, (now - 100, now - 100))
    silent, written = Path("data/clips/a.npy"), Path("data/clips/c.npy")
    flip_bit(silent, in_silence=True)
    flip_bit(written)
    assert find_damaged_objects(cache, since=now - 50) == [object_of(written, cache)]


def test_discarded_object_is_seen_as_changed_by_dvc(cache):
    path = Path("data/clips/b.npy")
    flip_bit(path, in_silence=True)
    with Repo() as repo:
        assert not repo.status(), "DVC itself sees nothing"
    assert discard_objects([object_of(path, cache)], Path("aside")) == 0
    with Repo() as repo:
        assert "data/clips.dvc" in repo.status()
    assert not Path("aside").exists()
    assert path.exists()  # it may be a video that somebody has cut


def test_discard_objects_moves_what_nothing_else_has(cache):
    path = Path("one.txt")
    damaged = object_of(path, cache)
    path.unlink()
    flip_bit(damaged)
    content = damaged.read_bytes()
    assert discard_objects([damaged], Path("aside")) == 1
    (moved,) = Path("aside").iterdir()
    assert moved.read_bytes() == content
    assert not damaged.exists()


def test_name_objects_says_which_files_they_are(cache):
    paths = [Path("data/clips/b.npy"), Path("one.txt")]
    objects = [object_of(path, cache) for path in paths]
    name = objects[1].parent.name + objects[1].name
    assert name_objects(objects, cache) == ["b.npy", name]
    (listing,) = cache.glob("files/md5/*/*.dir")
    Path("dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  extract:\n    cmd: x\n    outs:\n"
        f"    - path: data/clips\n      hash: md5\n      md5: {listing.parent.name}{listing.name}\n"
    )
    assert name_objects(objects, cache) == ["data/clips/b.npy", name]


def test_last_checked_returns_what_was_noted(repository):
    assert last_checked() == 0
    note_checked(1000.5)
    assert 990 < last_checked() < 1000.5
    note_checked(time.time() + 1000)  # by a clock that was put back since
    assert last_checked() == 0


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[]", b"{}", json.dumps("x").encode()])
def test_last_checked_takes_a_damaged_file_for_a_missing_one(repository, content):
    note_checked(1000)
    Path(".har/checked.json").write_bytes(content)
    assert last_checked() == 0
