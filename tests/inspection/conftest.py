"""Folders of videos to look at."""

import shutil
from pathlib import Path

import pytest
from inspected import write_people


@pytest.fixture(scope="module")
def good(tmp_path_factory) -> Path:
    """A folder that can be trained on; only to be read."""
    return write_people(tmp_path_factory.mktemp("good") / "videos")


@pytest.fixture
def good_copy(good, project) -> Path:
    """The same, to be changed; within the current folder."""
    shutil.copytree(good, "videos")
    return Path("videos")
