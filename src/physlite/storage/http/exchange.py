"""One request of a file's bytes, and what the server makes of it."""

from __future__ import annotations

import errno
import os
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

import aiohttp
import yarl

from physlite.exceptions import CredentialError, FileChangedError, PhysliteError, TransferError
from physlite.storage._source import SourceStats
from physlite.storage.http.answers import BadAnswerError, ContentRange, retry_after, size_of_unsatisfied
from physlite.storage.http.connections import Connections
from physlite.storage.http.hosts import same_origin
from physlite.storage.http.urls import Place, Urls
from physlite.storage.patience import Again

__all__ = ["Exchange"]

_OK, _PARTIAL, _OUT_OF_RANGE = 200, 206, 416
_MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_REFUSED = (401, 403)
_GONE = (404, 410)


class Exchange:
    """Asks for bytes of one file, and sees to it that all answers are about the same version of it.

    Attributes:
        size: bytes in the file; None before an answer has told it.
        tag: the ETag, or when the file was written, of the first answer.
    """

    def __init__(self, name: str, urls: Urls, connections: Connections, stats: SourceStats) -> None:
        self.name = name
        self.size: int | None = None
        self.tag = ""
        self._urls = urls
        self._connections = connections
        self._stats = stats
        self._tags: dict[str | None, str] = {}

    @asynccontextmanager
    async def ask(self, ranges: str, *, accept: tuple[int, ...]) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request with this `Range`; its status is one of `accept`.

        Raises:
            Again: it failed, and may work next time.
            OSError: it failed for good: FileNotFoundError, CredentialError, FileChangedError or TransferError.
        """
        place = await self._urls.place()
        try:
            async with self._followed(place, ranges) as answer:
                if answer.status == _OUT_OF_RANGE:
                    size = size_of_unsatisfied(answer.headers.get("Content-Range"))
                    if size is not None:
                        self.saw_size(size)
                if answer.status not in accept:
                    self._refuse(answer, place)
                self._check_version(answer)
                yield answer
        except (PhysliteError, FileNotFoundError):
            raise
        except BadAnswerError as error:
            msg = f"the server's answer is wrong: {error}"
            raise Again(msg) from None
        except (aiohttp.ClientError, OSError) as error:
            self._fail(error, place)

    def saw(self, part: ContentRange) -> None:
        """Notes what an answer says of the file.

        Raises:
            FileChangedError: it was another file before.
        """
        self.saw_size(part.total)

    def saw_size(self, size: int) -> None:
        """As `saw`."""
        if self.size is None:
            self.size = size
        elif self.size != size:
            self._changed(f"it had {self.size} bytes and now has {size}")

    # ------------------------------------------------------------------------------------------------------- sending

    @asynccontextmanager
    async def _followed(self, place: Place, ranges: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """The first answer that does not send on to another place."""
        begin = place
        for _ in range(_MOST_REDIRECTS + 1):
            answer = await self._send(place, ranges)
            try:
                location = answer.headers.get("Location")
                if answer.status not in _REDIRECTS or location is None:
                    if place is not begin and answer.status == _PARTIAL:
                        self._urls.remember(place)
                    yield answer
                    return
                place = self._next(place, location)
            finally:
                answer.release()  # closes the connection if there is more to come
        msg = f"{self.name}: the server sends on to another address, {_MOST_REDIRECTS} times in a row"
        raise TransferError(msg)

    async def _send(self, place: Place, ranges: str) -> aiohttp.ClientResponse:
        headers = {"Range": ranges}
        if place.trusted:
            headers |= dict(self._connections.settings.headers)
        tls = self._connections.tls(with_certificate=place.trusted) if place.url.scheme == "https" else True
        session = self._connections.session()
        return await session.get(
            place.url, headers=headers, allow_redirects=False, ssl=tls, trace_request_ctx=self._stats
        )

    def _next(self, place: Place, location: str) -> Place:
        try:
            url = place.url.join(yarl.URL(location, encoded=True))
        except ValueError:
            url = yarl.URL()
        if url.scheme not in ("http", "https") or not url.host:
            msg = f"{self.name}: the server sends on to something that is no web address"
            raise TransferError(msg)
        if place.url.scheme == "https" and url.scheme == "http" and place.trusted:
            # Where to is the server's choice; that nothing secret goes there is ours.
            return Place(url, trusted=False, was_redirected=True)
        return Place(url, trusted=place.trusted and same_origin(place.url, url), was_redirected=True)

    # -------------------------------------------------------------------------------------------------------- judging

    def _check_version(self, answer: aiohttp.ClientResponse) -> None:
        """Raises FileChangedError when the server says that the file is another one by now."""
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            msg = f"bytes in the encoding {encoding!r}, which nobody asked for"
            raise BadAnswerError(msg)
        tag = answer.headers.get("ETag") or answer.headers.get("Last-Modified")
        if tag is not None and answer.status in (_OK, _PARTIAL):
            self.tag = self.tag or tag
            known = self._tags.setdefault(answer.url.host, tag)  # replicas have their own
            if known != tag:
                self._changed(f"its version was {known} and now is {tag}")

    def _changed(self, how: str) -> NoReturn:
        msg = f"{self.name}: the file was replaced while it was read: {how}; open it again"
        raise FileChangedError(msg)

    def _refuse(self, answer: aiohttp.ClientResponse, place: Place) -> NoReturn:
        """Makes an error of a status."""
        status = answer.status
        said = f"the server answers {status} {answer.reason or ''}".rstrip()
        if status in (*_REFUSED, *_GONE) and (place.was_redirected or (status in _REFUSED and self._urls.renews)):
            self._urls.forget(place)
            raise Again(said, refused=True)
        if status in _REFUSED:
            raise self.access_error(said)
        if status in _GONE:
            raise FileNotFoundError(errno.ENOENT, f"{said}: it has no such file", self.name)
        if status in _BUSY:
            raise Again(said, after=retry_after(answer.headers.get("Retry-After")))
        if status == _OUT_OF_RANGE:
            self._changed(f"{said}, so it has fewer bytes than before")
        msg = f"{self.name}: {said}"
        raise TransferError(msg)

    def access_error(self, said: str) -> CredentialError:
        """What a server that does not give the file to us is reported as."""
        remedy = "check the credentials, or whether the URL has expired"
        return CredentialError(f"{self.name}: no access: {said}; {remedy}")

    def _fail(self, error: Exception, place: Place) -> NoReturn:
        """Makes an error of what is wrong with a connection."""
        at = place.url.host
        if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError | aiohttp.ServerFingerprintMismatch):
            why = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
            detail = getattr(why, "verify_message", "") or getattr(why, "reason", "") or type(why).__name__
            msg = (
                f"{self.name}: no secure connection to {at}: {detail}; "
                "name its authority with ca=…, or your certificate with certificate=…"
            )
            raise TransferError(msg) from None
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            if getattr(error.os_error, "errno", None) != socket.EAI_AGAIN:
                msg = f"{self.name}: there is no host {at}"
                raise TransferError(msg) from None
            msg = f"the address of {at} cannot be found out at the moment"
            raise Again(msg) from None
        if isinstance(error, aiohttp.InvalidURL):
            msg = f"{self.name}: not a web address"
            raise TransferError(msg) from None
        if place.was_redirected:
            self._urls.forget(place)
        if isinstance(error, TimeoutError):
            settings = self._connections.settings
            connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
            what = (
                f"no connection to {at} in {settings.connect:g} s"
                if connecting
                else f"{at} sent nothing for {settings.stall:g} s"
            )
            raise Again(what) from None
        if isinstance(error, aiohttp.ClientConnectorError):
            number = error.os_error.errno
            msg = f"no connection to {at}: {os.strerror(number) if number else 'it failed'}"
            raise Again(msg) from None
        msg = f"the connection to {at} broke off"
        raise Again(msg) from None
