"""The command line: its verbs, their help and version, completion, and exit codes."""

import os
import re
import shutil
import subprocess
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from command_line import VERBS, install_script, options_of, run, run_process
from places import ROOT

from har.commands.app import find_version

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
# A verb with all that follows it, in a block of code or between backticks.
COMMAND = re.compile(r"(?:python -m har|^ *(?:\$ )?har|`har) ([a-z]\w*)([^`#\n]*)", re.MULTILINE)
HEAVY = {"tensorflow", "pandas", "numpy", "av", "cv2", "yaml", "pydantic", "mlflow", "dvc", "rich"}


@pytest.fixture
def installed(tmp_path) -> Path:
    """The script `har` in a folder of its own."""
    return install_script(tmp_path / "bin")


def complete(installed: Path, *words: str) -> list[str]:
    """Return what bash is offered for the last of some words after `har`."""
    asked = {"_HAR_COMPLETE": "complete_bash", "COMP_CWORD": str(len(words))}
    result = run_process(str(installed), **asked, COMP_WORDS="\n".join(["har", *words]))
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_help_lists_the_verbs_at_once_without_heavy_imports(installed):
    for program in (["-m", "har"], [str(installed)]):
        started = time.monotonic()
        result = run_process("-X", "importtime", *program, "--help")
        seconds = time.monotonic() - started
        assert result.returncode == 0
        for verb in VERBS:
            assert f"\n  {verb} " in result.stdout
        assert result.stdout.isascii()  # no frames
        imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
        assert "typer" in imported
        assert not imported & HEAVY
        assert seconds < 5  # 0.2 s where nothing else runs


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_each_verb_shows_an_example(verb, capsys):
    code, out, _ = run(verb, "--help", capsys=capsys)
    assert code == 0
    assert f"Example: python -m har {verb}" in out


def test_each_verb_has_an_output_for_programs():
    assert [verb for verb in VERBS if "--json" not in options_of(verb)] == []


def test_help_calls_the_program_as_it_was_called(installed):
    by_script, by_module = (
        run_process(*program, "predict", "--help").stdout
        for program in ([str(installed)], ["-m", "har"])
    )
    assert by_script.startswith("Usage: har predict ")
    assert "Example: har predict" in by_script
    assert by_module.startswith("Usage: python -m har predict ")
    assert "Example: python -m har predict" in by_module


def test_docs_name_the_verbs_and_options_that_there_are():
    told = set()
    for page in PAGES:
        for verb, rest in COMMAND.findall(page.read_text(encoding="utf-8")):
            assert verb in VERBS, f"{page.name} tells of `har {verb}`"
            unknown = set(re.findall(r"(?<!\S)--[a-z-]+", rest)) - options_of(verb)
            assert not unknown, f"{page.name} tells of `har {verb} {' '.join(unknown)}`"
            if page.name != "README.md":
                told.add(verb)
    assert told == set(VERBS), "docs/ has an example of each"


def test_version_is_that_of_the_project(capsys):
    code, out, _ = run("--version", capsys=capsys)
    assert (code, out) == (0, "har 0.1.0\n")


def test_find_version_of_what_is_installed(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "another"\nversion = "9"\n')
    monkeypatch.setattr("importlib.metadata.version", {"har": "0.2.0"}.get)
    assert find_version(tmp_path) == "0.2.0"


def test_find_version_says_so_when_there_is_none(tmp_path, monkeypatch):
    def missing(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", missing)
    with pytest.raises(ValueError, match=r"The version is unknown.*pip install -e \."):
        find_version(tmp_path)


def test_completion_offers_verbs_options_and_data_sets(installed):
    assert complete(installed, "") == list(VERBS)
    assert complete(installed, "com") == ["compare"]
    assert complete(installed, "predict", "--c") == ["--csv"]
    assert complete(installed, "import", "k") == ["kinetics", "kth"]


def test_completion_leaves_files_to_the_shell(installed):
    for words in (["inspect", ""], ["predict", "a.mp4", ""], ["predict", "--model", ""]):
        assert complete(installed, *words) == []


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_completion_works_in_bash(installed, tmp_path):
    script = """
        eval "$(_HAR_COMPLETE=source_bash har)"
        COMP_WORDS=(har import w) COMP_CWORD=2
        _har_completion har
        echo "${COMPREPLY[*]}"
        complete -p har
        har --show-completion | tail -n 1
    """
    path = f"{installed.parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    command = ["bash", "--norc", "-c", script]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [
        "weizmann",
        "complete -o default -F _har_completion har",  # `default`: files, where nothing is offered
        "complete -o default -F _har_completion har",
    ]


def test_completion_is_offered_by_the_script_alone(installed):
    by_script, by_module = (
        run_process(*program, "--help").stdout for program in ([str(installed)], ["-m", "har"])
    )
    for option in ("--install-completion", "--show-completion"):
        assert option in by_script
        assert option not in by_module


@pytest.mark.parametrize(
    "arguments",
    [
        ["nonsense"],
        ["inspect"],
        ["inspect", "no/such/folder"],
        ["inspect", ".", "--nonsense"],
        ["import", "imagenet", ".", "out"],
        ["import", "kth", "no/such/folder", "out"],
        ["import", "kth"],
        ["crossval", "--folds", "1"],
        ["crossval", "--folds", "persons"],
        ["predict"],
        ["predict", "no/such/video.mp4"],
        ["predict", ".", "--model", "no/such/model"],
    ],
)
def test_main_ends_with_2_on_wrong_options(arguments, project, capsys):
    code, out, err = run(*arguments, capsys=capsys)
    assert code == 2
    assert out == ""
    assert "Usage: python -m har" in err
