"""The plan of the code: which room stands on which, and which one alone touches what."""

import ast
import re
from pathlib import Path

import pytest
from imports import imported_names
from places import ROOT

# From the ground up: a room imports from those before it and from itself, never from a later one.
ROOMS = (
    "names",
    "compute",
    "engine",
    "storage",
    "integrity",
    "video",
    "clips",
    "folder",
    "dataset",
    "inspection",
    "importers",
    "backbones",
    "pose",
    "demo",
    "features",
    "models",
    "settings",
    "training",
    "recognizer",
    "timeline",
    "tracking",
    "evaluation",
    "exports",
    "pages",
    "repro",
    "app",
    "commands",
    "__main__",
)
# What only one room, or one file, may import.
EDGES = {
    "av": "har/video/",
    "mlflow": "har/tracking/",
    "sqlalchemy": "har/tracking/",
    "dvc": "har/engine/repository.py",
    "subprocess": "har/engine/repository.py",
    "keras": "har/engine/runtime.py",
    "tensorflow": "har/engine/runtime.py",
    "ai_edge_litert": "har/backbones/litert.py",
    "onnxruntime": "har/exports/",
    "tf2onnx": "har/exports/",
    "typer": "har/commands/",
    "pebble": "har/compute/",
    "distributed": "har/compute/",
    "s3fs": "har/storage/",
    "tqdm": "har/engine/",
    "jinja2": "har/pages/",
    "matplotlib": "har/pages/",
    "gradio": "har/app/",
    "starlette": "har/app/",
}
MAX_FILE_LINES, MAX_FUNCTION_LINES, MAX_FILES, MAX_DOOR_LINES = 350, 50, 13, 60
FILES = sorted(path.relative_to(ROOT) for path in (ROOT / "har").rglob("*.py"))
DOORS = sorted(path.relative_to(ROOT) for path in (ROOT / "stages").glob("[!_]*.py"))


def read(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(encoding="utf-8"))


def imported(path: Path) -> set[str]:
    """Return the names of the modules that a file imports, at any place in it."""
    return imported_names(ROOT / path)


def room_of(path: Path) -> str:
    return path.parts[1] if len(path.parts) > 2 else path.stem


def test_architecture_page_lists_the_rooms_in_their_order():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    listed = re.findall(r"(?m)^\| `(\w+)` \|", page)
    assert tuple(listed) == tuple(room for room in ROOMS if room != "__main__")


def test_rooms_are_the_folders_of_har():
    assert {room_of(path) for path in FILES} - {"__init__"} == set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=str)
def test_imports_run_downwards(path):
    if room_of(path) == "__init__":
        assert not imported(path) - {"os"}, "har/__init__.py runs before everything else"
        return
    below = ROOMS[: ROOMS.index(room_of(path)) + 1]
    for name in imported(path):
        assert not name.startswith("stages"), f"{path} imports a door: {name}"
        if name.startswith("har."):
            assert name.split(".")[1] in below, f"{path} imports {name}, which is above it"


def arrows() -> dict[str, set[str]]:
    """Return the modules of `har` that each of them imports."""
    modules = {
        ".".join(path.with_suffix("").parts).removesuffix(".__init__"): path for path in FILES
    }
    return {module: imported(path) & set(modules) for module, path in modules.items()}


def test_no_module_imports_itself_by_way_of_others():
    graph, done = arrows(), set()
    while len(done) < len(graph):
        ready = {
            module
            for module, targets in graph.items()
            # A package's own `__init__` comes with each of its modules and is no circle.
            if module not in done and targets - {module.rpartition(".")[0], module} <= done
        }
        assert ready, f"a circle among {sorted(set(graph) - done)}"
        done |= ready


@pytest.mark.parametrize("package", EDGES)
def test_only_one_room_touches(package):
    users = {
        path.as_posix()
        for path in FILES
        if any(name.split(".")[0] == package for name in imported(path))
    }
    assert users, f"nothing imports {package}"
    assert all(user.startswith(EDGES[package]) for user in users), users


@pytest.mark.parametrize("path", FILES + DOORS, ids=str)
def test_files_and_functions_are_short(path):
    most = MAX_DOOR_LINES if path in DOORS else MAX_FILE_LINES
    assert len((ROOT / path).read_text(encoding="utf-8").splitlines()) <= most
    for node in ast.walk(read(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{path}: {node.name} has {length} lines"


def test_tests_are_short_files():
    lines = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in (ROOT / "tests").rglob("*.py")
    }
    assert {name: count for name, count in lines.items() if count > MAX_FILE_LINES} == {}


# Of commands there is a file a verb.
@pytest.mark.parametrize("room", [room for room in ROOMS if room not in ("commands", "__main__")])
def test_rooms_are_small(room):
    assert len(list((ROOT / "har" / room).glob("[!_]*.py"))) <= MAX_FILES
