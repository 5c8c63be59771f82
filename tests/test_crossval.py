"""Cross-validation: folds run once each, reused, refused where they differ, and scored together."""

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from tiny_project import Project, environment, make_project, mlflow_runs, ran_stages

from har import crossval
from har.clips import generator_for
from har.crossval import (
    Fold,
    FoldFailedError,
    describe_scores,
    override_params,
    pool_predictions,
    run_folds,
    score_folds,
    write_results,
)
from har.predictions import find_predictions
from har.splits import choose_splits, fold_names

IDENTITY = {
    f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
}
BASELINES = ("majority", "single_frame", "pooled_linear")


def manifest_of(num_subjects: int) -> pd.DataFrame:
    """Two labels by each person, the second twice."""
    rows = [
        (f"{x}/p{i}_{n}", x, f"p{i}") for i in range(num_subjects) for x, n in ("a1", "b1", "b2")
    ]
    return pd.DataFrame(rows, columns=["video_id", "label", "subject"]).assign(split="", fold="")


def fold_of(number: int, right: list[bool], *, num_folds: int = 2, loss: float = 1.0) -> Fold:
    """A fold that tests the person `p<number>`, who shows `a` and `b` in turn."""
    videos = pd.DataFrame(
        {"label": (["a", "b"] * len(right))[: len(right)], "subject": f"p{number}"}
    )
    videos["video_id"] = [f"{label}/p{number}_{i}" for i, label in enumerate(videos["label"])]
    other = videos["label"].map({"a": "b", "b": "a"})
    said = {"predicted": videos["label"].where(right, other)} | dict.fromkeys(BASELINES, "a")
    return Fold(
        number=number,
        names=[str(1 + i) for i in range(num_folds)],
        experiment=f"cv-{number}",
        revision=f"{number}" * 40,
        params={},
        videos=videos,
        predictions=videos.assign(**said),
        metrics={
            "model": "tiny",
            "grouped_by": "metadata.csv",
            "accuracy": float(np.mean(right)),
            "macro_f1": 0.5,
            "loss": loss,
        },
        mlflow_run="not logged",
        seconds=None,
    )  # fmt: skip


def score(folds: list[Fold]) -> dict:
    rng = np.random.default_rng(0)
    return score_folds(folds, pool_predictions(folds), num_bootstrap=100, rng=rng)


FOLDS = [fold_of(1, [True] * 6), fold_of(2, [True, False], loss=5.0)]


def test_pool_predictions_joins_the_folds_and_names_them():
    table = pool_predictions(FOLDS)
    assert table["fold"].tolist() == ["1"] * 6 + ["2"] * 2
    assert table.columns.tolist() == [*FOLDS[0].predictions.columns, "fold"]


@pytest.mark.parametrize("change", ["twice", "never"])
def test_pool_predictions_refuses_a_video_that_is_not_tested_once(change):
    first, second = FOLDS
    rows = {
        "twice": pd.concat([second.predictions, first.predictions[:1]]),
        "never": second.predictions[:1],
    }
    with pytest.raises(ValueError, match=r"1 of 8 videos are not tested exactly once, as '[ab]/p"):
        pool_predictions([first, replace(second, predictions=rows[change])])


def test_pool_predictions_refuses_a_person_in_two_folds():
    first, second = FOLDS
    second = replace(second, predictions=second.predictions.assign(subject="p1"))
    with pytest.raises(ValueError, match="1 people are in more than one fold, as 'p1'"):
        pool_predictions([first, second])


def test_score_folds_counts_videos_in_the_whole_and_folds_in_mean_and_deviation():
    scores = score(FOLDS)
    assert scores["num_test_videos"] == 8
    assert scores["num_test_subjects"] == 2
    assert scores["accuracy"] == 7 / 8
    assert scores["accuracy_mean"] == 0.75
    assert scores["accuracy_std"] == pytest.approx(np.sqrt(0.125))  # of 1 and 0.5
    assert scores["loss"] == pytest.approx((6 * 1 + 2 * 5) / 8)
    assert scores["accuracy_low"] <= 0.53  # Wilson's of 7 of 8
    assert scores["baselines"]["majority"] == 0.5
    assert scores["baselines"]["majority_low"] < 0.5 < scores["baselines"]["majority_high"]
    assert scores["per_class"]["b"]["recall"] == 0.75
    assert [fold["accuracy"] for fold in scores["folds"]] == [1.0, 0.5]
    assert [fold["subjects"] for fold in scores["folds"]] == [["p1"], ["p2"]]
    assert score(FOLDS) == scores


def test_score_folds_knows_labels_that_a_fold_lacks():
    scores = score([fold_of(1, [True]), fold_of(2, [True, True])])
    assert scores["per_class"]["a"]["support"] == 2
    assert scores["macro_f1"] == 1.0


def test_describe_scores_says_mean_deviation_and_extremes():
    said = describe_scores(score(FOLDS))
    assert "tiny                              88%" in said
    assert "mean 75.0%, standard deviation 35.4%, from 50% (p2) to 100% (p1)." in said


def test_override_params_changes_as_dvc_does(project):
    params = override_params(["model=cnn3d", "models.cnn3d.epochs=3", "augment.speed=[1,2]"])
    assert params["model"] == "cnn3d"
    assert params["models"]["cnn3d"]["epochs"] == 3
    assert params["augment"]["speed"] == [1, 2]
    assert yaml.safe_load(Path("params.yaml").read_text())["model"] == "mobilenet_lstm"


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("no.such=1", "-S no.such=1: Could not override 'no.such'"),
        ("model", "-S model: "),
        ("split.folds=3", "-S split.folds=3: crossval sets that itself. Use --folds"),
        ("split.test_fold=3", "crossval sets that itself"),
    ],
)
def test_override_params_refuses(project, override, message):
    with pytest.raises(ValueError, match=message):
        override_params([override])


class FakePipeline:
    """Stands in for `dvc exp run`: makes the experiment of a fold at once, in a real repository."""

    def __init__(self):
        self.ran = []
        self.fail = set()

    def __call__(self, experiment, overrides, log):
        self.ran.append(experiment)
        if experiment in self.fail:
            raise FoldFailedError(f"{experiment} failed: no reason")
        params = crossval._apply(overrides)
        videos = manifest_of(6)
        videos["split"], fold = choose_splits(
            videos,
            fractions={"train": 0.7, "val": 0.15, "test": 0.15},
            folds=params["split"]["folds"],
            test_fold=params["split"]["test_fold"],
            rng=generator_for(params["seed"], "split"),
        )
        said = dict.fromkeys(["predicted", *BASELINES], videos["label"])
        test = videos[videos["split"] == "test"].assign(**said)
        metrics = {"model": "tiny", "grouped_by": "video", "accuracy": 1, "macro_f1": 1, "loss": 0}
        deps = [{"path": path} for path in ("har/a.py", "data/videos", "data/split", "/elsewhere")]
        lock = {"stages": {"split": {"deps": deps, "outs": [{"path": "data/split"}]}}}
        commit_experiment(
            experiment,
            {
                "params.yaml": yaml.safe_dump(params),
                "dvc.lock": yaml.safe_dump(lock),
                "data/split/split.json": json.dumps({"folds": fold_names(fold)}),
                "data/split/manifest.csv": videos.to_csv(index=False),
                "metrics/predictions.csv": test.to_csv(index=False),
                "metrics/metrics.json": json.dumps(metrics),
                "metrics/run.json": json.dumps({"mlflow_run": "not logged"}),
            },
        )


def git(*arguments: str, text: str = "", index: str = ".git/index") -> str:
    return subprocess.run(
        ["git", *arguments], input=text, env=os.environ | IDENTITY | {"GIT_INDEX_FILE": index},
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip


def commit_experiment(name: str, files: dict[str, str]) -> None:
    """Commit files on top of HEAD where DVC keeps its experiments."""
    git("read-tree", "HEAD", index=".git/other")
    git("add", "--update", index=".git/other")
    for path, content in files.items():
        blob = git("hash-object", "-w", "--stdin", text=content)
        git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}", index=".git/other")
    head = git("rev-parse", "HEAD")
    commit = git("commit-tree", git("write-tree", index=".git/other"), "-p", head, "-m", name)
    git("update-ref", f"refs/exps/{head[:2]}/{head[2:]}/{name}", commit)


@pytest.fixture
def pipeline(project, monkeypatch):
    """A project in git whose experiments take no time."""
    for path in ("har/a.py", "har/b.py", "dvc.yaml", "data/videos.dvc"):
        (project / path).parent.mkdir(exist_ok=True)
        (project / path).write_text("")
    Path(".gitignore").write_text("/data/videos\n/crossval\n")
    params = yaml.safe_load(Path("params.yaml").read_text())
    params["dataset"]["videos"] = "data/videos"
    Path("params.yaml").write_text(yaml.safe_dump(params))
    git("init", "--quiet")
    subprocess.run(["dvc", "init", "--quiet"], env=environment(), check=True)
    git("add", "--all")
    git("commit", "--quiet", "--message", "Start")
    fake = FakePipeline()
    monkeypatch.setattr(crossval, "_run_experiment", fake)
    return fake


def test_run_folds_tests_every_video_once_and_reuses_what_is_there(pipeline, capsys):
    done = run_folds("cv", folds="3", overrides=["model=cnn3d"])
    assert pipeline.ran == ["cv-1", "cv-2", "cv-3"]
    assert [fold.name for fold in done] == ["1", "2", "3"]
    assert [fold.params["split"]["test_fold"] for fold in done] == [None, "2", "3"]
    assert {fold.params["model"] for fold in done} == {"cnn3d"}
    assert sorted(pool_predictions(done)["video_id"]) == sorted(manifest_of(6)["video_id"])
    Path("har/b.py").write_text("no fold depends on it")
    git("commit", "--quiet", "--all", "--message", "Another commit")
    again = run_folds("cv", folds="3", overrides=["model=cnn3d"])
    assert pipeline.ran == ["cv-1", "cv-2", "cv-3"]
    assert [fold.revision for fold in again] == [fold.revision for fold in done]
    assert "fold 3 of 3 (" in capsys.readouterr().out


def test_write_results_writes_what_compare_reads(pipeline):
    done = run_folds("cv", folds="3", overrides=[])
    files = write_results("cv", score(done), pool_predictions(done))
    assert [file.name for file in files] == [
        "crossval.json", "predictions.csv", "confusion.csv", "confusion.png",
    ]  # fmt: skip
    assert json.loads(files[0].read_text())["name"] == "cv"
    assert files[3].read_bytes().startswith(b"\x89PNG")
    found = find_predictions("crossval/cv", root=Path(), extract={})
    assert len(found.table) == 18


def test_run_folds_takes_people_one_by_one(pipeline):
    done = run_folds("cv", folds="people", overrides=[])
    assert [fold.predictions["subject"].unique().tolist() for fold in done] == [
        [f"p{i}"] for i in range(6)
    ]


def test_run_folds_goes_on_after_a_failed_fold_and_runs_only_that_again(pipeline, capsys):
    pipeline.fail = {"cv-2"}
    with pytest.raises(ValueError, match=r"^1 of 3 folds failed\. The others are kept"):
        run_folds("cv", folds="3", overrides=[])
    assert "cv-2 failed: no reason" in capsys.readouterr().out
    pipeline.ran, pipeline.fail = [], set()
    assert len(run_folds("cv", folds="3", overrides=[])) == 3
    assert pipeline.ran == ["cv-2"]


def test_run_folds_stops_where_the_first_fold_fails(pipeline):
    pipeline.fail = {"cv-1"}
    with pytest.raises(FoldFailedError, match="cv-1 failed"):
        run_folds("cv", folds="3", overrides=[])
    assert pipeline.ran == ["cv-1"]


@pytest.mark.parametrize(
    ("file", "overrides"),
    [("har/a.py", []), ("data/videos.dvc", []), ("dvc.yaml", []), ("params.yaml", ["seed=7"])],
)
def test_run_folds_refuses_experiments_made_of_something_else(pipeline, file, overrides):
    run_folds("cv", folds="2", overrides=[])
    if not overrides:
        Path(file).write_text("# another")
    message = rf"experiment cv-1 is there already, made with another {file}\. Use another --name"
    with pytest.raises(ValueError, match=message):
        run_folds("cv", folds="2", overrides=overrides)
    assert len(run_folds("other", folds="2", overrides=overrides)) == 2


def test_run_folds_refuses_to_go_on_in_another_workspace(pipeline, monkeypatch):
    def edit_meanwhile(*arguments):
        pipeline(*arguments)
        Path("har/a.py").write_text("# another")

    monkeypatch.setattr(crossval, "_run_experiment", edit_meanwhile)
    with pytest.raises(ValueError, match=r"^har/a\.py changed since fold 1 was run"):
        run_folds("cv", folds="3", overrides=[])
    assert pipeline.ran == ["cv-1"]
    git("checkout", "har/a.py")
    monkeypatch.setattr(crossval, "_run_experiment", pipeline)
    assert len(run_folds("cv", folds="3", overrides=[])) == 3
    assert pipeline.ran == ["cv-1", "cv-2", "cv-3"]


def test_run_folds_uses_folds_of_metadata_by_their_names(pipeline, monkeypatch, capsys):
    names = ["it's left", "007"]
    given = manifest_of(6)
    given["fold"] = [names[i // 9] for i in range(len(given))]
    monkeypatch.setattr(__name__ + ".manifest_of", lambda num_subjects: given.copy())
    done = run_folds("cv", folds="3", overrides=[])
    assert [fold.name for fold in done] == sorted(names)
    assert done[1].params["split"]["test_fold"] == "it's left"
    assert "note: metadata.csv has 2 folds, which are used instead of 3" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("path", "fix"),
    [
        ("har/models/mine.py", r"har/models/.*Run: git add har/models/"),
        ("data/videos.dvc", r"data/videos\.dvc.*Run: git add data/videos\.dvc"),
        (
            "data/videos/a/1.mp4",
            "data/videos/,.*Run: dvc add data/videos, and git add data/videos.dvc",
        ),
    ],
)
def test_run_folds_refuses_files_that_git_does_not_know(pipeline, path, fix):
    if path.startswith("data"):
        Path("data/videos.dvc").unlink()
        Path(".gitignore").write_text("/crossval\n")
        git("commit", "--quiet", "--all", "--message", "Untrack")
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text("")
    with pytest.raises(ValueError, match=f"Git does not know {fix}"):
        run_folds("cv", folds="2", overrides=[])
    assert pipeline.ran == []


@pytest.mark.parametrize("name", ["a/b", "-x", "", "a b", "a..b"])
def test_run_folds_refuses_name(pipeline, name):
    with pytest.raises(ValueError, match="cannot be that of DVC experiments"):
        run_folds(name, folds="2", overrides=[])


def test_run_folds_explains_where_there_is_no_commit(project):
    git("init", "--quiet")
    git("add", "params.yaml")
    with pytest.raises(ValueError, match="experiments need a git repository with a commit"):
        run_folds("cv", folds="2", overrides=[])


def test_run_experiment_names_the_log_and_the_reason(project, tmp_path):
    log = tmp_path / "cv" / "fold-1.log"
    with pytest.raises(
        FoldFailedError, match=r"^cv-1 failed: you are not inside of a DVC"
    ) as error:
        crossval._run_experiment("cv-1", ["seed=1"], log)
    assert str(error.value).endswith(f"All it said: {log}")


def test_find_error_prefers_the_stage_to_dvc(tmp_path):
    log = tmp_path / "log"
    log.write_text("warning: x\n\nerror: no videos. Record some.\nERROR: failed to reproduce\n")
    assert crossval._find_error(log) == "no videos. Record some."


@pytest.mark.slow
def test_crossval_decodes_nothing_again_and_nests_its_runs(tmp_path):
    project = make_project(tmp_path)
    project.run("dvc", "repro", "extract")
    command = ["python", "-m", "har", "crossval", "--folds", "2"]
    said = project.run(*command, "-S", "models.mobilenet_lstm.epochs=1", "--name", "cv")
    assert_folds_ran(project, said)
    runs = {run.info.run_name: run for run in mlflow_runs(project)}
    parent = runs.pop("cv")
    assert sorted(runs) == ["mobilenet_lstm cv-1", "mobilenet_lstm cv-2"]
    for run in runs.values():
        assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    scores = json.loads((tmp_path / "crossval" / "cv" / "crossval.json").read_text())
    assert parent.info.status == "FINISHED"
    assert parent.data.metrics["accuracy"] == scores["accuracy"]
    assert scores["num_test_videos"] == 24
    again = project.run(*command, "-S", "models.mobilenet_lstm.epochs=1", "--name", "cv")
    assert again.count("run before") == 2
    assert len(mlflow_runs(project)) == 3


def assert_folds_ran(project: Project, said: str) -> None:
    for number in (1, 2):
        assert f"fold {number} of 2 (" in said
        log = (project.folder / "crossval" / "cv" / f"fold-{number}.log").read_text()
        assert ran_stages(log) == [
            "split", "downsample", "augment", "features", "train", "evaluate",
        ]  # fmt: skip
    assert project.run("git", "status", "--porcelain") == "?? dvc.lock\n"
    predictions = pd.read_csv(project.folder / "crossval" / "cv" / "predictions.csv")
    assert len(predictions) == predictions["video_id"].nunique() == 24
    assert predictions.groupby("subject")["fold"].nunique().eq(1).all()
