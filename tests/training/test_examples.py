"""How a video becomes an input of a model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from har.clips.clip import even_indices
from har.clips.views import View, apply_view, write_views
from har.pose.joints import NUM_POSE_FEATURES
from har.settings.loading import changed_settings, make_settings
from har.training.examples import clip_examples, feature_examples, join_examples, read_examples

LABELS = ["sitting", "walking", "waving"]


@pytest.fixture
def manifest(tmp_path):
    """Two videos of ten frames of 4x4 pixels, and their features for the clip and two views."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "video_id": ["waving/a", "sitting/b"],
            "label": ["waving", "sitting"],
            "weight": [2, 0.5],
            "subject": ["ann", "ben"],
        }
    )
    table["path"] = [str(tmp_path / f"clip{i}.npy") for i in range(2)]
    table["features_path"] = [str(tmp_path / f"features{i}.npy") for i in range(2)]
    for video in table.itertuples():
        np.save(video.path, rng.integers(0, 256, (10, 4, 4, 3), dtype=np.uint8))
        np.save(video.features_path, rng.random((3, 10, 10), dtype=np.float32))
    return table


def test_clip_examples_reads_evenly_spaced_frames(manifest):
    examples = clip_examples(manifest, LABELS, num_frames=4, views={})
    clip = np.load(manifest["path"][1])
    assert np.array_equal(examples.read(1, 0), clip[[0, 3, 6, 9]])
    assert examples.read(1, 0).dtype == np.uint8
    assert examples.label_indices.tolist() == [2, 0]
    assert examples.weights.tolist() == [2.0, 0.5]
    assert examples.num_views == 0


def test_clip_examples_shows_views_of_the_right_video(manifest):
    views = {
        "sitting/b": [View(flip=True), View(speed=2.0)],
        "waving/a": [View(crop_size=0.5), View(crop_size=0.5, crop_top=0.5)],
    }
    examples = clip_examples(manifest, LABELS, num_frames=4, views=views)
    assert examples.num_views == 2
    for video, name in enumerate(manifest["video_id"]):
        clip = np.load(manifest["path"][video])
        for number, view in enumerate(views[name], start=1):
            expected = apply_view(clip, view)[even_indices(10, 4)]
            assert np.array_equal(examples.read(video, number), expected)


def test_clip_examples_has_as_many_views_as_every_video_has(manifest):
    views = {"sitting/b": [View(flip=True)]}
    assert clip_examples(manifest, LABELS, num_frames=4, views=views).num_views == 0


def test_join_examples_has_the_videos_and_views_of_both(manifest):
    views = {"sitting/b": [View(flip=True)]}
    first = clip_examples(manifest[1:], LABELS, num_frames=4, views=views)
    second = clip_examples(manifest[:1], LABELS, num_frames=4, views={})
    both = join_examples(first, second)
    assert both.label_indices.tolist() == [0, 2]
    assert both.weights.tolist() == [0.5, 2.0]
    assert both.people.tolist() == ["ben", "ann"]
    assert both.num_views.tolist() == [1, 0]
    assert np.array_equal(both.read(0, 1), first.read(0, 1))
    assert np.array_equal(both.read(1, 0), second.read(0, 0))


def test_feature_examples_reads_the_view_and_evenly_spaced_frames(manifest):
    settings = {"num_frames": 4, "num_views": 2, "made": ("frames", "motion")}
    examples = feature_examples(manifest, LABELS, streams=("frames",), **settings)
    features = np.load(manifest["features_path"][0])
    for view in range(3):
        assert np.array_equal(examples.read(0, view), features[view, [0, 3, 6, 9], :5])
    both = feature_examples(manifest, LABELS, streams=("frames", "motion"), **settings)
    assert np.array_equal(both.read(0, 2), features[2, [0, 3, 6, 9]])
    assert examples.read(0, 0).dtype == np.float32
    assert examples.num_views == 2
    assert examples.label_indices.tolist() == [2, 0]


def test_read_examples_reads_one_split_as_the_model_takes_it(manifest, tmp_path):
    views, table = tmp_path / "views.csv", tmp_path / "features.csv"
    write_views(views, {"sitting/b": [View(flip=True)]})
    packed = manifest[["video_id"]].assign(path=manifest["features_path"], num_views=[2, 1])
    packed[::-1].to_csv(table, index=False)  # in another order than the manifest's
    settings = make_settings(
        {
            "dataset": {"videos": "data/videos"},
            "extract": {"num_frames": 8},
            "features": {"streams": ["frames", "motion"]},
            "models": {"fusion": {"streams": ["motion"]}, "cnn3d": {"num_frames": 8}},
        }
    )
    videos = manifest.drop(columns="features_path").assign(split=["val", "train"])
    features, clips = (
        read_examples(
            videos, LABELS, changed_settings(settings, {"model": model}), views, table, "train"
        )
        for model in ("fusion", "cnn3d")
    )
    assert features.label_indices.tolist() == clips.label_indices.tolist() == [0]
    assert (features.num_views, clips.num_views) == (1, 1)
    places = even_indices(10, 8)
    expected = np.load(manifest["features_path"][1])[1, places, 5:]
    assert np.array_equal(features.read(0, 1), expected)
    assert np.array_equal(clips.read(0, 0), np.load(manifest["path"][1])[places])


@pytest.fixture
def drawn(tmp_path) -> tuple[Path, np.ndarray]:
    """A table of three drawn sequences of `sitting`, as the stage `augment` writes it."""
    features = np.random.default_rng(1).random((3, 2, 10, NUM_POSE_FEATURES), np.float32)
    np.save(tmp_path / "sitting.npy", features)
    row = {"label": "sitting", "path": str(tmp_path / "sitting.npy"), "num_sequences": 3}
    pd.DataFrame([row, row | {"label": "unknown"}]).to_csv(tmp_path / "drawn.csv", index=False)
    return tmp_path / "drawn.csv", features


def test_drawn_sequences_are_examples_of_the_training_split_that_lengthen_an_epoch(
    manifest, tmp_path, drawn
):
    write_views(tmp_path / "views.csv", {})
    table = manifest[["video_id"]].assign(path="pose.npy", num_views=0)
    np.save(tmp_path / "pose.npy", np.zeros((1, 10, NUM_POSE_FEATURES), np.float32))
    table["path"] = str(tmp_path / "pose.npy")
    table.to_csv(tmp_path / "features.csv", index=False)
    videos = manifest.drop(columns="features_path").assign(split=["val", "train"])
    settings = make_settings({"extract": {"num_frames": 10}})
    tables = (tmp_path / "views.csv", tmp_path / "features.csv")
    training, validation = (
        read_examples(videos, LABELS, settings, *tables, split, drawn=drawn[0])
        for split in ("train", "val")
    )
    assert len(validation.label_indices) == validation.epoch_size == 1
    sitting = LABELS.index("sitting")
    assert training.label_indices.tolist() == [training.label_indices[0], *[sitting] * 3]
    assert (training.num_drawn, training.epoch_size) == (3, 1 + settings.drawn.per_video)
    np.testing.assert_array_equal(training.read(2, 1), drawn[1][1, 1])
