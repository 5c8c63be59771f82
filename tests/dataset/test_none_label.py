"""The folder of other things that people do: which label it is, and what it is refused for."""

import pandas as pd
import pytest

from har.dataset.none_label import find_actions, find_none_label, only_actions
from har.dataset.split_checks import check_labels


def videos_of(labels: set[str]) -> pd.DataFrame:
    rows = [{"video_id": f"{label}/1", "label": label} for label in sorted(labels)]
    return pd.DataFrame(rows, columns=["video_id", "label"])


@pytest.mark.parametrize(
    ("labels", "name", "found"),
    [
        (["sit", "none"], "none", "none"),
        (["sit", "NONE", "NONE"], "none", "NONE"),
        (["sit", "other things"], "Other things", "other things"),
        (["sit", "none"], None, None),
        (["sit", "walk"], "none", None),
    ],
)
def test_find_none_label_takes_the_folder_in_any_case(labels, name, found):
    assert find_none_label(labels, name) == found


def test_find_none_label_refuses_two_folders():
    with pytest.raises(ValueError, match=r"The folders 'None' and 'none' both have .* into one\."):
        find_none_label(["none", "None", "sit"], "none")


@pytest.mark.parametrize(("name", "kept"), [("none", ["sit"]), (None, ["sit", "none"])])
def test_only_actions_drops_what_is_none(name, kept):
    videos = pd.DataFrame({"label": ["sit", "none"]})
    assert only_actions(videos, name)["label"].tolist() == kept


@pytest.mark.parametrize(
    ("labels", "none", "message"),
    [
        (
            {"None", "sit"},
            "none",
            r"'None' holds what is no action .* only 'sit'\. .* two",
        ),
        ({"none"}, "none", "beside it there is nothing"),
        ({"none", "sit"}, "none", "set `dataset.none` to null"),
        ({"sit"}, "none", "All videos have the label 'sit'"),
        ({"none"}, None, "All videos have the label 'none'"),
        ({"sit", "walk", "unsure"}, "none", "A label folder is named 'unsure', .* Rename"),
    ],
)
def test_check_labels_refuses_what_leaves_no_two_actions(labels, none, message):
    with pytest.raises(ValueError, match=message):
        check_labels(videos_of(labels), labels, none=none)


@pytest.mark.parametrize("none", [None, "none"])
def test_check_labels_takes_two_actions_and_what_is_none(none):
    labels = {"sit", "walk", "none"}
    check_labels(videos_of(labels), labels, none=none)


def test_find_actions_refuses_test_videos_of_no_action_alone():
    assert find_actions(pd.Series(["sit", "none"]), "none").tolist() == [True, False]
    assert find_actions(pd.Series(["sit", "none"]), None).all()
    with pytest.raises(ValueError, match=r"All 2 test videos are of 'none'.*Use fewer folds"):
        find_actions(pd.Series(["none", "none"]), "none")
    with pytest.raises(ValueError, match="which is no action"):
        only_actions(pd.DataFrame({"label": ["None", "None"]}), "none")
