"""`dvc.yaml` against the code: what a stage imports it depends on, and names agree."""

import ast
from pathlib import Path

import pytest
import yaml
from places import ROOT

STAGES = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))["stages"]
# `har.models` imports the chosen model by its name.
BY_NAME = {"har/models/__init__.py": "har/models/${model}.py"}


def imported_modules(file: str) -> set[str]:
    """Return the project's files that a file imports, at any place in it."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / file).read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            path = Path(*name.split("."))
            for candidate in (path.with_suffix(".py"), path / "__init__.py"):
                if path.parts[0] in ("har", "stages") and (ROOT / candidate).is_file():
                    found.add(candidate.as_posix())
    return found


def all_dependencies(file: str) -> set[str]:
    """Return the project's files that running a file reads, itself included."""
    found, waiting = set(), {file}
    while waiting:
        current = waiting.pop()
        found.add(current)
        if current in BY_NAME:
            found.add(BY_NAME[current])
        waiting |= imported_modules(current) - found
    packages = {f"{Path(path).parent.as_posix()}/__init__.py" for path in found}
    return found | {package for package in packages if package.startswith("har")}


@pytest.mark.parametrize("name", STAGES)
def test_dependencies_equal_imports(name):
    code = {dependency for dependency in STAGES[name]["deps"] if dependency.endswith(".py")}
    assert code == all_dependencies(f"stages/{name}.py") - {"stages/__init__.py"}


@pytest.mark.parametrize("name", STAGES)
def test_stage_has_description_script_and_same_names(name):
    assert STAGES[name]["desc"]
    assert f"python -m stages.{name} " in STAGES[name]["cmd"]
    assert list((ROOT / "tests").glob(f"*/test_{name}.py")) or name in ("train", "evaluate")


def test_every_script_is_a_stage():
    scripts = {path.stem for path in (ROOT / "stages").glob("[!_]*.py")}
    assert scripts == set(STAGES)
