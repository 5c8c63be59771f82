"""Tests of the per-video cache."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path

import pytest
from places import ROOT

from har.engine.cache import (
    Cache,
    default_folder,
    file_digest,
    keep_entries,
    list_set_aside,
    place,
    prune,
    trim_set_aside,
)

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
@pytest.mark.parametrize("damage", ["cut", "change", "remove", "not UTF-8"])
def test_get_notices_and_says_a_damaged_entry(tmp_path, capsys, damage, ending):
    cache = make_cache(tmp_path)
    file = put(cache).data.with_suffix(ending)
    content = file.read_bytes()
    if damage == "cut":
        file.write_bytes(content[:-3])
    elif damage == "not UTF-8":
        file.write_bytes(b"\xff" + content[1:])
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
        "import os, signal, sys; from pathlib import Path; from har.engine.cache import Cache\n"
        f"cache = Cache('convert', ending='.mp4', folder=Path({str(tmp_path)!r}))\n"
        "made = cache.new_file(); made.write_bytes(b'video')\n"
        "cache._write = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"cache.put({KEY!r}, made, {{}})"
    )
    root = ROOT
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


def test_keep_entries_trims_once_nobody_else_uses_the_cache(tmp_path):
    cache = make_cache(tmp_path)
    entry = put(cache)
    os.utime(entry.data.with_suffix(".json"), (0, 0))
    with keep_entries(0, folder=tmp_path):
        with keep_entries(0, folder=tmp_path):  # as another process would
            pass
        assert entry.data.is_file()
    assert not entry.data.exists()


def test_keep_entries_refuses_a_negative_size(tmp_path):
    with (
        pytest.raises(ValueError, match=r"cache\.max_gigabytes is -1"),
        keep_entries(-1, folder=tmp_path),
    ):
        pass


def use_cache(folder: str, number: int) -> None:
    """Get, make, link and trim entries that other processes get, make, link and trim as well."""
    cache, rng = make_cache(Path(folder)), random.Random(number)
    for turn in range(40):
        with keep_entries(5000e-9, folder=Path(folder)):
            used = {}
            for name in rng.sample("abcdefgh", 3):
                entry = cache.get(name * 64)
                used[name] = entry or put(cache, name * 64, name.encode() * 1000)
            for name, entry in used.items():
                place(entry.data, Path(folder, str(number), f"{turn}{name}.mp4"))


def test_cache_is_right_with_several_processes_at_once(tmp_path, capfd):
    context = multiprocessing.get_context("spawn")
    arguments = [(str(tmp_path), number) for number in range(3)]
    processes = [context.Process(target=use_cache, args=pair) for pair in arguments]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert "damaged" not in capfd.readouterr().err
    placed = [path for number in range(3) for path in (tmp_path / str(number)).iterdir()]
    assert len(placed) == 3 * 40 * 3
    for path in placed:
        assert path.read_bytes() == path.stem[-1].encode() * 1000
    with keep_entries(0, folder=tmp_path):
        pass
    kept = list(tmp_path.glob("convert/*/*.mp4"))
    assert sum(file.stat().st_size for file in kept) <= 5000


def test_cache_is_right_after_a_kill_at_any_moment(tmp_path):
    """Kill a process at the first thing that it asks of the system, then at the second, and on."""
    num_kills = 0
    while True:
        folder = tmp_path / str(num_kills)
        process = os.fork()
        if process == 0:
            _use_cache_until_killed(folder, num_kills)
        _, status = os.waitpid(process, 0)
        cache = make_cache(folder)
        entry = cache.get(KEY) or put(cache, content=b"video")
        place(entry.data, folder / "placed.mp4")
        assert (folder / "placed.mp4").read_bytes() == b"video"
        with keep_entries(0, folder=folder):
            for left in (folder / "partial").iterdir():
                os.utime(left, (0, 0))
        assert not list((folder / "partial").iterdir())
        if not os.WIFSIGNALED(status):
            break
        num_kills += 1
    assert os.WEXITSTATUS(status) == 0
    assert num_kills > 10, num_kills


def _use_cache_until_killed(folder: Path, num_events: int) -> None:
    """Put an entry, take it, and trim; killed at the given one of the system's events."""
    left = num_events

    def count(event: str, _) -> None:
        nonlocal left
        if event.startswith(("open", "os.", "shutil.")):
            left -= 1
            if left == -1:  # once: `kill` is such an event too
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    try:
        cache = make_cache(folder)
        with keep_entries(0, folder=folder):
            place(put(cache).data, folder / "placed.mp4")
            cache.get(KEY)
        prune(0, used_since=time.time() + 9, folder=folder)
        os._exit(0)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


@pytest.fixture
def aside(tmp_path) -> list[Path]:
    """What was set aside in a repository: two objects of DVC, and then a checkpoint."""
    files = [tmp_path / name for name in ("damaged/a", "damaged/b", "checkpoints/c.npz.damaged")]
    for file in files:
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(bytes(600))
        os.utime(file, (1, 1))  # as old as the video is
        time.sleep(0.02)
    (tmp_path / "checkpoints" / "d.npz").write_bytes(bytes(600))
    return files


def test_what_was_set_aside_is_kept_up_to_a_size(tmp_path, monkeypatch, aside):
    monkeypatch.setattr("har.engine.cache.GIGABYTE", 1000)
    with keep_entries(1.3, folder=tmp_path / "cache"):
        pass
    assert list_set_aside(tmp_path) == [aside[2], aside[1]]
    with keep_entries(0, folder=tmp_path / "cache"):
        pass
    assert list_set_aside(tmp_path) == [aside[2]]
    assert (tmp_path / "checkpoints" / "d.npz").exists()


def test_what_was_set_aside_is_kept_for_some_days(tmp_path, monkeypatch, aside):
    now = time.time()
    for days, kept in ((29, 3), (31, 0)):
        monkeypatch.setattr(time, "time", lambda days=days: now + days * 24 * 3600)
        trim_set_aside(1, tmp_path)
        assert len(list_set_aside(tmp_path)) == kept
