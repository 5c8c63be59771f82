"""Cross-validation by people, of two folds of a project whose pipeline has run once."""

import pandas as pd
import pytest
from mlflow import MlflowClient
from tiny_project import NUM_VIDEOS, mlflow_runs, ran_stages

pytestmark = pytest.mark.slow

# Other clips than those that are there; who does not train stays in the manifest and is tested. The
# model sees the frames alone.
CHANGES = ("extract.aspect=pad", "split.train_people=1", "features.streams=[frames]")


def test_crossval_tests_everybody_once_and_decodes_nothing_twice(project):
    runs_before, versions_before = logged(project)
    command = ["python", "-m", "har", "crossval", "--folds", "2"]
    command += [part for change in CHANGES for part in ("-S", change)]
    printed = project.run(*command)
    assert "fold 2 of 2" in printed
    assert "Mean of the 2 folds" in printed
    folder = next((project.folder / "crossval").iterdir())
    pooled = pd.read_csv(folder / "predictions.csv")
    assert len(pooled) == NUM_VIDEOS
    assert pooled.groupby("subject")["fold"].nunique().eq(1).all()
    first, second = [ran_stages(log.read_text()) for log in sorted((folder / "logs").iterdir())]
    assert "extract" in first
    assert "train" in second
    assert not {"convert", "extract"} & set(second)
    runs, versions = logged(project)
    assert versions == versions_before  # a fold's model is no challenger
    assert len(runs) == len(runs_before) + 3
    new = {run.info.run_name: run for key, run in runs.items() if key not in runs_before}
    parent = new.pop(folder.name)
    assert parent.data.metrics["num_folds"] == 2
    assert {run.data.tags["mlflow.parentRunId"] for run in new.values()} == {parent.info.run_id}
    again = project.run(*command)
    assert again.count("there before") == 2
    assert len(mlflow_runs(project)) == len(runs)
    failed = project.run(*command, "-S", "split.train=2", check=False)
    assert "split.train is 2; expected a number of 0 or more and below 1." in failed
    assert "the folds that ended are kept" in failed


def logged(project):
    """Return the runs in MLflow by their identifier, and how many models are registered."""
    client = MlflowClient(f"sqlite:///{project.folder / 'mlflow.db'}")
    runs = {run.info.run_id: run for run in mlflow_runs(project)}
    return runs, len(client.search_model_versions())
