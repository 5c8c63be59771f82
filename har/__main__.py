"""The command line: `python -m har VERB`, also installed as `har VERB`."""

from har.commands import PROGRAM
from har.commands.app import app
from har.engine.errors import plain_errors


def main(arguments: list[str] | None = None) -> None:
    """Run a verb and end the process.

    Args:
        arguments: Of the command line; None for those of the process.
    """
    with plain_errors():
        app(args=arguments, prog_name=PROGRAM)


if __name__ == "__main__":
    main()
