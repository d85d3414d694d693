"""What a run took, in numbers: of each file, of each dataset, and in all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property

import numpy as np

from physlite.running.records import STAGES, FileFailure, FileRecord, Stage
from physlite.running.recordtable import RecordTable, Sums
from physlite.running.wording import duration, frequency
from physlite.text import human_bytes

__all__ = ["Account"]


class Account:
    """What a run took, and what it could not do.

    It keeps the records in columns: some 200 bytes a file. Nothing in it gives access to files.

    Args:
        files: a record of each file that was analysed.
        failures: files, and parts of files, that could not be.
        wall: seconds from the begin of the run to its end.
        workers: how many processes, or threads of Dask workers, analysed files at the same time.
        resumed: how many of the files an earlier run had analysed, in a `wall` of its own.

    Attributes:
        files: the records, as a sequence in the order given.
        failures: as given.
        wall: as given.
        workers: as given.
        resumed: as given.
        total: sums over all files.
    """

    def __init__(
        self,
        files: Iterable[FileRecord],
        failures: Iterable[FileFailure],
        wall: float,
        workers: int,
        resumed: int = 0,
    ) -> None:
        self.files = RecordTable(files)
        self.failures = tuple(failures)
        self.wall = wall
        self.workers = workers
        self.resumed = resumed
        self.total = self.files.total(self.failures)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self.summary}>"

    @property
    def summary(self) -> str:
        """The run in a line."""
        files = f"{len(self.files):,} file{'s' * (len(self.files) != 1)}"
        resumed = f" ({self.resumed:,} of an earlier run)" if self.resumed else ""
        failed = f", {len(self.failures):,} failed" if self.failures else ""
        links = self.total.bad_links
        bad = f", {links:,} link{'s' * (links != 1)} out of range" if links else ""
        workers = f"{self.workers} worker{'s' * (self.workers != 1)}"
        return (
            f"{files}{resumed}{failed}, {self.events:,} events{bad}, {human_bytes(self.bytes)} in "
            f"{duration(self.wall)} on {workers}, {frequency(1000 * self.khz_per_core)} per core"
        )

    @property
    def events(self) -> int:
        """Events that the analysis has seen."""
        return self.total.events

    @property
    def bytes(self) -> int:
        """Bytes that were received from the sources of the files."""
        return self.total.bytes

    @cached_property
    def by_dataset(self) -> Mapping[str, Sums]:
        """Sums over the files of each dataset, by its name."""
        return self.files.sums(self.failures)

    @property
    def seconds_per_stage(self) -> Mapping[str, Stage]:
        """Seconds that all files spent in each stage, in the order of `STAGES`."""
        return dict(zip(STAGES, self.total.stages, strict=True))

    @property
    def khz_per_core(self) -> float:
        """Events / sum of the files' wall times / 1000: what one worker does while it has a file open.

        The wall time of a file is by the clock, from opening it to its end, waiting for data included; time in which
        workers had nothing to do is not.
        """
        return self.total.khz_per_core

    @property
    def waiting(self) -> float:
        """The share of the files' wall times, from 0 to 1, that was spent waiting for data (the stage "fetch")."""
        return self.total.waiting

    @property
    def columns(self) -> list[str]:
        """All columns that were read from any file, sorted."""
        return sorted(set().union(*self.files.columns))

    def slowest(self, n: int = 5) -> list[FileRecord]:
        """The files that took longest by the clock, the slowest first."""
        order = np.argsort(-self.files.numbers["wall"], kind="stable")
        return [self.files[int(i)] for i in order[:n]]
