"""A registered model as MLflow serves it: paths, addresses, base64, frames; errors of one line."""

import base64
import http.server
import importlib.metadata
import io
import json
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from brightness import LABELS, NUM_FRAMES, SIZE, brightness_recognizer
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations
from places import ROOT

from har.tracking.connection import connect
from har.tracking.logged_model import PACKAGES_OF_USE, log_model
from har.tracking.runs import open_run
from har.video.writing import write_video

JSON = "application/json"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A folder with a bright clip, and a long video that is bright and then dark."""
    folder = tmp_path_factory.mktemp("served")
    bright, dark = (np.full((48, 64, 3), grey, np.uint8) for grey in (225, 30))
    write_video(folder / "bright.mp4", [bright] * 20, fps=20)
    write_video(folder / "long.mp4", [bright] * 60 + [dark] * 60, fps=20)
    (folder / "text.mp4").write_text("no video")
    return folder


@pytest.fixture(scope="module")
def served(folder) -> mlflow.pyfunc.PyFuncModel:
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(folder)
        client = connect(folder)
        run_id = open_run(client, model="tiny", fingerprint="f", params={"models": {"tiny": {}}})
        return mlflow.pyfunc.load_model(log_model(run_id, brightness_recognizer()))


@pytest.fixture(scope="module")
def address(folder) -> Iterator[str]:
    """The folder, served over HTTP."""
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.RequestHandlerClass.log_message = lambda *_: None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def predict(served, *videos: str) -> pd.DataFrame:
    return served.predict(pd.DataFrame({"video": list(videos)}))


def post(served, body: str) -> tuple[int, dict]:
    """Return the status and the answer of MLflow's scoring server."""
    try:
        schema = served.metadata.get_input_schema()
        said = invocations(body, JSON, served, schema)
    except MlflowException as error:
        return error.get_http_status_code(), json.loads(error.serialize_as_json())
    return said.status, json.loads(said.response)


def test_a_video_may_be_a_path_an_address_or_base64(served, folder, address):
    path = folder / "bright.mp4"
    text = base64.b64encode(path.read_bytes()).decode()
    named = [str(path), f"{address}/bright.mp4", text, f"data:video/mp4;base64,{text}"]
    said = predict(served, *named)
    assert said["answer"].tolist() == ["bright"] * 4
    assert said["problem"].tolist() == [""] * 4
    assert said["probability"].nunique() == 1
    assert said["probabilities"][0].keys() == set(LABELS)
    assert said["segments"].tolist() == [[]] * 4


def test_a_video_may_be_frames(served):
    frames = np.full((2 * NUM_FRAMES, SIZE, SIZE, 3), 200, np.uint8)
    file = io.BytesIO()
    np.save(file, frames)
    (row,) = predict(served, base64.b64encode(file.getvalue()).decode()).to_dict("records")
    assert row["answer"] == "bright"
    assert row["probability"] == pytest.approx(200 / 255, abs=1e-4)


def test_frames_that_are_none_cost_themselves_only(served, folder):
    (folder / "packed.npy").write_bytes(b"PK\3\4")
    np.savez(folder / "frames.npz", frames=np.zeros(3))
    (folder / "frames.npz").rename(folder / "frames.npy")
    names = [str(folder / name) for name in ("packed.npy", "frames.npy", "bright.mp4")]
    said = predict(served, *names)
    assert said["answer"].tolist() == ["", "", "bright"]
    assert "packed.npy is no whole .npy file" in said["problem"][0]
    assert "frames.npy is a .npz file" in said["problem"][1]


def test_a_long_video_has_segments(served, folder):
    (row,) = predict(served, str(folder / "long.mp4")).to_dict("records")
    assert [one["label"] for one in row["segments"]] == ["bright", "dark"]


def test_a_bad_video_costs_itself_only(served, folder):
    said = predict(served, str(folder / "text.mp4"), str(folder / "bright.mp4"))
    assert said["answer"].tolist() == ["", "bright"]
    assert "text.mp4 is not a video" in said["problem"][0]


def test_the_server_answers_as_json(served, folder):
    body = {"dataframe_records": [{"video": str(folder / "bright.mp4")}]}
    status, said = post(served, json.dumps(body))
    assert status == 200
    (row,) = said["predictions"]
    assert row["answer"] == "bright"
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize(
    ("video", "message"),
    [
        ("", "video is empty; expected a path"),
        ("no such file.mp4", "is neither a file here, nor an address, nor base64 of a video"),
        ("http://127.0.0.1:9/a.mp4", "cannot be fetched"),
        (base64.b64encode(b"no video at all").decode(), "is not a video that can be read"),
        ("A" * 40_000_001, "The video is larger than 20 MB"),
    ],
)
def test_the_server_says_what_is_wrong_with_status_400(served, video, message, monkeypatch):
    model = served.unwrap_python_model()
    module = __import__("sys").modules[type(model).__module__]
    monkeypatch.setattr(module, "MAX_BYTES", 20 * 10**6)
    status, said = post(served, json.dumps({"dataframe_records": [{"video": video}]}))
    assert status == 400
    assert message in said["message"]
    assert "Traceback" not in json.dumps(said)


@pytest.mark.parametrize("body", ["", "{", "[]", '{"dataframe_records": [{"film": "a"}]}'])
def test_the_server_refuses_malformed_bodies(served, body):
    status, said = post(served, body)
    assert status == 400
    assert "Traceback" not in json.dumps(said)


def test_frames_of_another_size_are_refused(served):
    file = io.BytesIO()
    np.save(file, np.zeros((3, 8, 8, 3), np.uint8))
    body = {"dataframe_records": [{"video": base64.b64encode(file.getvalue()).decode()}]}
    status, said = post(served, json.dumps(body))
    assert status == 400
    assert f"expected uint8 RGB, (num_frames, {SIZE}, {SIZE}, 3)" in said["message"]


def test_what_is_sent_is_removed(served, folder, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    predict(served, base64.b64encode((folder / "bright.mp4").read_bytes()).decode())
    assert not list(tmp_path.glob("har-*"))


def test_requests_at_once_are_answered_one_after_the_other(served, folder):
    said, path = [], str(folder / "bright.mp4")
    threads = [
        threading.Thread(target=lambda: said.append(predict(served, path)["answer"][0]))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said == ["bright"] * 4


def test_the_model_is_described_by_its_labels_and_a_small_example(served, folder):
    (probabilities,) = [
        column.type
        for column in served.metadata.signature.outputs
        if column.name == "probabilities"
    ]
    assert [one.name for one in probabilities.properties] == sorted(LABELS)
    example = served.input_example
    assert len(example["video"][0]) < 10_000
    assert served.predict(example)["problem"].tolist() == [""]
    files = sorted(folder.glob("mlruns/models/*/artifacts/*input_example.json"))
    assert len(files) == 2
    assert all(file.stat().st_size < 10_000 for file in files)


def test_the_model_asks_for_what_its_use_imports(served, folder):
    (file,) = folder.glob("mlruns/models/*/artifacts/requirements.txt")
    names = {line.partition("==")[0] for line in file.read_text().splitlines()}
    assert names == set(PACKAGES_OF_USE)
    program = f"""
import sys, mlflow.pyfunc, pandas
before = set(sys.modules)  # MLflow takes some where they happen to be
if __name__ == "__main__":
    model = mlflow.pyfunc.load_model({str(file.parent)!r})
    model.predict(pandas.DataFrame({{"video": [{str(folder / "long.mp4")!r}]}}))
    print(*{{name for name in set(sys.modules) - before if "." not in name}})
"""
    script = folder / "use.py"
    script.write_text(program)
    command = [sys.executable, str(script)]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    allowed = {*map(normal, PACKAGES_OF_USE), *needed_by("mlflow")}  # which brings much along
    for name in result.stdout.split():
        packages = set(map(normal, DISTRIBUTIONS.get(name, [])))
        assert not packages or packages & allowed, name


DISTRIBUTIONS = importlib.metadata.packages_distributions()


def normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def needed_by(package: str) -> set[str]:
    """Return what a package brings along, and what that does."""
    needed, waiting = set(), [package]
    while waiting:
        try:
            asked_for = importlib.metadata.requires(waiting.pop()) or []
        except importlib.metadata.PackageNotFoundError:  # for another system
            continue
        for text in asked_for:
            name = normal(re.match(r"[\w.-]+", text)[0])
            if "extra ==" not in text and name not in needed:
                needed.add(name)
                waiting.append(name)
    return needed
