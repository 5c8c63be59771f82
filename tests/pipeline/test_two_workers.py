"""Two processes that train together: the weights of one process, and the chief alone writes."""

import json

import numpy as np
import pytest
from one_stage import stage_arguments
from tiny_project import mlflow_runs
from two_workers import train_together

from har.recognizer.recognizer import load_trained

EPOCHS = 3


@pytest.mark.slow
def test_two_processes_train_what_one_does_and_the_chief_alone_writes(project):
    folder = project.folder / "models" / "mobilenet_lstm"
    # What is drawn within the layers is drawn for each device.
    project.set_params({"models": {"mobilenet_lstm": {"dropout": 0, "epochs": EPOCHS}}})
    num_before = len(mlflow_runs(project))
    project.run("python", *stage_arguments("train"))
    alone = load_trained(folder).get_weights()
    said_alone = json.loads((project.folder / "metrics" / "train.json").read_text())
    project.set_params({"train": {"strategy": "multi_worker"}})
    (folder / "model.keras").unlink()
    chief, worker = train_together(project)
    assert (chief[0], worker[0]) == (0, 0), chief[1] + worker[1]
    assert "process 1 of 2, the chief" in chief[1]
    assert "train: mobilenet_lstm, weights of epoch" in chief[1]
    assert "train: done; the chief writes what was trained" in worker[1]
    for one, other in zip(alone, load_trained(folder).get_weights(), strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-3, atol=1e-4)
    said = json.loads((project.folder / "metrics" / "train.json").read_text())
    assert said["best_epoch"] == said_alone["best_epoch"]
    assert said["val_loss"] == pytest.approx(said_alone["val_loss"], abs=1e-4)
    assert len(mlflow_runs(project)) == num_before + 2  # one process, and the chief of two
    assert not list((project.folder / ".har" / "checkpoints").glob("*"))
