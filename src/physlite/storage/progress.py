"""Bars for what takes longer than two seconds, on terminals and in notebooks."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from physlite.notebook import notebook_shell
from physlite.text import cut

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

__all__ = ["hidden", "hide", "progress"]

_PATIENCE = 2.0  # seconds that nobody minds waiting for
_BEAT = 0.2  # seconds between two looks at how far it is
_hidden = 0  # how many want that no bars are shown
_BAR_WIDTH = 20
_NUMBERS_WIDTH = 40  # of what stands behind the bar, with the gaps
_SHORTEST = 12  # of what is said of a bar
_IDLE = 10.0  # seconds without anything to watch, after which the thread ends


@contextmanager
def progress(what: str, done: Callable[[], int], total: int | None = None) -> Iterator[None]:
    """Shows a bar while this lasts, from the third second on: bytes that are done, of a total that may be unknown.

    Of several that a thread is in, the innermost is shown. Where nobody sees bars, this does nothing.
    """
    if not _is_seen():
        yield
        return
    watch, display = _Watch(what, done, total), _display
    display.begin(watch)
    try:
        yield
    finally:
        display.end(watch)


def hide() -> None:
    """No bars from now on: a terminal is shared with a process that shows one of its own."""
    global _hidden  # noqa: PLW0603  # one a process
    _hidden += 1


@contextmanager
def hidden() -> Iterator[None]:
    """No bars while this lasts: something larger is shown."""
    global _hidden  # noqa: PLW0603  # one a process
    hide()
    try:
        yield
    finally:
        _hidden -= 1


def _is_seen() -> bool:
    """Whether there is a terminal, or a notebook; quick, since each reading asks."""
    if _hidden:
        return False
    return notebook_shell() is not None or (sys.stderr is not None and sys.stderr.isatty())


@dataclass(eq=False)
class _Watch:
    what: str
    done: Callable[[], int]
    total: int | None
    thread: int = field(default_factory=threading.get_ident)
    since: float = field(default_factory=time.monotonic)
    task: TaskID | None = None


class _Display:
    """All bars of a process, and the thread that moves them: those who wait do nothing else."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._watches: list[_Watch] = []
        self._bars: Progress | None = None
        self._is_running = False
        self._is_idle = False

    def begin(self, watch: _Watch) -> None:
        with self._changed:
            self._watches.append(watch)
            if not self._is_running:
                self._is_running = True
                threading.Thread(target=self._run, name="physlite-progress", daemon=True).start()
            elif self._is_idle:  # else it wakes up in time for this one too
                self._changed.notify()

    def end(self, watch: _Watch) -> None:
        with self._changed, suppress(OSError, ValueError):  # as below
            self._watches.remove(watch)
            if watch.task is not None and self._bars is not None:
                self._bars.remove_task(watch.task)
                if not self._bars.tasks:
                    bars, self._bars = self._bars, None
                    bars.stop()

    def _run(self) -> None:
        while watches := self._awaited():
            # Not under the lock: those who are asked may be waiting for something themselves.
            done = {watch: watch.done() for watch in watches}
            with self._changed:
                with suppress(OSError, ValueError):  # of a terminal that is gone; whoever reads is not to notice
                    self._show(done)
                due = min((watch.since for watch in self._watches), default=0.0) + _PATIENCE
                self._changed.wait(max(_BEAT, due - time.monotonic()))

    def _awaited(self) -> list[_Watch]:
        """What there is to watch, once there is something; nothing where that takes long: then the thread is over."""
        with self._changed:
            if not self._watches:
                self._is_idle = True
                self._changed.wait(_IDLE)
                self._is_idle = False
            self._is_running = bool(self._watches)
            return list(self._watches)

    def _show(self, done: dict[_Watch, int]) -> None:
        """Shows what has lasted long enough, and how far it is."""
        innermost = {watch.thread: watch for watch in self._watches}
        now = time.monotonic()
        for watch in self._watches:
            if watch.task is None and now - watch.since >= _PATIENCE:
                self._bars = self._bars or _bars()
                room = self._bars.console.width - _BAR_WIDTH - _NUMBERS_WIDTH
                watch.task = self._bars.add_task(cut(watch.what, max(room, _SHORTEST)), total=watch.total)
            if watch.task is not None and self._bars is not None:
                count = done.get(watch, 0)
                self._bars.update(watch.task, completed=count, visible=innermost[watch.thread] is watch)
        if self._bars is not None:
            self._bars.refresh()


def _bars() -> Progress:
    from rich.console import Console  # takes as long to import as a small file to read
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    bars = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=_BAR_WIDTH),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        auto_refresh=False,
    )
    bars.start()
    return bars


_display = _Display()


def _forget() -> None:
    """A forked process has no such thread, and the lock may be held by one that is not there."""
    global _display  # noqa: PLW0603  # one a process
    _display = _Display()


os.register_at_fork(after_in_child=_forget)
