"""Files on web servers."""

from __future__ import annotations

import weakref
from collections.abc import Coroutine, Sequence
from functools import partial
from typing import Any, TypeVar

from physlite.exceptions import PhysliteError
from physlite.storage import loop
from physlite.storage._source import Range, SourceStats, check_ranges, closed_error
from physlite.storage.http.connections import Connections, acquire
from physlite.storage.http.environment import default_settings
from physlite.storage.http.remote import RemoteFile
from physlite.storage.http.settings import HttpSettings
from physlite.storage.http.urls import Urls
from physlite.storage.perprocess import PerProcess
from physlite.storage.redaction import redacted_url, without_signature
from physlite.storage.signing import Signer

__all__ = ["HttpSource"]

T = TypeVar("T")


class HttpSource:
    """A file on a web server, read in ranges over many connections at a time.

    What a server can do (several ranges in a request, or none at all) is found out with the first requests, and
    remembered for the process. Requests that fail are sent again, and what is read is of one version of the file.

    With a signer, URLs are signed where and when they are needed, on whichever machine that is: a pickle holds no
    signature. A URL that is given with its signature is in the pickle as it is.

    Args:
        file: its URL (`http`, `https`, `dav`, `davs`), to the letter; with a `signer` what that takes.
        signer: who makes the URLs.
        settings: how the server is asked; by default with the grid proxy that X509_USER_PROXY names, if there is one.
    """

    reopens = True
    remote = True

    def __init__(self, file: str, *, signer: Signer | None = None, settings: HttpSettings | None = None) -> None:
        self.name = redacted_url(file)
        self._settings = settings
        self.stats = SourceStats()
        self._file = file
        self._signer = signer
        self._closed = False
        # Connections do not survive a fork.
        self._opened = PerProcess(partial(_Opened, file, self.name, signer, settings, self.stats))

    def size(self) -> int:
        """Bytes in the file; asks the server unless an answer has told it before.

        Raises:
            FileNotFoundError, CredentialError, TransferError, FileChangedError: as `fetch`.
        """
        opened = self._open()
        if opened.remote.size is None:
            opened.run(opened.remote.ends(1, 1))
        return opened.remote.size or 0  # of an empty file

    def take_everything(self) -> None:
        """Takes the file as a whole, however large it is, from a server that gives no parts."""
        self._open().remote.takes_everything = True

    @property
    def known_size(self) -> int | None:
        """Bytes in the file, as far as that can be told without asking for it."""
        return self._open().remote.size

    @property
    def key(self) -> str:
        """The URL without its signature, or what the signer takes."""
        return without_signature(self._file)

    @property
    def tag(self) -> str:
        """The ETag, or when the file was written, once an answer has told it."""
        return self._open().remote.tag

    def fetch(self, ranges: Sequence[Range]) -> list[memoryview]:
        """Reads ranges, all at the same time.

        Raises:
            FileNotFoundError: the server does not have the file.
            CredentialError: it does not give it to us.
            FileChangedError: the file was replaced since the first of its bytes was read.
            CorruptDataError: a range does not lie in the file.
            TransferError: the server cannot be reached, or does not answer as it should, after all attempts.
        """
        opened = self._open()
        if opened.remote.size is not None:
            check_ranges(self.name, ranges, opened.remote.size)
        self.stats.count_ranges(ranges)
        return opened.run(opened.remote.read(ranges))

    def ends(self, head: int, tail: int) -> list[tuple[int, memoryview]]:
        """The first and the last bytes in one round trip: where each part begins, and its bytes; tells the size.

        Raises:
            FileNotFoundError, CredentialError, TransferError, FileChangedError: as `fetch`.
        """
        opened = self._open()
        return opened.run(opened.remote.ends(head, tail))

    def close(self) -> None:
        """Gives the connections back, for other files; what is being read is read to its end."""
        self._closed = True
        self._opened.drop(self._opened.known())

    def _open(self) -> _Opened:
        if self._closed:
            raise closed_error(self.name)
        return self._opened.get()

    def __reduce__(self) -> tuple[Any, ...]:
        return (_reopen, (self._file, self._signer, self._settings))

    def __repr__(self) -> str:
        return f"HttpSource({self.name!r})"


def _reopen(file: str, signer: Signer | None, settings: HttpSettings | None) -> HttpSource:
    return HttpSource(file, signer=signer, settings=settings)


class _Opened:
    """What a source has in one process. The connections are given back with the last who uses it."""

    def __init__(
        self, file: str, name: str, signer: Signer | None, settings: HttpSettings | None, stats: SourceStats
    ) -> None:
        self._connections: Connections = acquire(settings or default_settings())
        weakref.finalize(self, self._connections.release).atexit = False
        self.remote = RemoteFile(name, Urls(file, signer), self._connections, stats)

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        try:
            return loop.run(self._connections.loop, coroutine)
        except (PhysliteError, OSError) as error:
            error.__context__ = None  # the libraries' errors have URLs with their signatures
            raise
