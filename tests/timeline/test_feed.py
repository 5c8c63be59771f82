"""Frames that another process decodes: in order, errors and all, and no process is left."""

import multiprocessing
import os
import time
from collections.abc import Iterator

import pytest

from har.engine.errors import VideoError
from har.timeline.feed import FeedError, feed

LIMITS = {"timeout_seconds": 20, "memory_gigabytes": 1}


def count(number: int, *, step: int = 1) -> Iterator[int]:
    yield from range(0, number * step, step)


def fail_after(number: int) -> Iterator[int]:
    yield from range(number)
    raise VideoError("b.mp4 is damaged.")


def hang() -> Iterator[int]:
    yield 1
    time.sleep(60)


def crash() -> Iterator[int]:
    yield 1
    time.sleep(0.5)  # what was yielded is on its way
    os._exit(3)


def eat_memory() -> Iterator[int]:
    yield len(bytearray(2 * 10**9))


def test_feed_gives_items_in_order():
    with feed(count, 50, step=2, **LIMITS) as items:
        assert list(items) == list(range(0, 100, 2))


def test_feed_raises_what_the_function_raises_after_what_it_yielded():
    with feed(fail_after, 2, **LIMITS) as items:
        assert [next(items), next(items)] == [0, 1]
        with pytest.raises(VideoError, match=r"b\.mp4 is damaged"):
            next(items)


def test_feed_says_that_the_process_hangs():
    with feed(hang, timeout_seconds=4, memory_gigabytes=1) as items:
        assert next(items) == 1
        with pytest.raises(FeedError, match="gave nothing for 4 s"):
            next(items)


def test_feed_says_that_the_process_crashed():
    with feed(crash, **LIMITS) as items:
        assert next(items) == 1
        with pytest.raises(FeedError, match=r"crashed \(exit code 3\)"):
            next(items)


def test_feed_limits_the_memory():
    with feed(eat_memory, **LIMITS) as items, pytest.raises(MemoryError):
        next(items)


def test_feed_ends_its_process_with_the_body():
    before = set(multiprocessing.active_children())  # of a test before, perhaps
    with feed(count, 10**9, **LIMITS) as items:
        next(items)
        (process,) = set(multiprocessing.active_children()) - before
    assert not process.is_alive()
