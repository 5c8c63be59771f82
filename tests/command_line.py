"""The command line as a user calls it, in this process or in one of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer
from places import ROOT

from har.__main__ import main
from har.commands.app import app

_COMMANDS = typer.main.get_command(app).commands
VERBS = tuple(_COMMANDS)


def options_of(verb: str) -> set[str]:
    """Return the options that a verb takes, as `--json`."""
    names = {name for parameter in _COMMANDS[verb].params for name in parameter.opts}
    return {name for name in names if name.startswith("-")} | {"--help"}


def run(*arguments: str, capsys) -> tuple[int, str, str]:
    """Run the command line in this process; return its exit code, stdout and stderr."""
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    said = capsys.readouterr()
    return end.value.code or 0, said.out, said.err


def run_process(
    *arguments: str, folder: Path = ROOT, **variables: str
) -> subprocess.CompletedProcess:
    """Run Python in a process of its own, with some environment variables."""
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | variables
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def install_script(folder: Path) -> Path:
    """Write the script `har`, as pip writes it for the entry point in pyproject.toml."""
    folder.mkdir(parents=True)
    script = folder / "har"
    script.write_text(f"#!{sys.executable}\nfrom har.__main__ import main\nmain()\n")
    script.chmod(0o755)
    return script
