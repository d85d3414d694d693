"""Measuring two or more ways to do the same work, in turn, in one process."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Comparison", "measure"]


@dataclass
class Comparison:
    """Times of one work, in seconds, by the name of who did it; and what its ratios should reach.

    `wanted` maps a pair (slower, faster) to the least ratio of their medians.
    """

    work: str
    detail: str
    times: dict[str, list[float]] = field(default_factory=dict)
    wanted: dict[tuple[str, str], float] = field(default_factory=dict)

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
        return {"work": self.work, "detail": self.detail, "seconds": self.times, "ratios": ratios}


def measure(comparison: Comparison, ways: dict[str, Callable[[], Any]], rounds: int) -> Comparison:
    """Runs each way once to warm up, then all of them in turn, `rounds` times.

    The collector of reference cycles runs between the rounds and not in them: it walks whatever else the process holds.
    """
    for way in ways.values():
        way()
    gc.collect()
    gc.disable()
    try:
        for _ in range(rounds):
            gc.collect()
            for who, way in ways.items():
                start = time.perf_counter()
                result = way()
                comparison.times.setdefault(who, []).append(time.perf_counter() - start)
                del result
    finally:
        gc.enable()
    return comparison
