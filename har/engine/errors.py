"""Errors that a user can fix, and how a command ends with one or is ended."""

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType

from har.engine.files import describe_full_disk, is_disk_full
from har.names.escaping import visible_output

# How systems end a program: when they shut down, or when its terminal is closed.
ENDINGS = (signal.SIGTERM, signal.SIGHUP)


class VideoError(ValueError):
    """A video that cannot be used; the message names the file, the reason and the fix."""


class Ended(KeyboardInterrupt):
    """The process was told to end, and puts its things in order as after Ctrl-C.

    Attributes:
        number: Of the signal.
    """

    def __init__(self, number: int):
        super().__init__(number)
        self.number = number


@contextlib.contextmanager
def plain_errors(doing: str = "this command") -> Iterator[None]:
    """End the process with one clear message where its body fails in a way that a user can fix.

    What is printed within only shows, whatever characters names have. Exit codes: 1 failed, 130
    interrupted, 129 and 143 ended with the terminal or by the system. `HAR_TRACEBACK=1` prints the
    traceback too.

    Args:
        doing: What the process does, as "the stage `extract`", for the message.
    """
    with visible_output(), _ended_in_order():
        try:
            yield
        except KeyboardInterrupt as stop:
            number = stop.number if isinstance(stop, Ended) else signal.SIGINT
            how = "ended by the system" if isinstance(stop, Ended) else "interrupted"
            _fail(
                f"{how}; what is finished is kept and the same command goes on from there",
                128 + number,
            )
        except Exception as error:
            if not isinstance(error, ValueError | OSError) and not is_disk_full(error):
                raise
            if os.environ.get("HAR_TRACEBACK"):
                traceback.print_exc()
            _fail(explain(error, doing), 1)


def explain(error: BaseException, doing: str) -> str:
    """Return what a user is told of an error.

    Args:
        error: What was raised.
        doing: As for `plain_errors`.
    """
    return describe_full_disk(error, doing) if is_disk_full(error) else str(error)


@contextlib.contextmanager
def until_interrupted() -> Iterator[None]:
    """Take Ctrl-C for how a user ends what the body does; `Ended` still ends the process."""
    try:
        yield
    except Ended:
        raise
    except KeyboardInterrupt:
        pass


def find_ended(error: BaseException | None) -> "Ended | None":
    """Return the `Ended` that an error comes of: Typer makes an exit code of any interrupt."""
    while error is not None and not isinstance(error, Ended):
        error = error.__cause__ or error.__context__
    return error


@contextlib.contextmanager
def _ended_in_order() -> Iterator[None]:
    """Raise `Ended` in the body at the first signal that ends the process."""
    before = {}
    if threading.current_thread() is threading.main_thread():  # elsewhere Python takes no signals
        for number in ENDINGS:
            if signal.getsignal(number) == signal.SIG_DFL:  # `nohup` ignores SIGHUP
                before[number] = signal.signal(number, _raise_ended)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _raise_ended(number: int, frame: FrameType | None) -> None:
    for one in ENDINGS:
        signal.signal(one, signal.SIG_IGN)  # while things are put in order
    raise Ended(number)


def _fail(message: str, exit_code: int) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        print(f"\nerror: {message}", file=sys.stderr)
    sys.exit(exit_code)
