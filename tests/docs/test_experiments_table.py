"""Tables of experiments by the commands that the docs name."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from places import ROOT
from tiny_project import environment

METRICS = {
    # A name that params.yaml has too: DVC then shows both with their files.
    "metrics": {"model": "fusion", "accuracy": 0.25, "macro_f1": 0.16667, "loss": 1.0969},
    "train": {"epochs": 4, "val_accuracy": 0.5, "val_loss": 1.12826, "train_loss": 1.1343},
}
PIPELINE = {"params": ["params.yaml"], "metrics": [f"metrics/{name}.json" for name in METRICS]}


def run(folder: Path, *command: str) -> str:
    variables = environment() | {"COLUMNS": "100"}
    done = subprocess.run(
        command, cwd=folder, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def commands_of(page: str, start: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"(?m)^ *({start}[^#\n]*)", text)


pytestmark = pytest.mark.slow  # each command of DVC takes a second or two


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A repository with two experiments that are saved without a run."""
    folder = tmp_path_factory.mktemp("experiments")
    run(folder, "git", "init", "--quiet", "--initial-branch", "main")
    run(folder, "dvc", "init", "--quiet")
    shutil.copy(ROOT / "params.yaml", folder)
    (folder / "metrics").mkdir()
    for name, content in METRICS.items():
        (folder / f"metrics/{name}.json").write_text(json.dumps(content))
    (folder / "dvc.yaml").write_text(yaml.safe_dump(PIPELINE))
    run(folder, "git", "add", "--all")
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    run(folder, "git", *identity, "commit", "--quiet", "--message", "First")
    params = (ROOT / "params.yaml").read_text(encoding="utf-8")
    for number, name in enumerate(("tidy-lamb", "sulky-mule")):
        changed = params.replace("model: fusion", "model: mobilenet_lstm")
        changed = re.sub("dropout: 0.5", f"dropout: 0.{number + 1}", changed, count=1)
        (folder / "params.yaml").write_text(changed)
        run(folder, "dvc", "exp", "save", "--name", name)
    return folder


def test_tables_fit_100_columns(folder):
    commands = [
        *commands_of("README.md", "dvc exp show"),
        *commands_of("docs/experiments.md", "dvc exp show"),
    ]
    assert len(commands) == 2
    for command in commands:
        shown = run(folder, *shlex.split(command), "--no-pager").splitlines()
        assert max(map(len, shown)) <= 100
        assert "…" not in "".join(shown)
        assert sum("tidy-lamb" in line or "sulky-mule" in line for line in shown) == 2
        # Every column that is named is there.
        kept = shlex.split(command)[-1].split("|")
        (heading,) = [line for line in shown if "Experiment" in line]
        assert len(heading.split()) == len(kept), heading


def test_diff_lists_what_two_experiments_differ_in(folder):
    (command,) = commands_of("docs/experiments.md", "dvc params diff")
    names = {"NAME": "tidy-lamb", "OTHER": "sulky-mule"}
    printed = run(folder, *(names.get(word, word) for word in shlex.split(command)))
    assert [line.split()[1:] for line in printed.splitlines()[1:]] == [
        ["models.mobilenet_lstm.dropout", "0.1", "0.2"]
    ]
