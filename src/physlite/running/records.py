"""What a run notes of each file: small, since there are many, and without secrets, since they are shown and kept."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

__all__ = ["STAGES", "FileFailure", "FileRecord", "Stage"]

STAGES = ("open", "fetch", "decompress", "decode", "user")


@dataclass(frozen=True, slots=True)
class Stage:
    """What a part of the work took.

    Attributes:
        wall: seconds by the clock.
        cpu: seconds of computing, of all threads.
    """

    wall: float
    cpu: float


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What the analysis of a file took.

    Attributes:
        dataset: name of the dataset.
        file: path or URL, without what gives access.
        events: that the analysis has seen.
        chunks: in which it has seen them.
        bytes: received from the source.
        requests: made to the source.
        retries: requests that were made again.
        stages: in the order of `STAGES`; "fetch" is the time that was spent waiting for data.
        wall: seconds from opening the file to its end.
        worker: who did it.
        attempts: how often the file was begun, the last time with success.
        columns: that were read, sorted.
        prefetched_bytes: of `bytes`, those that were asked for before they were used.
        bad_links: links with an index out of range that were taken as None, with `on_bad_link="none"`.
    """

    dataset: str
    file: str
    events: int
    chunks: int
    bytes: int
    requests: int
    retries: int
    stages: tuple[Stage, ...]
    wall: float
    worker: str
    attempts: int
    columns: tuple[str, ...]
    prefetched_bytes: int
    bad_links: int

    def __post_init__(self) -> None:
        # Thousands of files have the same names in them, and each record comes from elsewhere with its own.
        object.__setattr__(self, "dataset", sys.intern(self.dataset))
        object.__setattr__(self, "worker", sys.intern(self.worker))
        object.__setattr__(self, "columns", _the_same(self.columns))

    def __reduce__(self) -> tuple[type[FileRecord], tuple[Any, ...]]:
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


@lru_cache(maxsize=256)
def _the_same(columns: tuple[str, ...]) -> tuple[str, ...]:
    return columns


@dataclass(frozen=True, slots=True)
class FileFailure:
    """A file, or a part of one, that could not be analysed.

    Attributes:
        dataset: name of the dataset.
        file: path or URL, without what gives access.
        error: what the last attempt ended with, in a line, without secrets.
        attempts: how often it was tried.
        entries: the first entry of the part, and the one behind its last; None: the file.
    """

    dataset: str
    file: str
    error: str
    attempts: int
    entries: tuple[int, int] | None
