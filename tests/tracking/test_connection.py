"""Connecting to MLflow: the project's own database, or a server, reached or not."""

import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from places import ROOT

from har.tracking.connection import TAGS, connect, explained_errors


def test_connect_makes_the_project_database_once(client, root):
    assert (root / "mlflow.db").is_file()
    first = client.get_experiment_by_name("har")
    assert first.artifact_location == "mlruns"
    assert connect(root).get_experiment_by_name("har").experiment_id == first.experiment_id
    # `mlflow ui` then shows the list of runs and not its mode for language models.
    assert first.tags["mlflow.experimentKind"] == "custom_model_development"


@pytest.mark.parametrize("content", [b"", b"\0" * 4096, b"torn"])
def test_connect_takes_no_damaged_database_for_a_new_one(tmp_path, content, capsys):
    database = tmp_path / "mlflow.db"
    database.write_bytes(content)
    with pytest.raises(ValueError, match=rf"is no database \({len(content)} bytes\).*move it away"):
        connect(tmp_path)
    assert connect(tmp_path, required=False) is None
    assert "is no database" in capsys.readouterr().out
    assert database.read_bytes() == content
    database.unlink()
    assert connect(tmp_path).get_experiment_by_name("har")


def test_connect_says_to_an_old_database_what_it_is_for(tmp_path):
    client = connect(tmp_path)
    experiment = client.get_experiment_by_name("har")
    for name in TAGS:
        client.delete_experiment_tag(experiment.experiment_id, name)
    assert connect(tmp_path).get_experiment_by_name("har").tags == TAGS


@pytest.mark.slow
def test_connect_after_kills_while_the_database_is_made(tmp_path):
    program = "import pathlib; from har.tracking.connection import connect; connect(pathlib.Path())"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    unfinished = tmp_path / ".har" / "mlflow-new"
    for delay in (0.0, 0.1, 0.3):  # of about a second
        shutil.rmtree(unfinished, ignore_errors=True)
        process = subprocess.Popen([sys.executable, "-c", program], cwd=tmp_path, env=environment)
        while not (unfinished / "mlflow.db").exists():
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(delay)
        process.kill()
        process.wait()
        assert not (tmp_path / "mlflow.db").exists()
    assert connect(tmp_path).get_experiment_by_name("har")
    assert [file.name for file in (tmp_path / ".har").iterdir()] == ["mlflow.lock"]


def test_connect_makes_a_database_in_each_project(tmp_path, monkeypatch):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        monkeypatch.chdir(tmp_path / name)
        monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)  # MLflow sets it
        connect(Path())
        assert (tmp_path / name / "mlflow.db").is_file()


def test_connect_explains_a_damaged_database(tmp_path):
    with sqlite3.connect(tmp_path / "mlflow.db") as database:
        database.execute("CREATE TABLE experiments (name TEXT)")
    with pytest.raises(ValueError, match="damaged, move it away"):
        connect(tmp_path)


def test_connect_says_at_once_that_a_server_cannot_be_reached(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    start = time.perf_counter()
    message = r"MLflow at http://127\.0\.0\.1:9 cannot be used: .*unset MLFLOW_TRACKING_URI"
    with pytest.raises(ValueError, match=message):
        connect(tmp_path)
    assert time.perf_counter() - start < 20
    assert not (tmp_path / "mlflow.db").exists()


def test_connect_gives_up_on_a_server_that_does_not_answer(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(ValueError, match=r"tracking\.required to false"):
            connect(tmp_path)


def test_connect_warns_when_no_server_is_required(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    assert connect(tmp_path, required=False) is None
    assert capsys.readouterr().out.startswith("warning: MLflow at http://127.0.0.1:9 cannot be")


def test_connect_lets_processes_make_the_database_together(tmp_path):
    script = (
        "import sys, pathlib; from har.tracking.connection import connect; "
        "connect(pathlib.Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    started = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate()[1] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert connect(tmp_path).get_experiment_by_name("har") is not None


def test_explained_errors_fail_only_where_mlflow_is_required(client, capsys):
    message = "what is finished is kept"
    with pytest.raises(ValueError, match=message), explained_errors(required=True):
        client.get_run("missing")
    with explained_errors(required=False):
        client.get_run("missing")
    assert "It goes on without" in capsys.readouterr().out
