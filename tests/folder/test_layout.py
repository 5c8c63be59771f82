"""Folders of splits above and below the labels."""

import numpy as np
import pandas as pd
import pytest
from manifests import FRACTIONS

from har.dataset.split_checks import check_labels
from har.dataset.splits import choose_splits
from har.dataset.videos import find_videos, survey_videos
from har.folder.layout import Layout, find_layout, split_of


def layout_of(*videos: str) -> Layout:
    return find_layout([tuple(path.split("/")[:-1]) for path in videos])


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("train", "train"),
        ("Training", "train"),
        ("TRAIN SET", "train"),
        ("val", "val"),
        ("Valid", "val"),
        ("validation", "val"),
        ("dev", "val"),
        ("test", "test"),
        ("Testing ", "test"),
        ("trainer", None),
        ("walking", None),
    ],
)
def test_split_of_knows_the_names_of_splits(name, split):
    assert split_of(name) == split


@pytest.mark.parametrize(
    "names",
    [("train", "val", "test"), ("Training", "Validation", "TEST"), ("train", "dev", "testing")],
)
def test_find_videos_takes_splits_above_the_labels(tmp_path, names):
    for name in names:
        for label in ("walking", "waving"):
            (tmp_path / name / label / "park").mkdir(parents=True)
            (tmp_path / name / label / "1.mov").touch()
            (tmp_path / name / label / "park" / "2.mov").touch()
    (tmp_path / names[0] / "stray.mov").touch()
    table = find_videos(tmp_path).set_index("video_id")
    stray = table.loc[f"{names[0]}/stray"]
    assert f"move it into one, as {tmp_path}/{names[0]}/walking/" in stray["problem"]
    table = table[table["problem"] == ""]
    assert len(table) == 12
    for name, split in zip(names, ("train", "val", "test"), strict=True):
        for label in ("walking", "waving"):
            assert table.loc[f"{name}/{label}/1", ["label", "split"]].tolist() == [label, split]
            assert table.loc[f"{name}/{label}/park/2", "split"] == split


def test_find_videos_takes_splits_below_the_labels(tmp_path):
    for label in ("walking", "waving"):
        for name in ("Train", "test"):
            (tmp_path / label / name).mkdir(parents=True)
            (tmp_path / label / name / "1.mov").touch()
    (tmp_path / "walking" / "readme.txt").touch()
    table = find_videos(tmp_path)
    table = table[table["problem"] == ""]
    assert table[["label", "split"]].to_numpy().tolist() == [
        [label, split] for label in ("walking", "waving") for split in ("train", "test")
    ]


@pytest.mark.parametrize(
    "videos",
    [
        ("walking/1.mov", "waving/park/2.mov"),
        ("train/1.mov", "bus/2.mov"),
        ("walking/train/1.mov", "waving/2.mov"),
        ("train/walking/1.mov",),
        ("val/1.mov", "validation/2.mov"),
    ],
)
def test_find_layout_takes_other_folders_as_labels(videos):
    layout = layout_of(*videos)
    assert (layout.label, layout.split, layout.problem) == (0, None, "")


def test_find_layout_notes_a_single_split_among_labels():
    layout = layout_of("Train/1.mov", "bus/2.mov")
    assert layout.note.startswith("A label is named 'Train'. If that is a split, give the others")


def test_find_layout_notes_folders_that_all_labels_have():
    """People or folds outside, and the labels in them."""
    layout = layout_of("p1/sit/1.mov", "p1/walk/2.mov", "p2/sit/3.mov", "p2/walk/4.mov")
    assert (layout.label, layout.problem) == (0, "")
    assert "'p1', 'p2' have the same folders in them, 'sit', 'walk'" in layout.note
    assert layout.note.endswith("as sit/p1/clip1.mov.")
    assert layout_of("walk/a/1.mov", "walk/2.mov", "sit/a/3.mov").note == ""


@pytest.mark.parametrize(
    ("videos", "message"),
    [
        (
            ("train/walking/1.mov", "test/walking/2.mov", "waving/3.mov"),
            "The folders 'test', 'train' are named as splits, and beside them is 'waving'. Exp",
        ),
        (
            ("Train/1.mov", "test/2.mov"),
            "'Train', 'test' are named as splits and have no label folders in them",
        ),
        (
            ("walking/train/1.mov", "walking/val/2.mov", "waving/3.mov"),
            "and 1 videos are in none of them, as those in 'waving'. Put every video into a split",
        ),
    ],
)
def test_find_layout_names_what_cannot_be_told(videos, message):
    assert message in layout_of(*videos).problem


def test_find_videos_refuses_a_layout_that_cannot_be_told(tmp_path):
    for name in ("train/walking", "test/walking", "waving"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.mov").touch()
    with pytest.raises(ValueError, match="are named as splits, and beside them is 'waving'"):
        find_videos(tmp_path)


def test_survey_videos_names_a_table_that_contradicts_the_folders(tmp_path):
    for name in ("train", "val"):
        (tmp_path / name / "walking").mkdir(parents=True)
        (tmp_path / name / "walking" / "1.mov").touch()
    rows = "path,split,subject\ntrain/walking/1.mov,Training,ann\nval/walking/1.mov,test,ben\n"
    (tmp_path / "metadata.csv").write_text(rows)
    (problem,) = survey_videos(tmp_path).problems
    assert "line 3, gives the split 'test' to 'val/walking/1.mov', which is in a folder" in problem


def split_table(splits: dict[str, str]) -> pd.DataFrame:
    rows = [
        {"video_id": f"{label}{person}", "label": label, "subject": person, "split": split}
        for person, split in splits.items()
        for label in ("a", "b")
    ]
    return pd.DataFrame(rows).assign(fold="")


def choose(manifest: pd.DataFrame) -> pd.Series:
    options = {"folds": None, "test_fold": None, "rng": np.random.default_rng(0)}
    return choose_splits(manifest, fractions=FRACTIONS, **options)[0]


def test_choose_splits_draws_validation_where_folders_have_none():
    manifest = split_table({"ann": "train", "ben": "train", "cleo": "test"})
    split = choose(manifest)
    assert split[manifest["subject"] == "cleo"].eq("test").all()
    assert sorted(set(split[manifest["subject"] != "cleo"])) == ["train", "val"]


@pytest.mark.parametrize(
    ("splits", "message"),
    [
        ({"ann": "train", "ben": "val"}, "of the split train and val, none of test.*rename one"),
        ({"ann": "val", "ben": "test"}, "of the split test and val, none of train"),
    ],
)
def test_choose_splits_names_the_split_that_is_missing(splits, message):
    with pytest.raises(ValueError, match=message):
        choose(split_table(splits))


def test_check_labels_hints_at_a_folder_around_the_labels():
    ids = ["data/walking/1", "data/waving/2"]
    manifest = pd.DataFrame({"video_id": ids, "label": "data"})
    message = r"All videos have the label 'data'.*\('walking', 'waving'\), set .* folder 'data' its"
    with pytest.raises(ValueError, match=message):
        check_labels(manifest, {"data"}, none=None)
