"""The project's repository: its folder, git and DVC, which nothing else calls."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

MAX_LOG_LINES = 12  # of a failed experiment, in the error


def project_root() -> Path:
    """Return the project's own folder, also where DVC runs an experiment in a copy of it.

    What all experiments share lies here: the cache, the checkpoints and the tracking database.
    """
    # DVC runs queued and temporary experiments in a copy and names the repository in DVC_ROOT.
    return Path(os.environ.get("DVC_ROOT") or ".")


def has_git() -> bool:
    """Return whether git is installed."""
    return shutil.which("git") is not None


def git(*arguments: str) -> str:
    """Return what git prints, stripped; nothing where there is no git or no commit."""
    if not has_git():
        return ""
    result = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    return result.stdout.strip() if result.returncode == 0 else ""


def has_changes() -> bool:
    """Return whether a file that git knows differs from the last commit."""
    return bool(git("status", "--porcelain", "--untracked-files=no"))


def list_git_files(*options: str, patterns: Sequence[str]) -> list[str]:
    """Return the files that `git ls-files` names.

    Args:
        options: Of `git ls-files`, as `--cached` or `--others`.
        patterns: Files and folders to look at.

    Raises:
        ValueError: This is no git repository.
    """
    command = ["git", "ls-files", "-z", *options, "--", *patterns]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ValueError(
            f"Cross-validation runs DVC experiments, which need git: {result.stderr.strip()}. Run "
            "it in the project's folder, a git repository with a commit."
        )
    return [name for name in result.stdout.split("\0") if name]


def dvc(*arguments: str) -> str:
    """Return what DVC prints.

    Raises:
        ValueError: The command failed.
    """
    command = [sys.executable, "-m", "dvc", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise ValueError(
            f"`dvc {' '.join(arguments)}` failed: {result.stderr.strip()}. Run the command in the "
            "folder of the project, when no `dvc repro` is running."
        )
    return result.stdout


def cache_folder() -> Path | None:
    """Return the folder of DVC's cache; None where this is no DVC repository."""
    from dvc.config import Config

    config = Config.from_cwd()
    if config.dvc_dir is None:
        return None
    return Path(config["cache"].get("dir") or Path(config.dvc_dir) / "cache")


def explain_lock(text: bytes) -> str:
    """Return why DVC cannot read a dvc.lock of this content; nothing where it can."""
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from dvc.utils.serialize import YAMLFileCorruptedError, parse_yaml
    from voluptuous import Invalid

    try:
        COMPILED_LOCKFILE_SCHEMA(parse_yaml(text.decode("utf-8"), "dvc.lock"))
    except (YAMLFileCorruptedError, Invalid, UnicodeDecodeError) as error:
        return str(error)
    return ""


@contextlib.contextmanager
def holding_rwlock(file: Path) -> Iterator[None]:
    """Let no DVC process read or write a file `rwlock` while the body does.

    Raises:
        ValueError: Another one holds it for seconds.
    """
    from dvc.config import Config
    from dvc.lock import LockError, make_lock

    hardlink = Config.from_cwd()["core"].get("hardlink_lock", False)
    guard = make_lock(f"{file}.lock", tmp_dir=str(file.parent), hardlink_lock=hardlink)
    try:
        guard.lock()
    except LockError as error:
        raise ValueError(
            f"{file} is in use by another DVC process. Run the command again when it has ended."
        ) from error
    try:
        yield
    finally:
        guard.unlock()


def remake(stages: Sequence[str]) -> None:
    """Run some stages alone, as `dvc repro --single-item`, and show what they print.

    Raises:
        ValueError: One failed.
    """
    command = [sys.executable, "-m", "dvc", "repro", "--single-item", *stages]
    result = subprocess.run(command, env=_with_this_python(), check=False)
    if result.returncode:
        raise ValueError(
            f"`dvc repro --single-item {' '.join(stages)}` failed, as said above. Fix it and run "
            "`make repro`; what is finished is kept."
        )


def list_experiments() -> list[str]:
    """Return the names of all DVC experiments."""
    return dvc("exp", "list", "--all-commits", "--name-only").split()


def run_experiment(name: str, changes: Sequence[str], log: Path) -> None:
    """Run a DVC experiment in a copy of the project.

    Args:
        name: Of the experiment.
        changes: Parameters, as `model=cnn3d`.
        log: The file for what it prints.

    Raises:
        ValueError: It failed; the message has the end of the log.
    """
    command = ["exp", "run", "--temp", "--name", name]
    for change in changes:
        command += ["--set-param", change]
    with log.open("w", encoding="utf-8") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", *command],
            stdout=file,
            stderr=subprocess.STDOUT,
            env=_with_this_python(),
            process_group=0,
        )
        try:
            exit_code = process.wait()
        except KeyboardInterrupt:
            interrupt(process)
            raise
    if exit_code:
        lines = [line for line in log.read_text(encoding="utf-8").splitlines() if line.strip()]
        end = "\n".join(f"  {line}" for line in lines[-MAX_LOG_LINES:])
        raise ValueError(
            f"The experiment {name} failed:\n{end}\nAll it printed is in {log}. Fix it and run "
            "the same command again; the folds that ended are kept."
        )


def start_repro(log: Path, environment: dict[str, str]) -> subprocess.Popen:
    """Start `dvc repro` in a process group of its own, which `interrupt` ends.

    Args:
        log: The file for what it and its stages print; its folder is made.
        environment: Variables for it and its stages, beside those of this process.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file, _heeding_interrupts():
        return subprocess.Popen(
            [sys.executable, "-m", "dvc", "repro"],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=_with_this_python() | environment,
            process_group=0,
        )


@contextlib.contextmanager
def _heeding_interrupts() -> Iterator[None]:
    """Let a process that the body starts heed SIGINT where this one was started to ignore it.

    So shells start what ends in `&`, and the terminal's Ctrl-C reaches no other process group.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def interrupt(process: subprocess.Popen) -> None:
    """End a process and those of its group as Ctrl-C does; a second Ctrl-C kills them.

    DVC and its stage put their things in order meanwhile.
    """
    if process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait()
    except KeyboardInterrupt:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise


def has_uncommitted(*paths: str) -> bool:
    """Return whether git has not committed some of what lies at these paths; not without git."""
    return bool(git("status", "--porcelain", "--", *paths))


def _with_this_python() -> dict[str, str]:
    """Return an environment in which the stages' `python` is this one, activated or not."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return os.environ | {"PATH": path}


def find_commit(name: str) -> str:
    """Return the commit of a git revision or a DVC experiment.

    Raises:
        ValueError: There is none of that name.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo
    from dvc.scm import resolve_rev

    try:
        with Repo() as repo:
            return resolve_rev(repo.scm, name)
    except DvcException as error:
        raise ValueError(str(error)) from error


def read_files_at(revision: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the texts of those of some files that a revision or an experiment has, by path."""
    from dvc.api import DVCFileSystem

    with contextlib.closing(DVCFileSystem(rev=revision)) as files:
        return {
            path: files.read_text(path, encoding="utf-8") for path in paths if files.exists(path)
        }


def changed_stages() -> dict[str, list[str]]:
    """Return what has changed since the stages ran, as `dvc status` finds it, by stage.

    That takes about a second; longer the first time after the data were copied, since DVC then
    reads them all.

    Raises:
        ValueError: DVC cannot say.
    """
    status = json.loads(dvc("status", "--json"))
    changes = {stage: _list_changed(entries) for stage, entries in status.items()}
    return {stage: names for stage, names in changes.items() if names}


def stages_to_remake() -> list[str]:
    """Return the stages of which nothing changed but what they made, in the order of dvc.yaml.

    What they made counts as changed where it is missing in DVC's cache.
    """
    status = json.loads(dvc("status", "--json"))
    return [
        stage
        for stage, entries in status.items()
        if all(isinstance(entry, dict) and set(entry) == {"changed outs"} for entry in entries)
    ]


def _list_changed(entries: list[Any]) -> list[str]:
    """Return what changed, from entries as `{"changed deps": {"a.csv": "modified"}}`.

    A changed parameter is in one as `{"params.yaml": {"seed": "modified"}}`. A file that is only
    missing in DVC's cache is what it was.
    """
    names = []
    for entry in entries:
        if isinstance(entry, str):  # "changed command"
            names.append(entry.removeprefix("changed "))
            continue
        for changed in entry.values():
            for name, how in changed.items():
                if how != "not in cache":
                    names += list(how) if isinstance(how, dict) else [name]
    return names
