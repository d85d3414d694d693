"""Reading ahead: the columns that an analysis has used are there before it asks for them again."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any, NamedTuple, NoReturn, cast

from physlite.exceptions import PhysliteError, UnreadableColumnError
from physlite.formats.manifest import Manifest
from physlite.formats.reader import ColumnReader
from physlite.running.stopwatch import Stopwatch
from physlite.storage import ByteSource, Range, SourceStats
from physlite.storage.layers import Layer, RemoteSource
from physlite.storage.workers import Workers

__all__ = ["ColumnWatch", "Learned", "WatchedSource", "ranges_of"]


_AT_ONCE = 4  # requests for different chunks


class Learned:
    """What is known of an analysis: the names of the columns that it has used so far, in files of any kind.

    Threads may share it.

    Attributes:
        is_checked: whether its results were seen to add up.
    """

    def __init__(self) -> None:
        self.is_checked = False
        self._names: dict[str, None] = {}
        self._lock = threading.Lock()

    def add(self, names: Iterable[str]) -> None:
        """These were used."""
        with self._lock:
            self._names.update(dict.fromkeys(names))

    def names(self) -> tuple[str, ...]:
        """All of them, in the order in which they were used first."""
        with self._lock:
            return tuple(self._names)


class ColumnWatch:
    """Observes what is read of a file: which columns, and how long it takes.

    Attributes:
        columns: the names of those that were read.
        failure: the last error that a reading ended with.
    """

    def __init__(self, manifest: Manifest, learned: Learned, stopwatch: Stopwatch) -> None:
        self._manifest = manifest
        self._learned = learned
        self._stopwatch = stopwatch
        self.columns: dict[str, None] = {}
        self.failure: Exception | None = None

    @contextmanager
    def reading(self, columns: Sequence[int]) -> Iterator[None]:
        """These columns are being read while this lasts."""
        names = [self._manifest.columns[i].name for i in columns]
        self.columns.update(dict.fromkeys(names))
        self._learned.add(names)
        with self._stopwatch.stage("decode"):
            try:
                yield
            except UnreadableColumnError:  # which nobody had to use
                raise
            except Exception as error:
                self.failure = error
                raise


class _Held(NamedTuple):
    """A range that was asked for ahead: the answer, its place in that, and the chunk that needs it last."""

    answer: Future[list[memoryview]]
    place: int
    chunk: int


class WatchedSource(Layer):
    """A file of which bytes can be asked for before they are needed; waiting for bytes is noted.

    Attributes:
        prefetched_bytes: bytes that were asked for ahead.
    """

    def __init__(self, source: ByteSource, stopwatch: Stopwatch) -> None:
        super().__init__(cast("RemoteSource", source))
        self.remote = source.remote
        self.prefetched_bytes = 0
        self._stopwatch = stopwatch
        self._held: dict[Range, _Held] = {}
        self._workers = Workers(_AT_ONCE, "physlite-prefetch")

    def size(self) -> int:
        """Bytes in the file; errors as of the file."""
        with self._stopwatch.stage("fetch"):
            return self.inner.size()

    def prefetch(self, ranges: Iterable[Range], chunk: int) -> None:
        """Asks for ranges, all in one request, without waiting. They are held until chunk `chunk` is done."""
        wanted: dict[Range, None] = {}
        for r in ranges:
            held = self._held.get(r)
            if held is None:
                wanted[r] = None
            else:
                self._held[r] = held._replace(chunk=max(chunk, held.chunk))
        if not wanted:
            return
        answer = self._workers.submit(self.inner.fetch, list(wanted))
        self._held.update({r: _Held(answer, place, chunk) for place, r in enumerate(wanted)})
        self.prefetched_bytes += sum(r.size for r in wanted)

    def bytes_after(self, chunk: int) -> int:
        """Bytes that were asked for ahead and are needed for chunks after this one."""
        return sum(r.size for r, held in self._held.items() if held.chunk > chunk)

    def done(self, chunk: int) -> None:
        """Nothing is needed for this chunk any more."""
        self._held = {r: held for r, held in self._held.items() if held.chunk > chunk}

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Views of what was asked for ahead, and of what is read; errors as of the file."""
        with self._stopwatch.stage("fetch"):
            found = {i: view for i, r in enumerate(ranges) if (view := self._awaited(r)) is not None}
            missing = [r for i, r in enumerate(ranges) if i not in found]
            read = iter(self.inner.fetch(missing) if missing else [])
            return [found[i] if i in found else next(read) for i in range(len(ranges))]

    def _awaited(self, wanted: Range) -> memoryview | None:
        held = self._held.get(wanted)
        if held is None:
            return None
        try:
            return held.answer.result()[held.place]
        except (OSError, ValueError, PhysliteError):  # it is asked for again, and fails where it is needed
            return None

    def close(self) -> None:
        """Closes the file, when what is under way has arrived; what has not begun is not asked for any more."""
        for held in self._held.values():
            held.answer.cancel()
        self._held.clear()
        self._workers.end(self.inner.close)
        self._workers.join()

    def __reduce__(self) -> str | tuple[Any, ...]:
        return self.inner.__reduce__()


def ranges_of(manifest: Manifest, names: Iterable[str], start: int, stop: int) -> list[Range]:
    """The ranges that reading columns of these names takes, as far as that can be told without reading.

    Names that the file does not have, or that it cannot give, are passed over.
    """
    index = manifest.index
    columns = [
        i
        for name in names
        if (i := index.get(name)) is not None and manifest.columns[i].encoding and manifest.unreadable_part(i) is None
    ]
    try:
        ColumnReader(manifest, _Asking(), 1).buffers(columns, start, stop)
    except _AskedError as asked:
        return asked.ranges
    return []


class _AskedError(Exception):
    """Not an error: what would have been read."""

    def __init__(self, ranges: Sequence[Range]) -> None:
        super().__init__()
        self.ranges = list(ranges)


class _Asking:
    """A source that tells what it is asked for."""

    name = ""
    reopens = False
    remote = True

    def __init__(self) -> None:
        self.stats = SourceStats()

    def size(self) -> int:
        raise NotImplementedError

    def fetch(self, ranges: Sequence[Range]) -> NoReturn:
        raise _AskedError(ranges)

    def close(self) -> None:
        raise NotImplementedError
