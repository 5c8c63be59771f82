"""`har benchmark`: a model and its exports side by side."""

import json
import re
import shutil

import numpy as np
import pytest
from command_line import run
from test_export import write_test_clips
from tiny_recognizers import write_tiny

from har.exports.agreement import ask_all
from har.exports.clips import Clips
from har.exports.folder import write_folder
from har.integrity.digests import read_digests, write_digests


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with a tiny model of the frames and two exports of it; to be copied."""
    folder = tmp_path_factory.mktemp("finished")
    model = folder / "models" / "cnn3d"
    recognizer = write_tiny("frames", model)
    for file_format in ("litert", "onnx"):
        out = folder / "exports" / f"cnn3d-{file_format}"
        write_folder(recognizer, model, out, file_format=file_format)
    return folder


@pytest.fixture
def exported(finished, project, monkeypatch):
    """A project with what is finished."""
    monkeypatch.setattr("har.exports.clips.NUM_DRAWN", 1)
    shutil.copytree(finished, project, dirs_exist_ok=True)
    (project / "params.yaml").write_text("model: cnn3d\n")
    return project


def test_benchmark_compares_all_exports_of_the_model(exported, capsys):
    write_test_clips(exported)
    code, out, err = run("benchmark", capsys=capsys)
    assert code == 0, err
    first, heading, *rows = out.splitlines()
    assert first == "On 6 test clips:"
    assert heading.split()[:7] == ["model", "MB", "p50", "ms", "p95", "ms", "difference"]
    assert [row.split()[0] for row in rows] == [
        "models/cnn3d", "exports/cnn3d-litert", "exports/cnn3d-onnx",
    ]  # fmt: skip
    for row in rows:
        size, p50, p95, difference, changed = row.split()[1:6]
        assert 0 < float(p50) <= float(p95)
        assert float(size) > 0
        assert (float(difference) < 1e-4, changed) == (True, "0")
        assert re.search(r"\d+ % \(\d+ to \d+\)$", row)


def test_benchmark_of_drawn_clips_has_no_accuracy(exported, capsys):
    code, out, _ = run("benchmark", "exports/cnn3d-onnx", "--json", capsys=capsys)
    found = json.loads(out)
    assert (code, found["clips"]) == (0, "1 drawn clips")
    assert [one["name"] for one in found["models"]] == ["models/cnn3d", "exports/cnn3d-onnx"]
    assert {one["accuracy"] for one in found["models"]} == {None}


def test_benchmark_refuses_what_is_no_export_of_the_model(exported, capsys):
    code, _, err = run("benchmark", "models", capsys=capsys)
    assert (code, "models is no export. Make one with `har export" in err) == (1, True)
    params = exported / "exports" / "cnn3d-onnx" / "params.json"
    params.write_text(params.read_text().replace('"seed": 42', '"seed": 43'))
    write_digests(params.parent, read_digests(params.parent))
    code, _, err = run("benchmark", capsys=capsys)
    assert code == 1
    assert "exports/cnn3d-onnx is an export of another model or of an earlier training." in err


def test_benchmark_without_an_export_says_how_to_make_one(project, capsys):
    write_tiny("frames", project / "model")
    code, _, err = run("benchmark", "--model", "model", capsys=capsys)
    assert (code, "exports/ has no export. Make one with `har export`" in err) == (1, True)


def test_ask_all_leaves_out_the_time_that_making_ready_takes(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("har.exports.agreement.time.perf_counter", lambda: next(clock))
    asked = []

    class Model:
        def predict(self, clip, *, aspect):
            asked.append((int(clip[0]), aspect))
            return np.array([0.25, 0.75])

    clips = Clips("clips", None, ((np.zeros(1), 1.0), (np.ones(1), 2.0)))
    (answers,) = ask_all([Model()], clips, description="test")
    assert asked == [(0, 1.0), (0, 1.0), (1, 2.0)]
    assert answers.seconds.tolist() == [1, 1]
    assert answers.probabilities.tolist() == [[0.25, 0.75]] * 2
