"""A team's MLflow server with PostgreSQL: experiments at once, and a restart in the middle."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
from brightness import brightness_recognizer
from mlflow import MlflowClient
from one_experiment import NUM_EPOCHS, prepare
from places import ROOT
from postgres_server import MlflowServer, start_postgres

from har.tracking.registry import MODEL_NAME, RUN_TAG
from har.tracking.runs import FINGERPRINT_TAG

pytestmark = pytest.mark.slow
NUM_EXPERIMENTS = 8


@pytest.fixture
def postgres():
    with start_postgres() as postgres:
        yield postgres


@pytest.fixture
def server(postgres, tmp_path):
    server = MlflowServer(postgres.address, tmp_path)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def start_all(folder: Path, address: str) -> list[subprocess.Popen]:
    """Start all experiments at once, each in a project of its own."""
    brightness_recognizer().save(folder / "whole")
    variables = {"MLFLOW_TRACKING_URI": address, "DVC_EXP_NAME": "", "DVC_ROOT": ""}
    variables["PYTHONPATH"] = os.pathsep.join([*sys.path[:1], str(ROOT), str(ROOT / "tests")])
    if os.environ.get("PYTHONPATH"):
        variables["PYTHONPATH"] += os.pathsep + os.environ["PYTHONPATH"]
    started = []
    for number in range(NUM_EXPERIMENTS):
        project = folder / f"project{number}"
        prepare(project, number, folder / "whole")
        command = [sys.executable, str(ROOT / "tests" / "one_experiment.py"), str(number)]
        with (project / "log").open("w") as log:
            started.append(
                subprocess.Popen(
                    command, cwd=project, env=os.environ | variables, stdout=log, stderr=log
                )
            )
    return started


def wait_for_runs(client: MlflowClient) -> None:
    """Wait until all experiments are at work."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        experiment = client.get_experiment_by_name("har")
        if experiment:
            runs = client.search_runs([experiment.experiment_id])
            if sum("val_loss" in run.data.metrics for run in runs) == NUM_EXPERIMENTS:
                return
        time.sleep(1)
    raise AssertionError("not all experiments have begun")


def read_logs(folder: Path) -> list[str]:
    return [(folder / f"project{number}/log").read_text() for number in range(NUM_EXPERIMENTS)]


def test_experiments_at_once_lose_nothing_and_mix_nothing_up(server, postgres, tmp_path):
    processes = start_all(tmp_path, server.address)
    client = MlflowClient(server.address)
    try:
        wait_for_runs(client)
        assert not any("again" in log for log in read_logs(tmp_path))
        server.kill()
        postgres.control("restart", "-m", "immediate")  # as after a power cut
        time.sleep(2)
        server.start()
        codes = [process.wait(600) for process in processes]
    finally:
        for process in processes:
            process.kill()
    logs = read_logs(tmp_path)
    assert codes == [0] * NUM_EXPERIMENTS, "\n".join(logs)
    assert any("lost" in log or "again" in log for log in logs)  # the restart was felt
    assert not any("UniqueViolation" in log for log in logs)  # and nothing else
    mlflow.set_tracking_uri(server.address)
    experiment = client.get_experiment_by_name("har")
    runs = client.search_runs([experiment.experiment_id])
    names = sorted(run.data.tags[FINGERPRINT_TAG] for run in runs)
    assert names == [f"experiment{number}" for number in range(NUM_EXPERIMENTS)]
    versions = client.search_model_versions(f"name = '{MODEL_NAME}'")
    assert len({version.version for version in versions}) == len(versions) == NUM_EXPERIMENTS
    of_run = {version.tags[RUN_TAG]: version for version in versions}
    for run in runs:
        check_run(client, run, of_run[run.info.run_id], tmp_path / "downloads")


def check_run(client: MlflowClient, run, version, downloads: Path) -> None:
    """Check that a run has all of its experiment, once, and nothing of another."""
    run_id, number = run.info.run_id, int(run.data.tags[FINGERPRINT_TAG][len("experiment") :])
    assert run.info.status == "FINISHED"
    assert run.data.params["seed"] == "42"
    history = client.get_metric_history(run_id, "val_accuracy")
    assert sorted(metric.step for metric in history) == list(range(1, NUM_EPOCHS + 1))
    assert {metric.value for metric in history} == {number / 100}
    assert run.data.metrics["metrics_number"] == number
    folder = downloads / run_id
    folder.mkdir(parents=True)
    path = client.download_artifacts(run_id, "predictions.csv", str(folder))
    assert Path(path).read_text() == f"video_id\nof experiment {number}\n"
    assert version.tags[FINGERPRINT_TAG] == f"experiment{number}"
    place = mlflow.artifacts.download_artifacts(
        f"models:/{MODEL_NAME}/{version.version}", dst_path=str(folder)
    )
    (params,) = Path(place).rglob("recognizer/params.json")
    assert json.loads(params.read_text())["fingerprint"] == f"experiment{number}"
