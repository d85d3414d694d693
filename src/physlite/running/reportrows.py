"""The tables of a report, as text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from physlite.running.records import STAGES
from physlite.running.recordtable import Sums
from physlite.running.wording import duration, frequency
from physlite.storage.redaction import short_name
from physlite.text import human_bytes

if TYPE_CHECKING:
    from physlite.running.account import Account

__all__ = ["Table", "datasets", "failures", "slowest", "stages"]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under a head; the columns numbered in `right` are numbers, the one in `long` gives way to others."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    right: frozenset[int]
    long: int = 0


def datasets(report: Account) -> Table:
    """A row a dataset, and the sum of several."""
    sums = dict(report.by_dataset)
    rows = [_row(name, of_dataset) for name, of_dataset in sums.items()]
    if len(rows) > 1:
        rows.append(_row("all", report.total))
    head = ("dataset", "files", "failed", "events", "data", "per core", "waiting")
    return Table("Datasets", head, rows, frozenset(range(1, len(head))))


def _row(name: str, sums: Sums) -> tuple[str, ...]:
    speed, waiting = frequency(1000 * sums.khz_per_core), f"{sums.waiting:.0%}"
    return name, f"{sums.files:,}", f"{sums.failures:,}", f"{sums.events:,}", human_bytes(sums.bytes), speed, waiting


def stages(report: Account) -> Table:
    """A row a stage; what is left of the files' wall times is the last."""
    wall = report.total.wall
    rest = max(wall - sum(stage.wall for stage in report.total.stages), 0.0)
    rows = [
        (name, duration(stage.wall), _share(stage.wall, wall), duration(stage.cpu))
        for name, stage in zip(STAGES, report.total.stages, strict=True)
    ]
    rows.append(("other", duration(rest), _share(rest, wall), ""))
    return Table("Stages, sums over files", ("stage", "wall", "share", "CPU"), rows, frozenset({1, 2, 3}))


def _share(part: float, whole: float) -> str:
    return f"{part / whole:.0%}" if whole else ""


def failures(report: Account, most: int) -> Table:
    """A row a failure, at most so many."""
    rows = [
        (short_name(f.file), f"{f.entries[0]:,}-{f.entries[1]:,}" if f.entries else "all", f"{f.attempts}", f.error)
        for f in report.failures[:most]
    ]
    return Table("Failures", ("file", "entries", "attempts", "error"), rows, frozenset({2}), long=3)


def slowest(report: Account, most: int) -> Table:
    """A row a file, the slowest first, at most so many."""
    fetch = STAGES.index("fetch")
    rows = [
        (
            short_name(r.file),
            f"{r.events:,}",
            duration(r.wall),
            _share(r.stages[fetch].wall, r.wall),
            f"{r.retries}",
            r.worker,
        )
        for r in report.slowest(most)
    ]
    head = ("file", "events", "wall", "waiting", "retries", "worker")
    return Table("Slowest files", head, rows, frozenset({1, 2, 3, 4}))
