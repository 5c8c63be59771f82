"""`make repro`: a line for each stage, what failed in full, a log, and a clean end at a signal."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import psutil
import pytest
import yaml
from places import ROOT
from scored import METRICS

from har.repro.printed import Printed, StageRun
from har.repro.timings import Pace, read_timings, timings_file

PRINTED = """\
Stage 'settings' didn't change, skipping
Running stage 'extract':
> python -m stages.extract --out data/clips
warning: it is late
extract: 3/9 videos, 00:10 gone, 00:20 left
extract: walk/a.mov failed: is empty
extract: 1 videos have fewer than 30 frames
extract: 2 made, 7 reused, 1 failed
Updating lock file 'dvc.lock'

Stage 'pose' is cached - skipping run, checking out outputs
Running stage 'train':
> python -m stages.train

error: data/clips/a.npy is damaged.
Run `make repro`.
ERROR: failed to reproduce 'train': failed to run: python -m stages.train, exited with 1
"""


def test_printed_tells_stages_and_what_they_say_apart():
    printed = Printed()
    ends = [printed.take(line, now) for now, line in enumerate(PRINTED.splitlines())]
    assert sum(ends) == 2
    assert printed.unchanged == ["settings"]
    extract, pose = printed.ended
    assert extract.said == "2 made, 7 reused, 1 failed; 1 videos have fewer than 30 frames"
    assert extract.warnings == ["warning: it is late"]
    assert extract.is_mostly_reused
    assert pose.said.endswith("taken from DVC's cache")
    assert printed.current.name == "train"
    assert printed.errors() == ["error: data/clips/a.npy is damaged.", "Run `make repro`."]


def test_a_training_that_was_kept_says_nothing_of_the_time_of_one():
    said = ["train: trained before, with the same data: reused", "train: fusion, accuracy 1"]
    assert StageRun("train", 0.0, lines=said).is_mostly_reused
    assert not StageRun("train", 0.0, lines=said[1:]).is_mostly_reused


def test_errors_are_those_of_dvc_where_no_stage_says_why():
    printed = Printed()
    printed.take("ERROR: unable to acquire lock", 0)
    assert printed.errors() == ["ERROR: unable to acquire lock"]
    printed.take("Running stage 'pose':", 1)
    printed.take("ERROR: failed to run: python -m stages.pose, exited with -9", 2)
    assert printed.errors() == ["ERROR: failed to run: python -m stages.pose, exited with -9"]


def test_times_are_those_of_the_last_run_by_the_number_of_videos(project):
    timings = read_timings(model="fusion", num_videos=10, is_demo=False)
    first = timings.expect("pose")
    assert timings.expect("demo") == 1.0  # nothing is drawn
    timings.keep("pose", 5.0)
    timings.keep("train", 7.0)
    more = read_timings(model="cnn3d", num_videos=30, is_demo=False)
    assert more.expect("pose") == 15.0 != 3 * first
    assert more.expect("train") != 7.0  # of another model
    timings_file().write_text("[]")
    assert read_timings(model="fusion", num_videos=10, is_demo=False).expect("pose") == first


def test_pace_goes_by_what_was_done_since_it_was_looked_at():
    pace = Pace()
    now_train = {"doing": "train", "total": 50}
    assert pace.seconds_left("train", now_train | {"done": 30}, 100.0) == 0.0  # went on from 30
    assert pace.seconds_left("train", now_train | {"done": 40}, 105.0) == pytest.approx(5.0)


SCRIPT = """
import json, pathlib, sys, time
from har.engine.errors import plain_errors
from har.engine.progress import progress
with plain_errors():
    for _ in progress(range(3), total=3, description="pose"):
        time.sleep(float(pathlib.Path("wait.txt").read_text()))
    if pathlib.Path("wait.txt").read_text().strip() == "0.1":
        raise ValueError("pose cannot go on.\\nWait less.")
    print("pose: 3 made, 0 reused, 0 failed")
    print("warning: it was quick")
"""


@pytest.fixture
def two_stages(project):
    """A project of two stages, the second of which takes as long as wait.txt says."""
    (project / "metrics").mkdir()
    (project / "metrics" / "scores.json").write_text(json.dumps(METRICS))
    (project / "pose.py").write_text(SCRIPT)
    (project / "wait.txt").write_text("0")
    stages = {
        "settings": {"cmd": "echo settings: fine", "deps": ["params.yaml"]},
        "pose": {"cmd": "python pose.py", "deps": ["wait.txt"]},
    }
    (project / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    subprocess.run([sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"], check=True)
    return project


def start(**options):
    return subprocess.Popen(
        [sys.executable, "-m", "har.repro.running"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        **options,
    )


def test_repro_shows_a_line_a_stage_and_what_fails_in_full(two_stages):
    process = start()
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 0, printed
    head, *lines = printed.partition("\n\n")[0].splitlines()
    log = re.fullmatch(r"2 stages, .* Details: (\.har/logs/repro-.*\.log)", head)[1]
    assert [re.sub(r" +(\d+ s|a second)\b", "", line) for line in lines] == [
        "pose  3 made, 0 reused, 0 failed",
        "warning: it was quick",
        "settings  fine",
        "2 of 2 stages in",
    ]
    assert "Running stage 'pose'" in (two_stages / log).read_text()
    assert "pose" in json.loads(timings_file().read_text())
    assert "Next:" in printed
    (two_stages / "wait.txt").write_text("0.1")
    failed = start()
    printed, _ = failed.communicate(timeout=300)
    assert failed.returncode == 255  # of `dvc repro`
    assert re.search(
        r"pose +failed after \d+ s\nerror: pose cannot go on\.\nWait less\.\n", printed
    )
    assert "All that was printed is in .har/logs/repro-" in printed
    assert "Next:" not in printed


def test_repro_ends_its_stage_at_a_signal(two_stages):
    (two_stages / "wait.txt").write_text("60")
    process = start()
    deadline = time.monotonic() + 300
    while not list(two_stages.glob(".har/logs/*.progress")):  # the stage says how far it is
        assert time.monotonic() < deadline
        time.sleep(0.05)
    family = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGTERM)
    printed, _ = process.communicate(timeout=300)
    assert process.returncode == 143, printed
    assert "what is finished is kept" in printed
    assert not [one for one in family if one.is_running()]
