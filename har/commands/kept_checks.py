"""Checks of what the project keeps on the disk, for `har doctor`, and their repair."""

from collections.abc import Iterator

from har.commands.checks import Check

FIX = "python -m har doctor --fix"


def examine_kept(*, fix: bool) -> Iterator[Check]:
    """Yield a check for each thing that is damaged, or one that says that nothing is.

    All that is kept is read: the disk decides how long that takes.

    Args:
        fix: Whether to put it right, and to make again what is then missing.
    """
    from har.engine.cache import DAYS_SET_ASIDE, default_folder, list_set_aside
    from har.integrity.repair import find_damage, remake_missing

    is_whole = True
    for damage in find_damage(everything=True):
        is_whole = False
        if fix:
            yield Check("kept files", "warn", damage.what, damage.fix())
        else:
            yield Check("kept files", "fail", damage.what, FIX)
    if is_whole:
        yield Check("kept files", "ok", "all that is kept is as it was made")
    elif fix:
        remade = remake_missing()
        what = f"made again by {', '.join(remade)}" if remade else "nothing was made again"
        yield Check("kept files", "ok", f"{what}; `make repro` makes what else is missing")
    aside = list_set_aside(default_folder().parent)
    if aside:
        folders = " ".join(sorted({file.parent.as_posix() for file in aside}))
        size = sum(file.stat().st_size for file in aside) / 1e6
        what = f"{len(aside)} of what was damaged, {size:.1f} MB, in {folders}"
        fix = f"delete them if you miss nothing; it is done {DAYS_SET_ASIDE} days after each"
        yield Check("set aside", "ok", what, fix)
