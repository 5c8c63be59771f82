"""The lists of packages: complete, pinned, locked with hashes, and free of hosts."""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions

import pytest
from imports import imported_names
from places import ROOT

PACKAGE, TOOLS, WEIGHTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "requirements-weights.txt",
)
APP, BROWSER = "requirements-app.txt", "requirements-browser.txt"  # of `make app`, `make test-app`
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
DASK = "requirements-dask.txt"  # of `make dask`
S3, MOTO = "requirements-s3.txt", "requirements-moto.txt"  # of `make s3`, `make test-s3`
S3_LOCK = (ROOT / "requirements-s3.lock").read_text(encoding="utf-8")
DASK_LOCK = (ROOT / "requirements-dask.lock").read_text(encoding="utf-8")
APP_LOCK = (ROOT / "requirements-app.lock").read_text(encoding="utf-8")
PIN = re.compile(r"([A-Za-z0-9._-]+)(?:\[[a-z0-9]+\])?==([^\s;]+)")
LOCKED = re.compile(
    rf"^{PIN.pattern}.*\\\n((?:    --hash=sha256:[0-9a-f]{{64}}.*\n)*)", re.MULTILINE
)
# A module, and the package of an extra of pyproject.toml that brings it.
OPTIONAL = {
    "kagglehub": "keras-hub",
    "gradio": "gradio",
    "starlette": "gradio",
    "distributed": "distributed",
    "s3fs": "dvc-s3",
}
OF_TESTS = {"playwright", "moto", "boto3", "werkzeug"}  # of requirements-browser.txt and -moto.txt
MAX_LOCK_BYTES = 2**20  # what git takes of a file here


def normal(name: str) -> str:
    """Return a package's name as the lock writes it: `PyYAML` is `pyyaml`."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lines(file: str) -> list[str]:
    """Return the lines of a list of packages, without comments."""
    lines = (ROOT / file).read_text(encoding="utf-8").splitlines()
    return [line for line in (re.sub(r"(^| )#.*", "", line) for line in lines) if line]


def read_pins(*files: str) -> dict[str, str]:
    """Return the version of each package in lists whose lines are exact pins."""
    matches = [PIN.fullmatch(line) for file in files for line in read_lines(file)]
    return {normal(match[1]): match[2] for match in matches if match}


def imported_modules(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the outermost module of each import below a folder, and the file that has it."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        for name in sorted(imported_names(path)):
            yield name.partition(".")[0], path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize(
    ("folder", "files"),
    [("har", [PACKAGE]), ("stages", [PACKAGE]), ("tests", [PACKAGE, TOOLS])],
)
def test_requirements_name_each_package_that_is_imported(folder, files):
    pins, packages = read_pins(*files), packages_distributions()
    own = {"har", "stages", "benchmarks", *(path.stem for path in (ROOT / "tests").rglob("*.py"))}
    known = own | sys.stdlib_module_names | set(OPTIONAL)
    if folder == "tests":
        known |= OF_TESTS
    missing = {
        f"{module} in {path}"
        for module, path in imported_modules(folder)
        if module not in known and not pins.keys() & map(normal, packages.get(module, ()))
    }
    assert not missing, f"not in {' or '.join(files)}"


def test_optional_packages_have_an_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [pin for pins in project["optional-dependencies"].values() for pin in pins]
    assert {PIN.fullmatch(pin)[1] for pin in extras} == set(OPTIONAL.values())
    assert f"gradio=={read_pins(APP)['gradio']}" in extras
    assert f"distributed=={read_pins(DASK)['distributed']}" in extras
    assert f"dvc-s3=={read_pins(S3)['dvc-s3']}" in extras


def test_tests_of_the_page_have_their_packages_in_a_list():
    assert set(read_pins(BROWSER)) == {"playwright"}


@pytest.mark.parametrize(
    ("file", "lock"),
    [
        *((PACKAGE, LOCK), (TOOLS, LOCK), (APP, APP_LOCK), (BROWSER, APP_LOCK)),
        *((DASK, DASK_LOCK), (S3, S3_LOCK), (MOTO, S3_LOCK)),
    ],
)
def test_requirements_are_exact_pins_that_the_lock_has_too(file, lock):
    lines, pins = read_lines(file), read_pins(file)
    assert len(pins) == len(lines), [line for line in lines if not PIN.fullmatch(line)]
    locked = {(normal(name), version) for name, version, _ in LOCKED.findall(lock)}
    wanted = {name: {(name, version)} for name, version in pins.items()}
    there = {name: {pin for pin in locked if pin[0] == name} for name in pins}
    assert there == wanted, "run `make lock`"


@pytest.mark.parametrize(
    ("lock", "at_least"), [(LOCK, 100), (APP_LOCK, 40), (DASK_LOCK, 15), (S3_LOCK, 40)]
)
def test_lock_has_a_hash_of_each_package(lock, at_least):
    entries = LOCKED.findall(lock)
    assert len(entries) == len(re.findall(r"^[^\s#]", lock, re.MULTILINE)) > at_least
    assert [name for name, _, hashes in entries if not hashes] == []


@pytest.mark.parametrize(
    ("lock", "shared"),
    [
        (APP_LOCK, {"numpy", "pandas", "pillow", "tomlkit"}),
        (DASK_LOCK, {"click", "psutil"}),
        (S3_LOCK, {"fsspec", "python-dateutil"}),
    ],
)
def test_locks_agree(lock, shared):
    of_all, of_part = (
        {(name, version) for name, version, _ in LOCKED.findall(one)} for one in (LOCK, lock)
    )
    both = {name for name, _ in of_all} & {name for name, _ in of_part}
    assert both >= shared
    assert {pin for pin in of_part if pin[0] in both} <= of_all, "run `make lock`"


def test_weights_are_pinned_by_hash_and_apart_from_the_lock():
    lines = read_lines(WEIGHTS)
    names = {PIN.match(line)[1] for line in lines}
    assert len(names) == len(lines) == 3
    assert all(re.search(r" --hash=sha256:[0-9a-f]{64}$", line) for line in lines)
    assert not names & {name for name, _, _ in LOCKED.findall(LOCK)}


@pytest.mark.parametrize(
    "file",
    [
        *(PACKAGE, TOOLS, WEIGHTS, APP, BROWSER, DASK, S3, MOTO),
        *("requirements.lock", "requirements-app.lock", "requirements-dask.lock"),
        "requirements-s3.lock",
    ],
)
def test_lists_name_no_host(file):
    content = (ROOT / file).read_text(encoding="utf-8")
    assert "://" not in content
    options = {option for line in read_lines(file) for option in re.findall(r"--[a-z-]+", line)}
    assert options <= {"--hash"}


@pytest.mark.parametrize("lock", [LOCK, APP_LOCK, DASK_LOCK, S3_LOCK])
def test_lock_is_small_enough_for_git(lock):
    assert len(lock.encode()) < MAX_LOCK_BYTES
