"""Measuring two or more ways to do the same work, in turn, each in a process of its own.

In one process the ways would change each other's costs: what one frees decides whether the other's memory has to be
cleared again, and whose modules are imported decides what the collector of reference cycles walks.
"""

from __future__ import annotations

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Any

__all__ = ["Comparison", "Way", "Work", "measure"]


@dataclass(frozen=True)
class Work:
    """What is timed, given what `prepare` makes before each run, untimed."""

    prepare: Callable[[], Any]
    run: Callable[[Any], Any]


# Called once in its process, for what is not timed (imports, opening); returns the work. Has to be picklable.
Way = Callable[[], Callable[[], Any] | Work]


@dataclass
class Comparison:
    """Times of one work, in seconds, by the name of who did it; and what its ratios should reach.

    `wanted` maps a pair (slower, faster) to the least ratio of their medians, `limits` a name to the most seconds.
    """

    work: str
    detail: str
    times: dict[str, list[float]] = field(default_factory=dict)
    wanted: dict[tuple[str, str], float] = field(default_factory=dict)
    limits: dict[str, float] = field(default_factory=dict)

    def median(self, who: str) -> float:
        """Median time, in seconds."""
        return statistics.median(self.times[who])

    def ratio(self, slower: str, faster: str) -> float:
        """Median of the ratios, round by round: what a machine does to both at a time cancels."""
        pairs = zip(self.times[slower], self.times[faster], strict=True)
        return statistics.median(a / b for a, b in pairs)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        ratios = [
            {"slower": s, "faster": f, "ratio": self.ratio(s, f), "at_least": least, "meets": self.ratio(s, f) >= least}
            for (s, f), least in self.wanted.items()
        ]
        limits = [
            {"who": who, "seconds": self.median(who), "at_most": most, "meets": self.median(who) <= most}
            for who, most in self.limits.items()
        ]
        return {"work": self.work, "detail": self.detail, "seconds": self.times, "ratios": ratios, "limits": limits}


# A turn lasts as long, and as many runs: their median is one figure. The first runs find what the others left in the
# processor's caches, and threads on the cores where the others' were.
TURN_SECONDS = 0.1
LEAST_RUNS = 3


def measure(comparison: Comparison, ways: dict[str, Way], rounds: int) -> Comparison:
    """Gives each way its turn, `rounds` times after one to warm up; a turn's figure is the median of its runs."""
    workers = {who: _Worker(way) for who, way in ways.items()}
    try:
        for worker in workers.values():
            worker.time()
        for _ in range(rounds):
            for who, worker in workers.items():
                comparison.times.setdefault(who, []).append(worker.time())
    finally:
        for worker in workers.values():
            worker.close()
    return comparison


class _Worker:
    """A process that does one way, when it is asked to."""

    def __init__(self, way: Way) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would inherit the parent's heap and modules
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(way, theirs), daemon=True)
        self._process.start()
        theirs.close()

    def time(self) -> float:
        """Seconds of one run."""
        self._pipe.send(True)
        seconds: float = self._pipe.recv()  # EOFError when the process died: its traceback is on the screen
        return seconds

    def close(self) -> None:
        """Ends the process."""
        self._pipe.close()
        self._process.join()


def _serve(way: Way, pipe: Connection) -> None:
    made = way()
    work = made if isinstance(made, Work) else Work(lambda: None, lambda _: made())
    gc.disable()  # collected between the turns, not in them
    while True:
        try:
            pipe.recv()
        except EOFError:
            return
        gc.collect()
        seconds: list[float] = []
        begin = time.perf_counter()
        while len(seconds) < LEAST_RUNS or time.perf_counter() < begin + TURN_SECONDS:
            prepared = work.prepare()
            start = time.perf_counter()
            result = work.run(prepared)
            seconds.append(time.perf_counter() - start)
            del prepared, result
        pipe.send(statistics.median(seconds))
