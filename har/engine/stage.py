"""How every stage starts and ends: options in, one clear message out."""

import argparse
import inspect
import sys
from collections.abc import Callable, Sequence

from har.engine.errors import plain_errors


def run_stage(main: Callable[..., None], arguments: Sequence[str] | None = None) -> None:
    """Call `main` with the options of the command line and end the process.

    Each parameter of `main` is an option of the same name, read by its annotation: a parameter
    `out: Path` is `--out PATH`. Errors that a user can fix are printed without a traceback, which
    `HAR_TRACEBACK=1` brings back. Exit codes: 0 done, 2 wrong options, else as `plain_errors` says.
    """
    specification = sys.modules[main.__module__].__spec__  # names a module run by `python -m`
    name = specification.name if specification else main.__module__
    options = _parse_options(main, name, arguments)
    with plain_errors(f"the stage `{name.rpartition('.')[2]}`"):
        main(**options)


def _parse_options(
    main: Callable[..., None], name: str, arguments: Sequence[str] | None
) -> dict[str, object]:
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=inspect.getdoc(main))
    for parameter in inspect.signature(main).parameters.values():
        required = parameter.default is inspect.Parameter.empty
        parser.add_argument(
            "--" + parameter.name.replace("_", "-"),
            type=parameter.annotation,
            required=required,
            default=None if required else parameter.default,
            metavar=parameter.annotation.__name__.upper(),
        )
    return vars(parser.parse_args(arguments))
