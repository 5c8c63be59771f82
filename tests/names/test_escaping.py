"""Names that would do something in a terminal or in a spreadsheet."""

import json
import sys

import pandas as pd
import pytest

from har.dataset.tables import read_table
from har.engine.files import write_table
from har.names.escaping import as_cell, as_text, visible, visible_output

ODD = ["=1+1", "+x", "-3B32lodo2M", "@anna", "'=x", "'s walk", "''=x", "walking", "", "\t=x", "-1"]


@pytest.mark.parametrize("text", ODD)
def test_as_text_gives_back_what_as_cell_took(text):
    assert as_text(as_cell(text)) == text


def test_as_cell_leaves_no_formula():
    cells = [as_cell(text) for text in ODD if text != "-1"]
    assert not [cell for cell in cells if cell[:1] in tuple("=+-@\t\r")]
    assert as_cell("-1") == "-1"


def test_write_table_neutralises_names_and_read_table_gives_them_back(tmp_path):
    table = pd.DataFrame({"label": ODD, "weight": [-0.5] * len(ODD)})
    write_table(table, tmp_path / "a.csv")
    written = (tmp_path / "a.csv").read_text(encoding="utf-8")
    assert "\n'=1+1,-0.5\n" in written
    pd.testing.assert_frame_equal(read_table(tmp_path / "a.csv"), table, check_dtype=False)


def test_write_table_writes_plain_names_as_pandas_does(tmp_path):
    table = pd.DataFrame({"label": ["sit, down", "größe"], "x": [0.1, -2.5], "n": [None, 3]})
    write_table(table, tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text(encoding="utf-8") == table.to_csv(index=False)


@pytest.mark.parametrize("sign", ["\x1b[2J", "\x07", "\x9b1m", "\u202e", "\x7f", "\udcff"])
def test_visible_shows_what_would_act_and_keeps_json(sign):
    shown = visible(f"walk{sign}ing")
    assert sign not in shown
    assert json.loads(f'"{shown}"') == f"walk{sign}ing"


def test_visible_leaves_names_as_they_are():
    for name in ("sit down", "größe", "ילדה", "👨\u200d👩", "a\nb\tc"):
        assert visible(name) == name
    assert visible("a\nb", one_line=True) == "a\\u000ab"


def test_visible_output_escapes_names_and_lets_bars_move(capsys):
    with visible_output():
        print("walk\x1b[2Jing\rerror: none")
        print("\udcff", file=sys.stderr)
        sys.stderr.write("\r50 %")
        sys.stderr.write("\n\x1b[A")
    said = capsys.readouterr()
    assert said.out == "walk\\u001b[2Jing\\u000derror: none\n"
    assert said.err == "\\udcff\n\r50 %\n\x1b[A"
