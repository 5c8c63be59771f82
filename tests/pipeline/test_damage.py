"""Outputs damaged in place, in silence: nothing is made of them, and they are made again."""

import shutil

import pytest
from damage import flip_bit

pytestmark = pytest.mark.slow


def test_damaged_files_are_refused_and_made_again(project):
    expected = project.hashes()
    project.run("dvc", "checkout", "--relink")  # the copy of the project has no hard links
    project.run("python", "-m", "har.integrity.repair")
    shutil.rmtree(project.folder / ".har/cache/train")  # what was trained before reads nothing
    for pattern in ("data/clips/*/p*.npy", "data/features/*/p*.npy"):
        for path in project.folder.glob(pattern):
            flip_bit(path, in_silence=True)
    assert project.run("python", "-m", "har.integrity.repair") == ""
    for name in ("clips", "features"):  # DVC puts the damaged ones back
        shutil.rmtree(project.folder / "data" / name)
    project.run("dvc", "checkout")
    for stage, named in {"evaluate": "data/clips/", "train": "data/features/"}.items():
        command = ["dvc", "repro", "--force", "--single-item", stage]
        printed = project.run(*command, check=False)
        assert f"error: {named}" in printed
        assert "Run `make repro`" in printed
        assert "Traceback" not in printed
    # As `make repro` does.
    assert "discarded" in project.run("python", "-m", "har.integrity.repair")
    project.run("dvc", "repro")
    assert project.hashes() == expected
