"""`har crossval`: what it prints of folds that have run, and which options reach them."""

import json
from pathlib import Path

import pandas as pd
import pytest
from command_line import run

from har.engine.files import read_json
from har.evaluation.cross_validation import Fold
from har.settings.loading import make_settings

SETTINGS = make_settings({"evaluate": {"num_bootstrap": 50}, "tracking": {"required": False}})
VIDEOS = pd.DataFrame(
    {
        "video_id": ["a1", "a2", "b1", "b2"],
        "subject": ["anna", "anna", "ben", "ben"],
        "label": ["sitting", "waving", "sitting", "waving"],
    }
)


def make_fold(name: str, person: str, predicted: list[str], accuracy: float) -> Fold:
    tested = VIDEOS[VIDEOS["subject"] == person]
    said = {"majority": "sitting", "single_frame": "sitting", "pooled_linear": "waving"}
    return Fold(
        name=name,
        experiment=f"crossval-{name}",
        predictions=tested.assign(predicted=predicted, answer=predicted, **said),
        manifest=VIDEOS,
        metrics={
            "model": "tiny",
            "grouped_by": "metadata.csv",
            "accuracy": accuracy,
            "macro_f1": 0.5,
            "num_test_videos": len(tested),
        },
        settings=SETTINGS,
        clips="abc.dir",
        mlflow_run=None,
        names=["1", "2"],
        seconds=30.0,
    )


@pytest.fixture
def called(project, monkeypatch) -> dict[str, object]:
    """What `run_folds` is called with, which gives two folds at once."""
    called = {}

    def run_folds(prefix, **options):
        called.update(options, prefix=prefix)
        yield make_fold("1", "anna", ["sitting", "waving"], 1.0)
        yield make_fold("2", "ben", ["sitting", "sitting"], 0.5)

    monkeypatch.setattr("har.evaluation.cross_validation.run_folds", run_folds)
    monkeypatch.setattr(
        "har.evaluation.cross_validation.list_git_files", lambda *options, patterns: []
    )  # a digest of which is in the prefix; this folder is no git repository
    monkeypatch.setattr("har.tracking.connection.connect", lambda root, required: None)
    return called


@pytest.mark.parametrize("numbers", ["0,2", "1;2", "all", "1,,2"])
def test_crossval_refuses_numbers_of_people(called, capsys, numbers):
    code, _, err = run("crossval", "--train-people", numbers, capsys=capsys)
    assert code == 2
    assert "is no list of numbers from 1" in err


def test_crossval_prints_folds_and_pooled_scores(called, capsys):
    options = ["--folds", "people", "-S", "model=cnn3d", "-S", "seed=7", "--name", "mine"]
    code, out, _ = run("crossval", *options, capsys=capsys)
    assert code == 0
    assert called["folds"] == "people"
    assert called["overrides"] == ["model=cnn3d", "seed=7"]
    folder = Path("crossval") / called["prefix"]
    assert folder.name.startswith("mine-")
    assert called["logs"] == folder / "logs"
    first, *lines = out.splitlines()
    assert first == f"crossval: the logs of the folds are in {folder / 'logs'}"
    assert [line.startswith("crossval: ") for line in lines[:3]] == [True, True, False]
    assert lines[-2:] == [
        "Mean of the 2 folds 75.0%, standard deviation 35.4%.",  # of 100 % and 50 %
        f"Written to {folder}; compare two such folders with `python -m har compare`.",
    ]
    assert (folder / "predictions.csv").is_file()
    code, out, err = run("crossval", *options, "--json", capsys=capsys)
    assert code == 0
    assert json.loads(out) == {"folder": str(folder)} | read_json(folder / "crossval.json")
    assert first in err
