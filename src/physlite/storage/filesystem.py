"""Files wherever fsspec finds them: object stores, SSH, WebDAV, HDFS, members of archives, chains of these."""

from __future__ import annotations

import errno
import logging
import pickle
import re
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, NamedTuple, NoReturn, TypeVar

import fsspec

from physlite.exceptions import CredentialError, FileChangedError, PhysliteError, TransferError
from physlite.storage._source import Range, SourceStats, check_ranges, closed_error
from physlite.storage.patience import Again, Patience, answer, persist
from physlite.storage.perprocess import PerProcess
from physlite.storage.pieces import Piece, allocate
from physlite.storage.planning import both_ends, coalesce, scatter
from physlite.storage.redaction import redacted, said, without_signature
from physlite.storage.secretoptions import secret_options
from physlite.storage.settings import TransferSettings

__all__ = ["FsspecSource"]

T = TypeVar("T")

# The libraries behind fsspec try again themselves, some for half a minute.
_SETTINGS = TransferSettings(attempts=2, requests=16)

# Where filesystems say which version of a file there is, the surest first: object stores, WebDAV, SSH, memory.
_VERSION = ("ETag", "etag", "generation", "mtime", "LastModified", "last_modified", "updated", "created")
_DENIED = (401, 403)
# Errors of libraries that have no better class; by name, so that none of them has to be installed.
_NO_CREDENTIALS = (
    "AuthenticationException",  # paramiko
    "DefaultCredentialsError",  # google-auth
    "NoAuthTokenError",  # botocore, as the next ones
    "NoCredentialsError",
    "PartialCredentialsError",
    "ProfileNotFound",
    "TokenRetrievalError",
)
_CLOUD = ("s3", "s3a", "gs", "gcs")


class _Opened(NamedTuple):
    """A filesystem, the path in it, and what is held while it is used."""

    filesystem: Any
    path: str
    lock: Any


class FsspecSource:
    """A file that fsspec can read, in ranges at the same time where the filesystem does that.

    After each reading, the filesystem is asked whether the file is still the one that it was: bytes of two versions do
    not mix where it tells (by ETag, generation, time of change or size).

    Pickles as URL and options. Options that give access, and URLs with a password, do not pickle.

    Args:
        url: as fsspec takes it, chained ones too: `s3://bucket/name`, `zip://name::ssh://host/archive.zip`.
        settings: how it is asked.
        options: fsspec's storage options.

    Raises:
        ImportError: by the first method that is called, when a package is missing.
    """

    reopens = True
    remote = True

    def __init__(self, url: str, *, settings: TransferSettings | None = None, **options: Any) -> None:
        self.name = redacted(url)
        self.stats = SourceStats()
        self._url = url
        self._options = options
        self._settings = settings or _SETTINGS
        self._version: tuple[int, str] | None = None
        self._closed = False
        self._opened = PerProcess(partial(_open, url, options))

    def size(self) -> int:
        """Bytes in the file; asks for it once.

        Raises:
            FileNotFoundError, CredentialError, TransferError, FileChangedError: as `fetch`.
        """
        if self._version is None:
            self._persist(lambda opened, _: self._check_version(opened))
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
        """What the filesystem says of which version it is; empty before it was asked."""
        return "" if self._version is None else self._version[1]

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Reads ranges.

        Raises:
            FileNotFoundError: there is no such file.
            CredentialError: it is not given to us.
            FileChangedError: it was replaced since it was asked for first.
            CorruptDataError: a range does not lie in the file.
            TransferError: the server cannot be reached, or does not answer as it should, after all attempts.
        """
        check_ranges(self.name, ranges, self.size())
        self.stats.count_ranges(ranges)
        spans = coalesce(ranges, self._settings.gap, self._settings.requests)
        memory, pieces = allocate(spans, self._settings.largest)
        if pieces:
            self._persist(lambda opened, patience: self._read(opened, patience, pieces))
        return scatter(ranges, spans, memory)

    def ends(self, head: int, tail: int) -> list[tuple[int, memoryview]]:
        """The first and the last bytes: where each part begins, and its bytes; tells the size.

        Raises:
            FileNotFoundError, CredentialError, TransferError, FileChangedError: as `fetch`.
        """
        parts = both_ends(self.size(), head, tail)
        return list(zip((part.offset for part in parts), self.fetch(parts), strict=True))

    def close(self) -> None:
        """Reads no more. Connections are fsspec's, which keeps them for others."""
        self._closed = True
        self._opened.drop(self._opened.known())

    # ------------------------------------------------------------------------------------------------------- requests

    def _persist(self, work: Callable[[_Opened, Patience], None]) -> None:
        def once(patience: Patience) -> None:
            self._check_open()
            try:
                work(self._run(self._opened.get), patience)
            except (Again, PhysliteError, ImportError):
                raise
            except Exception as error:  # noqa: BLE001  # each library has its own
                self._fail(error)

        persist(self.name, self._settings, self.stats, once)

    def _read(self, opened: _Opened, patience: Patience, pieces: Sequence[Piece]) -> None:
        """Fills the pieces that are not complete."""
        failed: Exception | None = None
        for batch in self._batches([piece for piece in pieces if not piece.is_complete]):
            self.stats.add(requests=len(batch))
            starts, stops = [piece.start for piece in batch], [piece.stop for piece in batch]
            paths = [opened.path] * len(batch)
            found = self._ask(opened, partial(opened.filesystem.cat_ranges, paths, starts, stops, on_error="return"))
            for piece, data in zip(batch, found, strict=True):
                if isinstance(data, Exception):
                    failed = data
                    continue
                self.stats.add(received=len(data))
                if len(data) != len(piece.view):
                    failed = Again(f"{len(data)} bytes came for {len(piece.view)}")
                    continue
                piece.take(piece.start, data)
                patience.progress()
            if failed:
                break
        self._check_version(opened)  # another version is a better reason than what came of it
        if failed:
            raise failed

    def _batches(self, pieces: Sequence[Piece]) -> Iterator[list[Piece]]:
        """Pieces as they are asked for together."""
        for at in range(0, len(pieces), self._settings.requests):
            yield list(pieces[at : at + self._settings.requests])

    def _check_version(self, opened: _Opened) -> None:
        """Asks what is there, and raises FileChangedError when it is not what was there first."""
        self.stats.add(requests=1)
        # What it has kept of folders may be old.
        opened.filesystem.invalidate_cache()
        found = self._ask(opened, partial(opened.filesystem.info, opened.path))
        size = found.get("size")
        if found.get("type") == "directory":
            msg = f"{self.name}: it is a directory"
            raise TransferError(msg)
        if not isinstance(size, int) or size < 0:
            msg = f"{self.name}: the server does not tell the size of the file, which is needed to read parts of it"
            raise TransferError(msg)
        tag = next((str(found[name]) for name in _VERSION if found.get(name)), "")
        if self._version is None:
            self._version = (size, tag)
        if self._version != (size, tag):
            how = f"its version was {self._version} and now is {(size, tag)}"
            msg = f"{self.name}: the file was replaced while it was read: {how}; open it again"
            raise FileChangedError(msg)

    def _ask(self, opened: _Opened, call: Callable[[], T]) -> T:
        def locked() -> T:
            with opened.lock:
                return call()

        return self._run(locked)

    def _run(self, call: Callable[[], T]) -> T:
        return answer(call, self._settings.answer)

    # -------------------------------------------------------------------------------------------------------- errors

    def _fail(self, error: Exception) -> NoReturn:
        """Makes an error of ours of one of a library."""
        reason = said(str(error) or type(error).__name__, _texts(self._options))
        if isinstance(error, FileNotFoundError):
            raise FileNotFoundError(errno.ENOENT, "there is no such file", self.name) from None
        if _is_denial(error):
            msg = (
                f"{self.name}: no access: {reason}; check the credentials, in the environment, a profile or the options"
            )
            raise CredentialError(msg) from None
        if isinstance(error, TypeError | ValueError | AttributeError | LookupError | NotImplementedError):
            msg = f"{self.name}: {reason} ({type(error).__name__}); check the URL and the options"
            raise TransferError(msg) from None
        raise Again(reason) from None

    def _check_open(self) -> None:
        if self._closed:
            raise closed_error(self.name)

    def __reduce__(self) -> tuple[Any, ...]:
        secret = next((name for name, _ in secret_options(self._options)), None)
        if secret is None and re.search(r"://[^/@]*:[^/@]*@", self._url):
            secret = "password in the URL"  # noqa: S105  # what it is called
        if secret is not None:
            msg = (
                f"{self.name}: its {secret} does not go into a pickle: have it in the environment or in a profile of "
                "each machine, where the library finds it"
            )
            raise pickle.PicklingError(msg)
        return (_again, (self._url, self._settings, self._options))

    def __repr__(self) -> str:
        return f"FsspecSource({self.name!r})"


def _again(url: str, settings: TransferSettings, options: dict[str, Any]) -> FsspecSource:
    return FsspecSource(url, settings=settings, **options)


def _open(url: str, options: Mapping[str, Any]) -> _Opened:
    try:
        filesystem, path = fsspec.core.url_to_fs(url, **options)
    except ImportError as error:
        scheme = re.split(r"::?", url)[0]
        how = "pip install 'physlite[cloud]'" if any(f"{s}://" in url for s in _CLOUD) else error
        msg = f"{scheme}:// needs a package that is not installed: {how}"
        raise ImportError(msg) from None
    if re.search(r"\bgc?s://", url):
        # What it says comes with its exceptions too; without a handler Python prints it, with tracebacks.
        logging.getLogger("gcsfs").addHandler(logging.NullHandler())
    # Only asynchronous filesystems are known to bear several threads.
    return _Opened(filesystem, path, nullcontext() if filesystem.async_impl else threading.Lock())


def _is_denial(error: BaseException) -> bool:
    if isinstance(error, PermissionError) or type(error).__name__ in _NO_CREDENTIALS:
        return True
    code = getattr(error, "code", None) or getattr(error, "status", None)
    return code in _DENIED or (isinstance(error, OSError) and str(error).startswith("Forbidden"))  # gcsfs


def _texts(options: Mapping[str, Any]) -> list[str]:
    """The secrets that could stand in a message."""
    return [value for _, value in secret_options(options) if isinstance(value, str)]
