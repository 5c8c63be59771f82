"""Cross-validation by people: pooling, scores, names; tests/pipeline runs it on tiny videos."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from dvc.utils.hydra import apply_overrides

import har.commands.crossval
from har.dataset.splits import choose_splits, fold_names
from har.engine.seeds import generator_for
from har.evaluation import cross_validation as crossval
from har.evaluation.cross_validation import (
    Fold,
    experiment_prefix,
    pool_folds,
    run_folds,
    score_folds,
)
from har.pages.cross_validation import describe_fold, write_crossval
from har.pages.results import compared_scores
from har.settings import Settings
from har.tracking.connection import connect

IDENTITY = {
    f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
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
        answer=predicted,
        majority="sitting",
        single_frame=VIDEOS["label"].iloc[rows],
        pooled_linear="waving",
    )
    metrics = {"model": "tiny", "grouped_by": "metadata.csv", "accuracy": accuracy, "macro_f1": 0.5}
    metrics["num_test_videos"] = len(rows)
    return Fold(
        name=name,
        experiment=f"try-{name}",
        predictions=table,
        manifest=VIDEOS,
        metrics=metrics,
        settings=Settings(),
        clips="abc.dir",
        mlflow_run=None,
        names=["1", "2"],
        seconds=30.0,
    )


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


def test_pool_folds_refuses_folds_made_from_other_videos(folds):
    others = [folds[0], replace(folds[1], clips="def.dir")]
    with pytest.raises(ValueError, match="try-2 was made from other videos than try-1: they were"):
        pool_folds(others)


def test_score_folds_pools_videos_and_averages_folds(folds):
    scores = score_folds(folds, pool_folds(folds), num_bootstrap=50, seed=1)
    assert scores["accuracy"] == 0.75
    assert scores["accuracy_low"] < 0.75 < scores["accuracy_high"]
    assert compared_scores(scores)["accuracy"] == 0.75  # as MLflow gets them
    assert scores["mean_accuracy"] == 0.75
    assert scores["deviation_of_accuracy"] == pytest.approx(0.25 * 2**0.5)
    assert scores["baselines"]["majority"] == scores["baselines"]["pooled_linear"] == 0.5
    assert scores["baselines"]["single_frame"] == 1
    assert scores["num_test_subjects"] == 2
    assert scores["folds"]["2"]["people"] == ["ben"]
    assert scores == score_folds(folds, pool_folds(folds), num_bootstrap=50, seed=1)


def test_score_folds_leaves_what_is_no_action_out_of_the_accuracy(folds, monkeypatch):
    monkeypatch.setitem(VIDEOS, "label", ["sitting", "None", "sitting", "None"])
    told = [["sitting", "None"], ["None", "sitting"]]
    rows = [[0, 1], [2, 3]]
    folds = [make_fold(str(1 + i), rows[i], told[i], 0.5) for i in range(2)]
    said = {"answer": ["None", "unsure"], "pooled_linear": "None"}
    folds[1] = replace(folds[1], predictions=folds[1].predictions.assign(**said))
    folds[0] = replace(folds[0], predictions=folds[0].predictions.assign(pooled_linear="None"))
    scores = score_folds(folds, pool_folds(folds), num_bootstrap=50, seed=1)
    assert scores["num_test_videos"] == 2
    assert scores["accuracy"] == 0.5
    assert (scores["num_none_videos"], scores["none_rejected"]) == (2, 1.0)
    assert scores["lost_to_none"] == 0.5
    assert scores["unsure"] == 0
    assert scores["per_class"]["None"]["recall"] == 0.5
    assert scores["baselines"]["majority"] == 1


def test_the_run_of_a_cross_validation_has_what_is_compared(folds, project, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    scores = score_folds(folds, pool_folds(folds), num_bootstrap=50, seed=1)
    har.commands.crossval._log(folds, scores | {"model": "fusion"}, [], name="crossval-1")
    client = connect(project)
    (run,) = client.search_runs([client.get_experiment_by_name("har").experiment_id])
    assert run.data.metrics["accuracy"] == 0.75
    assert run.data.metrics["num_folds"] == 2
    assert run.data.metrics["baselines.single_frame"] == 1
    assert not [name for name in run.data.metrics if "per_class" in name or "folds." in name]
    assert "accuracy 0.75 (95 % interval" in run.data.tags["mlflow.note.content"]
    assert run.info.status == "FINISHED"


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
    assert files[2].read_text().splitlines()[:2] == ["actual,predicted", "sitting,sitting"]
    assert files[3].read_bytes().startswith(b"\x89PNG")


def test_describe_fold_names_people_and_times(folds):
    reused = replace(folds[0], seconds=0.0)
    said = "fold 1 of 2 (anna): accuracy 1.00 on 2 videos, "
    assert describe_fold(folds[:1]) == said + "30 s; about 0.5 min left"
    assert describe_fold([reused]) == said + "there before"
    assert describe_fold(folds) == "fold 2 of 2 (ben): accuracy 0.50 on 2 videos, 30 s"


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


@pytest.mark.parametrize("override", ["split.folds=3", "+split.test_fold=2"])
def test_experiment_prefix_refuses_what_the_folds_set(repository, override):
    with pytest.raises(ValueError, match=r"cannot be given: each fold sets it\. Use --folds"):
        experiment_prefix("try", folds=3, overrides=[override])


def test_experiment_prefix_needs_git(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="need git"):
        experiment_prefix("try", folds=3, overrides=[])


class FakePipeline:
    """Stands in for `dvc exp run`: makes a fold's experiment at once, in a real repository."""

    def __init__(self):
        self.ran = []
        self.fold_of_subject = None  # as metadata.csv would have it

    def __call__(self, experiment, changes, log):
        self.ran.append(experiment)
        apply_overrides("params.yaml", list(changes))
        params = yaml.safe_load(Path("params.yaml").read_text())
        git("checkout", "params.yaml")
        rows = [(f"{x}/p{i}", x, f"p{i}") for i in range(6) for x in "ab"]
        videos = pd.DataFrame(rows, columns=["video_id", "label", "subject"]).assign(split="")
        videos["fold"] = videos["subject"].map(self.fold_of_subject) if self.fold_of_subject else ""
        videos["split"], fold = choose_splits(
            videos,
            fractions={"train": 0.7, "val": 0.15, "test": 0.15},
            folds=params["split"]["folds"],
            test_fold=params["split"]["test_fold"],
            rng=generator_for(params["seed"], "split"),
        )
        lock = {"stages": {"extract": {"outs": [{"path": "data/clips", "md5": "abc.dir"}]}}}
        files = {
            "params.yaml": yaml.safe_dump(params),
            "dvc.lock": yaml.safe_dump(lock),
            "data/split/split.json": json.dumps({"folds": fold_names(fold)}),
            "data/split/manifest.csv": videos.to_csv(index=False),
            "metrics/predictions.csv": videos[videos["split"] == "test"].to_csv(index=False),
            "metrics/metrics.json": json.dumps({"accuracy": 1.0}),
            "metrics/run.json": json.dumps({"mlflow_run": "not logged"}),
        }
        commit_experiment(experiment, files)


def git(*arguments: str, text: str = "", index: str = ".git/index") -> str:
    return subprocess.run(
        ["git", *arguments], input=text, env=os.environ | IDENTITY | {"GIT_INDEX_FILE": index},
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


def commit_experiment(name: str, files: dict[str, str]) -> None:
    """Commit files on top of HEAD where DVC keeps its experiments."""
    git("read-tree", "HEAD", index=".git/other")
    for path, content in files.items():
        blob = git("hash-object", "-w", "--stdin", text=content)
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", index=".git/other")
    head = git("rev-parse", "HEAD")
    commit = git("commit-tree", git("write-tree", index=".git/other"), "-p", head, "-m", name)
    git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", commit)


@pytest.fixture
def pipeline(project, monkeypatch):
    """A repository of git and DVC whose experiments take no time."""
    (project / "har").mkdir()
    (project / "har" / "code.py").write_text("x = 1\n")
    git("init", "--quiet")
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet"], check=True)
    git("add", "--all")
    git("commit", "--quiet", "--message", "Start")
    fake = FakePipeline()
    monkeypatch.setattr(crossval, "run_experiment", fake)
    return fake


def run_all() -> list[Fold]:
    prefix = experiment_prefix("try", folds="3", overrides=["seed=7"])
    return list(run_folds(prefix, folds="3", overrides=["seed=7"], logs=Path("logs")))


def test_run_folds_tests_every_video_once_and_reuses_what_is_there(pipeline):
    done = run_all()
    assert [fold.name for fold in done] == ["1", "2", "3"]
    assert len(pool_folds(done)) == 12
    assert {fold.settings.seed for fold in done} == {7}
    git("commit", "--quiet", "--allow-empty", "--message", "Something else")
    again = run_all()
    assert len(pipeline.ran) == 3
    assert [fold.seconds for fold in again] == [0, 0, 0]


def test_run_folds_takes_the_names_of_metadata_as_they_are(pipeline):
    names = ["007", "1e3", "it's left, or right"]
    pipeline.fold_of_subject = {f"p{i}": names[i // 2] for i in range(6)}
    done = run_all()
    assert [fold.settings.split.test_fold for fold in done] == [None, *names[1:]]
    assert len(pool_folds(done)) == 12


def test_run_folds_does_not_mix_folds_of_different_code(pipeline):
    prefix = experiment_prefix("try", folds="3", overrides=["seed=7"])
    folds = run_folds(prefix, folds="3", overrides=["seed=7"], logs=Path("logs"))
    next(folds)
    Path("har/code.py").write_text("x = 2\n")
    with pytest.raises(ValueError, match=rf"was changed while {prefix} ran.*Put it back to go on"):
        next(folds)
    git("checkout", "har/code.py")
    assert len(run_all()) == 3
    assert pipeline.ran == [f"{prefix}-{number}" for number in (1, 2, 3)]
