"""The stage `split`: who is trained on and who is tested on."""

import json
import re

import pandas as pd
import pytest

from har.dataset.splits import PEOPLE, SPLITS
from har.dataset.training_people import UNUSED
from stages.split import MANIFEST_COLUMNS, main


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
        for label in ("NA", "sitting down")
        for i in range(10)
    ]


def test_stage_writes_manifest_and_says_what_it_did(run_split, set_param):
    set_param("dataset.subject_pattern", r"^(p\d+)_")
    manifest, grouping, said = run_split(named_videos(subject=""))
    assert manifest.columns.tolist() == MANIFEST_COLUMNS
    assert manifest.iloc[0][["video_id", "path", "label", "subject"]].tolist() == [
        "NA/p0_NA", "clips/NA/p0_NA.npy", "NA", "p0",
    ]  # fmt: skip
    assert grouping == {"grouped_by": "dataset.subject_pattern", "folds": []}
    assert said == (
        "split: train 14 videos of 7 people, val 4 videos of 2 people, test 2 videos of 1 person "
        "(by dataset.subject_pattern)\n"
    ) or said == (
        "split: train 14 videos of 7 people, val 2 videos of 1 person, test 4 videos of 2 people "
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
    with pytest.raises(ValueError, match=r"at least 3 videos, one for each split: 'b' has 2 \("):
        run_split(rows)
    set_param("split.folds", 8)
    with pytest.raises(ValueError, match=r"from 2 to the number of videos, which is 7\. Change"):
        run_split(rows)


def test_stage_refuses_subjects_for_some_videos_only(run_split):
    rows = [(*row[:2], "zoe" if i == 0 else "", *row[3:]) for i, row in enumerate(named_videos(""))]
    message = r"names the subject of 1 of 20 videos, none for 'NA/p1_NA'.*subject_pattern"
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


def test_stage_warns_of_people_with_nearly_the_same_name(run_split):
    videos = named_videos()
    videos[0] = (*videos[0][:2], "P0", "", "")
    _, _, said = run_split(videos)
    assert "warning: These people have nearly the same name: 'P0' and 'p0'. Give one" in said


def test_stage_refuses_a_single_label(run_split):
    rows = [("a", f"{p}.mov", p, "", "") for p in "123456"]
    with pytest.raises(ValueError, match=r"All videos have the label 'a'"):
        run_split(rows)


def test_stage_splits_what_is_no_action_as_a_label_and_needs_two_actions(run_split, set_param):
    rows = [
        (label, f"p{i}_{label}.mov", f"p{i}", "", "")
        for label in ("None", "sitting")
        for i in range(4)
    ]
    with pytest.raises(ValueError, match=r"'None' holds what is no action .* only 'sitting'"):
        run_split(rows)
    manifest, _, _ = run_split([*rows, *(("walking", *row[1:]) for row in rows[:4])])
    assert set(manifest.loc[manifest["label"] == "None", "split"]) == set(SPLITS)
    set_param("dataset.none", None)
    manifest, _, _ = run_split(rows)
    assert len(manifest) == 8
