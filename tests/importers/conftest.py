"""Videos of data sets in miniature."""

from pathlib import Path

import pytest
from small_data_sets import barcode_frames, write_barcodes

from har.video.writing import write_video


@pytest.fixture(scope="session")
def tiny(tmp_path_factory) -> Path:
    """An AVI of a few frames."""
    path = tmp_path_factory.mktemp("tiny") / "tiny.avi"
    write_video(path, barcode_frames(4), fps=25, codec="mpeg4")
    return path


@pytest.fixture(scope="session")
def numbered(tmp_path_factory) -> Path:
    """An AVI whose frames can be told apart."""
    return write_barcodes(tmp_path_factory.mktemp("numbered") / "numbered.avi")


@pytest.fixture
def source(tmp_path) -> Path:
    """The folder that a data set is downloaded to."""
    folder = tmp_path / "down loads"
    folder.mkdir()
    return folder
