"""A project of tiny generated videos, run by the commands that a user types."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml
from places import ROOT
from preloaded import preloaded

from har.video.writing import write_video

PARTS = ["har", "stages", "dvc.yaml", "params.yaml", "requirements.txt", ".gitignore", ".dvcignore"]
LABELS = ("falling", "rising", "still")
NUM_SUBJECTS = 4
NUM_VIDEOS = NUM_SUBJECTS * (len(LABELS) + 1)  # nobody is in them
STAGES = [
    "settings",
    "demo",
    "convert",
    "extract",
    "pose",
    "split",
    "downsample",
    "augment",
    "features",
    "train",
    "evaluate",
]
SMALL = {
    "model": "mobilenet_lstm",
    "dataset": {"videos": "data/videos", "subject_pattern": "^(p[0-9]+)_"},
    "extract": {"num_frames": 8, "size": 32},
    "augment": {"num_views": 2},
    "backbone": {"weights": "random"},
    "evaluate": {"num_bootstrap": 50},
    "models": {
        "mobilenet_lstm": {
            "streams": ["frames"],
            "num_frames": 4,
            "epochs": 4,
            "patience": 4,
            "refit": False,
        },
        "fusion": {"num_frames": 8, "epochs": 3},
        "attention": {"num_frames": 8, "epochs": 3},  # with its `refit`
        "cnn3d": {"num_frames": 8, "epochs": 3, "patience": 3},
    },
}


def update(nested, changes):
    """Change values of nested dictionaries in place."""
    for key, value in changes.items():
        if isinstance(value, dict):
            update(nested[key], value)
        else:
            nested[key] = value


class Project:
    """A copy of this project with videos of its own, and the commands that a user types."""

    def __init__(self, folder):
        self.folder = folder

    def run(self, *command, check=True):
        """Run a command of the environment that runs this test; return what it printed."""
        result = subprocess.run(
            command,
            cwd=self.folder,
            env=preloaded(environment()),
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result.stdout if "--json" in command else result.stdout + result.stderr

    def set_params(self, changes):
        path = self.folder / "params.yaml"
        params = yaml.safe_load(path.read_text())
        update(params, changes)
        path.write_text(yaml.safe_dump(params))

    def metrics(self):
        return json.loads((self.folder / "metrics" / "metrics.json").read_text())

    def hashes(self):
        """Return what dvc.lock says of each stage's outputs."""
        lock = yaml.safe_load((self.folder / "dvc.lock").read_text())
        return {
            out["path"]: out["md5"]
            for stage in lock["stages"].values()
            for out in stage.get("outs", [])
            # Times are no results, and a run's name in MLflow is drawn.
            if out["path"] not in [f"metrics/{name}.json" for name in ("run", "speed", "train")]
        }


def environment():
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return os.environ | {"PATH": path, "MLFLOW_TRACKING_URI": ""}


def ran_stages(printed):
    return [line.split("'")[1] for line in printed.splitlines() if line.startswith("Running stage")]


def draw_square(label, rng):
    """Return frames of a square that falls, rises or stays, uint8 RGB, (12, 48, 48, 3)."""
    frames = np.full((12, 48, 48, 3), rng.integers(0, 90, 3), dtype=np.uint8)
    left, color = rng.integers(4, 30), rng.integers(150, 256, 3)
    for place, frame in enumerate(frames):
        top = {"falling": 2 + 3 * place, "rising": 35 - 3 * place, "still": 18}[label]
        frame[top : top + 10, left : left + 10] = color
    return frames


def make_project(folder):
    """Copy the project, give it videos of four people in three unbalanced classes, commit it."""
    for part in [*PARTS, ".dvc/config", ".dvc/.gitignore", ".dvc/plots"]:
        source, target = ROOT / part, folder / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)
    rng = np.random.default_rng(0)
    for subject in range(NUM_SUBJECTS):
        for label in LABELS:
            for take in range(2 if label == "still" else 1):
                path = folder / "data" / "videos" / label / f"p{subject}_{take}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_video(path, draw_square(label, rng), fps=12.0)
    project = Project(folder)
    project.set_params(SMALL)
    project.run("git", "init", "--quiet")
    project.run("dvc", "add", "--quiet", "--no-relink", "data/videos")
    project.run("git", "add", "--all")
    identity = ["-c", "user.name=Test", "-c", "user.email=test@localhost"]
    project.run("git", *identity, "commit", "--quiet", "--message", "Start")
    return project


def mlflow_runs(project):
    """Return the runs that `mlflow ui` shows in the project's folder."""
    from mlflow import MlflowClient

    client = MlflowClient(f"sqlite:///{project.folder / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("har")
    return client.search_runs([experiment.experiment_id])
