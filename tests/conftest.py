"""What several tests share."""

import gc
import os
import signal
import sys
from collections.abc import Callable
from multiprocessing.util import get_temp_dir
from pathlib import Path

import pytest
import yaml
from places import ROOT
from s3_server import CREDENTIALS, INSTALL, serve_s3

# Workers' sockets lie there, by paths of 107 characters at most: before a test sets another folder.
get_temp_dir()

# Processes that tests start would else compile the project again, each for itself.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

# They have no doctests, and pytest collects no two modules of one name.
collect_ignore_glob = ["*/conftest.py"]


# What takes longest comes first: what comes last keeps one process only. The second file is none of
# the pipeline, whose files all go on from one run of it.
FIRST = (
    "tests/pipeline/test_pipeline.py",
    "tests/benchmarks/test_benchmarks.py",
    "tests/pipeline/",
    "tests/exports/",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests that take longest first."""

    def place(item: pytest.Item) -> int:
        names = enumerate((*FIRST, ""))
        return next(number for number, name in names if item.nodeid.startswith(name))

    items.sort(key=place)


def pytest_collection_finish() -> None:
    """Let no collection of garbage look at all that was imported again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep the tests of a file in one process."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log)


@pytest.fixture(autouse=True, scope="session")
def _repeatable_tensorflow():
    """Make TensorFlow repeatable before its first operation, where a collected test imports it."""
    if "tensorflow" in sys.modules:
        from har.engine.runtime import setup_tensorflow

        setup_tensorflow(num_threads=2, seed=0)


@pytest.fixture(autouse=True, scope="session")
def _signals_as_in_a_terminal():
    """Let Ctrl-C and a closed terminal end a process also where a script started the tests."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def _s3_server():
    pytest.importorskip("moto", reason=INSTALL)
    with serve_s3() as server, pytest.MonkeyPatch.context() as patch:
        for name, value in {**CREDENTIALS, "AWS_ENDPOINT_URL": server.url}.items():
            patch.setenv(name, value)
        yield server


@pytest.fixture
def s3(_s3_server):
    """An S3 server on loopback without buckets; the variables of AWS name it."""
    _s3_server.reset()
    return _s3_server


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    """An empty folder to run stages in, with the project's params.yaml in it."""
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text(encoding="utf-8"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


@pytest.fixture
def set_param(project) -> Callable[[str, object], None]:
    """Change one parameter of the project, by its name with dots."""

    def change(name: str, value: object) -> None:
        params = yaml.safe_load((project / "params.yaml").read_text(encoding="utf-8"))
        *sections, key = name.split(".")
        section = params
        for part in sections:
            section = section[part]
        assert key in section, f"params.yaml has no {name}"
        section[key] = value
        (project / "params.yaml").write_text(yaml.safe_dump(params), encoding="utf-8")

    return change


@pytest.fixture
def nobody_is_looked_for(set_param) -> None:
    """Let models see the frames alone: to look for people where nobody is takes seconds."""
    for name in ("features.streams", "models.fusion.streams"):
        set_param(name, ["frames"])
