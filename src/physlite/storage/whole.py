"""Remote files that are downloaded as a whole, at once or when so much of them is asked for that it pays."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from physlite.storage._source import ByteSource, Range, check_ranges
from physlite.storage.layers import Layer, RemoteSource
from physlite.storage.perprocess import PerProcess
from physlite.storage.privatefiles import own_folder
from physlite.storage.progress import progress
from physlite.storage.redaction import short_name
from physlite.text import human_bytes

__all__ = ["WholeSource", "blocks"]

# Share of a file from which on the rest comes along: it takes at most twice as long, and never a second time.
_MOST_OF_IT = 0.5
# Bytes that are asked for in one go, and are in memory: 64 of the largest requests, twice as many as there are
# connections, so that few of them wait for the last ones of a step.
_STEP = 256 << 20


class WholeSource(Layer):
    """A remote file that is downloaded to memory, or to a scratch file that is gone when the source is.

    Args:
        source: the file.
        mode: "whole": with the first bytes that are asked for; "auto": when half of its bytes were asked for in all.
        scratch: folder of the scratch file; None: into memory.
    """

    def __init__(self, source: RemoteSource, mode: Literal["whole", "auto"], scratch: Path | None = None) -> None:
        super().__init__(source)
        self._mode = mode
        self._scratch = scratch
        self._asked = 0
        self._content: memoryview | None = None
        self._lock = PerProcess(threading.Lock)

    def size(self) -> int:
        """Bytes in the file.

        Raises:
            OSError: as of the remote file.
        """
        return self.inner.size()

    def ends(self, head: int, tail: int) -> list[tuple[int, memoryview]]:
        """As of the remote file; all of it where it is downloaded.

        Raises:
            FileChangedError, OSError: as `fetch`.
        """
        if self._mode == "whole":
            return [(0, self._whole())]
        return self.inner.ends(head, tail)

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Views of what was downloaded, or of what is read.

        Raises:
            CorruptDataError: a range does not lie in the file.
            FileChangedError: the file was replaced while it was read.
            OSError: as of the remote file, or there is no room for it.
        """
        if self._content is None:
            self._asked += sum(r.size for r in ranges)
            if self._mode == "auto" and self._asked < _MOST_OF_IT * self.inner.size():
                return self.inner.fetch(ranges)
        content = self._whole()
        check_ranges(self.name, ranges, len(content))
        return [content[r.offset : r.offset + r.size] for r in ranges]

    def _whole(self) -> memoryview:
        with self._lock.get():
            if self._content is None:
                self._content = self._download()
            return self._content

    def _download(self) -> memoryview:
        size = self.inner.size()
        if not size:
            return memoryview(b"")
        if self._scratch is None:
            into: bytearray | mmap.mmap = self._memory(size)
        else:
            folder = own_folder(self._scratch)
            if size > shutil.disk_usage(folder).free:
                raise self._no_room(size, f"{folder} has not")
            with tempfile.TemporaryFile(dir=folder) as file:
                file.truncate(size)
                into = mmap.mmap(file.fileno(), size)  # keeps the file, which has no name any more
        view = memoryview(into)
        at = 0
        for block in blocks(self.inner, size):
            view[at : at + len(block)] = block
            at += len(block)
        return view.toreadonly()

    def _memory(self, size: int) -> bytearray:
        # Systems promise more than they have, and end who takes it.
        if size <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"):
            with contextlib.suppress(MemoryError):
                return bytearray(size)
        raise self._no_room(size, "memory has not")

    def _no_room(self, size: int, who: str) -> OSError:
        return OSError(
            errno.ENOSPC, f"it has {human_bytes(size)}, and {who} as much room: read it in ranges", self.name
        )

    def close(self) -> None:
        """Closes the remote file. Memory handed out before stays valid."""
        self._content = None
        self.inner.close()

    def __reduce__(self) -> tuple[Any, ...]:
        return (WholeSource, (self.inner, self._mode, self._scratch))


def blocks(source: ByteSource, size: int) -> Iterator[memoryview]:
    """All bytes of a file, in blocks; shows how far it is."""
    begin = source.stats.received
    with progress(short_name(source.name), lambda: source.stats.received - begin, size):
        for at in range(0, size, _STEP):
            (block,) = source.fetch([Range(at, min(_STEP, size - at))])
            yield block
