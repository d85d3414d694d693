"""Small reads from far away: what lies around them comes along, and is there when it is asked for."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from physlite.exceptions import CorruptDataError, FileChangedError
from physlite.storage._source import Range, check_ranges
from physlite.storage.layers import Layer, RemoteSource
from physlite.storage.perprocess import PerProcess
from physlite.storage.progress import progress
from physlite.storage.redaction import short_name

__all__ = ["ReadAhead"]

T = TypeVar("T")

# ROOT files begin with their header, and end with their directory, the descriptions of classes and of the event tree
# or ntuple: in PHYSLITE files these take 0.05 to 0.35 MB. 0.5 MB at 100 Mbit/s are worth two round trips of 20 ms.
HEAD = 32 << 10
TAIL = 512 << 10
# Reads one after the other, as those of metadata, are close to each other.
_SMALL = 64 << 10  # bytes in all, up to which more than asked for is read
_FEW = 4  # ranges, likewise
_BEFORE, _BEHIND = 16 << 10, 48 << 10
_MOST = 4 << 20  # bytes that are kept


class ReadAhead(Layer):
    """A remote source that reads both ends of a file at once, and some more around small ranges.

    Opening a file then takes one round trip, and its metadata a few instead of twenty.
    """

    def __init__(self, source: RemoteSource) -> None:
        super().__init__(source)
        self._lock = PerProcess(threading.Lock)
        self._ends: list[tuple[int, memoryview]] | None = None
        self._windows: OrderedDict[int, memoryview] = OrderedDict()

    @property
    def adler32(self) -> int | None:
        """As of the remote source; None where it has none from a catalogue."""
        return getattr(self.inner, "adler32", None)

    def size(self) -> int:
        """Bytes in the file; reads both of its ends when it is asked for the first time.

        Raises:
            FileChangedError, OSError, ValueError: as of the remote source.
        """
        if self._ends is None:
            ends = self._ask(lambda: self.inner.ends(HEAD, TAIL), None)
            with self._lock.get():
                self._ends = ends
        return self.inner.size()

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Views of what is there, and of what is read.

        Raises:
            CorruptDataError: a range does not lie in the file.
            FileChangedError: the file was replaced; what is remembered of it is forgotten.
            OSError, ValueError: as of the remote source.
        """
        size = self.inner.known_size
        if size is not None:
            check_ranges(self.name, ranges, size)
        out = {i: view for i, r in enumerate(ranges) if (view := self._remembered(r)) is not None}
        missing = [r for i, r in enumerate(ranges) if i not in out]
        if missing:
            read = iter(self._ask(lambda: self._read(missing, size), sum(r.size for r in missing)))
            out |= {i: next(read) for i in range(len(ranges)) if i not in out}
        return [out[i] for i in range(len(ranges))]

    def _ask(self, read: Callable[[], T], total: int | None) -> T:
        begin = self.stats.received
        try:
            with progress(short_name(self.name), lambda: self.stats.received - begin, total):
                return read()
        except (FileChangedError, CorruptDataError):  # what is remembered is of a file that is not there any more
            self._drop()
            raise

    def _remembered(self, wanted: Range) -> memoryview | None:
        with self._lock.get():
            near: list[tuple[int, memoryview]] = [*(self._ends or ()), *self._windows.items()]
            for start, view in near:
                at = wanted.offset - start
                if at >= 0 and at + wanted.size <= len(view):
                    return view[at : at + wanted.size]
        return None

    def _read(self, missing: list[Range], size: int | None) -> list[memoryview]:
        if size is None or len(missing) > _FEW or sum(r.size for r in missing) > _SMALL:
            return self.inner.fetch(missing)
        begins = [max(r.offset - _BEFORE, 0) for r in missing]
        stops = [min(r.offset + r.size + _BEHIND, size) for r in missing]
        views = self.inner.fetch([Range(a, b - a) for a, b in zip(begins, stops, strict=True)])
        with self._lock.get():
            self._windows.update(zip(begins, views, strict=True))
            while sum(map(len, self._windows.values())) > _MOST:
                self._windows.popitem(last=False)
        return [view[r.offset - a :][: r.size] for r, a, view in zip(missing, begins, views, strict=True)]

    def forget(self) -> bool:
        """Forgets both ends and what was read around ranges, and has what is below do the same."""
        self._drop()
        return super().forget()

    def _drop(self) -> None:
        with self._lock.get():
            self._ends = None
            self._windows.clear()

    def close(self) -> None:
        """Closes the remote source."""
        self._drop()
        self.inner.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return (ReadAhead, (self.inner,))
