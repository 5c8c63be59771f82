"""A small DVC repository without a pipeline."""

from pathlib import Path

import pytest
from dvc.repo import Repo


@pytest.fixture
def repository(tmp_path, monkeypatch) -> Path:
    """An empty DVC repository, the current folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    Repo.init(no_scm=True).close()
    return tmp_path
