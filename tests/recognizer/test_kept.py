"""Trained models that are kept in the cache."""

from pathlib import Path

from har.recognizer.kept import KeptTrainings


def test_kept_training_comes_back_and_another_does_not(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    kept = KeptTrainings(1, folder=tmp_path / "cache")
    files = [Path("models/fusion/model.keras"), Path("metrics/train.json")]
    for number, file in enumerate(files):
        file.parent.mkdir(parents=True)
        file.write_bytes(bytes([number] * 10))
    kept.keep("a" * 16, files)
    for file in files:
        file.unlink()
    assert not kept.restore("b" * 16)
    assert not files[0].exists()
    assert kept.restore("a" * 16)
    assert [file.read_bytes() for file in files] == [b"\0" * 10, b"\1" * 10]
