"""Threads for calls that block: how they end."""

import threading

import pytest

from physlite.storage.workers import Workers


@pytest.mark.parametrize("calls", [0, 1, 4, 9])
def test_the_last_is_done_when_all_else_is(calls):
    workers = Workers(4, "test")
    held = threading.Event()
    done = []

    def call(number):
        if number == 0:  # one of them takes longer than those that came after it
            held.wait(10)
        done.append(number)
        return number

    futures = [workers.submit(call, i) for i in range(calls)]
    workers.end(lambda: done.append("last"))
    workers.end(lambda: done.append("again"))
    held.set()
    workers.join()
    assert [future.result() for future in futures] == list(range(calls))
    assert (sorted(done[:-1]), done[-1]) == (list(range(calls)), "last")


def test_nothing_is_begun_after_the_end():
    workers = Workers(1, "test")
    workers.end(lambda: None)
    with pytest.raises(RuntimeError, match="the threads have ended"):
        workers.submit(print)
