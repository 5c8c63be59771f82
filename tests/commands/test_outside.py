"""Which verbs run outside the project, where there is no params.yaml."""

from pathlib import Path

import pytest
from command_line import run
from video_files import write_numbered


@pytest.fixture
def outside(tmp_path, monkeypatch) -> Path:
    """Videos of six people in a folder that is no project."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    for number in range(12):
        person, label = number // 2, ("bend", "jump")[number % 2]
        write_numbered(Path(f"videos/{label}/p{person}_{label}.mp4"), 30 + number)
    return tmp_path


def test_inspect_runs_outside_the_project(outside, capsys):
    code, out, _ = run("inspect", "videos", "--subject-pattern", r"^(p\d)", capsys=capsys)
    assert code == 0
    assert out.startswith("videos: 12 usable videos of 12 files, 2 labels, 6 people")
    assert (outside / "inspect-videos.html").is_file()


def test_import_runs_outside_the_project(outside, capsys):
    for person in ("daria", "denis"):
        write_numbered(Path(f"downloads/{person}_bend.avi"), 30, codec="mpeg4")
    code, out, _ = run("import", "weizmann", "downloads", "out", capsys=capsys)
    assert code == 0
    assert "import: 2 videos in out" in out


def test_predict_asks_for_the_model_outside_the_project(outside, capsys):
    code, out, err = run("predict", "videos", capsys=capsys)
    assert (code, out) == (2, "")
    said = " ".join(err.split())
    assert "Invalid value for --model: there is no params.yaml in" in said
    assert "add --model DIR" in said


@pytest.mark.parametrize("arguments", [["compare", "a", "b"], ["report"]])
def test_other_verbs_name_what_is_missing_outside_the_project(arguments, outside, capsys):
    code, out, err = run(*arguments, capsys=capsys)
    assert (code, out) == (1, "")
    assert "There is no params.yaml in" in err
    assert "Run the command in the folder of the project." in err
