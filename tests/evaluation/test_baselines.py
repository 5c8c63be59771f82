"""The three classifiers that a model must stand beside."""

import resource

import numpy as np
import pandas as pd
import pytest

from har.evaluation.baselines import (
    choose_examples,
    middle_frame,
    pooled_statistics,
    predict_baselines,
    predict_majority,
)

LABELS = ["moving", "still"]
NUM_FEATURES = 4


def save_videos(folder, num_train: int = 40, num_test: int = 20) -> pd.DataFrame:
    """Videos of which only the change over time tells the label; two views of each to train on."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(num_train + num_test):
        label, split = LABELS[number % 2], "train" if number < num_train else "test"
        start = rng.normal(size=(2 if split == "train" else 1, 1, NUM_FEATURES))
        sign = np.array([1, -1] * 4)[:, None] if label == "moving" else np.ones((8, 1))
        path = str(folder / f"{number}.npy")
        frames = (start * sign).astype(np.float32)
        np.save(path, frames)
        rows.append((label, split, 1.0, path))
    return pd.DataFrame(rows, columns=["label", "split", "weight", "features_path"])


def test_pooled_statistics_gives_mean_deviation_and_change():
    features = np.array([[1.0, 5.0], [3.0, 5.0], [5.0, 2.0], [3.0, 0.0]])
    expected = [3.0, 3.0, np.sqrt(2.0), np.sqrt(4.5), 2.0, 5 / 3]
    assert pooled_statistics(features).tolist() == pytest.approx(expected)


def test_pooled_statistics_pools_each_clip_by_itself():
    features = np.random.default_rng(0).random((3, 2, 7, 5))
    pooled = pooled_statistics(features)
    assert pooled.shape == (3, 2, 15)
    assert np.array_equal(pooled[2, 1], pooled_statistics(features[2, 1]))


def test_pooled_statistics_of_one_frame_has_no_change():
    assert pooled_statistics(np.array([[4.0, 2.0]])).tolist() == [4.0, 2.0, 0.0, 0.0, 0.0, 0.0]


def test_middle_frame_takes_the_middle():
    features = np.arange(5)[:, None] * np.ones(3)
    assert middle_frame(features).tolist() == [2.0, 2.0, 2.0]
    assert middle_frame(np.stack([features, features + 1]))[:, 0].tolist() == [2.0, 3.0]


def test_predict_baselines_needs_motion_where_only_motion_tells(tmp_path):
    videos = save_videos(tmp_path)
    right = np.array([0, 1] * 10)
    predictions = predict_baselines(videos, LABELS)
    accuracy = {name: (predicted == right).mean() for name, predicted in predictions.items()}
    assert list(accuracy) == ["majority", "single_frame", "pooled_linear"]
    assert accuracy["pooled_linear"] == 1.0
    assert accuracy["single_frame"] <= 0.7
    assert accuracy["majority"] == 0.5


def test_predict_baselines_learns_from_training_videos_only(tmp_path):
    videos = save_videos(tmp_path)
    expected = predict_baselines(videos, LABELS)
    is_test = videos["split"] == "test"
    videos.loc[is_test, "label"] = videos.loc[is_test, "label"].to_numpy()[::-1]
    predictions = predict_baselines(videos, LABELS)
    assert all(np.array_equal(predictions[name], expected[name]) for name in expected)


def test_predict_baselines_is_fitted_on_the_splits_that_the_model_was(tmp_path):
    videos = save_videos(tmp_path)
    expected = predict_baselines(videos, LABELS)
    is_first = np.arange(len(videos)) % 3 == 0
    videos.loc[(videos["split"] == "train") & is_first, "split"] = "val"
    both = predict_baselines(videos, LABELS, fit_on=["train", "val"])
    assert all(np.array_equal(both[name], expected[name]) for name in expected)
    videos.loc[videos["split"] == "val", "label"] = LABELS[0]
    fewer = predict_baselines(videos, LABELS)
    spoilt = predict_baselines(videos, LABELS, fit_on=["train", "val"])
    assert (fewer["pooled_linear"] == expected["pooled_linear"]).mean() > 0.9
    assert (spoilt["pooled_linear"] != expected["pooled_linear"]).any()


def test_predict_baselines_keeps_no_file_open(tmp_path):
    videos = save_videos(tmp_path, num_train=200, num_test=20)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (150, hard))
    try:
        predictions = predict_baselines(videos, LABELS)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(predictions["pooled_linear"]) == 20


def test_predict_majority_says_the_commonest_and_of_equals_the_first():
    assert predict_majority(np.array([2, 0, 2, 1]), 3).tolist() == [2, 2, 2]
    assert predict_majority(np.array([2, 1, 2, 1]), 1).tolist() == [1]


def test_choose_examples_keeps_every_video_while_it_can():
    chosen = choose_examples([3] * 20, maximum=25)
    assert len(set(chosen)) == 25
    assert {video for video, view in chosen if view == 0} == set(range(20))
    assert chosen == sorted(chosen)


def test_choose_examples_draws_videos_of_all_labels_where_they_are_too_many():
    chosen = choose_examples([1] * 1000, maximum=100)  # the first half is of one label
    assert 30 < sum(video < 500 for video, _ in chosen) < 70
