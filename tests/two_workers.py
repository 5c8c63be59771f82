"""The stage `train` in two processes, which stand for two machines, in one folder."""

import json
import socket
import subprocess

from one_stage import stage_arguments
from preloaded import preloaded
from tiny_project import Project, environment

TIMEOUT_SECONDS = 400  # where one of them fails, the other waits for it


def free_addresses(number: int) -> list[str]:
    """Return addresses of this machine that nobody listens to."""
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()
    return addresses


def train_together(project: Project) -> list[tuple[int, str]]:
    """Run the stage in two processes; return the exit code and the output of each, chief first."""
    cluster = {"worker": free_addresses(2)}
    processes = []
    for index in range(2):
        config = json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})
        processes.append(
            subprocess.Popen(
                ["python", *stage_arguments("train")],
                cwd=project.folder,
                env=preloaded(environment()) | {"TF_CONFIG": config},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    try:
        printed = [one.communicate(timeout=TIMEOUT_SECONDS)[0] for one in processes]
    finally:
        for one in processes:
            one.kill()
    return [(one.returncode, text) for one, text in zip(processes, printed, strict=True)]
