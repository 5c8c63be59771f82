"""What is shown meanwhile: progress with time left, in a terminal and in a log file alike.

And not the start-up noise of native code.
"""

import contextlib
import os
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")

LOG_INTERVAL_SECONDS = 10.0  # a log file wants a line now and then, not ten a second


def progress(
    iterable: Iterable[T], *, total: int, description: str, unit: str = "videos", initial: int = 0
) -> Iterator[T]:
    """Yield the items of `iterable` and show on stderr how far it is and how long it will take.

    Args:
        iterable: What to go through.
        total: Number of items in all, those done before included.
        description: What is being done, in a word or two.
        unit: What the items are.
        initial: Number of items that were done before this call.

    Yields:
        The items, unchanged and in order.
    """
    in_terminal = sys.stderr.isatty()
    # Outside a terminal each update is a line of its own, since nothing there can be drawn over,
    # and what is done within one interval needs none.
    line = "{desc}: {n_fmt}/{total_fmt}{unit}, {elapsed} gone, {remaining} left"
    with tqdm(
        iterable,
        total=total,
        initial=initial,
        desc=description,
        unit=" " + unit,
        mininterval=0.2 if in_terminal else LOG_INTERVAL_SECONDS,
        miniters=None if in_terminal else 1,
        bar_format=None if in_terminal else line + "\n",
        delay=0 if in_terminal else LOG_INTERVAL_SECONDS,
        leave=not in_terminal,
        position=None if in_terminal else 0,  # a bar within another one stays a line of its own
    ) as bar:
        yield from bar


def say(text: str, *, err: bool = False) -> None:
    """Print a line to stdout, or to stderr, without breaking a bar that is being shown."""
    file = sys.stderr if err else sys.stdout
    if sys.stderr.isatty():
        tqdm.write(text, file=file)
    else:  # nothing is drawn over there
        print(text, file=file, flush=True)


@contextlib.contextmanager
def without_noise(noise: str) -> Iterator[None]:
    """Drop the lines that native code writes to stderr and that are known to say nothing.

    Args:
        noise: Regular expression of such a line's start; all other lines come through at the end.
    """
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            held.seek(0)
            for line in held.read().decode(errors="replace").splitlines(keepends=True):
                if not re.match(noise, line):
                    sys.stderr.write(line)
