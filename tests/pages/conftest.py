"""A finished run to report on."""

import shutil
from pathlib import Path

import pytest
from finished_runs import write_run


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_run()
    return folder


@pytest.fixture
def run_folder(project, set_param, finished) -> Path:
    """A finished run in the current folder."""
    set_param("model", "cnn3d")
    shutil.copytree(finished, project, dirs_exist_ok=True)
    return project
