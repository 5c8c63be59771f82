"""Videos out of a bucket, from a server on loopback."""

import json
import sys

import pytest
from command_line import run

from har.storage.fetching import fetch_folder

ADDRESS = "s3://data/videos"
FILES = {f"{label}/p{number}.mp4": bytes([number]) * 5000 for label in "ab" for number in range(3)}


@pytest.fixture
def bucket(s3):
    s3.make_bucket("data")
    for name, content in FILES.items():
        s3.put(f"data/videos/{name}", content)
    s3.put("data/videos/", b"")  # as consoles make a folder
    s3.put("data/other/c/p9.mp4", b"of another folder")
    s3.asked.clear()
    return s3


def read(folder):
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


def test_fetch_takes_all_and_then_only_what_has_changed(bucket, tmp_path):
    fetched = fetch_folder(f"{ADDRESS}/", tmp_path / "videos")
    assert read(tmp_path / "videos") == FILES
    assert (fetched.num_files, fetched.num_fetched, fetched.num_bytes) == (6, 6, 30000)

    assert fetch_folder(ADDRESS, tmp_path / "videos").num_fetched == 0
    (tmp_path / "videos/a/p0.mp4").write_bytes(b"cut off")
    bucket.put("data/videos/b/p3.mp4", b"new")
    (tmp_path / "videos/own.csv").write_bytes(b"of this machine")
    fetched = fetch_folder(ADDRESS, tmp_path / "videos")
    assert (fetched.num_fetched, fetched.strangers) == (2, ("own.csv",))
    new = {"b/p3.mp4": b"new", "own.csv": b"of this machine"}
    assert read(tmp_path / "videos") == FILES | new


def test_fetch_names_the_file_and_goes_on_where_the_server_was_lost(bucket, tmp_path):
    bucket.requests_left = 2
    with pytest.raises(OSError, match=r"s3://data/videos/\w/p\d\.mp4 .* 2 of 6 files are in"):
        fetch_folder(ADDRESS, tmp_path / "videos")
    kept = read(tmp_path / "videos")
    assert len(kept) == 2
    assert kept.items() <= FILES.items()

    bucket.requests_left = None
    bucket.asked.clear()
    assert fetch_folder(ADDRESS, tmp_path / "videos").num_fetched == 4
    assert read(tmp_path / "videos") == FILES
    assert sum(".mp4" in asked for asked in bucket.asked) == 4


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("s3://nowhere/videos", "s3://nowhere/videos is not there, or its bucket is not"),
        ("s3://data/nothing", "There is no file below s3://data/nothing"),
        ("/data/videos", "expected one as s3://bucket/folder"),
    ],
)
def test_fetch_says_what_is_wrong_with_an_address(bucket, tmp_path, address, said):
    with pytest.raises((ValueError, OSError), match=said):
        fetch_folder(address, tmp_path)


def test_fetch_says_that_it_may_not_read(bucket, tmp_path):
    bucket.is_closed = True
    with pytest.raises(OSError, match=r"s3://data/videos may not be used .* credentials"):
        fetch_folder(ADDRESS, tmp_path)


def test_fetch_refuses_a_name_that_leads_elsewhere(bucket, tmp_path):
    bucket.put("data/videos/a//p5.mp4", b"no name of a file")
    with pytest.raises(ValueError, match=r"a file named 'a//p5.mp4', which cannot be"):
        fetch_folder(ADDRESS, tmp_path / "videos")
    assert not (tmp_path / "videos").exists()


def test_fetch_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ValueError, match=r"packages are not installed. .* `make s3`"):
        fetch_folder(ADDRESS, tmp_path)


def test_fetch_command_prints_what_is_there(bucket, tmp_path, capsys):
    code, printed, _ = run("fetch", ADDRESS, str(tmp_path / "videos"), "--json", capsys=capsys)
    assert (code, json.loads(printed)["num_fetched"]) == (0, 6)
    code, printed, _ = run("fetch", ADDRESS, str(tmp_path / "videos"), capsys=capsys)
    assert printed.startswith("fetch: 6 files in ")
    code, _, said = run("fetch", "s3://data/nothing", str(tmp_path / "videos"), capsys=capsys)
    assert (code, "error: There is no file below s3://data/nothing" in said) == (1, True)
