"""Names of files with bytes that are no UTF-8, and with line ends: each video keeps its line."""

import csv
import json
import os
from pathlib import Path

import pytest
from brightness import brightness_recognizer
from command_line import run
from video_files import write_numbered

NOT_UTF8 = os.fsdecode(b"b\xff.mp4")
TWO_LINES = "a\nb: sit 99 %.mp4"


@pytest.fixture
def named(project, capsys):
    """Run `predict` on three videos of odd names with an option; what it printed."""
    brightness_recognizer().save(Path("model"))
    for name in (NOT_UTF8, TWO_LINES, "plain.mp4"):
        write_numbered(Path("clips", name))

    def predict(*options: str) -> str:
        code, out, err = run("predict", "clips", "--model", "model", *options, capsys=capsys)
        assert code == 0, err
        return out

    return predict


def test_predict_prints_one_line_a_video(named):
    lines = named().splitlines()
    assert len(lines) == 4
    assert any(line.startswith("clips/b\\udcff.mp4: ") for line in lines)
    assert any(line.startswith("clips/a\\u000ab: sit 99 %.mp4: ") for line in lines)


def test_predict_prints_json_that_gives_the_name_back(named):
    said = [json.loads(line)["video"] for line in named("--json").splitlines()]
    assert {name.removeprefix("clips/") for name in said} == {NOT_UTF8, TWO_LINES, "plain.mp4"}


def test_predict_writes_all_rows_of_the_table(named):
    named("--csv", "table.csv")
    with Path("table.csv").open(encoding="utf-8", newline="") as file:
        names = {row["video"] for row in csv.DictReader(file)}
    assert names == {"clips/b\\udcff.mp4", f"clips/{TWO_LINES}", "clips/plain.mp4"}


def test_predict_writes_the_whole_page(named):
    named("--html", "page.html")
    page = Path("page.html").read_text(encoding="utf-8")
    assert "clips/b\\udcff.mp4" in page
    assert page.rstrip().endswith("</html>")


def test_predict_writes_what_is_said_of_long_videos(named):
    named("--window", "0.5", "--out", "said")
    written = {os.fsencode(file.name) for file in Path("said").iterdir()}
    assert b"b\xff.mp4.csv" in written
