"""Tests of the per-video cache."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from har.cache import Cache, default_folder, file_digest, place, prune

KEY = "ab" * 32


def make_cache(folder: Path) -> Cache:
    return Cache("convert", ending=".mp4", folder=folder)


def put(cache: Cache, key: str = KEY, content: bytes = b"video", meta=None):
    made = cache.new_file()
    made.write_bytes(content)
    return cache.put(key, made, meta or {"fps": 25.0})


def test_get_returns_what_was_put(tmp_path):
    cache = make_cache(tmp_path)
    assert cache.get(KEY) is None
    put(cache)
    entry = cache.get(KEY)
    assert entry.meta == {"fps": 25.0}
    assert entry.data.read_bytes() == b"video"
    assert entry.sha256 == file_digest(entry.data)


def test_key_depends_on_everything_that_decides_the_result(tmp_path):
    cache = make_cache(tmp_path)
    base = {"digest": "d", "parameters": {"a": 1, "b": 2}, "code_version": "1"}
    same = {**base, "parameters": {"b": 2, "a": 1}}
    others = [
        {**base, "digest": "e"},
        {**base, "parameters": {"a": 1, "b": 3}},
        {**base, "code_version": "2"},
    ]
    assert cache.key(**same) == cache.key(**base)
    keys = {cache.key(**arguments) for arguments in [base, *others]}
    keys.add(Cache("extract", ending=".npy", folder=tmp_path).key(**base))
    assert len(keys) == 5


@pytest.mark.parametrize("ending", [".mp4", ".json"])
@pytest.mark.parametrize("damage", ["cut", "change", "remove"])
def test_get_notices_and_says_a_damaged_entry(tmp_path, capsys, damage, ending):
    cache = make_cache(tmp_path)
    file = put(cache).data.with_suffix(ending)
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[:-3])
    elif damage == "change":
        file.write_bytes(content.replace(b"v", b"w").replace(b"25.0", b"24.0"))
    else:
        file.unlink()
    assert cache.get(KEY) is None
    if (damage, ending) != ("remove", ".json"):  # then there simply is no entry
        assert "is damaged" in capsys.readouterr().err
    put(cache)
    assert cache.get(KEY).data.read_bytes() == b"video"


def test_get_finds_nothing_of_a_process_killed_while_it_put(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; from har.cache import Cache\n"
        f"cache = Cache('convert', ending='.mp4', folder=Path({str(tmp_path)!r}))\n"
        "made = cache.new_file(); made.write_bytes(b'video')\n"
        "cache._write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"cache.put({KEY!r}, made, {{}})"
    )
    root = Path(__file__).parents[1]
    killed = subprocess.run([sys.executable, "-c", program], cwd=root, check=False)
    assert killed.returncode == -9
    cache = make_cache(tmp_path)
    assert cache.get(KEY) is None
    put(cache)
    assert cache.get(KEY) is not None


def test_default_folder_is_that_of_the_repository_in_an_experiment(tmp_path, monkeypatch):
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "main"))
    assert default_folder() == tmp_path / "main" / ".har" / "cache"
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir(tmp_path)
    assert default_folder() == tmp_path / ".har" / "cache"


def test_place_links_and_replaces(tmp_path):
    data = put(make_cache(tmp_path / "cache")).data
    destination = tmp_path / "out" / ("n" * 251 + ".mp4")  # as long as a name can be
    for _ in range(2):
        place(data, destination)
        assert destination.samefile(data)
    assert len(list(destination.parent.iterdir())) == 1


def test_place_copies_where_it_cannot_link(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    data = put(make_cache(tmp_path / "cache")).data
    place(data, tmp_path / "a.mp4")
    assert (tmp_path / "a.mp4").read_bytes() == b"video"
    assert not (tmp_path / "a.mp4").samefile(data)


def test_prune_removes_the_least_recently_used_first(tmp_path):
    cache = make_cache(tmp_path)
    keys = [f"{index:064x}" for index in range(5)]
    now = time.time()
    for age, key in enumerate(keys):
        entry = put(cache, key, b"x" * 1000)
        os.utime(entry.data.with_suffix(".json"), (now - 1000 - age,) * 2)
    cache.get(keys[4])  # used now, so the oldest is the newest
    num_removed = prune(3500e-9, used_since=now - 5, folder=tmp_path)
    assert num_removed == 3
    assert [cache.get(key) is not None for key in keys] == [True, False, False, False, True]


def test_prune_never_removes_what_this_run_used(tmp_path):
    cache = make_cache(tmp_path)
    started = time.time() - 1
    put(cache)
    assert prune(0, used_since=started, folder=tmp_path) == 0
    assert cache.get(KEY) is not None


def test_prune_removes_what_a_killed_process_left(tmp_path):
    cache = make_cache(tmp_path)
    left = cache.new_file()
    left.write_bytes(b"half")
    os.utime(left, (0, 0))
    prune(0, used_since=time.time(), folder=tmp_path)
    assert not left.exists()


def test_prune_refuses_a_negative_size(tmp_path):
    with pytest.raises(ValueError, match=r"cache\.max_gigabytes is -1"):
        prune(-1, used_since=0, folder=tmp_path)
