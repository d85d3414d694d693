"""The records of all files of a run, in columns: a hundred thousand fit in little memory and are summed at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

import numpy as np

from physlite.running.records import STAGES, FileFailure, FileRecord, Stage

__all__ = ["RecordTable", "Sums"]

T = TypeVar("T")

# What can be summed, and of texts the numbers under which they are kept.
_SUMMED = ("events", "chunks", "bytes", "requests", "retries", "stages", "wall", "prefetched_bytes", "bad_links")
_ROW = np.dtype(
    [
        ("events", np.int64),
        ("chunks", np.int64),
        ("bytes", np.int64),
        ("requests", np.int64),
        ("retries", np.int64),
        ("stages", np.float64, (len(STAGES), 2)),
        ("wall", np.float64),
        ("attempts", np.int64),
        ("prefetched_bytes", np.int64),
        ("bad_links", np.int64),
        ("dataset", np.int32),
        ("worker", np.int32),
        ("columns", np.int32),
    ]
)


@dataclass(frozen=True, slots=True)
class Sums:
    """What several files took together.

    Attributes:
        files: that were analysed.
        failures: files or parts of files that could not be.
        events: that the analysis has seen.
        chunks: in which it has seen them.
        bytes: received from the sources.
        requests: made to the sources.
        retries: requests that were made again.
        prefetched_bytes: of `bytes`, those that were asked for before they were used.
        bad_links: links with an index out of range that were taken as None, with `on_bad_link="none"`.
        stages: in the order of `STAGES`.
        wall: seconds, of each file from opening it to its end.
    """

    files: int
    failures: int
    events: int
    chunks: int
    bytes: int
    requests: int
    retries: int
    prefetched_bytes: int
    bad_links: int
    stages: tuple[Stage, ...]
    wall: float

    @property
    def khz_per_core(self) -> float:
        """Thousands of events for each second of `wall`; 0 when that is 0."""
        return self.events / self.wall / 1000 if self.wall else 0.0

    @property
    def waiting(self) -> float:
        """The share of `wall`, from 0 to 1, that was spent waiting for data (the stage "fetch"); 0 when that is 0."""
        return self.stages[STAGES.index("fetch")].wall / self.wall if self.wall else 0.0


class RecordTable(Sequence[FileRecord]):
    """Records of files, in the order given.

    Attributes:
        numbers: a structured array, one row a file.
        datasets: names of the datasets; `numbers["dataset"]` counts them, likewise for the next two.
        workers: names of the workers.
        columns: the different sets of columns that were read from files.
    """

    def __init__(self, records: Iterable[FileRecord]) -> None:
        self._files: list[str] = []
        datasets, workers, columns = _Numbering[str](), _Numbering[str](), _Numbering[tuple[str, ...]]()

        def rows() -> Iterator[tuple[Any, ...]]:
            for r in records:
                self._files.append(r.file)
                stages = [(stage.wall, stage.cpu) for stage in r.stages]
                texts = datasets.of(r.dataset), workers.of(r.worker), columns.of(r.columns)
                transfer = r.bytes, r.requests, r.retries
                yield r.events, r.chunks, *transfer, stages, r.wall, r.attempts, r.prefetched_bytes, r.bad_links, *texts

        self.numbers = np.fromiter(rows(), _ROW)
        self.datasets, self.workers, self.columns = datasets.names, workers.names, columns.names

    def __len__(self) -> int:
        return len(self._files)

    @overload
    def __getitem__(self, index: int) -> FileRecord: ...

    @overload
    def __getitem__(self, index: slice) -> list[FileRecord]: ...

    def __getitem__(self, index: int | slice) -> FileRecord | list[FileRecord]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        values = dict(zip(_ROW.names or (), self.numbers[index].item(), strict=True))
        return FileRecord(
            **values
            | {
                "file": self._files[index],
                "dataset": self.datasets[values["dataset"]],
                "worker": self.workers[values["worker"]],
                "columns": self.columns[values["columns"]],
                "stages": tuple(Stage(*seconds) for seconds in values["stages"].tolist()),
            }
        )

    def __repr__(self) -> str:
        return f"<{len(self)} records of files>"

    def sums(self, failures: Iterable[FileFailure] = ()) -> dict[str, Sums]:
        """What the files of each dataset took, in the order in which they came; last those that have failures only."""
        names = _Numbering(self.datasets)
        failed = np.array([names.of(failure.dataset) for failure in failures], int)
        rows = np.zeros(len(names.names), _ROW)
        for field in _SUMMED:
            np.add.at(rows[field], self.numbers["dataset"], self.numbers[field])
        files = np.bincount(self.numbers["dataset"], minlength=len(rows))
        failures_of = np.bincount(failed, minlength=len(rows))
        return {
            name: _sums(row, int(n), int(f))
            for name, row, n, f in zip(names.names, rows, files, failures_of, strict=True)
        }

    def total(self, failures: Sequence[FileFailure] = ()) -> Sums:
        """What all files took."""
        row = np.zeros((), _ROW)
        for field in _SUMMED:
            row[field] = self.numbers[field].sum(axis=0)
        return _sums(row, len(self), len(failures))


class _Numbering(Generic[T]):
    """Numbers for things of which there are few, in the order in which they come."""

    def __init__(self, known: Iterable[T] = ()) -> None:
        self._numbers = {thing: number for number, thing in enumerate(known)}

    def of(self, thing: T) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))

    @property
    def names(self) -> list[T]:
        return list(self._numbers)


def _sums(row: Any, files: int, failures: int) -> Sums:
    values = {field: row[field].item() for field in _SUMMED if field != "stages"}
    stages = tuple(Stage(*seconds) for seconds in row["stages"].tolist())
    return Sums(files=files, failures=failures, stages=stages, **values)
