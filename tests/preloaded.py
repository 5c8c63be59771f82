"""Pythons that start at once: they fork from one that has imported what takes long to import.

A stage of a tiny project takes a second or two and its imports up to six, of TensorFlow, MLflow and
DVC, and the tests start some three hundred such processes. A `python` and a `dvc` on the PATH hand
themselves over to a server: it forks, and the fork takes their files, folder, environment and
arguments, and imports what is the project's own, of which the server knows nothing.
"""

import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import select
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

IMPORTS = """
    ai_edge_litert.interpreter av cv2 h5py jinja2 keras pandas pebble pydantic pyarrow.pandas_compat
    regex scipy.stats tensorflow tqdm.auto typer voluptuous
    matplotlib.pyplot matplotlib.backends.backend_agg
    sklearn.linear_model sklearn.metrics sklearn.model_selection sklearn.preprocessing
    alembic.command mlflow mlflow.pyfunc mlflow.pyfunc.scoring_server mlflow.models.display_utils
    mlflow.store.tracking.sqlalchemy_workspace_store mlflow.tracing.processor.otel mlflow.tracking
    dvc.cli.parser dvc.data_cloud dvc.repo dvc.repo.artifacts dvc.repo.datasets dvc.repo.experiments
    dvc.repo.graph dvc.repo.index dvc.repo.open_repo dvc.repo.plots dvc.repo.reproduce
    dvc.repo.stage dvc.scm dvc.utils.strictyaml dvc_data.hashfile.db.local dvc_data.hashfile.status
    configobj git networkx platformdirs ruamel.yaml
""".split()  # noqa: SIM905
# What these variables say is read by Keras, Python and TensorFlow when they start.
PYTHON = """#!{executable} -IS
import json, os, socket, sys
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"  # `har` sets it to 1
name, arguments = os.path.basename(sys.argv[0]), sys.argv[1:]
if name != "python":
    arguments = ["-m", name, *arguments]
own = {{"KERAS_HOME", "PYTHONPATH"}} & os.environ.keys() or os.environ.get(ONEDNN, "1") != "1"
if arguments[:1] != ["-m"] or own:
    os.execv({executable!r}, [{executable!r}, *arguments])
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    socket.send_fds(server, [b" "], [0, 1, 2])
    asked = {{"arguments": arguments[1:], "folder": os.getcwd(), "variables": dict(os.environ)}}
    server.sendall(json.dumps(asked).encode() + b"\\n")
    code = server.recv(4)
sys.exit(int(code))
"""


def preloaded(variables: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables whose PATH starts with the `python` and `dvc` of a server."""
    if sys.platform != "linux":  # macOS lets no process fork that has used its libraries
        return dict(variables)
    return {**variables, "PATH": f"{_bin_folder()}{os.pathsep}{variables['PATH']}"}


@functools.cache
def _bin_folder() -> Path:
    """Start the server, which ends after this process."""
    folder = Path(tempfile.mkdtemp(prefix="python-"))  # the path of a socket has 107 characters
    address = str(folder / "server")
    script = folder / "python"
    script.write_text(PYTHON.format(executable=sys.executable, address=address))
    script.chmod(0o755)
    (folder / "dvc").symlink_to(script)
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [sys.executable, __file__, address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
        )
    assert server.stdout.readline() == b"ready\n", (folder / "log").read_text()
    return folder


class Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    """Forks for each process that hands itself over."""

    timeout = 1.0  # seconds

    def serve(self) -> None:
        """Go on until the process that started this one has ended."""
        while not select.select([sys.stdin], [], [], 0)[0]:
            self.handle_request()


class Handler(socketserver.BaseRequestHandler):
    """Runs a module for another process, and ends it when that is killed."""

    def handle(self) -> None:
        _, files, *_ = socket.recv_fds(self.request, 1, 3)
        asked = json.loads(self.request.makefile().readline())
        python = Path(self.server.server_address).with_name("python")
        running = os.fork()
        if not running:
            become(python, files, **asked)
        for file in files:
            os.close(file)
        has_ended = os.pidfd_open(running)
        if self.request in select.select([has_ended, self.request], [], [])[0]:
            os.kill(running, signal.SIGTERM)
        _, status = os.waitpid(running, 0)
        self.request.sendall(str(os.waitstatus_to_exitcode(status)).encode())


def become(
    python: Path, files: list[int], arguments: list[str], folder: str, variables: dict[str, str]
) -> NoReturn:
    """Go on as `python -m` with some arguments in a folder."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(variables)
    module, *sys.argv[1:] = arguments
    sys.executable, sys.path[0] = str(python), folder
    code: object = None
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code
    except BaseException:
        traceback.print_exc()
        code = 1
    if isinstance(code, str):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    for name in IMPORTS:
        importlib.import_module(name)
    gc.freeze()  # a collection would else write to, and so copy, all that a fork shares
    with Server(sys.argv[1], Handler) as server:
        print("ready", flush=True)
        server.serve()
    shutil.rmtree(Path(sys.argv[1]).parent)
