"""Measuring two or more ways to do the same work, in turn, each in a process of its own.

In one process the ways would change each other's costs: what one frees decides whether the other's memory has to be
cleared again, and whose modules are imported decides what the collector of reference cycles walks.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["Comparison", "Target", "Way", "measure", "measure_memory"]

_WORKER = Path(__file__).with_name("worker.py")


@dataclass(frozen=True)
class Way:
    """How somebody does a work: `MODULE:FUNCTION` of a module here, its arguments, and the Python that runs it."""

    function: str
    arguments: dict[str, Any]
    python: str = sys.executable


@dataclass(frozen=True)
class Target:
    """What a ratio should reach: `who` at least `faster` times as fast as `against`, or at most `within` times it."""

    who: str
    against: str
    faster: float | None = None
    within: float | None = None


@dataclass
class Comparison:
    """Figures of one work by the name of who did it: seconds, or bytes at `unit` "B"; and what they should reach.

    `limit` names the way that nobody can beat; `events` is how many are processed in one run.
    """

    work: str
    detail: str
    targets: list[Target] = field(default_factory=list)
    most: dict[str, float] = field(default_factory=dict)  # of the figures themselves
    limit: str = ""
    events: int | None = None
    unit: str = "s"
    figures: dict[str, list[float]] = field(default_factory=dict)
    peaks: dict[str, int] = field(default_factory=dict)  # of memory in the first turn, in bytes, beyond what was there

    def median(self, who: str) -> float:
        """The median of the rounds."""
        return statistics.median(self.figures[who])

    def ratio(self, target: Target) -> float:
        """Median of the ratios, round by round: what a machine does to both at a time cancels."""
        pairs = zip(self.figures[target.against], self.figures[target.who], strict=True)
        ratio = statistics.median(against / who for against, who in pairs)
        return ratio if target.faster else 1 / ratio

    def meets(self, target: Target) -> bool:
        """Whether a target is reached."""
        if target.faster:
            return self.ratio(target) >= target.faster
        assert target.within
        return self.ratio(target) <= target.within

    def misses(self) -> int:
        """How many targets are not reached."""
        missed = sum(not self.meets(target) for target in self.targets)
        return missed + sum(self.median(who) > most for who, most in self.most.items())


def measure(comparison: Comparison, ways: dict[str, Way], rounds: int) -> Comparison:
    """Gives each way its turn, `rounds` times after one to warm up; a turn's figure is the median of its runs."""
    workers = {who: _Worker(way) for who, way in ways.items()}
    try:
        for who, worker in workers.items():
            worker.wait()
            comparison.peaks[who] = int(worker.turn("once")["bytes"])
        for _ in range(rounds):
            for who, worker in workers.items():
                comparison.figures.setdefault(who, []).append(worker.turn("turn")["seconds"])
    finally:
        for worker in workers.values():
            worker.close()
    return comparison


def measure_memory(comparison: Comparison, ways: dict[str, Way], rounds: int) -> Comparison:
    """The peak of the memory that the first run needs in a new process, `rounds` times; in bytes."""
    for _ in range(rounds):
        for who, way in ways.items():
            worker = _Worker(way)
            try:
                worker.wait()
                comparison.figures.setdefault(who, []).append(worker.turn("once")["bytes"])
            finally:
                worker.close()
    return comparison


class _Worker:
    """A process that does one way, when it is asked to."""

    def __init__(self, way: Way) -> None:
        self._name = way.function
        command = [way.python, "-W", "ignore", str(_WORKER), way.function, json.dumps(way.arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def wait(self) -> None:
        """Until it is ready to begin."""
        self._answer()

    def turn(self, kind: str) -> dict[str, float]:
        """One turn: seconds of a run, and bytes that it needed at most."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{kind}\n")
        self._process.stdin.flush()
        figures: dict[str, float] = json.loads(self._answer())
        return figures

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            msg = f"{self._name} died: its traceback is above"
            raise RuntimeError(msg)
        return line

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate()
