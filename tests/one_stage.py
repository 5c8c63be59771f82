"""A stage of a tiny project run by itself, and what it makes."""

import hashlib
import shlex
import subprocess
import sys
from pathlib import Path

import yaml
from places import ROOT
from tiny_project import Project, environment

# What a stage writes, where that is not data/ and its name.
OUTPUTS = {
    "convert": "data/converted_videos",
    "extract": "data/clips",
    "pose": "data/landmarks",
    "train": "models",
    "evaluate": "metrics",
}
OF_TIMES = ("run.json", "speed.json", "train.json")  # which are never the same twice


def stage_arguments(stage: str) -> list[str]:
    """Return what the command of a stage in dvc.yaml gives to Python."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return shlex.split(stages[stage]["cmd"])[1:]


def start_stage(project: Project, stage: str) -> subprocess.Popen:
    """Start the command of a stage, by itself."""
    return subprocess.Popen(
        [sys.executable, *stage_arguments(stage)],
        cwd=project.folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run_stage(project: Project, stage: str) -> tuple[int, str]:
    """Run a stage by itself; return its exit code and what it printed."""
    process = start_stage(project, stage)
    printed = process.communicate()[0]
    return process.returncode, printed


def digests(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of what a stage has made, by its names."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in OF_TIMES)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
