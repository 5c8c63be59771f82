"""An MLflow server with PostgreSQL, as a team has one, on this machine."""

import contextlib
import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))  # where Debian has them


WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # a dozen processes more


def find_programs() -> Path:
    """Return the folder of PostgreSQL's programs, or skip with what is missing."""
    found = shutil.which("initdb")
    if not found and not PROGRAMS:
        pytest.skip("no PostgreSQL: apt-get install postgresql")
    if importlib.util.find_spec("psycopg") is None:
        pytest.skip("no psycopg: pip install -r requirements-postgres.txt")
    return PROGRAMS[-1] if PROGRAMS else Path(found).parent


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@contextlib.contextmanager
def start_postgres() -> Iterator["Postgres"]:
    """Run a server of PostgreSQL with an empty database while the body runs."""
    with tempfile.TemporaryDirectory(prefix="har-postgres-") as folder:
        postgres = Postgres(find_programs(), Path(folder))
        try:
            yield postgres
        finally:
            postgres.control("stop", "-m", "immediate")


class Postgres:
    """A server of PostgreSQL in a folder of its own, which the system's administrator cannot run.

    Args:
        programs: The folder of its programs.
        folder: An empty one.
    """

    def __init__(self, programs: Path, folder: Path):
        self._programs, self._folder, self._port = programs, folder, free_port()
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as_user:
            shutil.chown(folder, "postgres")
        self._run("initdb", "--auth", "trust", "-U", "har", "-D", str(folder / "data"))
        self.control("start")
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "har", "mlflow")

    @property
    def address(self) -> str:
        return f"postgresql+psycopg://har@127.0.0.1:{self._port}/mlflow"

    def control(self, *how: str) -> None:
        options = f"-p {self._port} -h 127.0.0.1 -k {self._folder}"
        log = str(self._folder / "log")
        self._run("pg_ctl", "-w", "-D", str(self._folder / "data"), "-o", options, "-l", log, *how)

    def _run(self, program: str, *arguments: str) -> None:
        command = [*self._as_user, str(self._programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


class MlflowServer:
    """MLflow's own server, which can be killed and started again at the same address.

    Args:
        database: Its address.
        folder: For its artifacts and its log.
    """

    def __init__(self, database: str, folder: Path):
        self._port, self._folder = free_port(), folder
        self._command = [sys.executable, "-m", "mlflow", "server", "--backend-store-uri", database]
        self._command += ["--artifacts-destination", str(folder / "artifacts"), "--workers", "2"]
        self._command += ["--host", "127.0.0.1", "--port", str(self._port)]
        self._process: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        with (self._folder / "server.log").open("a") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                cwd=self._folder,
                start_new_session=True,
                env=os.environ | WITHOUT_JOBS,
            )
        deadline = time.monotonic() + 300  # it makes its tables first
        while not self._answers():
            assert self._process.poll() is None, (self._folder / "server.log").read_text()
            assert time.monotonic() < deadline, "the server does not answer"
            time.sleep(0.5)

    def kill(self) -> None:
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _answers(self) -> bool:
        with contextlib.suppress(urllib.error.URLError, ConnectionError):
            address = f"{self.address}/health"
            return urllib.request.urlopen(address, timeout=5).status == 200  # noqa: S310 - ours
        return False
