"""All pictures of the docs again, from the last commit: `make pictures`.

A clone in a temporary folder runs the pipeline and an experiment, as the quickstart does, and takes
the pictures there; they come back once all of them are made. Only drawn people are shown. It takes
nine minutes on two quiet cores, needs Chromium, and changes no model, data or run here.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.browsing import PICTURES, find_chromium
from har.engine.progress import say

PYTHON = (sys.executable, "-m")
AUTHOR = {"NAME": "anna", "EMAIL": "anna@example.org"}  # of the clone's commits
STEPS = {
    "the pipeline": [
        [*PYTHON, "har.repro.running"],
        ["git", "add", "."],
        ["git", "commit", "--quiet", "--message", "First run"],
    ],
    "an experiment to compare with": [
        ["dvc", "exp", "run", "--quiet", "--name", "attention", "--set-param", "model=attention"],
        [*PYTHON, "har", "report"],
        ["git", "checkout", "--quiet", "."],
        ["dvc", "checkout", "--quiet"],
    ],
    "the first picture of the README": [[*PYTHON, "benchmarks.make_timeline"]],
    "the page in the browser": [[*PYTHON, "benchmarks.page_pictures"]],
    "results and MLflow": [[*PYTHON, "benchmarks.result_pictures"]],
}


def main() -> None:
    """Make all of them in a clone, then copy them into docs/pictures."""
    find_chromium()  # now, not after the pipeline
    with tempfile.TemporaryDirectory(prefix="har-pictures-") as folder:
        clone = Path(folder) / "har"  # the name that the pictures show
        run(["git", "clone", "--quiet", ".", str(clone)], Path())
        for number, (name, commands) in enumerate(STEPS.items(), 1):
            say(f"{number} of {len(STEPS)}: {name}")
            for command in commands:
                run(command, clone)
        made = list((clone / PICTURES).iterdir())
        shutil.copytree(clone / PICTURES, PICTURES, dirs_exist_ok=True)
    say(f"{len(made)} pictures in {PICTURES}. `git diff --stat` says which are new: look at them.")


def run(command: list[str], folder: Path) -> None:
    """Run a command in a folder; end this process where it fails."""
    names = {f"GIT_{who}_{key}": AUTHOR[key] for who in ("AUTHOR", "COMMITTER") for key in AUTHOR}
    done = subprocess.run(command, cwd=folder, env={**os.environ, **names})
    if done.returncode:
        sys.exit(f"`{' '.join(command)}` failed; docs/pictures is as it was.")


if __name__ == "__main__":
    main()
