"""Batches: in order, read by other threads, and no more of them ahead than is said."""

import threading

import numpy as np
import pytest

from har.engine.workers import num_cores
from har.training.batches import AHEAD, MAX_THREADS, read_ahead, read_batches
from har.training.examples import Examples


def test_read_ahead_keeps_the_order_and_reads_in_other_threads():
    threads = set()

    def read(number: int) -> int:
        threads.add(threading.current_thread())
        return 10 * number

    assert list(read_ahead(read, iter(range(20)))) == list(range(0, 200, 10))
    assert threading.current_thread() not in threads


def test_read_ahead_is_bounded_and_stops_where_it_is_left():
    read = []
    batches = read_ahead(lambda number: read.append(number), iter(range(100)))
    next(batches)
    batches.close()
    assert len(read) <= min(num_cores(), MAX_THREADS) + AHEAD


def test_read_ahead_raises_what_reading_does():
    def read(number: int) -> int:
        raise ValueError(f"clip {number} is damaged")

    with pytest.raises(ValueError, match="clip 0 is damaged"):
        list(read_ahead(read, iter(range(3))))


def test_read_batches_shares_a_step_out_and_weighs_the_whole():
    weights = np.array([1.0, 2.0, 3.0])
    examples = Examples(lambda video, view: np.full(2, 10 * video + view), np.arange(3), weights)
    order = [(0, 1), (2, 0), (1, 0)]
    first, last = read_batches(
        examples, order, 2, 3, lambda chosen: [(chosen[:1], 1.0), (chosen[1:] or chosen[:1], 0.0)]
    )
    assert (first.size, first.weight) == (2, 4.0)
    (inputs, targets, own), (_, _, uncounted) = first.shares
    assert inputs.tolist() == [[1, 1]]
    assert targets.tolist() == [[1, 0, 0]]
    assert (own.tolist(), uncounted.tolist()) == ([1.0], [0.0])
    assert (last.size, last.weight) == (1, 2.0)
    assert last.shares[1][0].tolist() == [[10, 10]]
