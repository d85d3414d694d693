"""The one interface between bytes and everything that reads them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import NamedTuple, Protocol, runtime_checkable

from physlite.exceptions import CorruptDataError
from physlite.storage.perprocess import PerProcess

__all__ = ["ByteSource", "Range", "SourceStats", "check_ranges", "closed_error"]


class Range(NamedTuple):
    """`size` bytes from `offset`."""

    offset: int
    size: int


@dataclass
class SourceStats:
    """What a source has been asked for since it was opened. Several threads may count at a time.

    Attributes:
        requests: requests that were sent; of a source that sends none, the times that it was asked for bytes.
        ranges: ranges that were asked for.
        bytes: bytes that were asked for.
        received: bytes that servers have sent, those between ranges and those sent twice among them.
        retries: requests that were sent again.
    """

    requests: int = 0
    ranges: int = 0
    bytes: int = 0
    received: int = 0
    retries: int = 0

    def __post_init__(self) -> None:
        """Makes what threads wait for each other with."""
        self._lock = PerProcess(threading.Lock)  # another thread may hold it when this process forks

    def __reduce__(self) -> tuple[type[SourceStats], tuple[int, ...]]:
        return SourceStats, astuple(self)

    def add(self, **counts: int) -> None:
        """Adds to what was counted, by name."""
        with self._lock.get():
            for name, count in counts.items():
                setattr(self, name, getattr(self, name) + count)

    def count(self, ranges: Sequence[Range]) -> None:
        """Notes one call of `fetch` that asks once for all."""
        self.add(requests=1)
        self.count_ranges(ranges)

    def count_ranges(self, ranges: Sequence[Range]) -> None:
        """Notes what was asked for, not in how many requests."""
        self.add(ranges=len(ranges), bytes=sum(r.size for r in ranges))


@runtime_checkable
class ByteSource(Protocol):
    """Random access to the bytes of one file.

    A `remote` one sends a request each time that it is asked. A source pickles as what is needed to open it again:
    where the file is, when it `reopens`, else the file itself.
    """

    name: str
    reopens: bool
    remote: bool

    @property
    def stats(self) -> SourceStats:
        """What was fetched."""
        ...

    def size(self) -> int:
        """Bytes in the file."""
        ...

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """The bytes of each range, in order.

        Raises:
            CorruptDataError: when a range does not lie in the file.
            OSError: when the bytes cannot be had.
            ValueError: when the source is closed.
        """
        ...

    def close(self) -> None:
        """Releases what the source holds. Memory handed out before stays valid."""
        ...


def check_ranges(name: str, ranges: Sequence[Range], size: int) -> None:
    """Raises CorruptDataError unless all ranges lie within `size` bytes."""
    for offset, count in ranges:
        if offset < 0 or count < 0 or offset + count > size:
            msg = (
                f"{name}: bytes {offset} to {offset + count} were asked for, but the file has {size}: "
                "it is truncated or damaged, copy it again"
            )
            raise CorruptDataError(msg)


def closed_error(name: str) -> ValueError:
    """What a closed source answers."""
    return ValueError(f"{name} is closed: open it again, or read what you need before the with block ends")
