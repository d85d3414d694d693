"""A bar for what takes longer than two seconds, on terminals and in notebooks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress"]

_PATIENCE = 2.0  # seconds that nobody minds waiting for


@contextmanager
def progress(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """A function that is called with further bytes; they are shown beside the `total`, with the time that is left."""
    from rich.console import Console  # takes as long to import as a small file to read
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not (console.is_terminal or console.is_jupyter),
    )
    task = bar.add_task(what, total=total)
    begin = time.monotonic()
    started = False

    def advance(count: int) -> None:
        nonlocal started
        bar.advance(task, count)
        if not started and time.monotonic() - begin > _PATIENCE:
            bar.start()
            started = True

    try:
        yield advance
    finally:
        if started:
            bar.stop()
