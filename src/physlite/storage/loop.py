"""One event loop in one background thread, for all connections of the process.

The thread starts with the first coroutine and ends when nobody has needed it for a while.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

__all__ = ["release", "retain", "run"]

T = TypeVar("T")


class _LoopThread:
    """A running event loop; `users` are those that may still send it work."""

    def __init__(self) -> None:
        self.users = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._serve, name="physlite-network", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        try:
            self.loop.run_forever()
            self.loop.run_until_complete(_ended(asyncio.all_tasks(self.loop)))
            self.loop.run_until_complete(self.loop.shutdown_default_executor())
        finally:
            self.loop.close()

    def stop(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)


async def _ended(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


_lock = threading.Lock()
_running: _LoopThread | None = None


def retain() -> asyncio.AbstractEventLoop:
    """The loop, which runs until `release` was called as often as this."""
    global _running  # noqa: PLW0603  # one a process
    with _lock:
        if _running is None:
            _running = _LoopThread()
        _running.users += 1
        return _running.loop


def release(loop: asyncio.AbstractEventLoop) -> None:
    """Gives back what `retain` returned; behind the last user the thread ends."""
    global _running  # noqa: PLW0603
    with _lock:
        if _running is None or _running.loop is not loop:  # of the process that this one was forked from
            return
        _running.users -= 1
        if _running.users == 0:
            _running.stop()
            _running = None


def run(loop: asyncio.AbstractEventLoop, coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine returns; when waiting for it is interrupted, it is cancelled."""
    future = asyncio.run_coroutine_threadsafe(coroutine, loop)
    try:
        return future.result()
    except concurrent.futures.CancelledError:
        msg = "the connection was closed while it was waited for"
        raise ConnectionAbortedError(msg) from None
    except BaseException:
        future.cancel()
        raise


def _forget() -> None:
    """In a forked process there is no such thread, and the lock may be held by one that is not there."""
    global _running, _lock
    _running, _lock = None, threading.Lock()


def _end() -> None:
    global _running
    with _lock:
        running, _running = _running, None  # those that are still to be released come too late
    if running is not None:
        running.stop()
        running.thread.join(1)


os.register_at_fork(after_in_child=_forget)
atexit.register(_end)
