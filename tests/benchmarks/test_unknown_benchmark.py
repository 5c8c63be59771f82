"""Each label is left out of training in turn, and the model is asked about it."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from places import ROOT

from benchmarks.leave_out import FEATURES
from benchmarks.unknown import describe_unknown, leave_label_out, leave_labels_out, main
from har.settings import load_settings
from har.settings.loading import changed_settings

LABELS = ["None", "sitting", "walking", "waving"]
NUM_FRAMES = 6


@pytest.fixture
def settings():
    """Those of params.yaml, for tiny features and a training of a second."""
    changes = {
        "extract.num_frames": NUM_FRAMES,
        "features.streams": ["frames"],
        "models.fusion.streams": ["frames"],
        "models.fusion.epochs": 8,
        "models.fusion.refit": False,  # a training less
        "models.fusion.learning_rate": 0.03,
        "models.fusion.dropout": 0.0,
        "split.folds": "people",
    }
    return changed_settings(load_settings(ROOT / "params.yaml"), changes)


@pytest.fixture
def videos(tmp_path, monkeypatch) -> pd.DataFrame:
    """Two videos of each of five people in each label, by features that tell the label."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("har.dataset.splits.NUM_PROPOSALS", 100)  # any split will do
    rows = [
        (f"{label}/p{person}_{number}", label, f"p{person}", str(1 + person))
        for label in LABELS
        for person in range(5)
        for number in range(2)
    ]
    table = pd.DataFrame(rows, columns=["video_id", "label", "subject", "fold"]).assign(path="")
    paths, rng = [], np.random.default_rng(0)
    for number, video in enumerate(table.itertuples()):
        features = 0.1 * rng.normal(size=(2, NUM_FRAMES, len(LABELS)))
        features[..., LABELS.index(video.label)] += 1
        paths.append(f"{number}.npy")
        np.save(paths[-1], features.astype(np.float32))
    FEATURES.parent.mkdir(parents=True)
    packed = table[["video_id"]].assign(path=paths, num_views=1)
    packed.to_csv(FEATURES, index=False)
    return table


def test_label_that_is_left_out_is_asked_about_and_teaches_nothing(videos, settings):
    split = videos["subject"].map({"p0": "test", "p1": "val"}).fillna("train")
    said = leave_label_out(videos.assign(split=split), "waving", settings)
    assert len(said) == 6  # of the test person, without what is no action
    assert said["is_known"].sum() == 4
    assert (said["left_out"] == "waving").all()
    assert not said.loc[said["is_known"], "is_rejected"].any()
    assert said.loc[~said["is_known"], "confidence"].max() < (
        said.loc[said["is_known"], "confidence"].min()
    )
    # Nothing of the label but the test videos is read.
    taught = (videos["label"] == "waving") & (split != "test")
    for number in np.flatnonzero(taught):
        Path(f"{number}.npy").unlink()
    again = leave_label_out(videos.assign(split=split), "waving", settings)
    pd.testing.assert_frame_equal(said, again)


def test_every_action_is_left_out_in_every_fold(videos, settings, monkeypatch):
    seen = []

    def record(videos, label, settings):
        tested = videos.loc[videos["split"] == "test", "subject"].unique().tolist()
        seen.append((settings.seed, *tested, label))
        return pd.DataFrame()

    monkeypatch.setattr("benchmarks.unknown.leave_label_out", record)
    list(leave_labels_out(videos, settings, [1, 2]))
    actions = LABELS[1:]
    assert seen == [(s, f"p{p}", label) for s in (1, 2) for p in range(5) for label in actions]


def test_benchmark_prints_a_row_for_each_action_and_one_of_all(
    videos, settings, monkeypatch, capsys
):
    def half_rejected(videos, label, settings):
        rows = pd.DataFrame({"is_known": [True, True, False, False], "left_out": label})
        return rows.assign(confidence=[0.9, 0.8, 0.5, 0.2], is_rejected=[False, False, False, True])

    monkeypatch.setattr(sys, "argv", ["unknown", "videos", "--folds", "people", "--seeds", "1"])
    monkeypatch.setattr("benchmarks.unknown.prepare_videos", lambda folder, settings: videos)
    monkeypatch.setattr("benchmarks.unknown.leave_label_out", half_rejected)
    main()
    rows = [line for line in capsys.readouterr().out.splitlines() if line.endswith("0.0% |")]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| sitting", "10"],  # two in each of five folds
        ["| walking", "10"],
        ["| waving", "10"],
        ["| all", "30"],
    ]


def test_two_actions_are_too_few(videos, settings):
    few = videos[videos["label"].isin(["None", "sitting", "walking"])]
    with pytest.raises(SystemExit, match=r"There are 2 actions \(sitting, walking\); expected 3"):
        list(leave_labels_out(few, settings, [1]))


def test_row_of_a_label_has_shares_of_its_own_and_of_the_known_videos():
    said = pd.DataFrame(
        {
            "is_known": [True] * 4 + [False] * 2,
            "confidence": [0.9, 0.8, 0.7, 0.3, 0.5, 0.2],
            "is_rejected": [False, False, False, True, False, True],
        }
    )
    # Of the eight pairs of a known and an unknown video, seven are in order.
    row = describe_unknown("waving", said)
    assert row == ("waving", "2", "50% (9% to 91%)", "0.88", "25.0%")
