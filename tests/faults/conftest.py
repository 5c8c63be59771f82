"""Faults of disks and DVC, counted; long, so only where HAR_FAULTS=1 asks for them."""

import os

import pytest
from tiny_project import STAGES, Project, make_project, ran_stages


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("HAR_FAULTS") != "1":
        for item in items:
            if "/faults/" in item.nodeid:
                item.add_marker(pytest.mark.skip(reason="long: HAR_FAULTS=1 pytest tests/faults"))


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    """A project whose pipeline has run once with the default model."""
    project = make_project(tmp_path_factory.mktemp("faults") / "project")
    printed = project.run("dvc", "repro")
    assert ran_stages(printed) == STAGES, printed
    return project
