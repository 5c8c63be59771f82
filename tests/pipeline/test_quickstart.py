"""docs/quickstart.md: its commands run one after the other, as a reader runs them."""

import re
import shlex
import shutil

import pytest
import yaml
from places import ROOT
from tiny_project import Project

PAGE = (ROOT / "docs" / "quickstart.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"(?m)^\$ (.*)$", PAGE)
NEW = re.search(r"(?m)^\$ python -m har live (\S+)", PAGE)[1]
SETTINGS = re.search(r"(?ms)^```yaml\n(.*?)^```", PAGE)[1]


@pytest.mark.slow
def test_commands_of_the_page_run_in_their_order(first_run, tmp_path):
    project = Project(shutil.copytree(first_run, tmp_path / "har", symlinks=True))
    forget_the_run(project)
    said = {}
    for command in COMMANDS:
        if command.startswith("dvc add"):  # after the yaml of the page
            project.set_params(yaml.safe_load(SETTINGS))
        said[command] = project.run(*shlex.split(command))
    by_verb = {" ".join(command.split()[:4]): text for command, text in said.items()}
    assert "These videos can be trained on." in by_verb["python -m har inspect"]
    assert "set dataset.videos to data/videos" in by_verb["python -m har inspect"]
    assert "Stage 'evaluate' is cached" in said["dvc repro"]  # of the same videos and settings
    assert project.metrics()["grouped_by"] == "dataset.subject_pattern"
    assert "attention" in by_verb["dvc exp show --drop"]
    assert "HEAD" in by_verb["python -m har compare"]
    assert "report/index.html" in by_verb["python -m har report"]
    assert "predict: 1 video" in by_verb["python -m har predict"]
    assert "ok    kept files" in by_verb["python -m har doctor"]
    assert "import: 1 videos in data/weizmann" in by_verb["python -m har import"]
    assert "On 1 test video" in by_verb["python -m har evaluate"]
    assert "exports/mobilenet_lstm-litert" in by_verb["python -m har benchmark"]
    assert '"answer"' in by_verb["python -m har live"]
    assert "labels that change 0" in by_verb["python -m har export"]
    assert not project.run("git", "status", "--porcelain", "--untracked-files=no")


def forget_the_run(project):
    """Make a project whose videos nobody has added yet, with clips of somebody new."""
    for name in ("dvc.lock", "data/videos.dvc", "metrics", "models"):
        path = project.folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    project.set_params({"dataset": {"videos": "downloads", "subject_pattern": None}})
    project.set_params({"models": {"attention": {"epochs": 1, "refit": False}}})
    project.run("git", "add", "--all")
    project.run("git", "config", "user.name", "Test")
    project.run("git", "config", "user.email", "test@localhost")
    project.run("git", "commit", "--quiet", "--message", "Start")
    clip = project.folder / "data" / "videos" / "still" / "p0_0.mp4"
    for copy in (NEW, "others/still/p9_0.mp4", "downloads/daria_walk.avi"):
        (project.folder / copy).parent.mkdir(parents=True)
        shutil.copy(clip, project.folder / copy)
