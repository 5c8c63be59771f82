"""The command line as a user calls it, in this process or in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from har.__main__ import main


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    """Run the command line in this process; return its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    said = capsys.readouterr()
    return end.value.code or 0, said.out, said.err


def run_process(*arguments: str, folder: Path = ROOT) -> subprocess.CompletedProcess:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
