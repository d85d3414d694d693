"""Threads for calls that block, which end without a lock that others could hold.

`concurrent.futures.ThreadPoolExecutor` has one for all executors of the process, held while a thread is started. A
source that nobody has closed is ended by the garbage collector, at any time in any thread, within that lock too.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any, NamedTuple, TypeVar

__all__ = ["Workers"]

T = TypeVar("T")


class _Call(NamedTuple):
    """What a thread is to do, and who waits for it."""

    future: Future[Any]
    call: Callable[[], Any]


class _End(NamedTuple):
    """What the last thread is to do; so many have not ended yet. Each that ends hands it on."""

    last: Callable[[], Any]
    threads: int


class Workers:
    """At most so many threads, started when they are needed. The end of the process does not wait for them."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: queue.SimpleQueue[_Call | _End] = queue.SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._ended = False
        self._lock = threading.Lock()

    def submit(self, call: Callable[..., T], *arguments: Any) -> Future[T]:
        """Has a call made in one of the threads.

        Raises:
            RuntimeError: after `end`.
        """
        future: Future[T] = Future()
        with self._lock:
            if self._ended:
                msg = "the threads have ended"
                raise RuntimeError(msg)
            self._work.put(_Call(future, partial(call, *arguments)))
            if len(self._threads) < self._most:
                thread = threading.Thread(target=_serve, args=(self._work,), name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def end(self, last: Callable[[], Any]) -> None:
        """Ends the threads when they have done what was submitted; the last of them does `last`.

        Where no thread was needed it is done here. May be called by a finalizer.
        """
        with self._lock:
            if self._ended:
                return
            self._ended = True
            number = len(self._threads)
        if number:
            self._work.put(_End(last, number))
        else:
            last()

    def join(self) -> None:
        """Waits for the end of the threads."""
        for thread in self._threads:
            thread.join()


def _serve(work: queue.SimpleQueue[_Call | _End]) -> None:
    while isinstance(item := work.get(), _Call):
        if item.future.set_running_or_notify_cancel():
            try:
                item.future.set_result(item.call())
            except BaseException as error:  # noqa: BLE001  # raised where it is waited for
                item.future.set_exception(error)
        del item  # what it holds may be closed while this waits
    if item.threads > 1:
        work.put(item._replace(threads=item.threads - 1))
    else:
        item.last()
