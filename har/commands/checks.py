"""Checks of the computer, for `har doctor`: one for each thing that the project needs."""

import importlib
import importlib.metadata
import os
import re
import shutil
import socket
import sqlite3
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from har.engine.files import WHAT_TO_DELETE
from har.settings import DEMO, load_settings

GIGABYTE = 10**9
PYTHON_VERSIONS = ((3, 11), (3, 12), (3, 13))
REQUIREMENTS = Path("requirements.txt")
# A stage takes up to 4 GB, a whole run of the demo with its cache about 2 GB of disk.
MIN_DISK_GIGABYTES, GOOD_DISK_GIGABYTES = 1.0, 5.0
MIN_MEMORY_GIGABYTES, GOOD_MEMORY_GIGABYTES = 2.0, 4.0
SERVER_TIMEOUT_SECONDS = 3.0
DEFAULT_PORTS = {"http": 80, "https": 443}
# Limits of a container, the newer kind first; the older says "none" with a huge number.
CGROUP_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


@dataclass(frozen=True)
class Check:
    """What became of one check.

    Attributes:
        name: What was looked at.
        result: `ok`, `warn` (the project runs, but see `fix`) or `fail` (it does not).
        what: What was found.
        fix: How to fix it; empty if there is nothing to fix.
    """

    name: str
    result: str
    what: str
    fix: str = ""


def examine() -> Iterator[Check]:
    """Yield one check after another, each as soon as it is done."""
    checks: list[Callable[[], Check]] = [
        check_python,
        check_packages,
        check_params,
        check_opencv,
        check_encoders,
        check_weights,
        check_gpu,
        check_cores,
        check_memory,
        check_disk,
        check_dvc,
        check_cache,
        check_mlflow,
    ]
    for check in checks:
        try:
            yield check()
        except ImportError as error:  # a package that the check itself needs
            name = check.__name__.removeprefix("check_")
            yield Check(name, "fail", f"cannot be looked at: {error}", _INSTALL)


_INSTALL = "make install"


def check_python() -> Check:
    """Check the version of Python."""
    version = ".".join(map(str, sys.version_info[:3]))
    said = f"{version} ({sys.executable})"
    if sys.version_info[:2] in PYTHON_VERSIONS:
        return Check("python", "ok", said)
    wanted = " or ".join(f"{major}.{minor}" for major, minor in PYTHON_VERSIONS)
    return Check(
        "python",
        "fail",
        f"{said}; expected {wanted}",
        f"install Python {wanted}, then `make repro`",
    )


def check_packages(requirements: Path = REQUIREMENTS) -> Check:
    """Check the installed packages against the pinned versions."""
    if not requirements.is_file():
        fix = "run the command in the folder of the project"
        return Check("packages", "fail", f"there is no {requirements} in {Path.cwd()}", fix)
    pinned = re.findall(r"^([\w.-]+)==([^\s#;]+)", requirements.read_text(encoding="utf-8"), re.M)
    missing, other = [], []
    for name, version in pinned:
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(f"{name}=={version}")
            continue
        if installed != version:
            other.append(f"{name} is {installed} and not {version}")
    if missing:
        return Check("packages", "fail", f"missing: {', '.join(missing)}", _INSTALL)
    if other:
        return Check("packages", "warn", ", ".join(other), f"{_INSTALL}, for the same results")
    return Check("packages", "ok", f"{len(pinned)} as pinned in {requirements}")


def check_params() -> Check:
    """Check that params.yaml can be read and the videos that it names are there."""
    try:
        videos = Path(load_settings().dataset.videos)
    except (ValueError, TypeError) as error:
        fix = "run in the folder of the project, and see `git diff params.yaml`"
        return Check("params.yaml", "fail", str(error), fix)
    if videos.is_dir():
        return Check("params.yaml", "ok", f"videos are in {videos}")
    if videos == DEMO:
        return Check("params.yaml", "ok", f"videos will be drawn into {DEMO} by `dvc repro`")
    fix = "put them there, `dvc pull` them, or change dataset.videos in params.yaml"
    return Check("params.yaml", "fail", f"dataset.videos is {videos}, which is not there", fix)


def check_opencv() -> Check:
    """Check that OpenCV can be imported, which needs libraries of the system."""
    try:
        opencv = importlib.import_module("cv2")
    except ImportError as error:
        fix = _INSTALL
        if ".so" in str(error):
            fix = (
                "apt-get install libgl1 libglib2.0-0 (Debian, Ubuntu), or your system's packages "
                "for libGL and glib"
            )
        return Check("opencv", "fail", str(error), fix)
    return Check("opencv", "ok", opencv.__version__)


def check_encoders() -> Check:
    """Check that PyAV can write H.264."""
    from har.video.codecs import has_encoder

    pyav = f"PyAV {importlib.metadata.version('av')}"
    if has_encoder("libx264"):
        return Check("video", "ok", f"{pyav} writes H.264")
    fix = "pip install --force-reinstall av, as a wheel, which carries it"
    return Check("video", "fail", f"{pyav} has no encoder libx264", fix)


def check_weights() -> Check:
    """Check that the backbone's weights are there and are the right ones."""
    from har.backbones.weights import identify_weights

    try:
        settings = load_settings()
        name, source = settings.backbone.name, settings.backbone.weights
        digest = identify_weights(
            name, source, seed=settings.seed, frame_size=settings.extract.size
        )
    except (ValueError, TypeError) as error:
        return Check("weights", "fail", str(error))  # the message says how to fix it
    if source == "random":
        fix = "set backbone.weights to 'registry' in params.yaml"
        return Check("weights", "warn", "random, which is for tests only", fix)
    return Check("weights", "ok", f"{name} ({source}, {digest[:12]})")


def check_gpu() -> Check:
    """Say whether TensorFlow sees a graphics card."""
    from har.backbones.extractor import _has_gpu

    if _has_gpu():
        return Check("gpu", "ok", "TensorFlow sees a graphics card")
    return Check("gpu", "ok", "none seen; none is needed")


def check_cores() -> Check:
    """Say how many processor cores there are."""
    from har.engine.workers import num_cores

    return Check("processor", "ok", f"{num_cores()} cores")


def check_memory() -> Check:
    """Check the memory of the computer or its container."""
    gigabytes = _total_memory() / GIGABYTE
    said = f"{gigabytes:.1f} GB"
    if gigabytes < MIN_MEMORY_GIGABYTES:
        fix = f"use a computer or container with at least {GOOD_MEMORY_GIGABYTES:g} GB"
        return Check("memory", "fail", said, fix)
    if gigabytes < GOOD_MEMORY_GIGABYTES:
        fix = "set workers: 1 in params.yaml, and a smaller batch_size for cnn3d"
        return Check("memory", "warn", said, fix)
    return Check("memory", "ok", said)


def check_disk() -> Check:
    """Check the free space where the project is."""
    gigabytes = shutil.disk_usage(Path.cwd()).free / GIGABYTE
    said = f"{gigabytes:.1f} GB free"
    fix = f"free some space: {WHAT_TO_DELETE}"
    if gigabytes < MIN_DISK_GIGABYTES:
        return Check("disk", "fail", said, fix)
    if gigabytes < GOOD_DISK_GIGABYTES:
        return Check("disk", "warn", said, fix)
    return Check("disk", "ok", said)


def check_dvc() -> Check:
    """Check that the folder is a DVC repository and that `dvc` is found."""
    if not Path(".dvc").is_dir() or not Path("dvc.yaml").is_file():
        fix = "run in the folder of the project, as `git clone` makes it"
        return Check("dvc", "fail", f"{Path.cwd()} is no DVC repository", fix)
    found = shutil.which("dvc")
    if found is None:
        return Check("dvc", "warn", "not on the path", "source .venv/bin/activate")
    if Path(found).resolve().parent != Path(sys.executable).parent.resolve():
        fix = "source .venv/bin/activate"
        return Check("dvc", "warn", f"{found} is of another environment than this Python", fix)
    return Check("dvc", "ok", f"repository with `dvc` at {found}")


def check_cache() -> Check:
    """Check that the per-video cache can be written."""
    from har.engine.cache import default_folder

    folder = default_folder()
    probe = folder / f"doctor-{uuid.uuid4().hex}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        fix = f"make {folder} a folder that you may write: chmod -R u+rwX {folder}"
        return Check("cache", "fail", f"{folder}: {error.strerror}", fix)
    return Check("cache", "ok", str(folder))


def check_mlflow() -> Check:
    """Check that the tracking server, if one is named, answers, or that the database is whole."""
    address = os.environ.get("MLFLOW_TRACKING_URI")
    if not address:
        return _check_database(Path("mlflow.db"))
    url = urlsplit(address)
    shown = url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()  # without a password
    if url.scheme not in DEFAULT_PORTS:
        return Check("mlflow", "ok", f"{shown} (MLFLOW_TRACKING_URI)")
    try:
        server = (url.hostname or "", url.port or DEFAULT_PORTS[url.scheme])
        socket.create_connection(server, timeout=SERVER_TIMEOUT_SECONDS).close()
    except (OSError, ValueError) as error:
        fix = "start that server, or unset MLFLOW_TRACKING_URI to use the project's own database"
        return Check("mlflow", "fail", f"{shown} does not answer: {error}", fix)
    return Check("mlflow", "ok", f"{shown} answers")


def _check_database(database: Path) -> Check:
    """Check that the project's own database is one, if it is there: an empty file is none."""
    found = "the project's own database, mlflow.db"
    if not database.exists():
        return Check("mlflow", "ok", f"{found}, which the first run makes")
    if database.stat().st_size == 0:
        problem = "it is empty (0 bytes)"
    else:
        try:
            with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as db:
                problem = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.Error as error:
            problem = str(error)
    if problem == "ok":
        return Check("mlflow", "ok", found)
    fix = "put a copy of it back, or move it away: runs go into a new one, and DVC keeps the scores"
    return Check("mlflow", "fail", f"{found}, is damaged: {problem}", fix)


def _total_memory() -> int:
    """Return the bytes of memory that the computer has, or its container may use."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for file in CGROUP_LIMITS:
        if os.path.isfile(file):
            limit = Path(file).read_text(encoding="ascii").strip()
            return min(total, int(limit)) if limit.isdigit() else total
    return total
