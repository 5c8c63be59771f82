"""How every stage starts and ends: options in, one clear message out."""

import argparse
import contextlib
import errno
import inspect
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path


def run_stage(main: Callable[..., None], arguments: Sequence[str] | None = None) -> None:
    """Call `main` with the options of the command line and end the process.

    Each parameter of `main` is an option of the same name, read by its annotation: a parameter
    `out: Path` is `--out PATH`. Errors that a user can mend are printed without a traceback, which
    `HAR_TRACEBACK=1` brings back. Exit codes: 0 done, 1 failed, 2 wrong options, 130 interrupted.
    """
    options = _parse_options(main, arguments)
    with plain_errors():
        main(**options)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """End the process with one clear message where its body fails in a way that a user can mend.

    Exit codes: 1 failed, 130 interrupted. `HAR_TRACEBACK=1` prints the traceback too.
    """
    try:
        yield
    except KeyboardInterrupt:
        _fail("interrupted; what is finished is kept and the same command goes on from there", 130)
    except (ValueError, OSError) as error:
        if os.environ.get("HAR_TRACEBACK"):
            traceback.print_exc()
        _fail(_explain(error), 1)


def project_root() -> Path:
    """Return the project's own folder, also where DVC runs an experiment in a copy of it.

    What all experiments share lies here: the cache, the checkpoints and the tracking database.
    """
    return Path(os.environ.get("DVC_ROOT", "."))


def _parse_options(main: Callable[..., None], arguments: Sequence[str] | None) -> dict[str, object]:
    specification = sys.modules[main.__module__].__spec__  # names a module run by `python -m`
    name = specification.name if specification else main.__module__
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


def _explain(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk is full ({error.filename or 'while writing'}). Free some space (`dvc gc -w` "
            "drops old results) and run the same command again; what is finished is kept."
        )
    return str(error)


def _fail(message: str, exit_code: int) -> None:
    print(f"\nerror: {message}", file=sys.stderr)
    sys.exit(exit_code)
