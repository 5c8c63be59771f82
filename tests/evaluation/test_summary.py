"""The table of scores that `make repro` ends with."""

import copy

from scored import METRICS

from har.dataset.subjects import SAME_PEOPLE
from har.evaluation.summary import WIDTH, describe_metrics
from har.pages.results import describe_scores


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
    text = describe_metrics(METRICS | none | {"unsure": 1.0, "accuracy_if_sure": None})
    assert max(map(len, text.splitlines())) <= WIDTH
    assert " ".join(text.split()).endswith(
        "Unsure of 100% of them. Of 8 videos of no action 75% are rejected (95 % interval 40% to "
        "90%); 5% of the videos of actions are taken for no action."
    )


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
    assert f"O{said}. Unsure of" in " ".join(describe_metrics(metrics).split())
    assert describe_scores(metrics).endswith(f"o{said}")
    assert describe_scores(METRICS).endswith("on 20 test videos of 4 people never seen in training")
