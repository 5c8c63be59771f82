"""The learning curve over people: points, table, errors, picture, and a run of DVC."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from command_line import run
from places import ROOT

from har.evaluation import learning_curve
from har.evaluation.learning_curve import (
    count_errors,
    curve_table,
    last_step,
    plan_points,
    run_points,
)
from har.pages.cross_validation import describe_curve, describe_errors, write_curve


@pytest.fixture
def _no_git(monkeypatch):
    """Let prefixes depend on their settings only."""
    monkeypatch.setattr(
        "har.evaluation.cross_validation.list_git_files", lambda *options, patterns: []
    )


def predictions(wrong: dict[str, str]) -> pd.DataFrame:
    """Three labels by four people, two videos each; `wrong` has the answer to some of them."""
    rows = [(f"{x}/p{i}_{k}", f"p{i}", x) for i in range(4) for x in "abc" for k in range(2)]
    table = pd.DataFrame(rows, columns=["video_id", "subject", "label"])
    answers = zip(table["video_id"], table["label"], strict=True)
    return table.assign(predicted=[wrong.get(name, label) for name, label in answers])


WRONG = {"b/p2_0": "a", "b/p2_1": "c", "b/p1_0": "c", "c/p2_0": "a"}


def scores_of(accuracy: float) -> dict:
    bounds = {"": accuracy, "_low": accuracy - 0.1, "_high": accuracy + 0.1}
    linear = {f"pooled_linear{end}": value / 2 for end, value in bounds.items()}
    return {f"accuracy{end}": value for end, value in bounds.items()} | {
        "macro_f1": accuracy,
        "baselines": linear,
    }


@pytest.mark.usefixtures("_no_git")
def test_plan_points_is_a_cross_validation_for_each_number_the_largest_first():
    points = plan_points([1, 4, 2], name="try", folds="3", overrides=["seed=7"], model="fusion")
    assert [point.num_people for point in points] == [4, 2, 1]
    assert points[0].prefix.startswith("try-4-people-")
    assert points[0].overrides == (
        "seed=7",
        "++split.train_people=4",
        "++models.fusion.refit=false",  # else the validation people would be learned from too
    )
    other = plan_points([2], name="try", folds="3", overrides=["model=cnn3d"], model="fusion")[0]
    assert "++models.cnn3d.refit=false" in other.overrides


@pytest.mark.usefixtures("_no_git")
@pytest.mark.parametrize("override", ["split.train_people=3", "models.fusion.refit=true"])
def test_plan_points_refuses_what_the_curve_sets(override):
    with pytest.raises(ValueError, match=r"cannot be given: each point of a learning curve sets"):
        plan_points([1], name="try", folds="3", overrides=[override], model="fusion")


@pytest.mark.usefixtures("_no_git")
def test_run_points_runs_a_fold_of_all_points_before_the_next(monkeypatch):
    monkeypatch.setattr(
        learning_curve,
        "run_folds",
        lambda prefix, folds, **_: iter(range(1, 1 + int(folds))),
    )
    points = plan_points([1, 2], name="try", folds="3", overrides=[], model="fusion")
    ran = [(point.num_people, fold) for point, fold in run_points(points, folds="3", logs=Path())]
    assert ran == [(2, 1), (1, 1), (2, 2), (1, 2), (2, 3), (1, 3)]


def test_curve_table_has_a_row_for_each_number_of_people():
    curve = curve_table({4: scores_of(0.8), 1: scores_of(0.4)})
    assert curve["people"].tolist() == [1, 4]
    assert curve.loc[1, ["accuracy", "accuracy_low", "linear_high"]].tolist() == pytest.approx(
        [0.8, 0.7, 0.45]
    )


def test_last_step_tells_a_rise_from_luck():
    options = {"num_bootstrap": 100, "seed": 1}
    right, some = predictions({}), predictions(WRONG)
    none = predictions(dict.fromkeys(right["video_id"], "none"))
    rise = last_step({1: right, 2: none, 8: right}, **options)  # the last two decide
    assert (rise["fewer"], rise["more"], rise["verdict"]) == (2, 8, "better")
    assert rise["difference"] == 1
    assert last_step({1: some, 2: right}, **options)["verdict"] == "undecided"
    assert last_step({2: right}, **options) is None


def test_count_errors_has_the_most_first_with_the_commonest_mistake():
    labels = count_errors(predictions(WRONG), "label")
    assert labels.values.tolist() == [["b", 3, 8, "c"], ["c", 1, 8, "a"], ["a", 0, 8, ""]]
    people = count_errors(predictions(WRONG), "subject")
    assert people.values.tolist()[:2] == [["p2", 3, 6, "b"], ["p1", 1, 6, "b"]]


def test_describe_errors_names_what_to_film_next():
    lines = describe_errors(predictions(WRONG), 4).splitlines()
    assert lines[0] == (
        "Errors with 4 people: 4 of 24 videos. Film next the labels, and people like those, with "
        "most of them:"
    )
    assert lines[3].split() == ["b", "3", "8", "c"]
    assert lines[-2].split() == ["p2", "3", "6", "b"]
    assert describe_errors(predictions({}), 4) == "Errors with 4 people: 0 of 24 videos."


def test_write_curve_writes_table_picture_and_errors_and_describes_them(tmp_path):
    curve = curve_table({1: scores_of(0.4), 4: scores_of(0.8)})
    files = write_curve(curve, predictions(WRONG), tmp_path, title="fusion")
    assert [file.name for file in files] == [
        "learning_curve.csv",
        "learning_curve.png",
        "errors_by_label.csv",
        "errors_by_person.csv",
    ]
    assert pd.read_csv(files[0])["people"].tolist() == [1, 4]
    assert files[1].read_bytes().startswith(b"\x89PNG")
    assert pd.read_csv(files[3])["subject"].tolist()[0] == "p2"
    step = {"fewer": 1, "more": 4, "verdict": "better"}
    step |= {"difference": 0.4, "low": 0.1, "high": 0.7}
    lines = describe_curve(curve, step, "fusion").splitlines()
    assert re.sub(" +", " ", lines[2]) == " 4 80.0% (70.0% to 90.0%) 40.0% (35.0% to 45.0%)"
    assert lines[-1].startswith(
        "From 1 to 4 people: +40.0 points (95 % interval 10.0 to 70.0). This is more than luck: "
        "the curve still rises"
    )


STAGES = """
stages:
  extract:
    cmd: mkdir data/clips && cp report.csv clips.csv data/clips/
    deps: [report.csv, clips.csv]
    outs: [data/clips]
  split:
    cmd: >-
      python -m stages.split --report data/clips/report.csv --clips data/clips/clips.csv
      --out data/split
    params: [split, seed]
    deps: [data/clips]
    outs: [data/split]
  evaluate:
    cmd: python answer.py
    params: [models.fusion.refit]
    deps: [data/split, answer.py]
    metrics:
      - metrics/metrics.json: {cache: false}
      - metrics/run.json: {cache: false}
      - metrics/predictions.csv: {cache: false}
"""
ANSWER = """
import json, os, pandas as pd, yaml
assert yaml.safe_load(open("params.yaml"))["models"]["fusion"]["refit"] is False
videos = pd.read_csv("data/split/manifest.csv")
people = videos.loc[videos["split"] == "train", "subject"].unique()
test = videos[videos["split"] == "test"].assign(learned_from=" ".join(sorted(people)))
test["predicted"] = test["label"] if len(people) > 1 else "a"
test = test.assign(answer=test["predicted"], majority="a", single_frame="a", pooled_linear="a")
os.makedirs("metrics", exist_ok=True)
test.to_csv("metrics/predictions.csv", index=False)
accuracy = float((test["predicted"] == test["label"]).mean())
scores = {"model": "fusion", "grouped_by": "metadata.csv", "accuracy": accuracy, "macro_f1": 1.0}
scores["num_test_videos"] = len(test)
json.dump(scores, open("metrics/metrics.json", "w"))
json.dump({"mlflow_run": "not logged"}, open("metrics/run.json", "w"))
"""


@pytest.fixture
def repository(project, monkeypatch):
    """Eight people in two labels, the real split, and a model that takes no time."""
    rows = [(f"{label}/p{i}", label, f"p{i}") for i in range(8) for label in "ab"]
    table = pd.DataFrame(rows, columns=["video_id", "label", "subject"])
    table = table.assign(source=table["video_id"], status="copied", split="", fold="", aspect=1)
    table = table.assign(path=table["video_id"])
    table.drop(columns="aspect").to_csv("report.csv", index=False)
    table[["video_id", "path", "aspect"]].to_csv("clips.csv", index=False)
    (project / "dvc.yaml").write_text(STAGES)
    (project / "answer.py").write_text(ANSWER)
    for who in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{who}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{who}_EMAIL", "test@localhost")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr("har.tracking.connection.connect", lambda root, required: None)
    subprocess.run(["git", "init", "--quiet"], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    (project / ".gitignore").write_text("/data\n/crossval\n")
    subprocess.run(["git", "add", "--all"], check=True)
    subprocess.run(["git", "commit", "--quiet", "--message", "Start"], check=True)
    return project


@pytest.mark.slow
def test_crossval_learns_from_so_many_people_in_every_fold(repository, capsys):
    command = ["crossval", "--folds", "2", "--train-people"]
    code, out, _ = run(*command, "2,1", capsys=capsys)
    assert code == 0
    assert "crossval: 1 people, fold 2 of 2" in out
    table = next(repository.glob("crossval/*/learning_curve.csv"))
    assert pd.read_csv(table)["accuracy"].tolist() == [0.5, 1]
    one, two = (
        pd.read_csv(table.parent / f"{number}-people" / "predictions.csv") for number in (1, 2)
    )
    assert len(one) == len(two) == 16
    for fewer, more in zip(one["learned_from"], two["learned_from"], strict=True):
        assert set(fewer.split()) < set(more.split())
    assert [len(people.split()) for people in two["learned_from"]] == [2] * 16
    code, out, _ = run(*command, "1,2", capsys=capsys)
    assert out.count("there before") == 4
