"""The stage `split`: who is trained on and who is tested on."""

import json

import pandas as pd
import pytest

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


def test_stage_keeps_only_videos_apart_when_it_is_told_so(run_split, set_param):
    rows = [("a" if number % 2 else "b", f"{number}.mov", "anna", "", "") for number in range(20)]
    with pytest.raises(ValueError, match=r"needs at least 3 subjects.*set split\.by to video"):
        run_split(rows)
    set_param("split.by", "video")
    manifest, grouping, said = run_split(rows)
    assert grouping["grouped_by"] == "split.by: video"
    assert manifest["subject"].tolist() == manifest["video_id"].tolist()
    assert set(manifest["split"]) == {"train", "val", "test"}
    assert said.startswith("warning: split.by is video: a person can be in training and in test")


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


def test_stage_names_a_label_whose_videos_all_failed(run_split):
    rows = [(label, f"{p}.mov", p, "", "") for label in "ab" for p in "123456"]
    with pytest.raises(ValueError, match=r"No video of the label 'lost' could be used"):
        run_split(rows, lose_a_label=True)


def test_stage_refuses_a_single_label(run_split):
    rows = [("a", f"{p}.mov", p, "", "") for p in "123456"]
    with pytest.raises(ValueError, match=r"All videos have the label 'a'"):
        run_split(rows)
