"""The table of scores that `make repro` ends with."""

import copy
import json
from pathlib import Path

import pytest

from har.dataset.subjects import SAME_PEOPLE
from har.evaluation.real_people import HOW_TO_MEASURE, WIDTH
from har.evaluation.summary import NEXT, describe_metrics, print_summary
from har.pages.results import describe_scores

METRICS = {
    "model": "cnn3d",
    "grouped_by": "metadata.csv",
    "num_test_videos": 20,
    "num_test_subjects": 4,
    "accuracy": 0.85,
    "accuracy_low": 0.64,
    "accuracy_high": 0.95,
    "baselines": {
        f"{name}{end}": value
        for name in ("majority", "single_frame", "pooled_linear")
        for end, value in (("", 0.5), ("_low", 0.3), ("_high", 0.7))
    },
    "unsure": 0.1,
    "accuracy_if_sure": 0.9,
    "per_class": {"waving": {"precision": 1.0, "recall": 0.75, "support": 4}},
}


def test_describe_metrics_puts_the_model_above_its_baselines_with_intervals():
    lines = describe_metrics(METRICS).splitlines()
    assert lines[1].split() == ["cnn3d", "85%", "64%", "to", "95%"]
    assert [line.split()[-4:] for line in lines[2:5]] == [["50%", "30%", "to", "70%"]] * 3
    assert "waving                           100%      75%        4" in lines
    assert lines[-2:] == [
        "On 20 test videos of 4 people never seen in training.",
        "Unsure of 10% of them; accuracy on the others 90%.",
    ]


def test_describe_metrics_says_how_it_treats_what_is_no_action():
    none = {"num_none_videos": 8, "none_rejected": 0.75, "lost_to_none": 0.05}
    none |= {"none_rejected_low": 0.4, "none_rejected_high": 0.9}
    lines = describe_metrics(
        METRICS | none | {"unsure": 1.0, "accuracy_if_sure": None}
    ).splitlines()
    assert lines[-2:] == [
        "Unsure of 100% of them.",
        "Of 8 videos of no action 75% rejected (95 % interval 40% to 90%); 5% of the videos of "
        "actions taken for such.",
    ]


def test_describe_metrics_warns_when_nobody_is_named():
    metrics = copy.deepcopy(METRICS) | {"grouped_by": "video"}
    assert "may have been seen in training" in describe_metrics(metrics)
    said = describe_scores(metrics)
    assert "unknown people, who may have been seen in training: nobody says who is in the" in said
    few = describe_scores(metrics | {"num_test_videos": 2})
    assert few == said.replace("20 test", "2 test") + (
        "; with a test of 2 videos even a score of 100 % has a 95 % interval from 34 % on"
    )


def test_scores_of_the_same_people_say_nothing_about_others():
    metrics = METRICS | {"grouped_by": SAME_PEOPLE}
    said = (
        "n 20 test videos (the same people, other videos); the score does not tell how the "
        "recognizer does on other people"
    )
    assert describe_metrics(metrics).splitlines()[-2] == f"O{said}."
    assert describe_scores(metrics).endswith(f"o{said}")
    assert describe_scores(METRICS).endswith("on 20 test videos of 4 people never seen in training")


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


def summary_of(folder: Path, capsys, *, is_synthetic: bool = True) -> str:
    """Return what is printed after the table and what to do next."""
    (folder / "scores.json").write_text(json.dumps(METRICS))
    print_summary(
        folder / "scores.json", is_synthetic=is_synthetic, real_people=folder / "real-people.json"
    )
    printed = capsys.readouterr().out
    assert printed.startswith(describe_metrics(METRICS) + "\n" + NEXT)
    return printed.partition(NEXT)[2].strip()


def test_summary_says_how_the_model_does_on_real_people(tmp_path, capsys):
    (tmp_path / "real-people.json").write_text(json.dumps(RESULT))
    printed = summary_of(tmp_path, capsys)
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


def test_summary_says_how_to_measure_where_nobody_did(tmp_path, capsys):
    assert summary_of(tmp_path, capsys) == HOW_TO_MEASURE
    assert len(HOW_TO_MEASURE) <= WIDTH


def test_summary_of_own_videos_says_nothing_of_other_people(tmp_path, capsys):
    (tmp_path / "real-people.json").write_text(json.dumps(RESULT))
    assert summary_of(tmp_path, capsys, is_synthetic=False) == ""


@pytest.mark.parametrize("text", ["{", "[]", json.dumps(RESULT | {"totals": [{"name": "x"}]})])
def test_summary_refuses_a_file_that_the_benchmark_did_not_write(tmp_path, capsys, text):
    (tmp_path / "real-people.json").write_text(text)
    with pytest.raises(ValueError, match=r"real-people.json is not what benchmarks.real_people"):
        summary_of(tmp_path, capsys)
