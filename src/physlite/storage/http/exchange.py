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

from physlite.exceptions import CorruptDataError, CredentialError, FileChangedError, PhysliteError, TransferError
from physlite.storage._source import SourceStats
from physlite.storage.http.answers import BadAnswerError, retry_after, size_of_unsatisfied
from physlite.storage.http.connections import Connections
from physlite.storage.http.hosts import same_origin
from physlite.storage.http.urls import Place, Urls
from physlite.storage.patience import Again
from physlite.storage.redaction import said

__all__ = ["Exchange"]

_OK, _PARTIAL, _OUT_OF_RANGE = 200, 206, 416
_MOST_REDIRECTS = 10
_REDIRECTS = (301, 302, 303, 307, 308)
_BUSY = (408, 425, 429, 500, 502, 503, 504)
_REFUSED = (401, 403)
_GONE = (404, 410)


class Exchange:
    """Asks for bytes of one file, and sees to it that all answers are about the same version of it.

    Versions are told apart by the size, and for each host by ETag and Last-Modified. Copies at several hosts, between
    which a server chooses with redirects, are taken to be equal when their sizes are.

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
        self._tags: dict[tuple[str | None, str], str] = {}

    @asynccontextmanager
    async def ask(self, ranges: str, *, accept: tuple[int, ...]) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer to a request with this `Range`; its status is one of `accept`.

        Raises:
            Again: it failed, and may work next time.
            OSError: it failed for good: FileNotFoundError, CredentialError, FileChangedError or TransferError.
        """
        place = await self._urls.place()
        trail = [place]
        try:
            async with self._followed(trail, ranges) as answer:
                if answer.status not in accept:
                    self._refuse(answer, place)
                if answer.status == _OUT_OF_RANGE:
                    self._see_size_of(answer)
                self._check_version(answer)
                yield answer
        except (PhysliteError, FileNotFoundError):
            raise
        except BadAnswerError as error:
            self._leave(place)
            msg = f"the server's answer is wrong: {error}"
            raise Again(msg) from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._leave(place)
            raise self._failure(error, trail[-1]) from None

    def _leave(self, place: Place) -> None:
        """What was sent on to another place may be sent on to a better one next time."""
        if place.was_redirected:
            self._urls.forget(place)

    def saw_size(self, size: int) -> None:
        """Notes what an answer says of the file.

        Raises:
            FileChangedError: it was another file before.
        """
        if self.size is None:
            self.size = size
        elif self.size != size:
            self._changed(f"it had {self.size} bytes and now has {size}")

    def _see_size_of(self, answer: aiohttp.ClientResponse) -> None:
        size = size_of_unsatisfied(answer.headers.get("Content-Range"))
        if size is not None:
            self.saw_size(size)

    # ------------------------------------------------------------------------------------------------------- sending

    @asynccontextmanager
    async def _followed(self, trail: list[Place], ranges: str) -> AsyncIterator[aiohttp.ClientResponse]:
        """The first answer that does not send on to another place; the `trail` is of the places that were asked."""
        for _ in range(_MOST_REDIRECTS + 1):
            place = trail[-1]
            answer = await self._send(place, ranges)
            try:
                location = answer.headers.get("Location")
                if answer.status not in _REDIRECTS or location is None:
                    if len(trail) > 1 and answer.status == _PARTIAL:
                        self._urls.remember(place)
                    yield answer
                    return
                trail.append(self._next(place, location))
            finally:
                answer.release()  # closes the connection if there is more to come
        msg = f"{self.name}: the server sends on to another address, {_MOST_REDIRECTS} times in a row"
        raise TransferError(msg)

    async def _send(self, place: Place, ranges: str) -> aiohttp.ClientResponse:
        url, headers = place.url, {"Range": ranges}
        if place.trusted:
            headers |= dict(self._connections.settings.headers)
            if any(name.lower() == "authorization" for name in headers):
                url = url.with_user(None)
        return await self._connections.session().get(
            url,
            headers=headers,
            allow_redirects=False,
            ssl=self._connections.tls(with_certificate=place.trusted) if url.scheme == "https" else True,
            proxy=self._connections.proxy(url),
            trace_request_ctx=self._stats,
        )

    def _next(self, place: Place, location: str) -> Place:
        try:
            url = place.url.join(yarl.URL(location, encoded=True))
            stays = url.scheme in ("http", "https") and bool(url.host) and same_origin(place.url, url)
        except ValueError:
            url, stays = yarl.URL(), False
        if url.scheme not in ("http", "https") or not url.host:
            msg = f"{self.name}: the server sends on to something that is no web address"
            raise TransferError(msg)
        return Place(url, trusted=place.trusted and stays, was_redirected=True)

    # -------------------------------------------------------------------------------------------------------- judging

    def _check_version(self, answer: aiohttp.ClientResponse) -> None:
        """Raises FileChangedError when the server says that the file is another one by now."""
        encoding = answer.headers.get("Content-Encoding", "identity")
        if encoding.lower() != "identity":
            msg = f"bytes in the encoding {encoding!r}, which nobody asked for"
            raise BadAnswerError(msg)
        if answer.status not in (_OK, _PARTIAL):
            return
        for header in ("ETag", "Last-Modified"):
            tag = answer.headers.get(header, "").removeprefix("W/")
            if tag:
                self.tag = self.tag or tag
                known = self._tags.setdefault((answer.url.host, header), tag)  # replicas have their own
                if known != tag:
                    self._changed(f"its {header} was {known} and now is {tag}")

    def _changed(self, how: str) -> NoReturn:
        msg = f"{self.name}: the file was replaced while it was read: {how}; open it again"
        raise FileChangedError(msg)

    def _refuse(self, answer: aiohttp.ClientResponse, place: Place) -> NoReturn:
        """Makes an error of a status."""
        status = answer.status
        reason = said(answer.reason or "", ())
        what = f"the server answers {status} {reason}".rstrip()
        if status in (*_REFUSED, *_GONE) and (place.was_redirected or (status in _REFUSED and self._urls.renews)):
            self._urls.forget(place)
            raise Again(what, refused=True)
        if status in _REFUSED:
            raise self.access_error(what)
        if status in _GONE:
            raise FileNotFoundError(errno.ENOENT, f"{what}: it has no such file", self.name)
        if status in _BUSY:
            self._leave(place)
            raise Again(what, after=retry_after(answer.headers.get("Retry-After")))
        if status == _OUT_OF_RANGE:
            was_known = self.size is not None
            self._see_size_of(answer)
            if was_known:
                self._changed(f"{what}, so it has fewer bytes than before")
            msg = f"{self.name}: {what}: the file has fewer bytes than were asked for: it is truncated, copy it again"
            raise CorruptDataError(msg)
        msg = f"{self.name}: {what}"
        raise TransferError(msg)

    def access_error(self, said: str) -> CredentialError:
        """What a server that does not give the file to us is reported as."""
        remedy = "check the credentials, or whether the URL has expired"
        return CredentialError(f"{self.name}: no access: {said}; {remedy}")

    def _failure(self, error: Exception, place: Place) -> Exception:
        """What to raise for what is wrong with a connection."""
        at = place.url.host
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return TransferError(f"{self.name}: the network's proxy answers {error.status} {said(error.message, ())}")
        if isinstance(error, aiohttp.ClientProxyConnectionError):
            at = f"{error.host}, the network's proxy"
        if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError | aiohttp.ServerFingerprintMismatch):
            why = getattr(error, "certificate_error", None) or getattr(error, "os_error", None) or error
            detail = getattr(why, "verify_message", "") or getattr(why, "reason", "") or type(why).__name__
            remedy = "name its authority with ca=…, or your certificate with certificate=…"
            if detail == "WRONG_VERSION_NUMBER":  # OpenSSL's word for an answer that is none of TLS
                detail, remedy = "it does not speak TLS", "should the URL begin with http://?"
            return TransferError(f"{self.name}: no secure connection to {at}: {detail}; {remedy}")
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            if getattr(error.os_error, "errno", None) != socket.EAI_AGAIN:
                return TransferError(f"{self.name}: there is no host {at}")
            return Again(f"the address of {at} cannot be found out at the moment")
        if isinstance(error, ValueError) and not isinstance(error, OSError):  # aiohttp.InvalidURL among them
            return TransferError(f"{self.name}: not a web address, or sent on to something that is none")
        if isinstance(error, TimeoutError):
            settings = self._connections.settings
            if isinstance(error, aiohttp.ConnectionTimeoutError):
                return Again(f"no connection to {at} in {settings.connect:g} s")
            return Again(f"{at} sent nothing for {settings.stall:g} s")
        if isinstance(error, aiohttp.ClientConnectorError):
            number = error.os_error.errno
            return Again(f"no connection to {at}: {os.strerror(number) if number else 'it failed'}")
        return Again(f"the connection to {at} broke off")
