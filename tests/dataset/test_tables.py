"""Tables with one row a video."""

from pathlib import Path

import pytest
from damage import flip_bit

from har.dataset.tables import check_named_files
from har.engine.cache import file_digest


@pytest.fixture
def table(project) -> Path:
    """A table of two files, with their SHA-256."""
    rows = ["video_id,path,sha256"]
    for name in "ab":
        Path(f"{name}.npy").write_bytes(name.encode() * 100)
        rows.append(f"{name},{name}.npy,{file_digest(Path(f'{name}.npy'))}")
    Path("clips.csv").write_text("\n".join([*rows, ""]))
    return Path("clips.csv")


def test_check_named_files_checks_all_or_those_of_some_videos(table):
    check_named_files(table, description="train")
    flip_bit(Path("b.npy"), in_silence=True)
    check_named_files(table, {"a"}, description="train")
    with pytest.raises(ValueError, match=r"b\.npy is damaged"):
        check_named_files(table, {"a", "b"}, description="train")
    with pytest.raises(ValueError, match=r"b\.npy is damaged"):
        check_named_files(table, description="train")
