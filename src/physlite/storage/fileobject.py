"""Anything with `read` and `seek`: a file of fsspec, a BytesIO, a member of a zip archive."""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from typing import IO

from physlite.exceptions import CorruptDataError
from physlite.storage._source import Range, SourceStats, check_ranges, closed_error

__all__ = ["FileObjectSource"]


class FileObjectSource:
    """A binary, seekable file object, read under a lock. It stays open when the source is closed: it is the caller's.

    Pickles when the file object does.

    Raises:
        TypeError: when the object is opened in text mode or cannot seek.
    """

    reopens = False
    remote = False

    def __init__(self, file: IO[bytes]) -> None:
        if isinstance(file, io.TextIOBase) or not _can_seek(file) or isinstance(file.read(0), str):
            msg = f"{file!r} is not a binary, seekable file: open it with mode 'rb'"
            raise TypeError(msg)
        self._file = file
        self._closed = False
        self._lock = threading.Lock()
        self.name = str(getattr(file, "name", None) or getattr(file, "path", None) or type(file).__name__)
        self.stats = SourceStats()
        self._size = _size_of(file)

    def size(self) -> int:
        """Bytes in the file."""
        return self._size

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Reads the ranges one after the other."""
        if self._closed or getattr(self._file, "closed", False) is True:
            raise closed_error(self.name)
        check_ranges(self.name, ranges, self._size)
        self.stats.count(ranges)
        with self._lock:
            return [self._read(*r) for r in ranges]

    def _read(self, offset: int, count: int) -> memoryview:
        self._file.seek(offset)
        parts = []
        missing = count
        while missing:  # raw files may return less than asked for
            part = self._file.read(missing)
            if not part:
                msg = f"{self.name}: ended {missing} bytes early while reading {count} bytes at {offset}"
                raise CorruptDataError(msg)
            parts.append(part)
            missing -= len(part)
        return memoryview(parts[0] if len(parts) == 1 else b"".join(parts))

    def close(self) -> None:
        """Reads no more, and leaves the file object open."""
        self._closed = True

    def __reduce__(self) -> tuple[type[FileObjectSource], tuple[IO[bytes]]]:
        return (FileObjectSource, (self._file,))

    def __repr__(self) -> str:
        return f"FileObjectSource({self.name!r})"


def _can_seek(file: IO[bytes]) -> bool:
    """Not all that can seek say so."""
    try:
        if hasattr(file, "seekable"):
            return file.seekable()
        file.seek(0)
    except (AttributeError, io.UnsupportedOperation):
        return False
    return True


def _size_of(file: IO[bytes]) -> int:
    """Not all tell where they are after `seek`."""
    end: int | None = file.seek(0, io.SEEK_END)
    return file.tell() if end is None else end
