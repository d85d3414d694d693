"""What has come of several parts or files, as one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from physlite.exceptions import AddingError
from physlite.running.adding import add
from physlite.running.code import dumps, loads
from physlite.running.ordered import OrderedSum
from physlite.running.parts import Outcome
from physlite.running.records import FileRecord, Stage

__all__ = ["merged", "of_dataset", "of_one_file", "value_of"]


def value_of(outcome: Outcome) -> Any:
    """The sum of what the analysis returned."""
    return loads(outcome.value) if outcome.value else None


def merged(outcomes: Sequence[Outcome | None]) -> Outcome:
    """Outcomes that follow each other, added in the order of `OrderedSum`; None where one failed.

    Args:
        outcomes: of neighbours, from a multiple of their number (to the next power of two) on. Each is of as many
            files, a power of two; the last may be of fewer.
    """
    if len(outcomes) == 1 and outcomes[0] is not None:
        return outcomes[0]
    total: OrderedSum[Any] = OrderedSum(add)
    for outcome in outcomes:
        total.append(None if outcome is None else value_of(outcome))
    there = [outcome for outcome in outcomes if outcome is not None]
    value = total.total()
    return Outcome(
        b"" if value is None else dumps(value),
        tuple(record for outcome in there for record in outcome.records),
        tuple(weights for outcome in there for weights in outcome.weights),
    )


def of_one_file(parts: Sequence[Outcome]) -> Outcome:
    """The parts of a file, added."""
    outcome = merged(parts)
    return outcome if len(outcome.records) == 1 else replace(outcome, records=(_joined(outcome.records),))


@contextmanager
def of_dataset(name: str) -> Iterator[None]:
    """Has errors say of which dataset they are."""
    try:
        yield
    except AddingError as error:
        msg = f"dataset {name}: {error}"
        raise AddingError(msg) from None


def _joined(records: Sequence[FileRecord]) -> FileRecord:
    stages = tuple(
        Stage(sum(s.wall for s in stages), sum(s.cpu for s in stages))
        for stages in zip(*(record.stages for record in records), strict=True)
    )
    first = records[0]
    return replace(
        first,
        events=sum(r.events for r in records),
        chunks=sum(r.chunks for r in records),
        bytes=sum(r.bytes for r in records),
        requests=sum(r.requests for r in records),
        retries=sum(r.retries for r in records),
        stages=stages,
        wall=sum(r.wall for r in records),
        worker=first.worker if len({r.worker for r in records}) == 1 else f"{first.worker} and others",
        attempts=max(r.attempts for r in records),
        columns=tuple(sorted({name for r in records for name in r.columns})),
        prefetched_bytes=sum(r.prefetched_bytes for r in records),
        bad_links=sum(r.bad_links for r in records),
    )
