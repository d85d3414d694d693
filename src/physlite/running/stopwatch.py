"""Where the time of a file goes."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from physlite.running.records import STAGES, Stage

__all__ = ["Stopwatch"]

_USER = "user"


class Stopwatch:
    """Adds up wall and CPU time of the thread that made it, each moment to one stage: the innermost that it is in.

    What no stage is begun for is the user's. Other threads are not noted.
    """

    def __init__(self) -> None:
        self._thread = threading.get_ident()
        self._wall = dict.fromkeys(STAGES, 0.0)
        self._cpu = dict.fromkeys(STAGES, 0.0)
        self._stages = [_USER]
        self._since = time.perf_counter(), time.thread_time()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """While this lasts, time is that stage's."""
        if threading.get_ident() != self._thread:
            yield
            return
        self._note()
        self._stages.append(name)
        try:
            yield
        finally:
            self._note()
            self._stages.pop()

    def _note(self) -> None:
        now = time.perf_counter(), time.thread_time()
        self._wall[self._stages[-1]] += now[0] - self._since[0]
        self._cpu[self._stages[-1]] += now[1] - self._since[1]
        self._since = now

    def stages(self, clock: Sequence[int]) -> tuple[Stage, ...]:
        """What was noted so far, in the order of STAGES.

        Args:
            clock: what the core says of its part in decoding, as `ColumnReader.clock`. It decompresses and decodes page
                by page on several threads: the wall time of its calls is divided as the time of these threads is.
        """
        self._note()
        decompressing, busy, wall = (nanoseconds / 1e9 for nanoseconds in clock)
        share = decompressing / busy if busy else 0.0
        wall = min(wall, self._wall["decode"])  # what other threads of the user have read is not in it
        of_python = max(self._cpu["decode"] - wall, 0.0)
        wall_of = self._wall | {
            "decompress": wall * share,
            "decode": self._wall["decode"] - wall * share,
        }
        cpu_of = self._cpu | {"decompress": decompressing, "decode": busy - decompressing + of_python}
        return tuple(Stage(wall_of[name], cpu_of[name]) for name in STAGES)
