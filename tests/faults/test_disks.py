"""Each stage on a disk that is full, has room for no file more, or may not be written."""

import re
import subprocess
from pathlib import Path

import pytest
from one_stage import OUTPUTS, digests, run_stage
from small_disk import fill, small_disk
from tiny_project import STAGES

FAULTS = {
    "full": r"the disk is full: the stage `{stage}` cannot write {out}/.*kB free",
    "no files": r"the disk is full: the stage `{stage}` cannot write {out}.*no file more",
    "read-only": r"Read-only file system: '{out}",
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
        code, said = run_stage(project, stage)
    folder.rmdir()
    assert code == 1, said
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if line.startswith("error:")]
    assert len(lines) == 1, said
    assert re.search(FAULTS[fault].format(stage=stage, out=out), lines[0]), lines
    aside.rename(folder)
    code, said = run_stage(project, stage)
    assert code == 0, said
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
