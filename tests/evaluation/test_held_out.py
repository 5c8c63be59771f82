"""The scores of a model on its test videos, with and without a folder of other things."""

import numpy as np
import pandas as pd
import pytest

from har.evaluation.held_out import score_test_videos
from har.recognizer.recognizer import Recognizer

LABELS = ["None", "sit", "walk"]
# What the model says of the four test videos: sit, walk, None and None.
SAID = np.float32([[0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.8, 0.1, 0.1], [0.1, 0.2, 0.7]])


def make_recognizer(none_label: str | None) -> Recognizer:
    params = {"model": "tiny", "trained_on": ["train"], "temperature": 1.0, "unsure_below": 0.5}
    return Recognizer(b"", LABELS, {}, params | {"none_label": none_label})


@pytest.fixture
def videos(tmp_path) -> pd.DataFrame:
    """Training videos, most of them of no action, and four test videos."""
    train = [(label, f"p{i}", "train") for i in range(2) for label in ("None", "None", *LABELS)]
    test = [(label, "tested", "test") for label in ("sit", "walk", "None", "None")]
    table = pd.DataFrame(train + test, columns=["label", "subject", "split"]).assign(weight=1.0)
    rng, paths = np.random.default_rng(0), []
    for number in range(len(table)):
        paths.append(str(tmp_path / f"{number}.npy"))
        np.save(paths[-1], rng.normal(size=(1, 4, 3)).astype(np.float32))
    return table.assign(features_path=paths)


def score(videos: pd.DataFrame, none_label: str | None) -> dict:
    recognizer = make_recognizer(none_label)
    scores, baselines = score_test_videos(recognizer, videos, SAID, num_bootstrap=20, seed=0)
    assert all(len(predicted) == 4 for predicted in baselines.values())
    return scores


def test_score_test_videos_keeps_what_is_no_action_out_of_the_accuracy(videos):
    scores = score(videos, "None")
    assert scores["num_test_videos"] == 2
    assert scores["accuracy"] == scores["macro_f1"] == 1.0
    assert scores["unsure"] == 0.5  # of walk, with 40 %
    assert scores["accuracy_if_sure"] == 1.0
    assert scores["num_none_videos"] == 2
    assert scores["none_rejected"] == 0.5
    assert scores["lost_to_none"] == 0.0
    # The video that was taken for walking counts in the table of the labels.
    assert scores["per_class"]["walk"]["precision"] == 0.5
    assert scores["per_class"]["None"]["recall"] == 0.5
    assert scores["loss"] == pytest.approx(-np.log([0.8, 0.4]).mean(), rel=1e-5)
    # No action is never the commonest one.
    assert scores["baselines"]["majority"] == 0.5


def test_score_test_videos_counts_every_label_where_no_folder_is_special(videos):
    scores = score(videos, None)
    assert scores["num_test_videos"] == 4
    assert scores["accuracy"] == 0.75
    assert scores["baselines"]["majority"] == 0.5
    assert "none_rejected" not in scores
