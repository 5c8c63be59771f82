"""MLflow: one run per training, with all that belongs to it."""

import base64
import contextlib
import errno
import functools
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
import yaml
from mlflow.exceptions import MlflowException

from har.engine.errors import plain_errors
from har.engine.files import disk_full
from har.engine.runtime import keras
from har.recognizer.recognizer import Recognizer
from har.settings import Settings
from har.tracking.connection import connect, explained_errors
from har.tracking.logged_model import find_model, log_model
from har.tracking.runs import (
    NOT_OF_A_MODEL,
    HistoryMirror,
    ended_run,
    find_run,
    log_history,
    log_results,
    open_run,
    params_of_model,
)

PARAMS = {
    "model": "tiny",
    "seed": 42,
    "augment": {"speed": [0.5, 2.0]},
    "convert": {"max_side": 640, "timeout_seconds": 600},
    "cache": {"max_gigabytes": 50},
    "models": {"tiny": {"epochs": 2}, "other": {"epochs": 3}},
}
METRICS = {
    "model": "tiny",
    "accuracy": 0.75,
    "num_test_videos": 8,
    "per_class": {"sitting (down)": {"f1": 0.5}},
}
HISTORY = [
    {"epoch": epoch, "split": split, "accuracy": epoch / 2, "loss": 1 / epoch}
    for epoch in (1, 2)
    for split in ("train", "val")
]
LOCK = {
    "schema": "2.0",
    "stages": {
        "convert": {
            "cmd": "python",
            "deps": [
                {"path": "stages/convert.py", "md5": "c0de"},
                {"path": "har/video", "md5": "c0de.dir"},
                {"path": "my videos (1)", "md5": "abc.dir"},
            ],
            "outs": [{"path": "data/converted_videos", "md5": "def.dir"}],
        },
        "settings": {"cmd": "python", "deps": [{"path": "params.yaml", "md5": "5e7"}]},
        "train": {"cmd": "python", "outs": [{"path": "models/tiny", "md5": "123.dir"}]},
        # Of the evaluation before: the one that logs this run is still at work.
        "evaluate": {
            "cmd": "python",
            "deps": [{"path": "models/other", "md5": "456.dir"}],
            "outs": [{"path": "metrics/scores.json", "md5": "789"}],
        },
        "say": {"cmd": "echo"},
    },
}


@pytest.fixture(autouse=True)
def _in_the_project(root, monkeypatch):
    monkeypatch.chdir(root)


@functools.cache
def make_recognizer() -> Recognizer:
    layers = [keras.Input((2, 4, 4, 3), dtype="uint8"), keras.layers.Flatten()]
    model = keras.Sequential([*layers, keras.layers.Dense(2, "softmax")], name="tiny")
    preprocessing = {"num_frames": 3, "size": 4, "model_frames": 2}
    preprocessing |= {"streams": ["frames"], "context": 1.0, "max_side": 64}
    preprocessing |= {"aspect": "stretch", "person": "moving"}
    return Recognizer.of_model(model, ["sitting", "waving"], preprocessing, {})


def test_open_run_keeps_parameters_and_tags(client, monkeypatch):
    monkeypatch.setenv("DVC_EXP_NAME", "tidy-lamb")
    run = client.get_run(open_run(client, model="tiny", fingerprint="f1", params=PARAMS))
    assert run.data.params == {
        "model": "tiny", "seed": "42", "epochs": "2", "augment.speed": "[0.5, 2.0]",
        "convert.max_side": "640",
    }  # fmt: skip
    assert run.info.run_name == "tiny tidy-lamb"
    assert run.data.tags["har.fingerprint"] == "f1"
    assert run.data.tags["dvc.experiment"] == "tidy-lamb"
    assert run.data.tags["mlflow.source.name"] == "dvc.yaml"
    assert run.data.tags["mlflow.source.type"] == "LOCAL"
    assert run.data.tags["environment.keras"] == keras.__version__
    assert run.data.tags["mlflow.source.git.dirty"] in ("true", "false")


def test_parameters_have_the_same_names_for_all_models():
    params = Settings().as_params()
    fusion, attention = (params_of_model(params, name) for name in ("fusion", "attention"))
    assert set(attention) - set(fusion) == {"num_layers", "width"}
    assert set(fusion) - set(attention) == {"backwards"}
    assert len(fusion) < 50
    assert [name for name in NOT_OF_A_MODEL if f"'{name}'" not in str(params)] == []


def test_open_run_works_without_git(client, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    run = client.get_run(open_run(client, model="tiny", fingerprint="f0", params=PARAMS))
    assert run.data.tags["mlflow.source.git.commit"] == ""


def test_find_run_finds_the_newest_of_a_training(client):
    assert find_run(client, "f2") is None
    open_run(client, model="tiny", fingerprint="f2", params=PARAMS)
    time.sleep(0.01)  # runs are ordered by the millisecond
    newest = open_run(client, model="tiny", fingerprint="f2", params=PARAMS)
    open_run(client, model="tiny", fingerprint="f3", params=PARAMS)
    assert find_run(client, "f2") == newest


def test_log_history_makes_curves(client):
    run_id = open_run(client, model="tiny", fingerprint="f4", params=PARAMS)
    log_history(client, run_id, HISTORY[:2])
    log_history(client, run_id, HISTORY[2:])
    for name, values in {"train_accuracy": [0.5, 1.0], "val_loss": [1.0, 0.5]}.items():
        points = sorted(client.get_metric_history(run_id, name), key=lambda point: point.step)
        assert [(point.step, point.value) for point in points] == list(
            zip([1, 2], values, strict=True)
        )


def test_log_history_takes_more_points_than_a_server_takes_at_once(client):
    run_id = open_run(client, model="tiny", fingerprint="f5", params=PARAMS)
    rows = [{"epoch": i, "split": "val", "accuracy": 0.5, "loss": 1.0} for i in range(600)]
    log_history(client, run_id, rows)
    assert len(client.get_metric_history(run_id, "val_loss")) == 600


def test_history_mirror_shows_epochs_that_follow_each_other_closely_together(client):
    run_id = open_run(client, model="tiny", fingerprint="f8", params=PARAMS)
    mirror = HistoryMirror(client, run_id)
    mirror(HISTORY[:2])
    mirror(HISTORY[2:])  # within MIRROR_SECONDS
    assert [point.step for point in client.get_metric_history(run_id, "val_loss")] == [1]
    mirror.flush()
    assert len(client.get_metric_history(run_id, "val_loss")) == 2


def test_log_results_shows_what_is_compared(client, root, tmp_path, capfd):
    run_id = open_run(client, model="tiny", fingerprint="f6", params=PARAMS)
    picture = tmp_path / "confusion.png"
    picture.write_bytes(b"picture")
    (tmp_path / "dvc.lock").write_text(yaml.safe_dump(LOCK))
    log_results(
        client,
        run_id,
        metrics=METRICS,
        description="accuracy 0.75 (0.4 to 0.9)",
        files=[picture],
        lock=tmp_path / "dvc.lock",
        videos=Path("my videos (1)"),
    )
    run = client.get_run(run_id)
    assert run.data.metrics == {
        "accuracy": 0.75, "num_test_videos": 8.0, "per_class.sitting _down_.f1": 0.5,
    }  # fmt: skip
    hashes = json.loads((root / "mlruns" / run_id / "artifacts" / "hashes.json").read_text())
    assert hashes == {
        "my videos (1)": "abc.dir",
        "data/converted_videos": "def.dir",
        "models/tiny": "123.dir",
    }
    assert "abc.dir" not in run.data.tags.values()
    assert run.data.tags["mlflow.note.content"] == "accuracy 0.75 (0.4 to 0.9)"
    (shown,) = run.inputs.dataset_inputs
    assert (shown.dataset.name, shown.dataset.digest) == ("my videos (1)", "abc.dir")
    assert json.loads(shown.dataset.source) == {"uri": "my videos (1)"}
    assert [file.path for file in client.list_artifacts(run_id)] == ["confusion.png", "hashes.json"]


def test_log_model_keeps_a_model_that_answers(client, capfd):
    run_id = open_run(client, model="tiny", fingerprint="f9", params=PARAMS)
    recognizer = make_recognizer()
    assert find_model(client, run_id) is None
    capfd.readouterr()
    model_uri = log_model(run_id, recognizer)
    said = "".join(capfd.readouterr())
    assert not said, said
    assert client.get_run(run_id).info.status == "FINISHED"
    assert find_model(client, run_id) == model_uri
    info = mlflow.models.get_model_info(model_uri)
    assert info.signature.inputs.input_names() == ["video"]
    assert "answer" in info.signature.outputs.input_names()
    assert info.metadata["labels"] == ["sitting", "waving"]
    loaded = mlflow.pyfunc.load_model(model_uri)
    clip = np.random.default_rng(0).integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    file = io.BytesIO()
    np.save(file, clip)
    video = base64.b64encode(file.getvalue()).decode()
    said = loaded.predict(pd.DataFrame({"video": [video]}))["probabilities"][0]
    assert list(said.values()) == recognizer.predict(clip).tolist()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A real tracking server on this machine alone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = ["-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{tmp_path / 'server.db'}"]
    command += ["--artifacts-destination", str(tmp_path / "artifacts")]
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=tmp_path,
        env=os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    address = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + 120
    while not answers(f"{address}/health"):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.2)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    yield process
    stop(process)


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=1) as response:  # noqa: S310
            return response.status == 200
    except OSError:
        return False


def stop(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@pytest.mark.slow
def test_a_real_server_works_and_its_loss_does_not_stop_training(server, tmp_path, capsys):
    client = connect(tmp_path)
    assert not (tmp_path / "mlflow.db").exists()
    run_id = open_run(client, model="tiny", fingerprint="f7", params=PARAMS)
    mirror = HistoryMirror(client, run_id)
    mirror(HISTORY[:2])
    (tmp_path / "notes.txt").write_text("seen")
    log_results(
        client,
        run_id,
        metrics=METRICS,
        description="fine",
        files=[tmp_path / "notes.txt"],
        lock=tmp_path / "dvc.lock",
        videos=Path("data/videos"),
    )
    assert find_model(client, run_id) is None
    assert log_model(run_id, make_recognizer()) == find_model(client, run_id)
    assert client.get_run(run_id).data.metrics["val_loss"] == 1.0
    assert [file.path for file in client.list_artifacts(run_id)] == ["hashes.json", "notes.txt"]
    stop(server)
    mirror(HISTORY[2:])
    mirror.flush()
    mirror(HISTORY[2:])
    mirror.flush()
    assert capsys.readouterr().out.count("Training goes on") == 1


def test_ended_run_says_how_a_run_ended(client):
    endings = {"FINISHED": None, "FAILED": ValueError, "KILLED": KeyboardInterrupt}
    for status, error in endings.items():
        run_id = open_run(client, model="tiny", fingerprint=status, params=PARAMS)
        with contextlib.suppress(ValueError, KeyboardInterrupt), ended_run(client, run_id):
            if error:
                raise error
        assert client.get_run(run_id).info.status == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_is_not_left_running_by_a_process_that_is_ended(client, number):
    run_id = open_run(client, model="tiny", fingerprint="ended", params=PARAMS)

    def train():
        with plain_errors(), ended_run(client, run_id):
            os.kill(os.getpid(), number)
            time.sleep(10)

    with pytest.raises(SystemExit):
        train()
    assert client.get_run(run_id).info.status == "KILLED"


def test_a_full_disk_is_no_fault_of_mlflow(client, capsys):
    full = MlflowException("(sqlite3.OperationalError) database or disk is full")
    for required in (True, False):  # nothing goes on with a full disk
        with (
            pytest.raises(OSError, match=r"mlflow\.db") as caught,
            explained_errors(required=required),
        ):
            raise full
        assert caught.value.errno == errno.ENOSPC
    run_id = open_run(client, model="tiny", fingerprint="full", params=PARAMS)
    with pytest.raises(OSError, match="free"), ended_run(client, run_id):
        raise disk_full(Path("model.keras"))
    assert client.get_run(run_id).info.status == "FAILED"
    assert not capsys.readouterr().out


def test_a_model_that_has_no_room_is_not_begun(client, root, monkeypatch):
    run_id = open_run(client, model="tiny", fingerprint="no room", params=PARAMS)
    kept = set(root.glob("mlruns/models/*"))
    usage = shutil.disk_usage(root)._replace(free=2**20)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(OSError, match="mlruns"), ended_run(client, run_id):
        log_model(run_id, make_recognizer())
    assert set(root.glob("mlruns/models/*")) == kept
    assert client.get_run(run_id).info.status == "FAILED"


def test_ended_run_warns_where_mlflow_is_lost(client, capsys):
    with ended_run(client, "missing"):
        pass
    assert "shows the run missing as running still" in capsys.readouterr().out
