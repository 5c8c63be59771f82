"""The command line: verbs, their help, exit codes and output; and the check of the computer."""

import json
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import get_args

import pytest
from command_line import run, run_process
from video_files import write_numbered

import har.commands.doctor
import har.dataset.inspection
import har.importers
from har.__main__ import DatasetName
from har.commands.doctor import Check, examine

VERBS = ("inspect", "import", "doctor", "compare", "crossval", "report", "predict")


@pytest.fixture
def videos(project, set_param) -> Path:
    """Two labels of three people each, in the current folder."""
    set_param("dataset.subject_pattern", r"^(p\d)")
    for number in range(6):
        write_numbered(Path(f"my videos/{'ab'[number % 2]}/p{number // 2}.mp4"), 30 + number)
    return Path("my videos")


def test_help_lists_the_verbs_at_once_without_heavy_imports():
    started = time.monotonic()
    result = run_process("-X", "importtime", "-m", "har", "--help")
    seconds = time.monotonic() - started
    assert result.returncode == 0
    for verb in VERBS:
        assert f"\n  {verb} " in result.stdout
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert not imported & {"tensorflow", "pandas", "numpy", "av", "cv2", "rich"}
    assert seconds < 5  # 0.1 s where nothing else runs


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_shows_an_example(verb, capsys):
    code, out, _ = run(verb, "--help", capsys=capsys)
    assert code == 0
    assert f"Example: python -m har {verb}" in out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["inspect"],
        ["inspect", "no/such/folder"],
        ["inspect", ".", "--nonsense"],
        ["import", "imagenet", ".", "out"],
        ["import", "kth", "no/such/folder", "out"],
        ["import", "kth"],
        ["crossval", "--folds", "1"],
        ["crossval", "--folds", "persons"],
        ["predict"],
        ["predict", "no/such/video.mp4"],
        ["predict", ".", "--model", "no/such/model"],
    ],
)
def test_main_ends_with_2_on_wrong_options(arguments, project, capsys):
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert out == ""
    assert "Usage: python -m har" in err


def test_inspect_prints_tables_and_writes_the_page_here(videos, capsys):
    code, out, _ = run("inspect", "my videos", capsys=capsys)
    assert code == 0
    assert out.startswith("my videos: 6 usable videos of 6 files, 2 labels, 3 people")
    assert out.endswith("can be trained on.\nLook at them in inspect-my videos.html\n")
    assert Path("inspect-my videos.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_inspect_prints_nothing_but_json_when_asked(videos, capsys):
    code, out, _ = run("inspect", "my videos", "--json", "--html", "out/a.html", capsys=capsys)
    assert code == 0
    content = json.loads(out)
    assert content["can_train"] is True
    assert content["page"] == "out/a.html"
    assert Path("out/a.html").is_file()


def test_inspect_ends_with_1_and_the_reason_when_videos_cannot_be_trained_on(videos, capsys):
    shutil.copy(videos / "a" / "p0.mp4", videos / "b" / "again.mp4")
    code, out, _ = run("inspect", "my videos", "--subject-pattern", "^(..)", capsys=capsys)
    assert code == 1
    assert "error: 1 video with two labels" in out
    assert "my videos/a/p0.mp4 = my videos/b/again.mp4" in out


def test_inspect_prints_a_mistake_without_traceback(project):
    (project / "empty").mkdir()
    result = run_process("-m", "har", "inspect", "empty", folder=project)
    assert result.returncode == 1
    assert result.stderr.startswith("\nerror: empty has no videos in label folders. Expected")
    assert "Traceback" not in result.stderr


def test_inspect_does_without_tensorflow(videos):
    code = (
        "import sys; from har.__main__ import main\n"
        "try: main(['inspect', 'my videos'])\n"
        "finally: print('tensorflow' in sys.modules, 'keras' in sys.modules)"
    )
    result = run_process("-c", code, folder=Path.cwd())
    # In the folder of the project `stages` is found; here it comes by PYTHONPATH.
    assert result.stdout.endswith("False False\n"), result.stderr


def test_main_ends_with_130_when_interrupted(videos, monkeypatch, capsys):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(har.dataset.inspection, "inspect_videos", interrupt)
    assert run("inspect", "my videos", capsys=capsys)[0] == 130


def test_import_offers_all_importers():
    assert set(get_args(DatasetName)) == set(har.importers.importer_names())


def test_import_makes_videos_that_inspect_takes(project, capsys):
    names = [f"{who}_{does}" for who in ("daria", "denis", "eli") for does in ("bend", "jump")]
    for number, name in enumerate(names):
        write_numbered(Path(f"downloads/{name}.avi"), 30 + number, codec="mpeg4")
    code, out, _ = run("import", "weizmann", "downloads", "my videos", capsys=capsys)
    assert code == 0
    assert "import: 6 videos in my videos (6 linked" in out
    assert "next: python -m har inspect 'my videos'" in out
    assert Path("my videos/bend/daria_bend.avi").is_file()
    code, out, _ = run("inspect", "my videos", capsys=capsys)
    assert "3 people (by metadata.csv)" in out


def test_import_ends_with_1_when_there_is_nothing(project, capsys):
    Path("downloads").mkdir()
    code, _, err = run("import", "weizmann", "downloads", "out", capsys=capsys)
    assert code == 1
    assert "downloads has no video of weizmann" in err
    assert not Path("out").exists()


def test_doctor_finds_this_computer_well():
    result = run_process("-m", "har", "doctor")
    assert result.returncode == 0, result.stdout
    assert "tensorflow" not in result.stderr.lower()
    lines = [line for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert {line.split()[0] for line in lines} <= {"ok", "warn"}
    assert len(lines) == 13


def test_doctor_ends_with_1_and_the_fix_when_a_check_fails(monkeypatch, capsys):
    checks = [Check("a", "ok", "fine"), Check("b", "fail", "missing", "install b")]
    monkeypatch.setattr(har.commands.doctor, "examine", lambda: iter(checks))
    code, out, _ = run("doctor", capsys=capsys)
    assert code == 1
    assert [line.split() for line in out.splitlines()] == [
        ["ok", "a", "fine"],
        ["fail", "b", "missing"],
        ["->", "install", "b"],
    ]


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
    other = har.commands.doctor.check_packages(file)
    assert other.result == "warn"
    assert " and not 0.0.1" in other.what
    file.write_text("numpy==0.0.1\nno-such-package-here==1.0\n")
    missing = har.commands.doctor.check_packages(file)
    assert missing.result == "fail"
    assert missing.what == "missing: no-such-package-here==1.0"
    assert missing.fix == "pip install -r requirements.txt"


def test_check_python_refuses_another_version(monkeypatch):
    monkeypatch.setattr(har.commands.doctor, "PYTHON_VERSION", (3, 99))
    check = har.commands.doctor.check_python()
    assert check.result == "fail"
    assert "install Python 3.99" in check.fix


def test_check_params_looks_for_the_videos(project, set_param):
    assert har.commands.doctor.check_params().result == "ok"  # they will be drawn
    set_param("dataset.videos", "data/videos")
    check = har.commands.doctor.check_params()
    assert check.result == "fail"
    assert "change dataset.videos" in check.fix
    Path("data/videos").mkdir(parents=True)
    assert har.commands.doctor.check_params().result == "ok"


def test_check_opencv_names_the_libraries_of_the_system(monkeypatch):
    class Missing:
        def find_spec(self, name, path=None, target=None):
            if name == "cv2":
                raise ImportError("libGL.so.1: cannot open shared object file")

    monkeypatch.delitem(sys.modules, "cv2", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])
    check = har.commands.doctor.check_opencv()
    assert check.result == "fail"
    assert "apt-get install libgl1" in check.fix


@pytest.mark.parametrize(("free", "result"), [(0.5, "fail"), (3, "warn"), (50, "ok")])
def test_check_disk_wants_space(monkeypatch, free, result):
    usage = shutil.disk_usage("/")._replace(free=int(free * 10**9))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    assert har.commands.doctor.check_disk().result == result


@pytest.mark.parametrize(("limit", "result"), [("1000000000", "fail"), ("3000000000", "warn")])
def test_check_memory_knows_the_limit_of_a_container(tmp_path, monkeypatch, limit, result):
    (tmp_path / "memory.max").write_text(limit + "\n")
    monkeypatch.setattr(har.commands.doctor, "CGROUP_LIMITS", (str(tmp_path / "memory.max"),))
    assert har.commands.doctor.check_memory().result == result


def test_check_weights_says_how_to_mend(project, set_param):
    set_param("backbone.weights", "nonsense")
    check = har.commands.doctor.check_weights()
    assert check.result == "fail"
    assert "expected one of: registry" in check.what
    set_param("backbone.weights", "random")
    assert har.commands.doctor.check_weights().result == "warn"


def test_check_cache_refuses_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    (tmp_path / ".har").write_text("a file where the folder should be")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    check = har.commands.doctor.check_cache()
    assert check.result == "fail"
    assert str(tmp_path) in check.what


def test_check_mlflow_asks_the_server_and_hides_the_password(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://ann:secret@127.0.0.1:{port}/x")
        check = har.commands.doctor.check_mlflow()
        assert (check.result, check.what) == ("ok", f"http://127.0.0.1:{port}/x answers")
    check = har.commands.doctor.check_mlflow()
    assert check.result == "fail"
    assert "secret" not in check.what
    assert "unset MLFLOW_TRACKING_URI" in check.fix
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")
    assert har.commands.doctor.check_mlflow().result == "ok"
