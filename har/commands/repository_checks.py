"""Checks of the project's repository, for `har doctor`: git, and the files that people edit."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from har.commands.checks import GIGABYTE, Check

COMMIT = "git add --all && git commit --message Start"
NAMED = 'git config user.name "Your Name" && git config user.email you@example.com'
MAX_LOOKED_AT = 100_000  # files of the data set


def examine_repository() -> Iterator[Check]:
    """Yield one check after another."""
    checks: list[Callable[[], Check]] = [check_git, check_originals]
    for check in checks:
        yield check()


def check_git() -> Check:
    """Check that DVC can run experiments, which are commits."""
    from har.engine.repository import git, has_git

    fails = "`dvc exp run`, `har crossval` and `har compare` of revisions fail"
    if not has_git():
        fix = "install git, then run `python -m har doctor` again"
        return Check("git", "warn", f"git is not installed: {fails}", fix)
    if not git("rev-parse", "--git-dir"):
        # DVC itself refuses a folder without git, unless it was told so.
        fix = f"git init && {NAMED} && {COMMIT}"
        return Check("git", "warn", f"this is no git repository: {fails}", fix)
    if not (git("config", "user.name") and git("config", "user.email")):
        said = f"git knows no name and address of yours: `git commit` is refused, and {fails}"
        return Check("git", "warn", said, NAMED)
    commit = git("rev-parse", "--short", "HEAD")
    if not commit:
        return Check("git", "warn", f"there is no commit yet: {fails}", COMMIT)
    return Check("git", "ok", f"repository at commit {commit}")


def check_originals() -> Check:
    """Check that the files of the data set are no read-only links into DVC's cache."""
    from har.folder.originals import linked_files
    from har.settings import DEMO, load_settings

    try:
        videos = Path(load_settings().dataset.videos)
    except (ValueError, TypeError):  # `check_params` says what is wrong
        return Check("originals", "ok", "not looked at")
    if videos == DEMO or not videos.is_dir():
        return Check("originals", "ok", "none of yours are here")
    linked = list(islice(linked_files(videos), MAX_LOOKED_AT))
    if not linked:
        return Check("originals", "ok", f"{videos} has files of its own")
    gigabytes = sum(file.stat().st_size for file in linked) / GIGABYTE
    said = f"{videos} has read-only links into DVC's cache, {len(linked)} in all: edit none of them"
    fix = f"dvc unprotect {videos} (makes copies, of {gigabytes:.1f} GB)"
    return Check("originals", "warn", said, fix)
