"""A folder with one of each thing that people get wrong: `inspect` lists each with its fix."""

import json
import shutil
from pathlib import Path

import pytest
from command_line import run
from inspected import write_people
from video_files import write_numbered


@pytest.fixture
def odd(project) -> Path:
    """A folder of videos with one of each."""
    folder = write_people(project / "videos", labels=("sit", "Walk", "walk"))
    write_numbered(folder / "sit" / "p9_\x1b[2J.mp4", 70)
    write_numbered(folder / "=1+1" / "p1.mp4", 71)
    write_numbered(folder / "train" / "p1.mp4", 72)
    shutil.copy(folder / "sit" / "p0_a.mp4", folder / "walk" / "p0_b.mp4")
    (folder / "sit" / "p0_empty.mp4").touch()
    (folder / "sit" / "notes.txt").write_text("x")
    (folder / "sit" / "Thumbs.db").touch()
    (folder / "wave").mkdir()
    (folder / "wave" / "p1.mp5").write_bytes(b"\0" * 50)
    (folder / "metadata.xlsx").touch()
    rows = "path;who;person\r\nsit\\p0_a.mp4;x;Anna\r\nsit/nowhere.mp4;;ben\r\n"
    (folder / "metadata.csv").write_bytes(rows.encode("utf-16"))
    return folder


def test_inspect_lists_one_of_each_with_its_fix(odd, capsys):
    code, out, err = run("inspect", "videos", capsys=capsys)
    assert code == 1
    assert "Traceback" not in err
    for what in (
        "names 1 videos that are not there, as 'sit/nowhere.mp4' in line 3",
        "Correct the paths or drop the rows.",
        "has columns that are not used: who. Known are path, subject, split, fold",
        "Each folder is a label, and in 1 there is no video: videos/wave (1 .mp5). Put videos in",
        "1 video with two labels: byte for byte the same file",
        "Remove the wrong one.",
        "videos cannot be used",
        "p0_empty.mp4 is empty (0 bytes)",
        "p9_\\u001b[2J.mp4: a name with control characters: rename it",
        "These labels have nearly the same name: 'Walk' and 'walk'. Give one the name of the other",
        "4 pairs of files whose names differ in case alone",
        "1 table not read.",
        "which is videos/metadata.csv: save it as that",
        "A label is named 'train'. If that is a split, give the others too",
        "metadata.csv names the subject of 1 of",
        "cannot be trained on.",
    ):
        assert what in out, out
    assert "\x1b" not in out + err
    assert "Thumbs.db" not in out


def test_inspect_as_json_stays_json_whatever_the_names(odd, capsys):
    code, out, _ = run("inspect", "videos", "--json", capsys=capsys)
    assert code == 1
    content = json.loads(out)
    assert {"=1+1", "sit", "Walk", "walk", "train"} <= {row["label"] for row in content["labels"]}
