"""Balancing the training split."""

import pandas as pd
import pytest

from har.dataset.balancing import balance
from stages.downsample import main


def make_manifest(counts: dict[str, int], *, num_people: int = 4) -> pd.DataFrame:
    """Training videos by label and people in turns, and two of each label in val and test."""
    rows = [
        (f"{label}/{split}{i}", label, f"{split}{i % num_people}", split)
        for label, count in counts.items()
        for split, number in (("train", count), ("val", 2), ("test", 2))
        for i in range(number)
    ]
    return pd.DataFrame(rows, columns=["video_id", "label", "subject", "split"])


def training_counts(manifest: pd.DataFrame) -> dict[str, int]:
    return manifest.loc[manifest["split"] == "train", "label"].value_counts().to_dict()


def test_balance_makes_training_counts_equal_and_leaves_the_rest():
    before = make_manifest({"a": 9, "b": 3, "c": 5})
    after = balance(before, method="downsample", seed=0)
    assert training_counts(after) == {"a": 3, "b": 3, "c": 3}
    held_out = before["split"] != "train"
    assert after[after["split"] != "train"][before.columns].equals(before[held_out])
    assert after.index.is_monotonic_increasing
    assert (after["weight"] == 1.0).all()


@pytest.mark.parametrize("seed", range(5))
def test_balance_keeps_as_many_people_as_possible(seed):
    rows = [(f"a/{i}", "a", "busy", "train") for i in range(20)]
    rows += [(f"a/{name}", "a", name, "train") for name in ("ann", "ben", "cat")]
    rows += [(f"b/{i}", "b", "busy", "train") for i in range(4)]
    manifest = pd.DataFrame(rows, columns=["video_id", "label", "subject", "split"])
    after = balance(manifest, method="downsample", seed=seed)
    kept = after.loc[after["label"] == "a", "subject"]
    assert sorted(kept) == ["ann", "ben", "busy", "cat"]


def test_balance_depends_on_the_seed():
    manifest = make_manifest({"a": 30, "b": 3})
    kept = [balance(manifest, method="downsample", seed=seed) for seed in (0, 0, 1)]
    assert kept[0].equals(kept[1])
    assert not kept[0].equals(kept[2])


def test_balance_keeps_the_same_videos_when_one_is_added_elsewhere():
    before = make_manifest({"a": 20, "b": 3, "c": 10})
    added = pd.DataFrame([("c/new", "c", "newcomer", "train")], columns=before.columns)
    more = pd.concat([added, before], ignore_index=True)
    kept = [balance(table, method="downsample", seed=0) for table in (before, more)]
    of_a = [table.loc[table["label"] == "a", "video_id"].tolist() for table in kept]
    assert of_a[0] == of_a[1]


def test_balance_keeps_all_when_method_is_none():
    manifest = make_manifest({"a": 9, "b": 3})
    after = balance(manifest, method="none", seed=0)
    assert after[manifest.columns].equals(manifest)
    assert (after["weight"] == 1.0).all()


def test_balance_weights_by_the_inverse_of_the_count_when_method_is_class_weight():
    manifest = make_manifest({"a": 9, "b": 3})
    after = balance(manifest, method="class_weight", seed=0)
    assert after[manifest.columns].equals(manifest)
    training = after[after["split"] == "train"]
    weights = training.groupby("label")["weight"].unique()
    assert weights["a"].tolist() == pytest.approx([12 / (2 * 9)])
    assert weights["b"].tolist() == pytest.approx([12 / (2 * 3)])
    assert training["weight"].mean() == pytest.approx(1.0)
    assert (after.loc[after["split"] != "train", "weight"] == 1.0).all()


def test_balance_refuses_unknown_method():
    message = r"downsample\.method is 'smote'; expected one of downsample, none, class_weight"
    with pytest.raises(ValueError, match=message):
        balance(make_manifest({"a": 2}), method="smote", seed=0)


def test_balance_refuses_label_without_training_videos():
    with pytest.raises(ValueError, match="No training video has the label 'b'"):
        balance(make_manifest({"a": 2, "b": 0}), method="downsample", seed=0)


def test_stage_writes_manifest_and_picture(project, set_param, capsys):
    set_param("downsample.method", "downsample")
    before = make_manifest({"a": 9, "b": 3})
    before.to_csv("manifest.csv", index=False)
    main(manifest=project / "manifest.csv", out=project / "out")
    after = pd.read_csv(project / "out" / "manifest.csv")
    assert training_counts(after) == {"a": 3, "b": 3}
    assert (project / "out" / "class_balance.png").stat().st_size > 1000
    said = capsys.readouterr().out
    assert said == "downsample: 3 to 9 -> 3 to 3 training videos a class (downsample)\n"


def test_stage_leaves_out_people_who_are_unused(project):
    manifest = make_manifest({"a": 9, "b": 3})
    unused = make_manifest({"a": 2, "b": 1}).query("split == 'train'").assign(split="unused")
    unused["video_id"] += " unused"
    pd.concat([unused, manifest]).to_csv("manifest.csv", index=False)
    main(manifest=project / "manifest.csv", out=project / "out")
    kept = pd.read_csv(project / "out" / "manifest.csv")
    assert set(kept["split"]) == {"train", "val", "test"}
    assert training_counts(kept) == {"a": 9, "b": 3}


def test_stage_takes_labels_and_people_that_look_like_missing_values(project):
    before = make_manifest({"None": 4, "NA": 2}).assign(subject="null")
    before.to_csv("manifest.csv", index=False)
    main(manifest=project / "manifest.csv", out=project / "out")
    after = pd.read_csv(project / "out" / "manifest.csv", dtype=str, keep_default_na=False)
    assert training_counts(after) == {"None": 2, "NA": 2}
    assert set(after["subject"]) == {"null"}


def test_balance_lets_few_videos_of_no_action_shrink_nothing():
    manifest = make_manifest({"a": 9, "b": 5, "none": 2})
    after = balance(manifest, method="downsample", seed=0, none_label="none")
    assert training_counts(after) == {"a": 5, "b": 5, "none": 2}


@pytest.mark.parametrize(("count", "kept"), [(90, 9), (2, 2)])
def test_balance_keeps_all_actions_and_as_many_of_none_as_of_the_commonest(count, kept):
    manifest = make_manifest({"a": 9, "b": 5, "none": count})
    after = balance(manifest, method="none", seed=0, none_label="none")
    assert training_counts(after) == {"a": 9, "b": 5, "none": kept}


def test_stage_keeps_no_more_videos_of_no_action_than_of_each_action(project, set_param):
    set_param("downsample.method", "downsample")
    make_manifest({"a": 4, "b": 3, "None": 9}).to_csv("manifest.csv", index=False)
    main(manifest=project / "manifest.csv", out=project / "out")
    after = pd.read_csv(project / "out" / "manifest.csv", keep_default_na=False)
    assert training_counts(after) == {"a": 3, "b": 3, "None": 3}
    make_manifest({"a": 4, "b": 3, "None": 1}).to_csv("manifest.csv", index=False)
    set_param("dataset.none", None)  # then it is a label as any other
    main(manifest=project / "manifest.csv", out=project / "out")
    after = pd.read_csv(project / "out" / "manifest.csv", keep_default_na=False)
    assert training_counts(after) == {"a": 1, "b": 1, "None": 1}
