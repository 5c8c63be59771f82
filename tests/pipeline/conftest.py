"""A project whose pipeline has run, for each file of tests one."""

import shutil

import pytest
from tiny_project import STAGES, Project, make_project, ran_stages


@pytest.fixture(scope="session")
def first_run(tmp_path_factory):
    """The folder of a project whose pipeline has run once with the default model; to be copied."""
    project = make_project(tmp_path_factory.mktemp("first"))
    printed = project.run("dvc", "repro")
    assert ran_stages(printed) == STAGES, printed
    return project.folder


@pytest.fixture(scope="module")
def project(first_run, tmp_path_factory):
    """A copy of it."""
    folder = tmp_path_factory.mktemp("copy") / "project"
    return Project(shutil.copytree(first_run, folder, symlinks=True))
