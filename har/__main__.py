"""The command line: `python -m har VERB`, also installed as `har VERB`."""

import sys

from har.commands import PROGRAM
from har.commands.app import app
from har.engine.errors import find_ended, plain_errors


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and end the process.

    Args:
        arguments: Of the command line; None for those of the process.
    """
    verb = next(iter(sys.argv[1:] if arguments is None else arguments), "")
    with plain_errors(f"`{PROGRAM} {verb}`"):
        try:
            app(args=arguments, prog_name=PROGRAM)
        except SystemExit as end:
            raise find_ended(end) or end from None


if __name__ == "__main__":
    main()
