"""Who is trained and who is tested on: people kept apart, labels in every split."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from har.dataset.splits import (
    PEOPLE,
    SPLITS,
    check_splits,
    choose_splits,
    draw_folds,
    fold_names,
    split_by_subject,
)
from har.dataset.training_people import UNUSED
from stages.split import MANIFEST_COLUMNS, main

FRACTIONS = {"train": 0.7, "val": 0.15, "test": 0.15}


def random_manifest(seed: int) -> pd.DataFrame:
    """Videos of 2 to 8 labels by 12 to 40 people, each with some of the labels, several times."""
    rng = np.random.default_rng(seed)
    labels = [f"label{i}" for i in range(rng.integers(2, 9))]
    rows = [
        (label, f"person{subject}")
        for subject in range(rng.integers(12, 41))
        for label in labels
        for _ in range(rng.choice([0, 1, 1, 2, 5]))
    ]
    return manifest_of(rows)


def manifest_of(rows: list[tuple[str, ...]], column: str = "split") -> pd.DataFrame:
    """Make a manifest of (label, subject) or (label, subject, value of `column`) by row."""
    names = ["label", "subject", column][: len(rows[0])]
    manifest = pd.DataFrame(rows, columns=names)
    manifest["video_id"] = [f"{label}/{i}" for i, label in enumerate(manifest["label"])]
    return manifest.reindex(
        columns=["video_id", "label", "subject", "split", "fold"], fill_value=""
    )


def one_video_each(num_subjects: int, labels: str = "ab") -> pd.DataFrame:
    return manifest_of([(label, f"p{i:02}") for i in range(num_subjects) for label in labels])


def split(manifest: pd.DataFrame, seed: int = 0, fractions: dict = FRACTIONS) -> pd.Series:
    return split_by_subject(manifest, fractions=fractions, rng=np.random.default_rng(seed))


def split_fixed(
    manifest: pd.DataFrame,
    test_fold: str | None = None,
    seed: int = 0,
    folds: int | str | None = None,
) -> pd.Series:
    rng = np.random.default_rng(seed)
    return choose_splits(manifest, fractions=FRACTIONS, folds=folds, test_fold=test_fold, rng=rng)[
        0
    ]


@pytest.mark.parametrize("seed", range(8))
def test_split_by_subject_keeps_its_promises(seed):
    manifest = random_manifest(seed)
    chosen = split(manifest, seed)
    assert chosen.index.equals(manifest.index)
    assert set(chosen) == set(SPLITS)
    assert (chosen.groupby(manifest["subject"]).nunique() == 1).all()
    assert (pd.crosstab(manifest["label"], chosen) > 0).all(axis=None)
    shares = chosen.value_counts(normalize=True)
    assert all(abs(shares[name] - FRACTIONS[name]) < 0.05 for name in SPLITS)


def test_split_by_subject_meets_the_shares_exactly_where_they_can_be_met():
    manifest = one_video_each(20)
    table = pd.crosstab(manifest["label"], split(manifest))
    assert table[list(SPLITS)].to_numpy().tolist() == [[14, 3, 3], [14, 3, 3]]


@pytest.mark.parametrize("seed", range(5))
def test_split_by_subject_puts_every_label_everywhere_when_each_has_three_subjects(seed):
    manifest = manifest_of([(label, f"{label}{i}") for label in "abcd" for i in range(3)])
    table = pd.crosstab(manifest["label"], split(manifest, seed))
    assert (table == 1).all(axis=None)


def test_split_by_subject_depends_on_the_seed_only():
    manifest = random_manifest(3)
    before = np.random.get_state()
    first, again, other = split(manifest, 1), split(manifest, 1), split(manifest, 2)
    after = np.random.get_state()
    assert first.equals(again)
    assert not first.equals(other)
    assert before[0] == after[0]
    assert np.array_equal(before[1], after[1])
    assert before[2:] == after[2:]


def test_split_by_subject_does_not_depend_on_the_order_of_rows():
    manifest = random_manifest(4)
    shuffled = manifest.sample(frac=1, random_state=0)
    assert split(shuffled).sort_index().equals(split(manifest))


def test_split_by_subject_refuses_label_with_too_few_subjects():
    manifest = one_video_each(6, "a")
    manifest = pd.concat([manifest, manifest_of([("rare", "p00"), ("rare", "p01")] * 4)])
    message = (
        r"needs at least 3 subjects, one for each split: 'rare' has 2\..*set split\.by to video"
    )
    with pytest.raises(ValueError, match=message):
        split(manifest.reset_index(drop=True))


@pytest.mark.parametrize(
    "fractions",
    [
        {"train": 0.7, "val": 0.15, "test": 0.2},
        {"train": 1.1, "val": -0.25, "test": 0.15},
        {"train": 0.85, "val": 0.15, "test": 0},
    ],
)
def test_split_by_subject_refuses_fractions(fractions):
    with pytest.raises(
        ValueError, match=r"split\.train, split\.val and split\.test are .*sum to 1"
    ):
        split(one_video_each(20), fractions=fractions)


def test_choose_splits_takes_fixed_splits():
    rows = [(x, f"{name}{i}", name) for x in "ab" for name in SPLITS for i in range(2)]
    assert split_fixed(manifest_of(rows)).tolist() == [name for _, _, name in rows]


def test_choose_splits_takes_missing_validation_from_train_by_subject():
    rows = [(label, f"p{i}", "train") for i in range(14) for label in "ab"]
    rows += [(label, f"t{i}", "test") for i in range(6) for label in "ab"]
    manifest = manifest_of(rows)
    chosen = split_fixed(manifest)
    assert (manifest["split"] == "train").sum() == 28  # the argument is as it was
    assert chosen[manifest["split"] == "test"].eq("test").all()
    assert (chosen.groupby(manifest["subject"]).nunique() == 1).all()
    assert chosen.value_counts().to_dict() == {"train": 24, "test": 12, "val": 4}


@pytest.mark.parametrize(
    ("test_fold", "expected"),
    [
        (None, "1"),
        ("1", "1"),
        (10, "10"),  # as params.yaml may give it
    ],
)
def test_choose_splits_takes_folds_and_validates_on_train_people(test_fold, expected):
    rows = [(label, f"p{i}", ("1", "2", "10")[i % 3]) for i in range(18) for label in "ab"]
    manifest = manifest_of(rows, "fold")
    chosen = split_fixed(manifest, test_fold)
    assert (chosen == "test").equals(manifest["fold"] == expected)
    # 12 people are left, and 0.15 / 0.85 of them is 2.1.
    assert manifest.groupby(chosen)["subject"].nunique().to_dict() == {
        "test": 6, "train": 10, "val": 2,
    }  # fmt: skip


def test_choose_splits_refuses_unknown_fold():
    rows = [(label, f"p{fold}", fold) for fold in "123" for label in "ab"]
    message = r"split\.test_fold is '7'; the folds are 1, 2, 3\."
    with pytest.raises(ValueError, match=message):
        split_fixed(manifest_of(rows, "fold"), "7")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("a", "ann", "train"), ("a", "ann", "test"), ("a", "ben", "val")],
            "1 subjects are in more than one split, as 'ann' in test and train",
        ),
        (
            [("a", "ann", "train"), ("a", "ben", "dev"), ("a", "cat", "test")],
            "metadata.csv has the split 'dev'; expected one of train, val, test",
        ),
        (
            [("a", "ann", "train"), ("a", "ben", "val"), ("a", "cat", "")],
            r"gives a split for 2 of 3 videos; none for 'a/2'\. Fill the column for all",
        ),
        (
            [("a", "ann", "train"), ("a", "ben", "val")],
            "The test split has no video of 'a'",
        ),
        (
            [("a", "ann", "test"), ("a", "ben", "test")],
            "The train split has no video of 'a'",
        ),
        (
            [(x, f"{s}{i}", s) for x in "ab" for s in SPLITS for i in "12"] + [("c", "z", "train")],
            "The val split has no video of 'c'.*Every label needs a subject in each split",
        ),
    ],
)
def test_choose_splits_refuses_table(rows, message):
    with pytest.raises(ValueError, match=message):
        split_fixed(manifest_of(rows))


def test_choose_splits_refuses_single_fold():
    with pytest.raises(ValueError, match="The train split has no video of 'a'"):
        split_fixed(manifest_of([("a", "ann", "1"), ("a", "ben", "1")], "fold"))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("folds", [3, 7, PEOPLE])
def test_draw_folds_puts_every_person_in_one_fold_and_labels_in_all(seed, folds):
    manifest = random_manifest(seed)
    fold = draw_folds(manifest, folds=folds, rng=np.random.default_rng(seed))
    num_people = manifest["subject"].nunique()
    num_folds = num_people if folds == PEOPLE else folds
    assert fold.index.equals(manifest.index)
    assert fold_names(fold) == [str(1 + number) for number in range(num_folds)]
    assert (fold.groupby(manifest["subject"]).nunique() == 1).all()
    if folds == 3:
        table = pd.crosstab(manifest["label"], fold)
        assert (table > 0).all(axis=None)
        assert (table.max(axis=1) <= 1.5 * table.mean(axis=1)).all()


@pytest.mark.parametrize("fewer", [0, 1, 2])
def test_draw_folds_leaves_no_fold_empty_when_there_are_hardly_more_people(fewer):
    manifest = one_video_each(30, "abc").sample(frac=0.4, random_state=0)
    folds = manifest["subject"].nunique() - fewer
    fold = draw_folds(manifest, folds=folds, rng=np.random.default_rng(0))
    assert fold.nunique() == folds


def test_draw_folds_is_as_even_as_people_allow():
    fold = draw_folds(one_video_each(20), folds=5, rng=np.random.default_rng(0))
    assert fold.value_counts().to_dict() == dict.fromkeys("12345", 8)


def test_draw_folds_depends_on_the_seed_only():
    manifest = random_manifest(3)
    first, again, other = (
        draw_folds(manifest, folds=4, rng=np.random.default_rng(seed)) for seed in (1, 1, 2)
    )
    assert first.equals(again)
    assert not first.equals(other)


def test_draw_folds_gives_people_their_folds_by_name():
    manifest = manifest_of([(label, name) for name in ("zoe", "ann", "ben") for label in "ab"])
    fold = draw_folds(manifest, folds=PEOPLE, rng=np.random.default_rng(0))
    assert fold.tolist() == ["3", "3", "1", "1", "2", "2"]


@pytest.mark.parametrize("folds", [1, 7, True, 2.0, "3", "persons"])
def test_draw_folds_refuses_number(folds):
    message = rf"split\.folds is {folds!r}; expected a number from 2 .* which is 6, or `people`"
    with pytest.raises(ValueError, match=message):
        draw_folds(one_video_each(6), folds=folds, rng=np.random.default_rng(0))


@pytest.mark.parametrize("folds", [3, PEOPLE])
def test_choose_splits_tests_every_video_once_over_all_folds(folds):
    manifest = random_manifest(5)
    names = fold_names(draw_folds(manifest, folds=folds, rng=np.random.default_rng(0)))
    chosen = [split_fixed(manifest, name, folds=folds) for name in names]
    assert (sum((split == "test").astype(int) for split in chosen) == 1).all()
    for split in chosen:
        assert (split.groupby(manifest["subject"]).nunique() == 1).all()
        table = pd.crosstab(manifest["label"], split)
        assert (table[["train", "val"]] > 0).all(axis=None)


def test_choose_splits_lets_a_person_who_is_tested_alone_lack_a_label():
    rows = [(label, f"p{i}") for i in range(6) for label in "ab" if (i, label) != (0, "b")]
    manifest = manifest_of(rows)
    chosen = split_fixed(manifest, "1", folds=PEOPLE)
    assert manifest.loc[chosen == "test", "label"].tolist() == ["a"]


def test_choose_splits_prefers_folds_of_metadata_when_asked_for_folds():
    rows = [(label, f"p{i}", "left" if i < 5 else "right") for i in range(9) for label in "ab"]
    manifest = manifest_of(rows, "fold")
    chosen = split_fixed(manifest, "right", folds=4)
    assert (chosen == "test").equals(manifest["fold"] == "right")


def test_choose_splits_refuses_folds_where_metadata_fixes_a_split():
    rows = [(x, f"{name}{i}", name) for x in "ab" for name in SPLITS for i in range(2)]
    with pytest.raises(ValueError, match=r"split\.folds is 3, but metadata\.csv fixes one split"):
        split_fixed(manifest_of(rows), folds=3)


def test_choose_splits_refuses_a_label_that_a_fold_leaves_too_few_people():
    rows = [("a", f"p{i}") for i in range(8)] + [("rare", f"p{i}") for i in range(3)]
    message = r"'rare' has 3 people, of whom 2 are in the fold '.'; at least 2 must be outside"
    with pytest.raises(ValueError, match=message):
        split_fixed(manifest_of(rows), folds=2)
    split_fixed(manifest_of(rows), folds=3)


def test_check_splits_passes_clean_table():
    check_splits(manifest_of([("a", name, name) for name in SPLITS]))


@pytest.fixture
def run_split(project, capsys):
    """Run the stage on tables made of (label, file name, subject, split, fold)."""

    def run(
        rows: list[tuple[str, str, str, str, str]], lose_a_label: bool = False
    ) -> tuple[pd.DataFrame, dict, str]:
        table = pd.DataFrame(rows, columns=["label", "name", "subject", "split", "fold"])
        table["video_id"] = table["label"] + "/" + table["name"].str.removesuffix(".mov")
        table["source"] = "videos/" + table["label"] + "/" + table["name"]
        table["path"] = "converted/" + table["video_id"] + ".mp4"
        table["status"] = "copied"
        lost = {"label": "lost", "video_id": "lost/a", "status": "failed"}
        report = pd.concat([table, pd.DataFrame([lost])]) if lose_a_label else table
        report.to_csv("report.csv", index=False)
        table[["video_id", "label"]].assign(
            path="clips/" + table["video_id"] + ".npy", aspect=1.5
        ).to_csv("clips.csv", index=False)
        main(report=project / "report.csv", clips=project / "clips.csv", out=project / "out")
        manifest = pd.read_csv(project / "out" / "manifest.csv", dtype=str, keep_default_na=False)
        grouping = json.loads((project / "out" / "split.json").read_text())
        return manifest, grouping, capsys.readouterr().out

    return run


def named_videos(subject: str = "p{}") -> list[tuple[str, str, str, str, str]]:
    """Two labels by ten people whose names are in the file names; subjects as in `subject`."""
    return [
        (label, f"p{i}_{label}.mov", subject.format(i), "", "")
        for label in ("None", "sitting down")
        for i in range(10)
    ]


def test_stage_writes_manifest_and_says_what_it_did(run_split, set_param):
    set_param("dataset.subject_pattern", r"^(p\d+)_")
    manifest, grouping, said = run_split(named_videos(subject=""))
    assert manifest.columns.tolist() == MANIFEST_COLUMNS
    assert manifest.iloc[0][["video_id", "path", "label", "subject"]].tolist() == [
        "None/p0_None", "clips/None/p0_None.npy", "None", "p0",
    ]  # fmt: skip
    assert grouping == {"grouped_by": "dataset.subject_pattern", "folds": []}
    assert said == (
        "split: train 14 videos of 7 people, val 4 videos of 2 people, test 2 videos of 1 people "
        "(by dataset.subject_pattern)\n"
    ) or said == (
        "split: train 14 videos of 7 people, val 2 videos of 1 people, test 4 videos of 2 people "
        "(by dataset.subject_pattern)\n"
    )


def test_stage_gives_the_same_bytes_again_and_others_with_another_seed(
    run_split, set_param, project
):
    run_split(named_videos())
    first = (project / "out" / "manifest.csv").read_bytes()
    run_split(named_videos())
    assert (project / "out" / "manifest.csv").read_bytes() == first
    set_param("seed", 43)
    run_split(named_videos())
    assert (project / "out" / "manifest.csv").read_bytes() != first


def test_stage_prefers_metadata_and_fills_in_by_pattern(run_split, set_param):
    set_param("dataset.subject_pattern", r"^(p\d+)_")
    rows = [(*row[:2], "zoe" if i == 0 else "", *row[3:]) for i, row in enumerate(named_videos(""))]
    manifest, grouping, _ = run_split(rows)
    assert manifest["subject"].tolist()[:2] == ["zoe", "p1"]
    assert grouping["grouped_by"] == "dataset.subject_pattern"


def test_stage_counts_each_video_as_a_person_with_a_warning_when_nobody_is_named(run_split):
    manifest, grouping, said = run_split(named_videos(subject=""))
    assert manifest["subject"].tolist() == manifest["video_id"].tolist()
    assert grouping["grouped_by"] == "video"
    assert said.startswith("warning: nobody says who is in the videos")


def test_stage_splits_videos_of_one_person_by_video_and_says_what_the_score_means(
    run_split, set_param
):
    set_param("split.by", "video")
    manifest, grouping, said = run_split(named_videos(subject="anna"))
    assert manifest["subject"].tolist() == manifest["video_id"].tolist()
    assert set(manifest["split"]) == set(SPLITS)
    assert grouping == {"grouped_by": "the same people, other videos", "folds": []}
    note, counts = said.splitlines()
    assert note == (
        "note: videos are split one by one (split.by is video), so a person can be trained on and "
        "tested on: the score does not tell how the recognizer does on other people."
    )
    assert re.fullmatch(
        r"split: train 14 videos, val \d videos, test \d videos "
        r"\(the same people, other videos\)",
        counts,
    )


def test_stage_takes_fixed_splits_of_one_person_by_video(run_split, set_param):
    rows = [(*row[:3], SPLITS[min(i % 10, 2)], "") for i, row in enumerate(named_videos("anna"))]
    with pytest.raises(ValueError, match=r"in more than one split.*or set split\.by to video"):
        run_split(rows)
    set_param("split.by", "video")
    manifest, _, _ = run_split(rows)
    assert manifest["split"].tolist() == [row[3] for row in rows]


@pytest.mark.parametrize("folds", [None, 5, PEOPLE])
@pytest.mark.parametrize(
    ("subject", "people"),
    [("anna", r"Only one person is .*\(anna\)"), ("{}", r"Only 2 people are .*\(0, 1\)")],
)
def test_stage_refuses_fewer_people_than_splits(run_split, set_param, folds, subject, people):
    set_param("split.folds", folds)
    rows = [(*row[:2], subject.format(i % 2), "", "") for i, row in enumerate(named_videos())]
    with pytest.raises(ValueError, match=people) as error:
        run_split(rows)
    message = str(error.value)
    assert "train, val and test need one each, since nobody may be in two" in message
    assert (
        "or set split.by to video in params.yaml to train and test on different videos of the same "
        "people (the score then holds for them only and does not tell how the recognizer does on "
        "other people)."
    ) in message


def test_stage_counts_videos_in_errors_by_video(run_split, set_param):
    set_param("split.by", "video")
    rows = [(label, f"{i}.mov", "anna", "", "") for label in "ab" for i in range(5)][:7]
    with pytest.raises(ValueError, match=r"at least 3 videos, one for each split: 'b' has 2\. Rec"):
        run_split(rows)
    set_param("split.folds", 8)
    with pytest.raises(ValueError, match=r"from 2 to the number of videos, which is 7\. Change"):
        run_split(rows)


def test_stage_refuses_subjects_for_some_videos_only(run_split):
    rows = [(*row[:2], "zoe" if i == 0 else "", *row[3:]) for i, row in enumerate(named_videos(""))]
    message = r"names the subject of 1 of 20 videos, none for 'None/p1_None'.*subject_pattern"
    with pytest.raises(ValueError, match=message):
        run_split(rows)


def test_stage_uses_fixed_folds(run_split, set_param):
    set_param("split.test_fold", 2)
    rows = [(*row[:4], str(i % 10 % 3)) for i, row in enumerate(named_videos())]
    manifest, grouping, said = run_split(rows)
    assert (manifest["split"] == "test").tolist() == [row[4] == "2" for row in rows]
    assert grouping == {"grouped_by": "metadata.csv", "folds": ["0", "1", "2"]}
    assert said.endswith("\nsplit: tests on the fold '2' of 3\n")


def test_stage_draws_the_same_folds_whichever_is_tested(run_split, set_param):
    set_param("split.folds", 4)
    tested = []
    for number in range(1, 5):
        set_param("split.test_fold", number)
        manifest, grouping, _ = run_split(named_videos())
        assert grouping["folds"] == ["1", "2", "3", "4"]
        tested += manifest.loc[manifest["split"] == "test", "video_id"].tolist()
    assert sorted(tested) == sorted(manifest["video_id"])


def test_stage_keeps_some_training_people_and_leaves_the_rest_unused(run_split, set_param):
    set_param("split.folds", 2)
    everybody, _, _ = run_split(named_videos())
    set_param("split.train_people", 2)
    manifest, _, said = run_split(named_videos())
    assert re.match(r"split: train 4 videos of 2 people, .*; 2 people unused \(by metadata", said)
    is_unused = manifest["split"] == UNUSED
    assert (everybody.loc[is_unused, "split"] == "train").all()
    assert manifest[~is_unused].equals(everybody[~is_unused])


def test_stage_refuses_training_people_that_another_fold_lacks(run_split, set_param):
    """Four people are outside the first fold and three outside the second; one validates."""
    rows = [(*row[:4], "1" if i % 10 < 3 else "2") for i, row in enumerate(named_videos())]
    rows = [row for row in rows if row[2] not in ("p7", "p8", "p9")]
    set_param("split.folds", 2)
    set_param("split.train_people", 3)
    message = "split.train_people is 3, and the training split has 2 people in every fold"
    with pytest.raises(ValueError, match=re.escape(message)):
        run_split(rows)
    set_param("split.train_people", 2)
    run_split(rows)


def test_stage_names_a_label_whose_videos_all_failed(run_split):
    rows = [(label, f"{p}.mov", p, "", "") for label in "ab" for p in "123456"]
    with pytest.raises(ValueError, match=r"No video of the label 'lost' could be used"):
        run_split(rows, lose_a_label=True)


def test_stage_refuses_a_single_label(run_split):
    rows = [("a", f"{p}.mov", p, "", "") for p in "123456"]
    with pytest.raises(ValueError, match=r"All videos have the label 'a'"):
        run_split(rows)
