"""`har doctor`, and each of its checks of the computer."""

import json
import shutil
import socket
import sqlite3
import sys
from dataclasses import asdict
from pathlib import Path

import pytest
from command_line import run, run_process

import har.commands.checks
import har.commands.kept_checks
import har.commands.repository_checks
from har.commands.checks import Check, examine


def test_doctor_finds_this_computer_well():
    result = run_process("-m", "har", "doctor")
    assert result.returncode == 0, result.stdout
    assert "tensorflow" not in result.stderr.lower()
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert len(lines) == 16


def test_doctor_ends_with_1_and_the_fix_when_a_check_fails(monkeypatch, capsys):
    checks = [Check("a", "ok", "fine"), Check("b", "fail", "missing", "install b")]
    monkeypatch.setattr(har.commands.checks, "examine", lambda: iter(checks))
    monkeypatch.setattr(har.commands.kept_checks, "examine_kept", lambda *, fix: iter(()))
    monkeypatch.setattr(har.commands.repository_checks, "examine_repository", lambda: iter(()))
    code, out, _ = run("doctor", capsys=capsys)
    assert code == 1
    assert [line.split() for line in out.splitlines()] == [
        ["ok", "a", "fine"],
        ["fail", "b", "missing"],
        ["->", "install", "b"],
    ]
    code, out, _ = run("doctor", "--json", capsys=capsys)
    assert code == 1
    assert json.loads(out) == {"checks": [asdict(check) for check in checks]}


def test_examine_goes_on_after_a_failed_check(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # an empty folder and not the project's
    monkeypatch.delenv("DVC_ROOT", raising=False)
    results = {check.name: check for check in examine()}
    for name in ("packages", "params.yaml", "weights", "dvc"):
        assert results[name].result == "fail"
    assert "folder of the project" in results["packages"].fix
    assert results["python"].result == "ok"
    assert results["memory"].what.endswith(" GB")


def test_check_packages_tells_missing_from_other_versions(tmp_path):
    file = tmp_path / "requirements.txt"
    file.write_text("# a comment\nnumpy==0.0.1  # old\n")
    other = har.commands.checks.check_packages(file)
    assert other.result == "warn"
    assert " and not 0.0.1" in other.what
    file.write_text("numpy==0.0.1\nno-such-package-here==1.0\n")
    missing = har.commands.checks.check_packages(file)
    assert missing.result == "fail"
    assert missing.what == "missing: no-such-package-here==1.0"
    assert missing.fix == "make install"


def test_check_python_refuses_another_version(monkeypatch):
    monkeypatch.setattr(har.commands.checks, "PYTHON_VERSIONS", ((3, 98), (3, 99)))
    check = har.commands.checks.check_python()
    assert check.result == "fail"
    assert "install Python 3.98 or 3.99," in check.fix


def test_check_params_looks_for_the_videos(project, set_param):
    assert har.commands.checks.check_params().result == "ok"  # they will be drawn
    set_param("dataset.videos", "data/videos")
    check = har.commands.checks.check_params()
    assert check.result == "fail"
    assert "change dataset.videos" in check.fix
    Path("data/videos").mkdir(parents=True)
    assert har.commands.checks.check_params().result == "ok"


def test_check_opencv_names_the_libraries_of_the_system(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "cv2":
                raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    check = har.commands.checks.check_opencv()
    assert check.result == "fail"
    assert "apt-get install libgl1" in check.fix


@pytest.mark.parametrize(("free", "result"), [(0.5, "fail"), (3, "warn"), (50, "ok")])
def test_check_disk_wants_space(monkeypatch, free, result):
    usage = shutil.disk_usage("/")._replace(free=int(free * 10**9))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert har.commands.checks.check_disk().result == result


@pytest.mark.parametrize(("limit", "result"), [("1000000000", "fail"), ("3000000000", "warn")])
def test_check_memory_knows_the_limit_of_a_container(tmp_path, monkeypatch, limit, result):
    (tmp_path / "memory.max").write_text(limit + "\n")
    monkeypatch.setattr(har.commands.checks, "CGROUP_LIMITS", (str(tmp_path / "memory.max"),))
    assert har.commands.checks.check_memory().result == result


def test_check_weights_says_how_to_fix_it(project, set_param):
    set_param("backbone.weights", "nonsense")
    check = har.commands.checks.check_weights()
    assert check.result == "fail"
    assert "expected one of registry, keras" in check.what
    set_param("backbone.weights", "random")
    assert har.commands.checks.check_weights().result == "warn"


def test_check_cache_refuses_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / ".har").write_text("a file where the folder should be")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    check = har.commands.checks.check_cache()
    assert check.result == "fail"
    assert str(tmp_path) in check.what


def test_check_mlflow_asks_the_server_and_hides_the_password(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:secret@127.0.0.1:{port}/x")
        check = har.commands.checks.check_mlflow()
        assert (check.result, check.what) == ("ok", f"http://127.0.0.1:{port}/x answers")
    check = har.commands.checks.check_mlflow()
    assert check.result == "fail"
    assert "secret" not in check.what
    assert "unset MLFLOW_TRACKING_URI" in check.fix
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert har.commands.checks.check_mlflow().result == "ok"


def test_check_mlflow_finds_a_damaged_database(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert har.commands.checks.check_mlflow().result == "ok"  # none yet, and none is made
    database = Path("mlflow.db")
    assert not database.exists()
    with sqlite3.connect(database) as connection:
        connection.execute("CREATE TABLE runs (name TEXT)")
        connection.executemany("INSERT INTO runs VALUES (?)", [("x" * 999,)] * 99)
    connection.close()
    whole = database.read_bytes()
    assert har.commands.checks.check_mlflow().result == "ok"
    for damaged in (b"", whole[:9000], b"no database" * 99):
        database.write_bytes(damaged)
        check = har.commands.checks.check_mlflow()
        assert check.result == "fail"
        assert "mlflow.db, is damaged: " in check.what
        assert database.read_bytes() == damaged


@pytest.mark.parametrize(("has_it", "result"), [(True, "ok"), (False, "fail")])
def test_check_encoders_wants_h264(monkeypatch, has_it, result):
    monkeypatch.setattr("har.video.codecs.has_encoder", lambda name: has_it and name == "libx264")
    check = har.commands.checks.check_encoders()
    assert check.result == result
    assert check.what.startswith("PyAV ")
