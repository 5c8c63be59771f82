"""Each stage on a disk that is full, has room for no file more, or may not be written."""

import hashlib
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from places import ROOT
from small_disk import fill, small_disk
from tiny_project import STAGES, Project, environment

# What a stage writes, where that is not data/ and its name.
OUTPUTS = {
    "convert": "data/converted_videos",
    "extract": "data/clips",
    "pose": "data/landmarks",
    "train": "models",
    "evaluate": "metrics",
}
OF_TIMES = ("run.json", "speed.json", "train.json")  # which are never the same twice
FAULTS = {
    "full": r"the disk is full: the stage `{stage}` cannot write {out}/.*kB free",
    "no files": r"the disk is full: the stage `{stage}` cannot write {out}.*no file more",
    "read-only": r"Read-only file system: '{out}",
}


def run_stage(project: Project, stage: str) -> subprocess.CompletedProcess:
    """Run the command of a stage as dvc.yaml has it, by itself."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
    command = [sys.executable, *shlex.split(stages[stage]["cmd"])[1:]]
    return subprocess.run(
        command, cwd=project.folder, env=environment(), capture_output=True, text=True, check=False
    )


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name not in OF_TIMES)
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("stage", [name for name in STAGES if name not in ("settings", "demo")])
def test_stage_says_what_is_wrong_with_the_disk_and_goes_on(stage, fault, project, tmp_path):
    out = OUTPUTS.get(stage, f"data/{stage}")
    folder, aside = project.folder / out, tmp_path / "aside"
    expected = digests(folder)
    folder.rename(aside)
    # `evaluate` adds to what `train` has written into its folder.
    kept = {path.name: path for path in aside.iterdir() if stage == "evaluate"}
    with small_disk(folder, kilobytes=1024, files=400) as disk:
        for name in ("plots", "train.json"):
            if name in kept:
                subprocess.run(["cp", "-r", str(kept[name]), str(disk)], check=True)
        break_disk(disk, fault)
        failed = run_stage(project, stage)
    folder.rmdir()
    said = failed.stdout + failed.stderr
    assert failed.returncode == 1, said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, said
    assert re.search(FAULTS[fault].format(stage=stage, out=out), lines[0]), lines
    aside.rename(folder)
    again = run_stage(project, stage)
    assert again.returncode == 0, again.stderr
    assert digests(folder) == expected


def break_disk(disk: Path, fault: str) -> None:
    if fault == "full":
        fill(disk, leaving=0)
    elif fault == "no files":
        number = 0
        while True:
            try:
                (disk / f"filler{number}").touch()
            except OSError:
                return
            number += 1
    else:
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
