"""Measuring two or more ways to do the same work, in turn, each in a process of its own.

In one process the ways would change each other's costs: what one frees decides whether the other's memory has to be
cleared again, and whose modules are imported decides what the collector of reference cycles walks.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

from files import Missing

__all__ = ["Comparison", "Target", "Way", "measure"]

_WORKER = Path(__file__).with_name("worker.py")

# A turn lasts about as long on average, for at least one run of each way.
_TURN_SECONDS = 0.05


@dataclass(frozen=True)
class Way:
    """How somebody does a work: `MODULE:FUNCTION` of a module here, its arguments, and the Python that runs it."""

    function: str
    arguments: dict[str, Any]
    python: str = sys.executable


@dataclass(frozen=True)
class Target:
    """What `who` should reach.

    "least": at least `bound` times as fast as `against`. "most": at most `bound` times as much as `against`, or at most
    `bound` seconds where that is nobody.
    """

    who: str
    kind: Literal["least", "most"]
    bound: float
    against: str = ""


@dataclass
class Comparison:
    """Figures of one work by the name of who did it: seconds, or bytes at `unit` "B"; and what they should reach.

    `limit` begins the names of the ways that nobody can beat, `given` has figures that are not measured, and `events`
    is how many are processed in one run. Targets of ways that are not there are left out. There are at most
    `most_rounds`.
    """

    work: str
    detail: str
    ways: dict[str, Way]
    targets: list[Target] = field(default_factory=list)
    limit: str = ""
    given: dict[str, float] = field(default_factory=dict)
    events: int | None = None
    unit: Literal["s", "B"] = "s"
    most_rounds: int = sys.maxsize
    runs: dict[str, list[list[float]]] = field(default_factory=dict)  # of each round the figures of all runs
    peaks: dict[str, int | None] = field(default_factory=dict)  # memory of the first run, in bytes, beyond what was

    def __post_init__(self) -> None:
        there = {"", *self.ways, *self.given}
        self.targets = [t for t in self.targets if {t.who, t.against} <= there]

    def figures(self, who: str) -> list[float]:
        """Of each round the median of its runs."""
        return [statistics.median(runs) for runs in self.runs[who]]

    def median(self, who: str) -> float:
        """The median of the rounds."""
        return statistics.median(self.figures(who))

    def value(self, target: Target) -> float:
        """What its bound is compared with.

        Of ratios it is the median, round by round: what a machine does to both at a time cancels.
        """
        if not target.against:
            return self.median(target.who)
        pairs = list(zip(self.figures(target.against), self.figures(target.who), strict=True))
        if target.kind == "least":
            return statistics.median(against / who for against, who in pairs)
        return statistics.median(who / against for against, who in pairs)

    def meets(self, target: Target) -> bool:
        """Whether a target is reached."""
        return self.value(target) >= target.bound if target.kind == "least" else self.value(target) <= target.bound


def measure(comparison: Comparison, rounds: int) -> None:
    """Fills in the figures of so many rounds, or fewer.

    Raises:
        Missing: memory is asked for, and the system does not tell it.
        RuntimeError: the process of a way died, or the ways' results differ.
    """
    rounds = min(rounds, comparison.most_rounds)
    comparison.runs = {who: [[value]] * rounds for who, value in comparison.given.items()}
    comparison.runs |= {who: [] for who in comparison.ways}
    if comparison.unit == "B":
        _measure_memory(comparison, rounds)
    else:
        _measure_time(comparison, rounds)


def _measure_time(comparison: Comparison, rounds: int) -> None:
    """Each round gives each way its turn, which is of as many runs for all."""
    with ExitStack() as stack:
        workers = {who: stack.enter_context(_Worker(who, way)) for who, way in comparison.ways.items()}
        digests = {}
        for who, worker in workers.items():
            first = worker.first()
            comparison.peaks[who], digests[who] = first["bytes"], first["digest"]
        _check_digests(digests)
        round_seconds = sum(worker.turn(1)[0] for worker in workers.values())
        runs = max(1, round(_TURN_SECONDS * len(workers) / round_seconds))
        for names in _in_turn(list(workers), rounds):
            for who in names:
                comparison.runs[who].append(workers[who].turn(runs))


def _measure_memory(comparison: Comparison, rounds: int) -> None:
    """The peak of the memory that the first run needs, each time in a new process."""
    for names in _in_turn(list(comparison.ways), rounds):
        with ExitStack() as stack:
            workers = {who: stack.enter_context(_Worker(who, comparison.ways[who])) for who in names}
            for who, worker in workers.items():
                peak = worker.first()["bytes"]
                if peak is None:
                    msg = "this system does not tell how much memory was needed at most"
                    raise Missing(msg)
                comparison.runs[who].append([peak])


def _in_turn(names: list[str], rounds: int) -> list[list[str]]:
    """The names of each round; the first of one is the last of the next, so that nobody always begins."""
    return [names[i % len(names) :] + names[: i % len(names)] for i in range(rounds if names else 0)]


def _check_digests(digests: Mapping[str, str | None]) -> None:
    found = {who: digest for who, digest in digests.items() if digest is not None}
    if len(set(found.values())) > 1:
        msg = f"the results differ: {found}"
        raise RuntimeError(msg)


class _Worker:
    """A process that does one way, when it is asked to."""

    def __init__(self, who: str, way: Way) -> None:
        self._who = who
        self._ready = False
        command = [way.python, "-W", "ignore", str(_WORKER), way.function, json.dumps(way.arguments)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def first(self) -> dict[str, Any]:
        """The first run: `bytes` that it needed at most, or None, and the `digest` of its result, or None."""
        answer: dict[str, Any] = self._ask("first")
        return answer

    def turn(self, runs: int) -> list[float]:
        """Seconds of each run."""
        answer: list[float] = self._ask(f"turn {runs}")
        return answer

    def _ask(self, question: str) -> Any:
        if not self._ready:
            self._line()
            self._ready = True
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()
        return json.loads(self._line())

    def _line(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            msg = f"{self._who} died: its traceback is above"
            raise RuntimeError(msg)
        return line
