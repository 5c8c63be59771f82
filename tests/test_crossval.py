"""Cross-validation by people: pooling, scores, names, and a run of two folds on tiny videos."""

import json
import subprocess
import sys

import pandas as pd
import pytest
from tiny_project import make_project, mlflow_runs

from har.crossval import (
    Fold,
    describe_fold,
    experiment_prefix,
    pool_folds,
    score_folds,
    write_crossval,
)

VIDEOS = pd.DataFrame(
    {
        "video_id": ["a1", "a2", "b1", "b2"],
        "subject": ["anna", "anna", "ben", "ben"],
        "label": ["sitting", "waving", "sitting", "waving"],
    }
)


def make_fold(name: str, rows: list[int], predicted: list[str], accuracy: float) -> Fold:
    table = VIDEOS.iloc[rows].assign(
        predicted=predicted,
        majority="sitting",
        single_frame=VIDEOS["label"].iloc[rows],
        pooled_linear="waving",
    )
    metrics = {"model": "tiny", "grouped_by": "metadata.csv", "accuracy": accuracy, "macro_f1": 0.5}
    return Fold(name, f"try-{name}", table, VIDEOS, metrics, None, ["1", "2"], 3.2)


@pytest.fixture
def folds() -> list[Fold]:
    return [
        make_fold("1", [0, 1], ["sitting", "waving"], 1.0),
        make_fold("2", [2, 3], ["sitting", "sitting"], 0.5),
    ]


def test_pool_folds_has_each_video_once_with_its_fold(folds):
    pooled = pool_folds(folds[::-1])
    assert pooled["video_id"].tolist() == ["a1", "a2", "b1", "b2"]
    assert pooled["fold"].tolist() == ["1", "1", "2", "2"]


def test_pool_folds_refuses_folds_that_do_not_make_up_the_videos(folds):
    with pytest.raises(ValueError, match="The 1 folds tested 2 videos, 2 different ones, of 4"):
        pool_folds(folds[:1])
    with pytest.raises(ValueError, match="The 3 folds tested 6 videos, 4 different ones, of 4"):
        pool_folds([*folds, folds[0]])


def test_pool_folds_refuses_a_person_in_two_folds():
    split = [make_fold("1", [0, 2], ["sitting"] * 2, 1), make_fold("2", [1, 3], ["waving"] * 2, 1)]
    with pytest.raises(ValueError, match="'anna' was tested in 2 folds"):
        pool_folds(split)


def test_score_folds_pools_videos_and_averages_folds(folds):
    scores = score_folds(folds, pool_folds(folds), num_bootstrap=50, seed=1)
    assert scores["accuracy"] == 0.75
    assert scores["accuracy_low"] < 0.75 < scores["accuracy_high"]
    assert scores["mean_accuracy"] == 0.75
    assert scores["deviation_of_accuracy"] == pytest.approx(0.25 * 2**0.5)
    assert scores["baselines"]["majority"] == scores["baselines"]["pooled_linear"] == 0.5
    assert scores["baselines"]["single_frame"] == 1
    assert scores["num_test_subjects"] == 2
    assert scores["folds"]["2"]["people"] == ["ben"]
    assert scores == score_folds(folds, pool_folds(folds), num_bootstrap=50, seed=1)


def test_write_crossval_writes_table_scores_and_picture(folds, tmp_path):
    pooled = pool_folds(folds)
    scores = score_folds(folds, pooled, num_bootstrap=50, seed=1)
    files = write_crossval(scores, pooled, tmp_path / "crossval")
    assert json.loads(files[0].read_text()) == scores
    assert pd.read_csv(files[1])["predicted"].tolist() == [
        "sitting",
        "waving",
        "sitting",
        "sitting",
    ]
    assert files[2].read_bytes().startswith(b"\x89PNG")


def test_describe_fold_names_people_and_time(folds):
    said = describe_fold(folds[1], number=2)
    assert said == "fold 2 of 2 (ben): accuracy 0.50 on 2 videos, 3 s"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "har").mkdir()
    (tmp_path / "har" / "code.py").write_text("x = 1\n")
    (tmp_path / "params.yaml").write_text("seed: 1\n")
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run(["git", "add", "--all"], check=True)
    return tmp_path


def test_experiment_prefix_is_of_settings_code_and_data(repository):
    def prefix(**changes):
        return experiment_prefix("try", **{"folds": 3, "overrides": ["model=cnn3d"], **changes})

    first = prefix()
    assert first.startswith("try-")
    assert prefix() == first
    others = {prefix(folds=4), prefix(overrides=[])}
    for file in ("params.yaml", "har/code.py"):
        (repository / file).write_text(f"seed: {len(others)}\n")
        others.add(prefix())
    assert len(others | {first}) == 5


def test_experiment_prefix_refuses_what_git_does_not_know(repository):
    (repository / "videos.dvc").write_text("outs: []\n")
    with pytest.raises(ValueError, match=r"videos\.dvc is not in git.*Run `git add videos\.dvc`"):
        experiment_prefix("try", folds=3, overrides=[])


def test_experiment_prefix_needs_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="need git"):
        experiment_prefix("try", folds=3, overrides=[])


@pytest.mark.slow
def test_crossval_tests_everybody_once_and_decodes_nothing_twice(tmp_path):
    project = make_project(tmp_path)
    command = [sys.executable, "-m", "har", "crossval", "--folds", "2", "-S", "seed=7"]
    printed = project.run(*command)
    assert "fold 2 of 2" in printed
    assert "Mean of the 2 folds" in printed
    folder = next((tmp_path / "crossval").iterdir())
    pooled = pd.read_csv(folder / "predictions.csv")
    assert len(pooled) == 24
    assert pooled.groupby("subject")["fold"].nunique().eq(1).all()
    first, second = [
        [line for line in log.read_text().splitlines() if line.startswith("Running stage")]
        for log in sorted((folder / "logs").iterdir())
    ]
    assert "Running stage 'extract':" in first
    assert "Running stage 'train':" in second
    assert not {"Running stage 'convert':", "Running stage 'extract':"} & set(second)
    runs = {run.info.run_name: run for run in mlflow_runs(project)}
    parent = runs.pop(folder.name)
    assert parent.data.metrics["num_folds"] == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in runs.values()} == {parent.info.run_id}
    again = project.run(*command)
    assert again.count("there before") == 2
    failed = project.run(*command, "-S", "split.train=2", check=False)
    assert "expected shares above 0 that sum to 1" in failed
    assert "the folds that ended are kept" in failed
