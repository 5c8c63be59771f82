"""Checkpoints: what was written is read, and what is damaged is set aside and said."""

import numpy as np
import pytest
from damage import flip_bit

from har.training.checkpoints import is_whole, read_checkpoint, write_checkpoint

ARRAYS = {"weight0": np.arange(20.0), "state": np.array('{"epoch": 2}')}


def test_read_checkpoint_returns_what_was_written(tmp_path):
    path = tmp_path / "checkpoints" / "a.npz"
    assert read_checkpoint(path) is None
    assert not is_whole(path)
    write_checkpoint({"weight0": np.zeros(5)}, path)
    write_checkpoint(ARRAYS, path)
    assert is_whole(path)
    read = read_checkpoint(path)
    assert list(read) == list(ARRAYS)
    assert all(np.array_equal(read[name], ARRAYS[name]) for name in ARRAYS)
    assert [file.name for file in path.parent.iterdir()] == ["a.npz"]


def test_checkpoint_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    path, called = tmp_path / "a.npz", []
    monkeypatch.setattr("os.fsync", lambda number: called.append(path.exists()))
    write_checkpoint(ARRAYS, path)
    assert called == [False]


def test_damaged_checkpoint_is_set_aside_and_said_wherever_it_is_cut_or_changed(tmp_path, capsys):
    path = tmp_path / "a.npz"
    write_checkpoint(ARRAYS, path)
    whole = path.read_bytes()
    places = range(0, len(whole), 97)
    cut = [whole[:place] for place in places]
    changed = [whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :] for at in places]
    for content in [*cut, *changed, whole + b"\0", bytes(len(whole))]:
        path.write_bytes(content)
        assert not is_whole(path)
        assert read_checkpoint(path) is None
        assert f"the checkpoint {path} is damaged" in capsys.readouterr().out
        assert not path.exists()
        assert path.with_name("a.npz.damaged").read_bytes() == content
    assert read_checkpoint(path) is None
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("in_silence", [True, False])
def test_flipped_bit_is_noticed(tmp_path, in_silence):
    write_checkpoint(ARRAYS, tmp_path / "a.npz")
    flip_bit(tmp_path / "a.npz", in_silence=in_silence)
    assert not is_whole(tmp_path / "a.npz")
