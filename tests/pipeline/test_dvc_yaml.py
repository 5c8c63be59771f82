"""`dvc.yaml` against the code: what a stage imports it depends on, and names agree."""

from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml
from imports import imported_names
from places import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]


def imported_files(file: str) -> set[str]:
    """Return the files of `har` that a file imports, at any place in it."""
    found = set()
    for name in imported_names(ROOT / file):
        path = Path(*name.split("."))
        for candidate in (path.with_suffix(".py"), path / "__init__.py"):
            if path.parts[0] == "har" and (ROOT / candidate).is_file():
                found.add(candidate.as_posix())
    return found


def rooms_reached(file: str) -> set[str]:
    """Return the folders of `har` whose files running a file reads."""
    found, waiting = set(), imported_files(file)
    while waiting:
        current = waiting.pop()
        found.add(current)
        waiting |= imported_files(current) - found
    return {"/".join(Path(path).parts[:2]) for path in found if len(Path(path).parts) > 2}


@pytest.mark.parametrize("name", STAGES)
def test_dependencies_are_the_rooms_that_a_stage_imports(name):
    code = {
        dependency
        for dependency in STAGES[name]["deps"]
        if dependency.startswith(("har", "stages"))
    }
    # The settings find the models by their files.
    found = {f"har/{room}" for room in ("models", "clips", "engine", "features", "pose")}
    rooms = rooms_reached(f"stages/{name}.py") | found
    assert code == {f"stages/{name}.py", "har/__init__.py", *rooms}


@pytest.mark.parametrize("name", STAGES)
def test_stage_has_description_script_and_same_names(name):
    assert STAGES[name]["desc"]
    assert f"python -m stages.{name} " in STAGES[name]["cmd"]
    has_tests = list((ROOT / "tests").glob(f"*/test_{name}.py"))
    assert has_tests or name in ("train", "evaluate")  # tests/pipeline runs these


def test_every_script_is_a_stage():
    scripts = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert scripts == set(STAGES)


@pytest.mark.parametrize("name", STAGES)
def test_small_files_in_git_are_metrics_and_plots(name):
    """As plain outs they would keep the stage out of DVC's run cache."""
    uncached = [out for out in STAGES[name].get("outs", []) if isinstance(out, dict)]
    assert not [out for out in uncached if any(options.get("cache") is False for options in
                                               out.values())]  # fmt: skip


@pytest.mark.parametrize("name", STAGES)
def test_git_ignores_what_dvc_keeps(name):
    """Else DVC writes a .gitignore into the folder, and a run leaves the repository changed."""
    patterns = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    outs = [*STAGES[name].get("outs", []), *STAGES[name].get("plots", [])]
    for out in (f"/{out}" for out in outs if isinstance(out, str)):
        assert any(
            fnmatch(out, pattern) or out.startswith(f"{pattern.rstrip('/')}/")
            for pattern in patterns
        ), f"{out} is not in .gitignore"


@pytest.mark.parametrize("name", STAGES)
def test_no_setting_reaches_a_shell(name):
    """A folder named `$(...)` would be run; a stage reads params.yaml itself."""
    assert "$" not in STAGES[name]["cmd"]
