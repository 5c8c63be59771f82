"""Which files of a folder are videos, and which are none of the user's."""

import os

import pytest
from video_files import write_numbered

from har.folder import listing
from har.folder.listing import find_others, list_files


def test_list_files_leaves_out_what_systems_put_there(tmp_path):
    names = [
        *("a/1.mov", "a/Thumbs.db", "a/desktop.ini", "a/.DS_Store", "a/._1.mov", "a/@eaDir/1.mov"),
        *("__MACOSX/a/1.mov", "$RECYCLE.BIN/1.mov", ".dvc/1.mov", "a/\U0001f3c3/2.mov"),
    ]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list_files(tmp_path) == [tmp_path / "a/1.mov", tmp_path / "a/\U0001f3c3/2.mov"]


def test_find_others_opens_only_what_may_be_a_video(tmp_path, monkeypatch):
    write_numbered(tmp_path / "known.mp4")
    video = (tmp_path / "known.mp4").read_bytes()
    for name in ("a.xyz", "b", "c.txt", "d.jpg"):
        (tmp_path / name).write_bytes(video)
    (tmp_path / "noise.xyz").write_bytes(b"\0\xff" * 500)
    (tmp_path / "empty.xyz").touch()
    (tmp_path / "list.ffconcat").write_text("ffconcat version 1.0\nfile known.mp4\n")
    os.mkfifo(tmp_path / "pipe.xyz")
    tried = []
    run = listing.run_in_workers

    def note(function, items, **options):
        tried.extend(items)
        return run(function, items, **options)

    monkeypatch.setattr(listing, "run_in_workers", note)
    assert find_others(list_files(tmp_path)) == {tmp_path / "a.xyz", tmp_path / "b"}
    assert [path.name for path in tried] == ["a.xyz", "b", "noise.xyz"]


@pytest.mark.parametrize("text", ["ä" * 3000, "walking\n", "a"])
def test_find_others_takes_no_text_for_a_video(tmp_path, text):
    (tmp_path / "LICENSE").write_text(text, encoding="utf-8")
    assert find_others([tmp_path / "LICENSE"]) == set()
