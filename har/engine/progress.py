"""What a user sees meanwhile: progress with time left, in a terminal and in a log file alike.

And not the start-up noise of native code.
"""

import contextlib
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from tqdm import tqdm

from har.engine.files import write_json

T = TypeVar("T")

LOG_INTERVAL_SECONDS = 10.0  # a log file wants a line now and then, not ten a second
# A variable of the environment: the file in which a stage says how far it is, for `make repro`.
PROGRESS_FILE = "HAR_PROGRESS"
TELL_SECONDS = 0.5


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
        so_far = {"doing": description, "done": initial, "total": total, "unit": unit}
        yield from _tell(bar, so_far)


def _tell(items: Iterable[T], so_far: dict[str, Any]) -> Iterator[T]:
    """Yield items, and write how far this is into the file that `PROGRESS_FILE` names, if any.

    Args:
        items: What to go through.
        so_far: `done` of `total`, and what is said beside them.
    """
    file, last = os.environ.get(PROGRESS_FILE), -TELL_SECONDS
    for item in items:
        if file and time.monotonic() - last >= TELL_SECONDS:
            last = time.monotonic()
            write_json(so_far, Path(file))
        yield item
        so_far["done"] += 1


def whole_bar() -> tqdm:
    """Return a bar over everything a command does, in percent; none outside a terminal.

    `say` prints lines above it.
    """
    return tqdm(
        total=100,
        bar_format="{percentage:3.0f} % |{bar:24}| {desc}",
        dynamic_ncols=True,
        leave=False,
        disable=not sys.stderr.isatty(),
    )


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
