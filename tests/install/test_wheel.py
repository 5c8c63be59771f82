"""The wheel: what is in it, and the command line that it installs, outside the repository."""

import email
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest
from places import ROOT
from video_files import write_numbered

from har.engine.runtime import keras
from har.recognizer.recognizer import Recognizer

pytestmark = pytest.mark.slow

PARTS = ["har", "stages", "benchmarks", "tests", "pyproject.toml", "requirements.txt"]
PARTS += ["README.md", "LICENSE"]
VERBS = ("inspect", "import", "doctor", "compare", "crossval", "report", "predict", "export", "app")


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess:
    """Run a command that sees this repository neither by its place nor by its environment."""
    hidden = ("PYTHONPATH", "DVC_ROOT")
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def pip(*arguments: str | Path, folder: Path) -> None:
    """Run pip without network."""
    result = run(sys.executable, "-m", "pip", *arguments, "--no-deps", "--no-index", folder=folder)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The wheel, built from a copy, since building leaves files beside the code."""
    folder, copy = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("copy")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, copy / part)
        else:
            shutil.copy(ROOT / part, copy / part)
    pip("wheel", "--no-build-isolation", "--wheel-dir", folder, copy, folder=folder)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def program(wheel, tmp_path_factory) -> Path:
    """The command `har` of an environment with the wheel, and with all packages that run this."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    pip("--python", python, "install", wheel, folder=folder)
    (packages,) = folder.glob("lib/python*/site-packages")
    (packages / "running.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin" / "har"


@pytest.fixture
def videos(tmp_path) -> Path:
    """Two labels of three people each."""
    for number in range(6):
        video = tmp_path / "videos" / ("bend", "jump")[number % 2] / f"p{number // 2}.mp4"
        write_numbered(video, 30 + number)
    return tmp_path / "videos"


@pytest.fixture
def model(tmp_path) -> Path:
    """The folder of a model that says how bright a clip is."""
    inputs = keras.Input((4, 32, 32, 3), dtype="uint8")
    mean = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    mean = keras.ops.mean(mean, axis=1, keepdims=True)
    outputs = keras.layers.Concatenate()([1 - mean, mean])
    settings = {"num_frames": 8, "size": 32, "aspect": "pad", "max_side": 48, "model_frames": 4}
    settings |= {"streams": ["frames"], "context": 1.0}
    model = keras.Model(inputs, outputs)
    recognizer = Recognizer.of_model(model, ["dark", "bright"], settings, {})
    recognizer.save(tmp_path / "model")
    return tmp_path / "model"


def templates_of(room: str) -> list[Path]:
    return list((ROOT / "har" / room / "templates").iterdir())


def test_wheel_holds_the_package_and_nothing_else(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    code = [*(ROOT / "har").rglob("*.py")]
    code += [path for room in ("exports", "pages") for path in templates_of(room)]
    data = ("demo/actions.yaml", "app/page.css", "app/countdown.js")
    code += [ROOT / "har" / name for name in data]
    wanted = {path.relative_to(ROOT).as_posix() for path in code}
    assert {name for name in names if ".dist-info/" not in name} == wanted
    assert "har/pages/templates/report.html" in wanted


def test_wheel_asks_for_what_the_lists_say(wheel):
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        metadata = email.message_from_bytes(archive.read(name))
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    wanted = {line for line in lines if not line.startswith("#")}
    extra = set(project["optional-dependencies"])
    asked = metadata.get_all("Requires-Dist")
    assert {line for line in asked if " extra == " not in line} == wanted
    assert set(metadata.get_all("Provides-Extra")) == extra
    assert metadata["Version"] == project["version"]
    python = set(metadata["Requires-Python"].split(","))
    assert python == set(project["requires-python"].split(","))


def test_help_lists_the_verbs(program, tmp_path):
    result = run(program, "--help", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    for verb in VERBS:
        assert f"\n  {verb} " in result.stdout


@pytest.mark.parametrize("verb", ["inspect", "predict", "export"])
def test_help_of_a_verb(verb, program, tmp_path):
    result = run(program, verb, "--help", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "Usage:" in result.stdout


def test_version_is_that_of_the_wheel(program, wheel, tmp_path):
    result = run(program, "--version", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == ["har", wheel.name.split("-")[1]]


def test_inspect_runs_outside_the_repository(program, videos, tmp_path):
    result = run(program, "inspect", videos, "--subject-pattern", r"^(p\d)", folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "6 usable videos of 6 files, 2 labels, 3 people" in result.stdout
    assert (tmp_path / "inspect-videos.html").is_file()


def test_predict_runs_outside_the_repository(program, model, tmp_path):
    video = write_numbered(tmp_path / "one.mp4")
    result = run(program, "predict", "--model", model, video, folder=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "bright" in result.stdout
