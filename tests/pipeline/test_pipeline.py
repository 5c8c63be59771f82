"""The pipeline end to end, as a user runs it with own videos, on tiny generated ones."""

import json
import re
import shlex
import shutil
import time

import numpy as np
import pandas as pd
import pytest
import yaml
from dvc.repo import Repo
from keras_weights import write_keras_weights
from tiny_project import (
    LABELS,
    NUM_VIDEOS,
    ROOT,
    SMALL,
    Project,
    mlflow_runs,
    ran_stages,
)

from har.clips.clip import even_indices, load_clip
from har.folder.originals import linked_files
from har.recognizer.recognizer import load_recognizer, load_trained

pytestmark = pytest.mark.slow

UNFINISHED = ("Queued", "Running")  # in the status of a queue


def test_pipeline_writes_what_others_rely_on(project):
    metrics = project.metrics()
    assert metrics["model"] == "mobilenet_lstm"
    assert metrics["grouped_by"] == "dataset.subject_pattern"
    assert metrics["accuracy_low"] <= metrics["accuracy"] <= metrics["accuracy_high"]
    assert {"majority", "single_frame", "pooled_linear"} <= set(metrics["baselines"])
    assert "per_class" not in metrics  # a table of experiments has room for what is compared
    scores = json.loads((project.folder / "metrics" / "scores.json").read_text())
    assert set(scores["per_class"]) == set(LABELS)
    assert metrics["num_test_subjects"] >= 1
    confusion = pd.read_csv(project.folder / "metrics" / "plots" / "confusion.csv")
    assert list(confusion.columns) == ["actual", "predicted"]
    assert len(confusion) == metrics["num_test_videos"]
    history = pd.read_csv(project.folder / "metrics" / "plots" / "history.csv")
    assert list(history.columns) == ["epoch", "split", "accuracy", "loss"]
    train = json.loads((project.folder / "metrics" / "train.json").read_text())
    assert train["epochs"] == history["epoch"].max()
    assert train["parameters"]["total"] > train["parameters"]["trainable"] > 0
    for picture in ("metrics/plots/history.png", "metrics/plots/confusion.png"):
        assert (project.folder / picture).read_bytes().startswith(b"\x89PNG")


def test_pipeline_leaves_the_originals_to_the_user(first_run):
    assert not list(linked_files(first_run / "data" / "videos"))
    assert list(linked_files(first_run / "data" / "clips"))  # links they are, and not in a copy


def test_pipeline_keeps_people_apart_and_views_within_train(project):
    data = project.folder / "data"
    manifest = pd.read_csv(data / "split" / "manifest.csv")
    assert list(manifest.columns) == ["video_id", "path", "label", "subject", "split", "aspect"]
    assert len(manifest) == NUM_VIDEOS
    assert manifest.groupby("subject")["split"].nunique().eq(1).all()
    views = pd.read_csv(data / "augment" / "views.csv")
    splits = manifest.set_index("video_id")["split"]
    assert set(splits[views["video_id"]]) == {"train"}
    features = pd.read_csv(data / "features" / "features.csv").set_index("video_id")
    is_train = splits[features.index] == "train"
    assert features.loc[is_train, "num_views"].eq(2).all()
    assert features.loc[~is_train, "num_views"].eq(0).all()


def test_saved_model_on_frames_agrees_with_its_head_on_cached_features(project):
    check_agreement(project, num_features=1280)


def test_another_backbone_reruns_features_and_train(project, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    write_keras_weights(tmp_path / "models" / "mobilenet_1_0_224_tf_no_top.h5", "MobileNet")
    copy = tmp_path / "copy"
    shutil.copytree(project.folder, copy, symlinks=True)
    other = Project(copy)
    other.set_params({"backbone": {"name": "MobileNet", "weights": "keras"}})
    assert ran_stages(other.run("dvc", "repro", "train")) == ["features", "train"]
    check_agreement(other, num_features=1024)


def check_agreement(project, *, num_features):
    """Check that the saved model makes of clips what its head makes of their cached features."""
    folder = project.folder / "models" / "mobilenet_lstm"
    recognizer, head = load_recognizer(folder), load_trained(folder)
    table = pd.read_csv(project.folder / "data" / "features" / "features.csv")
    places = even_indices(SMALL["extract"]["num_frames"], recognizer.preprocessing["model_frames"])
    for video in table.itertuples():
        clip = load_clip(project.folder / "data" / "clips" / f"{video.video_id}.npy")
        features = np.load(project.folder / video.path)[:1, places, :num_features]
        assert features.shape[-1] == num_features
        difference = recognizer.predict(clip) - head.predict_on_batch(features)
        assert np.abs(difference).max() < 1e-4


def test_predict_says_of_the_test_videos_what_evaluate_said(project):
    scored = pd.read_csv(project.folder / "metrics" / "predictions.csv").set_index("video_id")
    command = ("python", "-m", "har", "predict", "data/videos", "--json")
    said = {}
    for line in project.run(*command).splitlines():
        one = json.loads(line)
        said[one["video"].removeprefix("data/videos/").removesuffix(".mp4")] = one
    assert len(said) == NUM_VIDEOS
    for video_id, row in scored.iterrows():
        assert said[video_id]["predicted"] == row["predicted"]
        probability = said[video_id]["probabilities"][row["predicted"]]
        assert probability == pytest.approx(row["probability"], abs=1e-6)


def test_evaluate_gives_the_scores_of_the_stage_and_names_who_was_in_training(project, tmp_path):
    command = ("python", "-m", "har", "evaluate", str(tmp_path / "test"), "--json")
    manifest = pd.read_csv(project.folder / "data" / "split" / "manifest.csv")
    for video_id in manifest.loc[manifest["split"] == "test", "video_id"]:
        copy = tmp_path / "test" / f"{video_id}.mp4"
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project.folder / "data" / "videos" / f"{video_id}.mp4", copy)
    said = json.loads(project.run(*command))
    scores = json.loads((project.folder / "metrics" / "scores.json").read_text())
    same = scores.keys() - {"baselines", "loss", "expected_calibration_error_before"}
    assert {name: said[name] for name in same} == {name: scores[name] for name in same}
    assert said["seen_in_training"]["num_videos"] == 0
    said = json.loads(project.run(*command[:4], "data/videos", "--json"))
    seen = said["seen_in_training"]
    learned = manifest[manifest["split"] != "test"]
    assert seen["people"] == dict(zip(learned["subject"], learned["split"], strict=True))
    assert seen["num_videos"] == len(learned)
    assert said["not_seen"]["accuracy"] == scores["accuracy"]


def test_training_cannot_see_the_test_videos(project, tmp_path):
    folder = tmp_path / "without_test"
    shutil.copytree(project.folder, folder, symlinks=True)
    manifest = pd.read_csv(folder / "data" / "downsample" / "manifest.csv")
    is_test = manifest["split"] == "test"
    assert is_test.any()
    for video_id in manifest.loc[is_test, "video_id"]:
        for data in ("clips", "features"):
            (folder / "data" / data / f"{video_id}.npy").unlink()
    manifest.loc[is_test, "label"] = manifest.loc[is_test, "label"].to_numpy()[::-1]
    (folder / "data" / "downsample" / "manifest.csv").unlink()  # a link into DVC's cache
    manifest.to_csv(folder / "data" / "downsample" / "manifest.csv", index=False)
    Project(folder).run("dvc", "repro", "--force", "--single-item", "train")
    models = [one / "models" / "mobilenet_lstm" for one in (project.folder, folder)]
    weights, weights_without_test = ((one / "model.keras").read_bytes() for one in models)
    assert weights_without_test == weights


def test_pipeline_reruns_nothing_when_nothing_changed(project):
    assert ran_stages(project.run("dvc", "repro")) == []


def test_pipeline_refuses_a_wrong_setting_also_where_nothing_changed(project):
    path = project.folder / "params.yaml"
    before = path.read_text()
    try:
        path.write_text(f"{before}trian: {{}}\n")
        printed = project.run("dvc", "repro", check=False)
    finally:
        path.write_text(before)
    assert "trian: unknown; did you mean train?" in printed
    assert "ERROR: failed to reproduce 'settings'" in printed
    assert ran_stages(printed) == ["settings"]
    assert ran_stages(project.run("dvc", "repro")) == []


@pytest.mark.parametrize(
    ("change", "first_stages"),
    [
        ({"demo": {"num_videos": 7}}, {"demo"}),
        ({"dataset": {"max_failed_fraction": 0.2}}, {"convert", "extract"}),
        ({"dataset": {"subject_pattern": "^(p.)"}}, {"split"}),
        ({"convert": {"max_side": 320}}, {"convert", "train"}),
        ({"extract": {"num_frames": 9}}, {"extract", "augment", "train"}),
        ({"pose": {"person": "largest"}}, {"pose", "train"}),
        ({"split": {"train": 0.6, "test": 0.25}}, {"split"}),
        ({"split": {"folds": 3}}, {"split"}),
        ({"downsample": {"method": "downsample"}}, {"downsample", "train"}),
        ({"augment": {"num_views": 1}}, {"augment", "train"}),
        ({"drawn": {"sequences": 9}}, {"augment", "train", "evaluate"}),
        ({"dataset": {"synthetic": True}}, {"augment", "features", "train", "evaluate"}),
        ({"backbone": {"name": "other"}}, {"features", "train"}),
        ({"features": {"runtime": "keras"}}, {"features"}),
        ({"train": {"num_threads": 1}}, {"train", "evaluate"}),
        ({"models": {"mobilenet_lstm": {"epochs": 5}}}, {"train"}),
        ({"models": {"cnn3d": {"epochs": 5}}}, {"train"}),  # which then reuses
        ({"model": "cnn3d"}, {"train", "evaluate"}),
        ({"evaluate": {"num_bootstrap": 60}}, {"evaluate"}),
        ({"tracking": {"required": False}}, set()),
        ({"workers": 1}, set()),
        ({"cache": {"max_gigabytes": 40}}, set()),
    ],
)
def test_parameter_reruns_the_stages_that_read_it(project, monkeypatch, change, first_stages):
    monkeypatch.chdir(project.folder)
    path = project.folder / "params.yaml"
    before = path.read_text()
    try:
        project.set_params(change)
        with Repo() as repo:  # as `dvc status` does, which takes a second to start
            changed = repo.status()
    finally:
        path.write_text(before)
    assert set(changed) == {"settings"} | first_stages


def test_bad_video_is_reported_and_the_rest_goes_on(project, tmp_path):
    copy = tmp_path / "videos"
    shutil.copytree(project.folder / "data" / "videos", copy)
    (copy / "still" / "p0_9.mp4").write_bytes(b"")
    converted = tmp_path / "converted"
    before = (project.folder / "params.yaml").read_text()
    project.set_params({"dataset": {"videos": str(copy)}})
    try:
        printed = project.run("python", "-m", "stages.convert", "--out", str(converted))
    finally:
        (project.folder / "params.yaml").write_text(before)
    assert "1 failed" in printed
    report = pd.read_csv(converted / "report.csv", keep_default_na=False)
    failed = report[report["status"] == "failed"]
    assert list(failed["source"]) == [f"{copy.as_posix()}/still/p0_9.mp4"]
    assert failed["reason"].str.len().gt(0).all()


@pytest.fixture(scope="module")
def with_other(other_run, tmp_path_factory) -> Project:
    """A project with an experiment of another model."""
    folder = tmp_path_factory.mktemp("with_other") / "project"
    return Project(shutil.copytree(other_run / "project", folder, symlinks=True))


def test_experiment_with_the_other_model_reruns_train_and_evaluate_only(with_other, other_run):
    project, printed = with_other, (other_run / "printed").read_text()
    assert ran_stages(printed) == ["settings", "train", "evaluate"]
    assert project.metrics()["model"] == "cnn3d"
    table = project.run("dvc", "exp", "show", "--csv")
    assert "other" in table
    plots = project.run("dvc", "plots", "diff", "HEAD", "other", "--out", "compared")
    assert "index.html" in plots
    difference = project.run(*shlex.split(command_of_readme("dvc metrics diff"))).splitlines()
    assert any(re.match(r"metrics/metrics.json +accuracy ", line) for line in difference)
    assert max(map(len, difference)) <= 100
    runs = mlflow_runs(project)
    assert sorted(run.data.params["model"] for run in runs) == ["cnn3d", "mobilenet_lstm"]
    run = next(run for run in runs if run.data.tags["dvc.experiment"] == "other")
    assert run.info.run_id in table
    assert json.loads((project.folder / "metrics" / "run.json").read_text()) == {
        "mlflow_run": run.info.run_id
    }
    assert run.data.params["seed"] == "42"
    hashes = project.folder / "mlruns" / run.info.run_id / "artifacts" / "hashes.json"
    hashes = json.loads(hashes.read_text())
    assert hashes["data/clips"].endswith(".dir")
    assert [path for path in hashes if path.startswith("models/")] == ["models/cnn3d"]
    assert_readme_shows_both_in_80_columns(project)


def command_of_readme(start):
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    return re.search(rf"^{start} [^#\n]*", readme, re.MULTILINE)[0]


def assert_readme_shows_both_in_80_columns(project):
    command = command_of_readme("dvc exp show")
    shown = project.run(*shlex.split(command), "--no-pager")
    heading, *rows = [line for line in shown.splitlines() if line.strip(" ─")]
    assert heading.split() == ["Experiment", "accuracy", "macro_f1", "loss", "params.yaml:model"]
    assert [row.split()[-1] for row in rows] == ["cnn3d", "mobilenet_lstm", "cnn3d"]
    assert max(map(len, shown.splitlines())) <= 80  # what is printed to no terminal has 80


def test_recipe_for_pull_requests_writes_what_changed(with_other, tmp_path):
    recipe = yaml.safe_load((ROOT / "docs/recipes/compare-pull-request.yml").read_text())
    steps = {step.get("name"): step for step in recipe["jobs"]["compare"]["steps"]}
    script = steps["Compare"]["run"].replace("source .venv/bin/activate\n", "")
    variables = [f"GITHUB_STEP_SUMMARY={tmp_path / 'summary'}", "BASE=HEAD"]
    with_other.run("env", *variables, "bash", "-euo", "pipefail", "-c", script)
    written = (tmp_path / "summary").read_text()
    assert "| metrics/metrics.json | accuracy_low " in written
    assert "mobilenet_lstm" in written


def test_queued_experiments_share_cache_and_database(project):
    for name, epochs in {"longer": 5, "shorter": 3, "broken": 0}.items():
        changes = ["-S", f"models.mobilenet_lstm.epochs={epochs}"]
        project.run("dvc", "exp", "run", "--queue", "--name", name, *changes)
    project.run("dvc", "queue", "start", "--jobs", "2")
    deadline = time.monotonic() + 300
    while any(word in (said := project.run("dvc", "queue", "status")) for word in UNFINISHED):
        assert time.monotonic() < deadline, said
        time.sleep(4)  # asking takes a second of a processor that the experiments want
    ended = {line.split()[1]: line.split()[-1] for line in said.splitlines() if "M " in line}
    assert ended == {"longer": "Success", "shorter": "Success", "broken": "Failed"}
    logged = project.run("dvc", "queue", "logs", "broken")
    assert "models.mobilenet_lstm.epochs is 0; expected a whole number of 1 or more" in logged
    runs = {run.data.tags["dvc.experiment"]: run.info.status for run in mlflow_runs(project)}
    assert (runs["longer"], runs["shorter"]) == ("FINISHED", "FINISHED")
    assert "broken" not in runs  # refused before anything was trained
