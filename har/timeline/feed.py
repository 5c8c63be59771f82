"""What another process yields, at once: of a source that may hang, crash or eat memory.

The process starts clean, as the workers do (`har.compute.limited`).
"""

import contextlib
import multiprocessing
import queue
import signal
import time
from collections.abc import Callable, Iterator
from typing import Any

from har.compute.limited import prepare_worker, worker_context
from har.video.live import Shot, live_shots

NUM_AHEAD = 16  # items that wait, at most
NUM_WAITING = 3  # where the others are dropped: what waits is late
POLL_SECONDS = 0.5
STALL_SECONDS = 15.0  # without a picture: a live source is lost then
LEAVE_SECONDS = 5.0  # for a process to end by itself


class FeedError(RuntimeError):
    """The process hung or ended; the message says which."""


@contextlib.contextmanager
def feed(
    source: Callable[..., Iterator[Any]],
    *arguments: Any,
    timeout_seconds: float,
    memory_gigabytes: float,
    drops: bool = False,
    **named: Any,
) -> Iterator[Iterator[Any]]:
    """Give what a function yields in a process of its own, which ends with the body.

    Args:
        source: Defined at the top of a module; what it yields can be pickled.
        arguments: Of the function.
        timeout_seconds: Time between two items.
        memory_gigabytes: Memory of the process, in 10^9 bytes.
        drops: Whether to drop items that are not taken in time rather than wait: each comes as a
            pair then, with the number of those dropped until then.
        named: Of the function.

    Raises:
        FeedError: While iterating: the process yields nothing for too long, or has crashed.
        Exception: While iterating: what the function raised.
    """
    context = worker_context(source)
    items = context.Queue(NUM_WAITING if drops else NUM_AHEAD)
    process = context.Process(
        target=_yield_into,
        args=(items, memory_gigabytes, drops, source, arguments, named),
        daemon=True,
    )
    process.start()
    try:
        yield _taken(items, process, timeout_seconds)
    finally:
        process.terminate()
        with contextlib.suppress(KeyboardInterrupt):  # who interrupts twice does not wait for it
            process.join(LEAVE_SECONDS)
        if process.is_alive():
            process.kill()
            process.join()
        items.close()


def feed_live(
    source: str, *, interval: float, size: int, aspect: str, memory_gigabytes: float
) -> contextlib.AbstractContextManager[Iterator[tuple[int, Shot]]]:
    """Give the pictures of a camera, an address or a file; those that nobody takes are dropped.

    The arguments are those of `har.video.live.live_shots` and `feed`.
    """
    return feed(
        live_shots,
        source,
        interval=interval,
        size=size,
        aspect=aspect,
        timeout_seconds=STALL_SECONDS,
        memory_gigabytes=memory_gigabytes,
        drops=True,
    )


def _taken(
    items: multiprocessing.Queue, process: multiprocessing.Process, timeout_seconds: float
) -> Iterator[Any]:
    waited_since = time.monotonic()
    while True:
        was_alive = process.is_alive()
        try:
            kind, item = items.get(timeout=POLL_SECONDS)
        except queue.Empty:
            if not was_alive:
                raise FeedError(f"crashed (exit code {process.exitcode})") from None
            if time.monotonic() - waited_since > timeout_seconds:
                raise FeedError(f"gave nothing for {timeout_seconds:g} s") from None
            continue
        waited_since = time.monotonic()
        if kind == "end":
            return
        if kind == "error":
            raise item
        yield item


def _yield_into(
    items: multiprocessing.Queue,
    memory_gigabytes: float,
    drops: bool,
    source: Callable,
    arguments: tuple,
    named: dict[str, Any],
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who takes the items
    prepare_worker(memory_gigabytes)
    try:
        num_dropped = 0
        for item in source(*arguments, **named):
            try:
                shown = (num_dropped, item) if drops else item
                items.put(("item", shown), block=not drops)
            except queue.Full:
                num_dropped += 1
    except Exception as error:
        items.put(("error", error))
    else:
        items.put(("end", None))
