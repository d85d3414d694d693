"""Files on a local (or mounted) disk."""

from __future__ import annotations

import mmap
import os
from collections.abc import Sequence
from pathlib import Path

from physlite.storage._source import Range, SourceStats, check_ranges, closed_error

__all__ = ["LocalSource"]


class LocalSource:
    """A memory-mapped file: nothing is copied before it is decompressed.

    Raises:
        FileNotFoundError, PermissionError, IsADirectoryError: as `open` does.
    """

    reopens = True
    remote = False

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self.name = str(path)
        self.stats = SourceStats()
        with self.path.open("rb") as file:
            self._size = os.fstat(file.fileno()).st_size
            # An empty file cannot be mapped.
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if self._size else None
        self._view: memoryview | None = memoryview(self._map or b"")

    def size(self) -> int:
        """Bytes in the file."""
        return self._size

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Views of the mapped file."""
        if self._view is None:
            raise closed_error(self.name)
        # Touching mapped pages behind the end of a file kills the process.
        size = self._size if self._map is None else min(self._map.size(), self._size)
        check_ranges(self.name, ranges, size)
        self.stats.count(ranges)
        return [self._view[offset : offset + count] for offset, count in ranges]

    def close(self) -> None:
        """Drops the mapping; it ends with the last view of it."""
        self._view = None
        self._map = None

    def __reduce__(self) -> tuple[type[LocalSource], tuple[Path]]:
        return (LocalSource, (self.path.absolute(),))

    def __repr__(self) -> str:
        return f"LocalSource({self.name!r})"
