"""Runs that MLflow shows as running, though nobody is at work on them any more.

A process that is ended says so to MLflow. One that is killed, or whose disk or computer fails,
cannot: the next one says it.
"""

import os
import socket
from pathlib import Path

from mlflow import MlflowClient

PROCESS_TAG = "har.process"  # host, number and start of the process that is at work on a run


def describe_process() -> str:
    """Return what tells this process from all others, those of before and elsewhere included."""
    return f"{socket.gethostname()} {os.getpid()} {_start_of(os.getpid())}"


def take_up(client: MlflowClient, run_id: str) -> None:
    """Show a run as running again, in this process."""
    client.set_tag(run_id, PROCESS_TAG, describe_process())
    client.update_run(run_id, status="RUNNING")


def let_go(client: MlflowClient, run_id: str) -> None:
    """Take the process from a run that has ended: two runs then do not differ by it."""
    if PROCESS_TAG in client.get_run(run_id).data.tags:
        client.delete_tag(run_id, PROCESS_TAG)


def end_left_runs(client: MlflowClient, experiment_id: str) -> None:
    """Mark the runs as killed whose processes, of this computer, are no more.

    Args:
        client: From `har.tracking.connection.connect`.
        experiment_id: Of the runs.
    """
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        process = run.data.tags.get(PROCESS_TAG, "")
        if process and not _may_be_at_work(process):
            client.set_terminated(run.info.run_id, "KILLED")
            let_go(client, run.info.run_id)


def _may_be_at_work(process: str) -> bool:
    host, number, start = process.rsplit(" ", 2)
    if host != socket.gethostname():
        return True  # nobody here knows
    try:
        os.kill(int(number), 0)  # asks only
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return _start_of(int(number)) == start


def _start_of(process: int) -> str:
    """Return when a process began, as numbers are used again; 0 where the system does not say."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return "0"
    return stat.rpartition(")")[2].split()[19]  # the 22nd of all; the second, a name, has blanks
