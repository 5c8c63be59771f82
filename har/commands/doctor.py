"""`har doctor`: can this computer run the project?"""

import typer


def doctor() -> None:
    """Check whether this computer can run the project, and say how to fix what is missing.

    Exit code: 0 if it can, 1 if not.
    """
    from har.commands.checks import examine

    failed = False
    for check in examine():
        typer.echo(f"{check.result:<5} {check.name:<14} {check.what}")
        if check.fix:
            typer.echo(f"{'':20} -> {check.fix}")
        failed |= check.result == "fail"
    if failed:
        raise typer.Exit(1)
