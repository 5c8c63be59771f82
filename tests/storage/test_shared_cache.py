"""Finished work that a second machine takes from a folder or a bucket."""

import os
import subprocess
import sys

import pytest

from har.engine.cache import Cache, place_or_make
from har.engine.steps import Job, Limits, run_step
from har.storage.shared_cache import SharedCache, seal, unseal

KEYS = [f"{number:064x}" for number in range(3)]


@pytest.fixture(params=["folder", "bucket"])
def shared(request, tmp_path):
    if request.param == "folder":
        return SharedCache(str(tmp_path / "shared"))
    request.getfixturevalue("s3").make_bucket("team")
    return SharedCache("s3://team/har-cache")


@pytest.fixture
def work(tmp_path, monkeypatch):
    """Do the work of a machine: return what it had to make, and what lies where it is wanted."""

    def run(machine, shared):
        monkeypatch.setattr("har.engine.cache.default_folder", lambda: tmp_path / machine)
        cache, made = Cache("features", ending=".npy"), []

        def make(missing):
            made.extend(sorted(missing))
            return {key: _keep(cache, key) for key in missing}

        wanted = [(key, tmp_path / f"{machine}-out" / f"{key}.npy") for key in KEYS]
        entries, _ = place_or_make(cache, wanted, make, max_gigabytes=1, shared=shared)
        metas = [entry.meta for entry in entries]
        return made, list(zip(metas, [path.read_bytes() for _, path in wanted], strict=True))

    return run


def _keep(cache, key):
    file = cache.new_file()
    file.write_bytes(f"the data of {key}".encode())
    return cache.put(key, file, {"frames": int(key, 16)})


def _object_of(key):
    return f"team/har-cache/features/{key[:2]}/{key}.npy"


def test_second_machine_takes_what_the_first_has_made(work, shared):
    made, first = work("one", shared)
    assert made == KEYS
    made, second = work("two", shared)
    assert made == []
    assert second == first


def test_machine_sends_what_it_had_before(work, shared):
    _, first = work("one", None)
    assert work("one", shared) == ([], first)
    assert work("two", shared) == ([], first)


def test_damaged_and_swapped_entries_are_told_and_made_again(work, s3, capsys):
    s3.make_bucket("team")
    shared = SharedCache("s3://team/har-cache")
    _, first = work("one", shared)
    content = s3.get(_object_of(KEYS[0]))
    s3.put(_object_of(KEYS[0]), b"T" + content[1:])
    s3.put(_object_of(KEYS[1]), s3.get(_object_of(KEYS[2])))
    assert work("two", shared) == (KEYS[:2], first)
    said = capsys.readouterr().err
    assert f"{KEYS[0]}.npy of the shared cache is damaged (its bytes were changed)" in said
    assert f"{KEYS[1]}.npy of the shared cache is damaged (it is another entry)" in said
    assert s3.get(_object_of(KEYS[0])) == content
    assert work("three", shared) == ([], first)


def test_lost_server_costs_a_sentence(work, s3, capsys):
    s3.make_bucket("team")
    shared = SharedCache("s3://team/har-cache")
    _, first = work("one", shared)
    s3.requests_left = 1  # lost while the second one gets them
    made, second = work("two", shared)
    assert len(made) == 2
    assert second == first
    said = capsys.readouterr().err
    assert said.count("warning: the shared cache is left out: s3://team/har-cache/features/") == 1
    assert "The work goes on with this machine's own cache." in said


def test_bucket_that_is_not_there_costs_a_sentence(work, s3, capsys):
    made, _ = work("one", SharedCache("s3://nowhere/har-cache"))
    assert made == KEYS
    assert "s3://nowhere/har-cache/features is not there, or its bucket" in capsys.readouterr().err


def _double(source, destination):
    destination.write_bytes(2 * source.read_bytes())
    return {}


def test_step_reuses_what_another_machine_has_made(tmp_path, monkeypatch):
    source = tmp_path / "a.mp4"
    source.write_bytes(b"bytes")
    limits = Limits(1, 60, 1, 1, shared=SharedCache(str(tmp_path / "shared")))
    outcomes = []
    for machine in ("one", "two"):
        monkeypatch.setattr("har.engine.cache.default_folder", lambda at=machine: tmp_path / at)
        job = Job(source, "0" * 64, tmp_path / machine / "out.npy")
        outcomes += run_step(
            "convert", _double, [job], parameters={}, code_version="1", limits=limits
        )
        assert job.destination.read_bytes() == b"bytesbytes"
    assert [outcome.is_reused for outcome in outcomes] == [False, True]
    assert outcomes[0].sha256 == outcomes[1].sha256


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 40])
def test_unseal_refuses_what_was_never_sealed(tmp_path, content):
    file = tmp_path / "entry"
    file.write_bytes(content)
    with pytest.raises(ValueError, match="its bytes were changed"):
        unseal(file, KEYS[0])


def test_unseal_returns_what_was_sealed(tmp_path):
    file = tmp_path / "entry"
    file.write_bytes(b"data")
    seal(file, KEYS[0], {"frames": 3})
    assert unseal(file, KEYS[0]) == {"frames": 3}
    assert file.read_bytes() == b"data"


def test_packages_for_buckets_are_loaded_when_one_is_named():
    code = (
        "import sys; from har.settings import load_settings; from pathlib import Path\n"
        "settings = load_settings(Path('params.yaml')); settings.limits('convert')\n"
        "assert not {'s3fs', 'fsspec', 'botocore'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ)
