"""`har import`: what it prints, and that `inspect` takes what it makes."""

import json
from pathlib import Path
from typing import get_args

import pytest
from command_line import run
from video_files import write_numbered

import har.importers
from har.commands.import_dataset import DatasetName


def test_import_offers_all_importers():
    assert set(get_args(DatasetName)) == set(har.importers.importer_names())


@pytest.mark.usefixtures("nobody_is_looked_for")
def test_import_makes_videos_that_inspect_takes(project, capsys):
    names = [f"{who}_{does}" for who in ("daria", "denis", "eli") for does in ("bend", "jump")]
    for number, name in enumerate(names):
        write_numbered(Path(f"downloads/{name}.avi"), 30 + number, codec="mpeg4")
    code, out, _ = run("import", "weizmann", "downloads", "my videos", capsys=capsys)
    assert code == 0
    assert "import: 6 videos in my videos (6 linked" in out
    assert "next: python -m har inspect 'my videos'" in out
    assert Path("my videos/bend/daria_bend.avi").is_file()
    code, out, _ = run("import", "weizmann", "downloads", "my videos", "--json", capsys=capsys)
    again = json.loads(out)
    assert (again["folder"], again["num_videos"], again["num_reused"]) == ("my videos", 6, 6)
    code, out, _ = run("inspect", "my videos", capsys=capsys)
    assert "3 people (by metadata.csv)" in out


def test_import_ends_with_1_when_there_is_nothing(project, capsys):
    Path("downloads").mkdir()
    code, _, err = run("import", "weizmann", "downloads", "out", capsys=capsys)
    assert code == 1
    assert "downloads has no video of weizmann" in err
    assert not Path("out").exists()
