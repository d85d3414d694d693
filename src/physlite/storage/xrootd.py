"""Files on XRootD servers: root://, roots://, xroot://, xroots://."""

from __future__ import annotations

import functools
import math
import weakref
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from physlite.exceptions import FileChangedError
from physlite.storage._source import Range, SourceStats, check_ranges, closed_error
from physlite.storage.patience import Again, Patience, persist
from physlite.storage.perprocess import PerProcess
from physlite.storage.pieces import Piece, allocate, grouped
from physlite.storage.planning import both_ends, coalesce, scatter
from physlite.storage.redaction import redacted_url, without_signature
from physlite.storage.settings import TransferSettings
from physlite.storage.xrootdfile import Limits, OpenFile

__all__ = ["XrootdSource"]

T = TypeVar("T")

# Bytes for which another request at the same time pays.
_WORTH = 256 << 10


class XrootdSource:
    """A file on an XRootD server, read with vector reads, several at a time.

    Requests that fail are sent again, with the file opened anew, and what is read is of one version of the file as far
    as its size and the time of its last change tell.

    The URL goes to the client library to the letter, with its query, and so do nested ones of caches
    (`root://cache//root://origin//path`). It is in the pickle as it is, and so is a token in it: better have tokens and
    proxies where the library finds them on each machine (BEARER_TOKEN_FILE, X509_USER_PROXY).

    With the first file, some of the library's settings are changed for the process, unless they were before: it fails
    at once when a server cannot be reached, and looks each second for requests that take too long.

    Args:
        url: `root`, `roots`, `xroot` or `xroots`.
        settings: how the server is asked.

    Raises:
        ImportError: by the first method that is called, when the package xrootd is not installed.
    """

    reopens = True
    remote = True

    def __init__(self, url: str, *, settings: TransferSettings | None = None) -> None:
        self.name = redacted_url(url)
        self.stats = SourceStats()
        scheme, mark, rest = url.partition("://")
        self._url = url = scheme.lower() + mark + rest  # the library knows no other
        self._settings = settings or TransferSettings()
        self._version: tuple[int, int, str] | None = None
        self._closed = False
        self._file = PerProcess(functools.partial(_open, url, self.name, self._settings, self.stats))
        # The library itself closes what is open at the end of the process.
        weakref.finalize(self, _give_back, self._file).atexit = False

    def size(self) -> int:
        """Bytes in the file; opens it when it was not.

        Raises:
            FileNotFoundError, CredentialError, TransferError, FileChangedError: as `fetch`.
        """
        if self._version is None:
            self._persist(lambda file, _: file)
        return self.known_size or 0

    @property
    def known_size(self) -> int | None:
        """Bytes in the file, as far as that can be told without asking for it."""
        self._check_open()
        return None if self._version is None else self._version[0]

    @property
    def key(self) -> str:
        """The URL without what gives access."""
        return without_signature(self._url)

    @property
    def tag(self) -> str:
        """When the file was written, in seconds since 1970; empty before it was opened."""
        return "" if self._version is None else str(self._version[1])

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Reads ranges.

        Raises:
            FileNotFoundError: the server does not have the file.
            CredentialError: it does not give it to us.
            FileChangedError: the file was replaced since it was opened first.
            CorruptDataError: a range does not lie in the file.
            TransferError: the server cannot be reached, or does not answer as it should, after all attempts.
        """
        check_ranges(self.name, ranges, self.size())
        self.stats.count_ranges(ranges)
        at_once = self._settings.requests * Limits().ranges
        spans = coalesce(ranges, self._settings.gap, at_once)
        memory, pieces = allocate(spans, self._settings.largest)
        if pieces:
            self._persist(lambda file, patience: self._read(file, patience, pieces))
        return scatter(ranges, spans, memory)

    def ends(self, head: int, tail: int) -> list[tuple[int, memoryview]]:
        """The first and the last bytes: where each part begins, and its bytes; tells the size.

        Raises:
            FileNotFoundError, CredentialError, TransferError, FileChangedError: as `fetch`.
        """
        parts = both_ends(self.size(), head, tail)
        return list(zip((part.offset for part in parts), self.fetch(parts), strict=True))

    def close(self) -> None:
        """Closes the file, and ends the threads that have read it."""
        self._closed = True
        file = self._file.known()
        if self._file.drop(file) and file is not None:
            file.close()

    # ------------------------------------------------------------------------------------------------------- requests

    def _persist(self, work: Callable[[OpenFile, Patience], T]) -> T:
        """What `work` returns for the open file; where that fails, the file is opened anew for the next attempt."""

        def once(patience: Patience) -> T:
            self._check_open()
            file = self._file.get()
            self._check_version(file)
            try:
                return work(file, patience)
            except Again:
                if self._file.drop(file):
                    file.close(wait=False)
                raise

        return persist(self.name, self._settings, self.stats, once)

    def _read(self, file: OpenFile, patience: Patience, pieces: Sequence[Piece]) -> None:
        """Fills the pieces that are not complete."""
        missing = [piece for piece in pieces if not piece.is_complete]
        requests = self._requests(file, missing)
        self.stats.add(requests=len(requests) + 1)
        # Whether it was written to meanwhile is asked at the same time: it costs no further round trip.
        pending = [*(file.submit(self._fill, file, request) for request in requests), file.submit(file.look)]
        try:
            for future in pending:
                file.wait(future)
            self._check_version(file)
        finally:
            for future in pending:
                future.cancel()
            if any(piece.is_complete for piece in missing):
                patience.progress()

    def _requests(self, file: OpenFile, pieces: Sequence[Piece]) -> list[list[Piece]]:
        """Pieces as they are asked for together: those that are too large for a vector read each for itself."""
        if len(pieces) == 1:
            return [[pieces[0]]]
        limits = file.limits()
        small = [piece for piece in pieces if len(piece.view) <= limits.bytes]
        alone = [[piece] for piece in pieces if len(piece.view) > limits.bytes]
        if not small:
            return alone
        total = sum(len(piece.view) for piece in small)
        wanted = max(min(self._settings.requests, math.ceil(total / _WORTH)), math.ceil(total / self._settings.largest))
        return alone + grouped(small, wanted, limits.ranges)

    def _fill(self, file: OpenFile, pieces: Sequence[Piece]) -> None:
        """One request."""
        if len(pieces) == 1:
            found = [file.read(pieces[0].start, len(pieces[0].view))]
        else:
            found = file.vector_read([(piece.start, len(piece.view)) for piece in pieces])
        for piece, data in zip(pieces, found, strict=True):
            piece.take(piece.start, data)
            self.stats.add(received=len(data))

    def _check_version(self, file: OpenFile) -> None:
        """Raises FileChangedError when the file is not the one that was opened first."""
        if self._version is None:
            self._version = (file.size, file.modified, file.server)
        size, modified, server = self._version
        if file.size != size or (file.server == server and file.modified != modified):
            written = datetime.fromtimestamp(file.modified, UTC).isoformat(sep=" ")
            how = f"it had {size} bytes and now has {file.size}, written at {written}"
            msg = f"{self.name}: the file was replaced while it was read: {how}; open it again"
            raise FileChangedError(msg)

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (self._url, self._settings))

    def __repr__(self) -> str:
        return f"XrootdSource({self.name!r})"


def _again(url: str, settings: TransferSettings) -> XrootdSource:
    return XrootdSource(url, settings=settings)


def _open(url: str, name: str, settings: TransferSettings, stats: SourceStats) -> OpenFile:
    stats.add(requests=1)
    return OpenFile(url, name, settings)


def _give_back(held: PerProcess[OpenFile]) -> None:
    """Closes the file of a source that nobody has closed, in the background."""
    file = held.known()
    if file is not None:
        file.close(wait=False)
