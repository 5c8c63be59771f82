"""`dvc plots show` draws without the internet."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from dvc.repo import Repo
from dvc_render.vega import VegaRenderer
from places import ROOT
from tiny_project import Project

PAGE = ROOT / ".dvc" / "plots" / "page.html"
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None)
HISTORY = "epoch,split,accuracy\n1,train,0.5\n1,val,0.4\n2,train,0.9\n2,val,0.7\n"
LOADED = r"<script[^>]*\bsrc="
# Any address of the internet is unknown.
OFFLINE = ["--host-resolver-rules=MAP * ~NOTFOUND", "--virtual-time-budget=10000"]


def test_the_page_of_plots_has_the_library_that_dvc_would_load():
    page = PAGE.read_text(encoding="utf-8")
    loaded = re.findall(r"/([a-z-]+@[0-9.]+)", VegaRenderer.SCRIPTS)
    assert len(loaded) == 3
    assert re.findall('data-library="(.*?)"', page) == loaded
    assert not re.search(LOADED, page)
    assert "{scripts}" not in page  # where DVC puts the tags that load it
    assert page.count("Redistribution and use in source and binary forms") == 3


@pytest.fixture
def shown(tmp_path) -> Path:
    """The page that `dvc plots show` makes in a repository with the project's configuration."""
    Repo.init(str(tmp_path), no_scm=True).close()
    config = (ROOT / ".dvc" / "config").read_text()
    (tmp_path / ".dvc" / "config").write_text(config.replace("[core]", "[core]\n    no_scm = true"))
    shutil.copytree(ROOT / ".dvc" / "plots", tmp_path / ".dvc" / "plots")
    (tmp_path / "history.csv").write_text(HISTORY)
    project = Project(tmp_path)
    command = ["dvc", "plots", "show", "history.csv", "--template", "by_split"]
    project.run(*command, "-x", "epoch", "-y", "accuracy")
    return tmp_path / "dvc_plots" / "index.html"


def test_dvc_plots_show_loads_nothing(shown):
    page = shown.read_text(encoding="utf-8")
    assert not re.search(LOADED, page)
    assert page.count("vegaEmbed(") >= 1


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is missing: `apt-get install chromium`")
def test_dvc_plots_show_draws_without_a_network(shown):
    command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", *OFFLINE]
    result = subprocess.run(
        [*command, shown.as_uri()], capture_output=True, text=True, timeout=60, check=True
    )
    drawn = re.search(r'<canvas [^>]*width="(\d+)" [^>]*class="marks"', result.stdout)
    assert int(drawn[1]) > 200
