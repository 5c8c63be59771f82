"""`har doctor`: can this computer run the project?"""

from dataclasses import asdict
from itertools import chain
from typing import Annotated

import typer

from har.commands.printing import Json, print_json


def doctor(
    fix: Annotated[
        bool,
        typer.Option("--fix", help="Discard what is damaged of the kept files, and make it again."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Check whether this computer can run the project, and say how to fix what is missing.

    It also reads all that the project keeps on the disk, and finds what is damaged.

    Exit code: 0 if it can and all is whole, 1 if not.
    """
    from har.commands.checks import examine
    from har.commands.kept_checks import examine_kept
    from har.commands.repository_checks import examine_repository

    checks = []
    for check in chain(examine(), examine_repository(), examine_kept(fix=fix)):
        checks.append(check)
        if as_json:
            continue
        typer.echo(f"{check.result:<5} {check.name:<14} {check.what}")
        if check.fix:
            typer.echo(f"{'':20} -> {check.fix}")
    if as_json:
        print_json({"checks": [asdict(check) for check in checks]})
    if any(check.result == "fail" for check in checks):
        raise typer.Exit(1)
