"""A file of Rucio, read from whichever replica can be read."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from typing import NamedTuple, TypeVar, cast

from physlite.exceptions import CorruptDataError, CredentialError, PhysliteError, TransferError, UnsupportedFormatError
from physlite.storage._source import ByteSource, Range, SourceStats, check_ranges, closed_error
from physlite.storage.layers import RemoteSource
from physlite.storage.redaction import redacted
from physlite.storage.rucio.catalogue import Located, Rucio, shared
from physlite.storage.rucio.did import Did, parse_did
from physlite.storage.rucio.opening import open_replica
from physlite.storage.rucio.replicas import Replica

__all__ = ["RucioSource"]

T = TypeVar("T")

# What makes the next replica worth a try: it is away, another one than was catalogued, or of a kind that this
# installation has no package for.
_FAILURES = (OSError, CorruptDataError, UnsupportedFormatError, ImportError)


class _Open(NamedTuple):
    replica: Replica
    source: ByteSource


class RucioSource:
    """One file in Rucio, by the name of the file or of a dataset that has no other.

    Replicas are looked up when the first byte is asked for, and tried one after the other, in the order of
    `Rucio.replicas`, until one can be read. When reading fails later on, all that was asked for is read from the next
    one: bytes of two replicas are never mixed in an answer. A replica of another size than the catalogue's is not used.

    It pickles as the name and the arguments of `rucio`. Several threads may use it.

    Args:
        did: `scope:name`, `rucio://scope:name`, or a name that its scope can be read from.
        rucio: the server, and the account to ask with; by default the server in rucio.cfg.
        avoid: URLs of replicas that are not read as long as there are others: their bytes have turned out to be bad.

    Raises:
        ValueError: no name that Rucio would take.
    """

    reopens = True
    remote = True

    def __init__(self, did: str | Did, rucio: Rucio | None = None, avoid: Iterable[str] = ()) -> None:
        self.did = parse_did(did)
        self.name = f"rucio://{self.did}"
        self._rucio = rucio or shared()
        self._avoid = frozenset(avoid)
        self._lock = threading.Lock()
        self._located: Located | None = None
        self._current: _Open | None = None
        self._left: list[ByteSource] = []
        self._closed = False

    @property
    def stats(self) -> SourceStats:
        """What all replicas together were asked for."""
        with self._lock:
            sources = [*self._left, *([self._current.source] if self._current else [])]
        total = SourceStats()
        for source in sources:
            total.add(**asdict(source.stats))
        return total

    @property
    def replica(self) -> str | None:
        """The URL of the replica that is read; None before the first byte."""
        current = self._current
        return current.replica.url if current else None

    @property
    def known_size(self) -> int | None:
        """Bytes in the file, once the catalogue was asked."""
        return self._located.bytes if self._located else None

    @property
    def key(self) -> str:
        """The name: replicas are the same file."""
        return self.name

    @property
    def tag(self) -> str:
        """The checksum in the catalogue, once that was asked."""
        return (self._located.adler32 or "") if self._located else ""

    @property
    def adler32(self) -> int | None:
        """The checksum in the catalogue, once that was asked, as a number; None where it has none."""
        return int(self.tag, 16) if self.tag else None

    def size(self) -> int:
        """Bytes in the file, as the catalogue has it.

        Raises:
            DatasetNotFoundError, CredentialError, TransferError, ValueError: as `Rucio.replicas`.
        """
        with self._lock:
            return self._locate().bytes

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """The bytes of each range, all from the same replica.

        Raises:
            DatasetNotFoundError: the file is not in the catalogue, or has no replica that can be read.
            CredentialError: Rucio or all replicas refuse the credentials.
            TransferError: no replica could be read; the message says for each why not.
            CorruptDataError: when a range does not lie in the file.
            ValueError: a dataset of several files, or the source is closed.
        """
        if self._closed:
            raise closed_error(self.name)
        check_ranges(self.name, ranges, self.size())
        return self._read(lambda source: source.fetch(ranges))

    def ends(self, head: int, tail: int) -> list[tuple[int, memoryview]]:
        """The first and the last bytes: where each part begins, and its bytes.

        Raises:
            DatasetNotFoundError, CredentialError, TransferError, ValueError: as `fetch`.
        """
        size = self.size()
        parts = [Range(0, size)] if head + tail >= size else [Range(0, head), Range(size - tail, tail)]

        def read(source: ByteSource) -> list[tuple[int, memoryview]]:
            if source.remote:
                return cast("RemoteSource", source).ends(head, tail)
            return [(part.offset, view) for part, view in zip(parts, source.fetch(parts), strict=True)]

        return self._read(read)

    def close(self) -> None:
        """Closes the replicas. Memory handed out before stays valid."""
        with self._lock:
            self._closed = True
            self._leave()
            for source in self._left:
                source.close()

    def _read(self, read: Callable[[ByteSource], T]) -> T:
        """What `read` returns for the first replica, from the current one on, with which it does not fail."""
        failed: dict[Replica, Exception] = {}
        while True:
            opened, size = self._opened(failed)
            try:
                result = read(opened.source)
                # Remote sources know it by now.
                _check_size(opened.source, size)
            except _FAILURES as error:
                failed[opened.replica] = error
            else:
                return result

    def _opened(self, failed: dict[Replica, Exception]) -> tuple[_Open, int]:
        """A replica that is none of those that have failed, and the size it should have.

        Those that do not open are added to the failed ones.
        """
        with self._lock:
            if self._closed:
                raise closed_error(self.name)
            located = self._locate()
            if self._current is not None and self._current.replica not in failed:
                return self._current, located.bytes
            self._leave()
            usable = [r for r in located.usable if r.url not in self._avoid] or located.usable
            for replica in usable:
                if replica in failed:
                    continue
                try:
                    source = open_replica(replica, self._rucio, has_others=len(usable) > 1)
                except _FAILURES as error:
                    failed[replica] = error
                else:
                    self._current = _Open(replica, source)
                    return self._current, located.bytes
            self._located = None  # who tries again may find other replicas
        raise _all_failed(located.did, failed)

    def _locate(self) -> Located:
        if self._located is None:
            self._located = self._rucio.locate(self.did)
        return self._located

    def _leave(self) -> None:
        """Other threads may still read from the current replica: it is closed with the source."""
        if self._current is not None:
            self._left.append(self._current.source)
            self._current = None

    def __reduce__(self) -> tuple[type[RucioSource], tuple[Did, Rucio]]:
        return RucioSource, (self.did, self._rucio)

    def __repr__(self) -> str:
        return f"RucioSource({str(self.did)!r})"


def _check_size(source: ByteSource, expected: int) -> None:
    size = source.size()
    if size != expected:
        msg = f"{size} bytes, and not {expected} as in the catalogue"
        raise CorruptDataError(msg)


def _reason(error: Exception) -> str:
    # Errors of ours are sentences; others may be as short as a name.
    kind = "" if isinstance(error, PhysliteError) else f"{type(error).__name__}: "
    return kind + redacted(" ".join(str(error).split()))


def _all_failed(did: Did, failed: dict[Replica, Exception]) -> CredentialError | TransferError:
    reasons = "; ".join(f"{replica.rse} by {replica.scheme}: {_reason(error)}" for replica, error in failed.items())
    msg = f"{did}: no replica could be read ({reasons}): try again later, or ask for another with `rucio rule add`"
    refused = all(isinstance(error, PermissionError) for error in failed.values())
    return CredentialError(msg) if refused else TransferError(msg)
