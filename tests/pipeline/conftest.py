"""A project whose pipeline has run, for each file of tests one."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tiny_project import STAGES, Project, make_project, ran_stages


@pytest.fixture(scope="session")
def first_run(tmp_path_factory) -> Path:
    """The folder of a project whose pipeline has run once with the default model; to be copied."""

    def make(folder: Path) -> None:
        printed = make_project(folder).run("dvc", "repro")
        assert ran_stages(printed) == STAGES, printed

    return made_once(tmp_path_factory, "first", make)


@pytest.fixture(scope="session")
def other_run(first_run, tmp_path_factory) -> Path:
    """A folder with a `project` that went on from it by an experiment, and what that `printed`."""

    def make(folder: Path) -> None:
        project = Project(shutil.copytree(first_run, folder / "project", symlinks=True))
        printed = project.run("dvc", "exp", "run", "-S", "model=cnn3d", "-n", "other")
        (folder / "printed").write_text(printed)

    return made_once(tmp_path_factory, "other", make)


def made_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """Return a folder that one of the processes of pytest-xdist makes, and the others wait for."""
    shared = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent  # each process has a folder of its own in it
    folder, unfinished = shared / name, shared / f"{name}-unfinished"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)  # of a process that failed
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


@pytest.fixture(scope="module")
def project(first_run, tmp_path_factory) -> Project:
    """A copy of the first run."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    return Project(shutil.copytree(first_run, folder, symlinks=True))
