"""A file of Rucio, read from whichever replica can be read."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

from physlite.exceptions import CorruptDataError, CredentialError, PhysliteError, TransferError, UnsupportedFormatError
from physlite.storage._source import ByteSource, Range, SourceStats, check_ranges, closed_error
from physlite.storage.checksum import adler32_of, check_adler32
from physlite.storage.redaction import redacted
from physlite.storage.rucio.catalogue import Located, Rucio, shared
from physlite.storage.rucio.did import Did, parse_did
from physlite.storage.rucio.replicas import Replica
from physlite.storage.signing import Signer

__all__ = ["RucioSource", "open_replica"]

T = TypeVar("T")

# What makes the next replica worth a try: it is away, another one than was catalogued, or of a kind that this
# installation has no package for.
_FAILURES = (OSError, CorruptDataError, UnsupportedFormatError, ImportError)

_BLOCK = 2**23  # bytes copied at once


class _Open(NamedTuple):
    replica: Replica
    source: ByteSource


class _NotWrittenError(Exception):
    """The copy cannot be written: no other replica would help."""

    def __init__(self, reason: OSError) -> None:
        super().__init__()
        self.reason = reason


class RucioSource:
    """One file in Rucio, by the name of the file or of a dataset that has no other.

    Replicas are looked up when the first byte is asked for, and opened one after the other, in the order of
    `Rucio.replicas`, until one can be read. When reading fails later on, all that was asked for is read from the next
    one. A replica of another size than the catalogue's is not used.

    It pickles as the name and the arguments of `rucio`. Several threads may use it.

    Args:
        did: `scope:name`, `rucio://scope:name`, or a name that its scope can be read from.
        rucio: the server, and the account to ask with; by default the server in rucio.cfg.

    Raises:
        ValueError: no name that Rucio would take.
    """

    reopens = True

    def __init__(self, did: str | Did, rucio: Rucio | None = None) -> None:
        self.did = parse_did(did)
        self.name = f"rucio://{self.did}"
        self.stats = SourceStats()
        self._rucio = rucio or shared()
        self._lock = threading.Lock()
        self._located: Located | None = None
        self._current: _Open | None = None
        self._left: list[ByteSource] = []
        self._closed = False

    def size(self) -> int:
        """Bytes in the file; asks Rucio, and where it does not know, opens a replica.

        Raises:
            DatasetNotFoundError, CredentialError, TransferError, ValueError: as `Rucio.replicas`.
        """
        with self._lock:
            size = self._locate().bytes
        return self._read(lambda source: source.size()) if size is None else size

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
        self.stats.count(ranges)
        return self._read(lambda source: source.fetch(ranges))

    def copy_to(self, path: str | os.PathLike[str]) -> None:
        """Copies the file to a disk. Its checksum is compared; where it is wrong the next replica is copied.

        Args:
            path: the new file; it appears when it is complete.

        Raises:
            DatasetNotFoundError, CredentialError, TransferError, ValueError: as `fetch`.
            OSError: the file cannot be written.
        """
        part = Path(f"{os.fspath(path)}.part")
        try:
            with part.open("wb") as out:
                self._read(lambda source: self._copy(source, out))
        except _NotWrittenError as error:
            part.unlink()
            raise error.reason from None
        except BaseException:
            part.unlink(missing_ok=True)
            raise
        part.replace(path)

    def _copy(self, source: ByteSource, out: BinaryIO) -> None:
        out.seek(0)
        checksum = adler32_of(_written(source, out))
        expected = self._locate().adler32
        if expected:
            check_adler32(self.name, checksum, expected)

    def close(self) -> None:
        """Closes the replicas. Memory handed out before stays valid."""
        with self._lock:
            self._closed = True
            self._leave()
            for source in self._left:
                source.close()
            self._left.clear()

    def _read(self, read: Callable[[ByteSource], T]) -> T:
        """What `read` returns for the first replica, from the current one on, with which it does not fail."""
        failed: dict[Replica, Exception] = {}
        while True:
            opened = self._opened(failed)
            try:
                return read(opened.source)
            except _FAILURES as error:
                failed[opened.replica] = error

    def _opened(self, failed: dict[Replica, Exception]) -> _Open:
        """A replica that is none of those that have failed; those that do not open are added to these."""
        with self._lock:
            if self._closed:
                raise closed_error(self.name)
            if self._current is not None and self._current.replica not in failed:
                return self._current
            self._leave()
            located = self._locate()
            for replica in located.usable:
                if replica in failed:
                    continue
                try:
                    self._current = _Open(replica, self._open(replica, located))
                except _FAILURES as error:
                    failed[replica] = error
                else:
                    return self._current
            self._located = None  # who tries again may find other replicas
        raise _all_failed(located.did, failed)

    def _open(self, replica: Replica, located: Located) -> ByteSource:
        source = open_replica(replica.url, self._signer(replica))
        try:
            _check_size(source, located.bytes)
        except BaseException:
            source.close()
            raise
        return source

    def _signer(self, replica: Replica) -> Signer | None:
        if not replica.service:
            return None
        from physlite.storage.signers import RucioSigner

        return RucioSigner(self._rucio, replica.rse, replica.service)

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


def open_replica(url: str, signer: Signer | None = None) -> ByteSource:
    """Opens a replica by the scheme of its URL.

    Args:
        url: as in `Replica.url`.
        signer: makes signed URLs of it, where they are needed.

    Raises:
        UnsupportedFormatError: a scheme, or signed URLs, that cannot be read.
        OSError: it cannot be opened.
    """
    from physlite.storage.opening import open_source

    if signer is not None:
        msg = f"{redacted(url)}: signed URLs cannot be read yet"
        raise UnsupportedFormatError(msg)
    return open_source(url)


def _check_size(source: ByteSource, expected: int | None) -> None:
    if expected is not None and source.size() != expected:
        msg = f"{source.size()} bytes, and not {expected} as in the catalogue"
        raise CorruptDataError(msg)


def _written(source: ByteSource, out: BinaryIO) -> Iterator[memoryview]:
    """The blocks of a file, each after it was written."""
    size = source.size()
    for start in range(0, size, _BLOCK):
        (block,) = source.fetch([Range(start, min(_BLOCK, size - start))])
        try:
            out.write(block)
        except OSError as error:
            raise _NotWrittenError(error) from None
        yield block


def _reason(error: Exception) -> str:
    # Errors of ours are sentences; others may be as short as a name.
    kind = "" if isinstance(error, PhysliteError) else f"{type(error).__name__}: "
    return kind + redacted(" ".join(str(error).split()))


def _all_failed(did: Did, failed: dict[Replica, Exception]) -> CredentialError | TransferError:
    reasons = "; ".join(f"{replica.rse} by {replica.scheme}: {_reason(error)}" for replica, error in failed.items())
    msg = f"{did}: no replica could be read ({reasons}): try again later, or ask for another with `rucio rule add`"
    refused = all(isinstance(error, PermissionError) for error in failed.values())
    return CredentialError(msg) if refused else TransferError(msg)
