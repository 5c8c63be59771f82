"""What `make repro` ends with."""

import json
from pathlib import Path

import pytest
from scored import METRICS

import har.repro.ending
from har.evaluation.real_people import HOW_TO_MEASURE, WIDTH
from har.evaluation.summary import describe_metrics
from har.repro.ending import next_steps, print_ending
from har.settings import load_settings

SHARES = {"clips": 50, "answer_right": 31, "answer_right_low": 0.45, "answer_right_high": 0.75}
RESULT = {
    "date": "2026-11-27",
    "recognizer": {"model": "fusion"},
    "totals": [
        SHARES | {"name": "KTH and Weizmann, walking and waving", "action_right": 38},
        SHARES | {"name": "films (JHMDB), walking and waving", "action_right": 30},
    ],
    "none": {"clips": 575, "taken": 70, "taken_low": 0.1, "taken_high": 0.152},
    "failures": [
        "JHMDB: climbing stairs gets the answer walking in 20 of 24 clips, " + 3 * "word "
    ],
}


@pytest.fixture
def folder(project) -> Path:
    """A project with scores."""
    (project / "metrics").mkdir()
    (project / "metrics" / "scores.json").write_text(json.dumps(METRICS))
    return project


def ending(folder: Path, capsys) -> str:
    """Return what is printed between the table and the picture."""
    print_ending(load_settings(), ran=["evaluate"], real_people=folder / "real-people.json")
    printed = capsys.readouterr().out
    table, _, rest = printed.partition(describe_metrics(METRICS))
    assert not table.strip()
    between, picture, steps = rest.partition("\nConfusion matrix: metrics/plots/confusion.png")
    assert picture
    assert steps.startswith("\n\nNext:\n")
    assert max(map(len, steps.splitlines())) <= 100
    return between.strip()


def test_ending_says_how_the_model_does_on_real_people(folder, capsys):
    (folder / "real-people.json").write_text(json.dumps(RESULT))
    printed = ending(folder, capsys)
    assert max(map(len, printed.splitlines())) <= WIDTH
    words = " ".join(printed.split())
    assert (
        "On real people, fusion as last measured for this version (2026-11-27, "
        "docs/real-people.json):"
    ) in words
    assert "KTH and Weizmann, walking and waving 31 of 50, 45 to 75 % 38" in words
    assert "with a probability above 50 %: 70 of 575, 10 to 15 %." in words
    assert "Where it fails most: JHMDB: climbing stairs gets the answer walking in 20" in words
    assert words.endswith("new ones will score lower.")


def test_ending_says_how_to_measure_where_nobody_did(folder, capsys):
    assert ending(folder, capsys).endswith(HOW_TO_MEASURE)
    assert len(HOW_TO_MEASURE) <= WIDTH


def test_ending_of_own_videos_says_nothing_of_other_people(folder, set_param, capsys):
    set_param("dataset.videos", "data/videos")
    (folder / "real-people.json").write_text(json.dumps(RESULT))
    assert ending(folder, capsys) == ""


@pytest.mark.parametrize("text", ["{", "[]", json.dumps(RESULT | {"totals": [{"name": "x"}]})])
def test_ending_refuses_a_file_that_the_benchmark_did_not_write(folder, capsys, text):
    (folder / "real-people.json").write_text(text)
    with pytest.raises(ValueError, match=r"real-people.json is not what benchmarks.real_people"):
        ending(folder, capsys)


def commands(*, num_test_subjects: int = 9, grouped_by: str = "metadata.csv") -> list[str]:
    """Return the commands for the settings in the current folder."""
    scores = METRICS | {"num_test_subjects": num_test_subjects, "grouped_by": grouped_by}
    return [command for command, _ in next_steps(load_settings(), scores, has_run=True)]


def test_next_steps_fit_what_happened(project, set_param, monkeypatch):
    monkeypatch.setattr(har.repro.ending, "has_uncommitted", lambda *paths: True)
    commit, *others = commands()
    assert commit == 'git add . && git commit -m "fusion: accuracy 85%"'
    assert others[0] == "python -m har live"
    assert others[1].startswith("python -m har record")
    assert others[2] == "dvc exp run -S model=attention"
    monkeypatch.setattr(har.repro.ending, "has_uncommitted", lambda *paths: False)
    assert commands() == others
    set_param("dataset.videos", "data/videos")
    set_param("model", "cnn3d")
    report, compare, live = commands()
    assert (report, live) == ("python -m har report", "python -m har live")
    assert compare == "dvc exp run -S model=fusion"
    assert commands(num_test_subjects=1)[1] == "python -m har crossval --folds people"
    assert commands(num_test_subjects=1, grouped_by="video")[1] == compare
