"""Runs of processes that are no more are not shown as running."""

import os
import subprocess
import sys

import pytest
from places import ROOT

from har.tracking.connection import connect
from har.tracking.left_runs import PROCESS_TAG, describe_process
from har.tracking.runs import open_run, resume_run

PARAMS = {"models": {"tiny": {}}}


def status_of(client, run_id):
    return client.get_run(run_id).info.status


def test_a_run_of_a_killed_process_is_killed_at_the_next_start(client, root):
    program = (
        "import os, pathlib, sys; from har.tracking.connection import connect; "
        "from har.tracking.runs import open_run; client = connect(pathlib.Path(sys.argv[1])); "
        "print(open_run(client, model='tiny', fingerprint='k', params={'models': {'tiny': {}}})); "
        "sys.stdout.flush(); os.kill(os.getpid(), 9)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, str(root)], env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    run_id = result.stdout.strip()
    assert status_of(client, run_id) == "RUNNING"
    connect(root)
    assert status_of(client, run_id) == "KILLED"


@pytest.mark.parametrize(
    ("process", "status"),
    [
        (describe_process(), "RUNNING"),
        (f"{describe_process().rpartition(' ')[0]} 1", "KILLED"),  # its number is used again
        ("another-computer 1 1", "RUNNING"),
    ],
    ids=["this one", "another of its number", "of another computer"],
)
def test_a_run_that_may_be_at_work_is_left_alone(client, root, process, status):
    run_id = open_run(client, model="tiny", fingerprint="w", params=PARAMS)
    client.set_tag(run_id, PROCESS_TAG, process)
    connect(root)
    assert status_of(client, run_id) == status


def test_a_run_that_goes_on_is_shown_as_running(client):
    assert resume_run(client, "on") is None
    run_id = open_run(client, model="tiny", fingerprint="on", params=PARAMS)
    client.set_terminated(run_id, "KILLED")
    client.set_tag(run_id, PROCESS_TAG, "another-computer 1 1")
    assert resume_run(client, "on") == run_id
    run = client.get_run(run_id)
    assert (run.info.status, run.data.tags[PROCESS_TAG]) == ("RUNNING", describe_process())
