"""MLflow's registry: versions of trainings, challenger and champion."""

import functools
import json
from dataclasses import replace
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from places import ROOT

import har.tracking.results
from har.__main__ import main
from har.engine.files import write_json
from har.engine.runtime import keras
from har.recognizer.recognizer import Recognizer
from har.settings import load_settings
from har.settings.loading import changed_settings
from har.tracking.connection import connect
from har.tracking.logged_model import find_model, log_model
from har.tracking.registry import find_alias, find_version, read_run_predictions, register
from har.tracking.results import log_evaluation
from har.tracking.runs import find_run, open_run

PARAMS = {"models": {"tiny": {}}, "tracking": {"required": True}}
PEOPLE = 10


def write_predictions(path: Path, num_right: int) -> None:
    """Write predictions of two videos of each person; those of the first are right."""
    numbers = np.arange(2 * PEOPLE)
    table = {
        "video_id": [f"v{number:02}" for number in numbers],
        "subject": [f"p{number // 2}" for number in numbers],
        "label": "walk",
        "predicted": np.where(numbers < num_right, "walk", "sit"),
    }
    pd.DataFrame(table).to_csv(path, index=False)


@functools.cache
def make_recognizer(fingerprint: str) -> Recognizer:
    layers = [keras.Input((2, 4, 4, 3), dtype="uint8"), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(2, "softmax")], name="tiny")
    preprocessing = {"num_frames": 3, "size": 4, "model_frames": 2}
    preprocessing |= {"streams": ["frames"], "context": 1.0, "max_side": 64, "aspect": "stretch"}
    return Recognizer.of_model(
        model, ["sit", "walk"], preprocessing, {"model": "tiny", "fingerprint": fingerprint}
    )


@pytest.fixture(scope="module")
def logged(tmp_path_factory) -> tuple[Path, str]:
    """A project with one logged model; its folder and the model's URI."""
    folder = tmp_path_factory.mktemp("registry")
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it for other processes
        client = connect(folder)
    run_id = open_run(client, model="tiny", fingerprint="logged", params=PARAMS)
    model_uri = log_model(run_id, make_recognizer("logged"))
    return folder, model_uri


@pytest.fixture
def project(logged, monkeypatch):
    """The project in the current folder, with nothing registered; returns a way to register."""
    folder, model_uri = logged
    monkeypatch.chdir(folder)
    client = connect(folder)
    for model in client.search_registered_models():
        client.delete_registered_model(model.name)

    def evaluated(fingerprint: str, num_right: int) -> str:
        run_id = open_run(client, model="tiny", fingerprint=fingerprint, params=PARAMS)
        write_predictions(folder / "predictions.csv", num_right)
        client.log_artifact(run_id, "predictions.csv")
        of = {"fingerprint": fingerprint, "run_id": run_id, "description": f"of {run_id}"}
        register(client, model_uri=model_uri, **of)
        return run_id

    evaluated.client = client
    return evaluated


def run_verb(*arguments: str, capsys) -> tuple[int, str, str]:
    """Run `compare` in this process; return its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as end:
        main(["compare", *arguments])
    said = capsys.readouterr()
    return end.value.code or 0, said.out, said.err


def test_register_makes_one_version_a_training(project, capfd):
    project("f1", 10)
    assert find_alias(project.client, "challenger").version == 1
    project("f2", 10)
    newest = project("f1", 12)
    versions = project.client.search_model_versions("name = 'har'")
    assert len(versions) == 2
    challenger = find_alias(project.client, "challenger")
    assert challenger.version == find_version(project.client, "f1").version == 1
    assert challenger.tags["har.run"] == newest  # the newest predictions, not the first
    assert challenger.description == f"of {newest}"
    assert project.client.get_registered_model("har").description.startswith("What people do")
    assert capfd.readouterr().err == ""
    assert find_alias(project.client, "champion") is None


def test_a_version_has_a_signature(project):
    project("f1", 10)
    info = mlflow.models.get_model_info("models:/har@challenger")
    assert info.signature.inputs.input_names() == ["video"]
    assert set(info.signature.outputs.input_names()) >= {"answer", "probabilities", "segments"}


def test_find_version_and_find_alias_know_when_there_is_none(project):
    assert find_version(project.client, "f1") is None
    assert find_alias(project.client, "champion") is None


def test_read_run_predictions_says_when_a_run_was_never_evaluated(project):
    run_id = open_run(project.client, model="tiny", fingerprint="f9", params=PARAMS)
    with pytest.raises(ValueError, match=f"run {run_id} has no predictions.csv: its model was"):
        read_run_predictions(project.client, run_id)


def test_compare_promotes_the_better_one(project, capsys):
    weak, strong = project("weak", 2), project("strong", 19)
    code, out, err = run_verb(weak, "challenger", "--promote", capsys=capsys)
    assert (code, err) == (0, "")
    assert f"version 2 in MLflow, run {strong}" in out
    assert out.endswith("challenger is the champion now: version 2 of har\n")
    champion = find_alias(project.client, "champion")
    tags = {key: value for key, value in champion.tags.items() if key.startswith("promotion.")}
    assert float(tags.pop("promotion.low")) > 0
    assert float(tags.pop("promotion.high")) <= 1
    assert tags == {
        "promotion.winner": "challenger",
        "promotion.compared_with": weak,
        "promotion.compared_with_fingerprint": "weak",
        "promotion.forced": "false",
        "promotion.difference": "0.8500",
        "promotion.p_value": "1.526e-05",  # 2 / 2**17
        "promotion.num_videos": "20",
        "promotion.num_people": "10",
        "promotion.replaced_version": "",
    }


def test_compare_refuses_without_a_gain_and_force_is_kept_in_tags(project, capsys):
    weak, strong = project("weak", 2), project("strong", 19)
    code, _, err = run_verb(strong, weak, "--promote", capsys=capsys)
    assert code == 1
    assert f"{weak} is not promoted: the comparison does not show that {weak} is better" in err
    assert find_alias(project.client, "champion") is None
    assert run_verb(strong, strong, "--promote", capsys=capsys)[0] == 1  # no gain is not enough
    code, out, err = run_verb(strong, weak, "--promote", "--force", "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out)["comparisons"][0]["verdict"] == "worse"  # JSON and nothing else
    assert f"{weak} is the champion now: version 1 of har, by force: the comparison does" in err
    champion = find_alias(project.client, "champion")
    assert champion.version == 1
    assert champion.tags["promotion.forced"] == "true"
    assert champion.tags["promotion.winner"] == strong


def test_compare_promotes_only_over_the_champion(project, capsys):
    weak, middle, strong = project("weak", 2), project("middle", 11), project("strong", 20)
    assert run_verb(weak, strong, "--promote", capsys=capsys)[0] == 0
    code, _, err = run_verb(weak, middle, "--promote", capsys=capsys)
    assert code == 1
    assert f"the champion is version 3 and {middle} was compared with another model" in err
    assert f"python -m har compare champion {middle} --promote" in err
    assert run_verb("champion", middle, "--promote", capsys=capsys)[0] == 1
    assert find_alias(project.client, "champion").version == 3
    assert run_verb("champion", middle, "--promote", "--force", capsys=capsys)[0] == 0
    assert run_verb("champion", strong, "--promote", capsys=capsys)[0] == 0
    champion = find_alias(project.client, "champion")
    assert champion.tags["promotion.replaced_version"] == "2"
    assert champion.tags["promotion.forced"] == "false"


def test_compare_does_not_promote_what_nobody_knows_the_training_of(project, tmp_path, capsys):
    weak = project("weak", 2)
    write_predictions(tmp_path / "predictions.csv", 20)
    code, _, err = run_verb(weak, str(tmp_path), "--promote", "--force", capsys=capsys)
    assert code == 1
    assert f"{tmp_path} is not registered in MLflow at sqlite:///" in err


def test_compare_says_that_a_server_is_lost(project, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    code, _, err = run_verb("champion", "challenger", capsys=capsys)
    assert code == 1
    assert "MLflow at http://127.0.0.1:9 cannot be used" in err


def log(fingerprint: str, *, required: bool) -> str | None:
    """Log an evaluation in the current folder as the stage does."""
    plots = Path("metrics/plots")
    plots.mkdir(parents=True, exist_ok=True)
    (plots / "history.csv").write_text("epoch,split,accuracy,loss\n1,val,0.5,1.0\n")
    write_json({"accuracy": 0.25}, Path("metrics/metrics.json"))
    write_json({"milliseconds_per_clip": 2.5}, Path("metrics/speed.json"))
    write_json({"per_class": {"sit": {"f1": 0.5}}}, Path("metrics/scores.json"))
    write_predictions(Path("metrics/predictions.csv"), 5)
    np.save("clip.npy", np.zeros((3, 4, 4, 3), np.uint8))
    settings = changed_settings(load_settings(), {"tracking.required": required})
    made_by = {"model": "fusion", "fingerprint": fingerprint}
    return log_evaluation(
        replace(make_recognizer(fingerprint), params=made_by),
        Path("metrics"),
        settings,
        description="tiny, accuracy 0.25",
    )


def test_evaluate_registers_the_model(project, capsys):
    run_id = log("f5", required=True)
    version = find_alias(project.client, "challenger")
    assert version.run_id == version.tags["har.run"] == run_id
    model = find_model(project.client, run_id)
    assert log("f5", required=True) == run_id
    assert find_model(project.client, run_id) == model  # and no second one
    assert len(project.client.get_run(run_id).outputs.model_outputs) == 1
    assert len(project.client.search_model_versions("name = 'har'")) == 1
    code, out, _ = run_verb("challenger", run_id, capsys=capsys)
    assert code == 0
    assert "cannot be told apart" in out


def test_evaluate_keeps_the_run_where_registering_fails(project, monkeypatch, capsys):
    def fail(*arguments, **options):
        raise MlflowException("the registry is full")

    monkeypatch.setattr(har.tracking.results, "register", fail)
    run_id = log("f6", required=False)
    assert "the registry is full. It goes on without" in capsys.readouterr().out
    assert run_id == find_run(project.client, "f6")
    run = project.client.get_run(run_id)
    assert run.info.status == "FAILED"
    assert run.data.metrics == {
        "accuracy": 0.25,
        "milliseconds_per_clip": 2.5,
        "val_accuracy": 0.5,
        "val_loss": 1.0,
    }
    assert run.data.tags["mlflow.note.content"] == "tiny, accuracy 0.25"
    with pytest.raises(ValueError, match=r"the registry is full\. Start that server"):
        log("f6", required=True)
    assert find_run(project.client, "f6") == run_id
