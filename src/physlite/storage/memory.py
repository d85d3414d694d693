"""Files that are in memory already."""

from __future__ import annotations

from collections.abc import Sequence

from physlite.storage._source import Range, SourceStats, check_ranges

__all__ = ["MemorySource"]


class MemorySource:
    """The content of a file as bytes. Pickles with the content."""

    reopens = False
    remote = False

    def __init__(self, data: bytes | bytearray | memoryview, name: str = "<bytes>") -> None:
        self.name = name
        self.stats = SourceStats()
        self._view = memoryview(data).cast("B")

    def size(self) -> int:
        """Bytes in the file."""
        return self._view.nbytes

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Views of the bytes."""
        check_ranges(self.name, ranges, self.size())
        self.stats.count(ranges)
        return [self._view[offset : offset + count] for offset, count in ranges]

    def close(self) -> None:
        """Nothing to do: the bytes belong to the caller."""

    def __reduce__(self) -> tuple[type[MemorySource], tuple[bytes, str]]:
        return (MemorySource, (bytes(self._view), self.name))

    def __repr__(self) -> str:
        return f"MemorySource({self.name!r}, {self.size()} bytes)"
