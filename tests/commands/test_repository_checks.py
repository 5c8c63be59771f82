"""`har doctor` on the repository: what fails without git, and files that are not to be edited."""

import os
import subprocess
from pathlib import Path

import pytest

from har.commands.repository_checks import check_git, check_originals


@pytest.fixture
def nobody(project, monkeypatch):
    """A project of somebody whom git does not know."""
    for name in ("GLOBAL", "SYSTEM"):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", os.devnull)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    return project


def run_fix(check):
    subprocess.run(check.fix, shell=True, check=True, capture_output=True)  # noqa: S602


def test_check_git_names_the_command_that_fixes_each_thing(nobody):
    missing = check_git()
    assert missing.result == "warn"
    assert missing.what.startswith("this is no git repository: `dvc exp run`, `har crossval`")
    subprocess.run(["git", "init", "--quiet"], check=True)
    unknown = check_git()
    assert "`git commit` is refused" in unknown.what
    run_fix(unknown)
    empty = check_git()
    assert "there is no commit yet" in empty.what
    run_fix(empty)
    assert check_git().result == "ok"


def test_check_git_has_one_command_for_all(nobody):
    run_fix(check_git())
    assert check_git().result == "ok"


def test_check_git_says_that_git_is_missing(nobody, monkeypatch):
    monkeypatch.setenv("PATH", str(nobody))
    assert check_git().what.startswith("git is not installed")


def test_check_originals_finds_links_into_the_cache(project, set_param):
    assert check_originals().what == "none of yours are here"
    set_param("dataset.videos", "data/videos")
    video = Path("data/videos/walking/a.mp4")
    video.parent.mkdir(parents=True)
    video.write_bytes(b"video")
    assert check_originals().result == "ok"
    os.link(video, "object")
    video.chmod(0o444)
    found = check_originals()
    said = "data/videos has read-only links into DVC's cache, 1 in all: edit none of them"
    assert found.what == said
    assert found.fix == "dvc unprotect data/videos (makes copies, of 0.0 GB)"
