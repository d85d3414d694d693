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
from typing import Any, TypeVar

__all__ = ["Workers"]

T = TypeVar("T")


class Workers:
    """At most so many threads, started when they are needed. The end of the process does not wait for them."""

    def __init__(self, most: int, name: str) -> None:
        self._most = most
        self._name = name
        self._work: queue.SimpleQueue[tuple[Future[Any] | None, Callable[[], Any]] | None] = queue.SimpleQueue()
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
            self._work.put((future, partial(call, *arguments)))
            if len(self._threads) < self._most:
                thread = threading.Thread(target=_serve, args=(self._work,), name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
        return future

    def end(self, last: Callable[[], Any]) -> None:
        """Ends the threads when they have done what was submitted, and `last`. May be called by a finalizer."""
        with self._lock:
            if not self._ended:
                self._ended = True
                self._work.put((None, last))
                self._work.put(None)

    def join(self) -> None:
        """Waits for the end of the threads."""
        for thread in self._threads:
            thread.join()


def _serve(work: queue.SimpleQueue[tuple[Future[Any] | None, Callable[[], Any]] | None]) -> None:
    while (item := work.get()) is not None:
        future, call = item
        if future is None:
            call()
        elif future.set_running_or_notify_cancel():
            try:
                future.set_result(call())
            except BaseException as error:  # noqa: BLE001  # raised where it is waited for
                future.set_exception(error)
        del item, future, call  # what they hold may be closed while this waits
    work.put(None)  # for the next thread
