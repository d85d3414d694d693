"""Connections to servers: shared by all files that are read with the same settings."""

from __future__ import annotations

import asyncio
import atexit
import os
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.request import getproxies, proxy_bypass

import aiohttp
import yarl

from physlite.exceptions import CredentialError
from physlite.storage import loop
from physlite.storage.http.settings import HttpSettings

__all__ = ["Connections", "acquire"]


class Connections:
    """Open connections with one kind of settings; made by `acquire`, and closed some time after the last `release`."""

    def __init__(self, settings: HttpSettings) -> None:
        self.settings = settings
        self.users = 0
        self.loop = loop.retain()
        self._contexts: dict[tuple[bool, int], ssl.SSLContext] = {}
        self._session: aiohttp.ClientSession | None = None
        self._closing: asyncio.TimerHandle | None = None

    def session(self) -> aiohttp.ClientSession:
        """The session; called in the loop."""
        if self._session is None:
            s = self.settings
            connector = aiohttp.TCPConnector(
                limit=0,
                limit_per_host=s.connections,
                keepalive_timeout=s.keep_alive,
                ttl_dns_cache=60,
                # That of the system, also where aiodns is installed, as beside JupyterHub: it does not know all ways in
                # which a system finds names, and starts a thread that never ends.
                resolver=aiohttp.ThreadedResolver(),
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=s.connect, sock_read=s.stall),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,  # ranges are ranges of the file
                requote_redirect_url=False,
                headers={"Accept-Encoding": "identity", "User-Agent": "physlite"},
                trace_configs=[_counting()],
            )
        return self._session

    def proxy(self, url: yarl.URL) -> str | None:
        """The proxy that the environment (HTTP_PROXY, HTTPS_PROXY, NO_PROXY) names for a URL."""
        return None if proxy_bypass(url.host or "") else getproxies().get(url.scheme)

    def tls(self, *, with_certificate: bool) -> ssl.SSLContext:
        """How a server's certificate is checked, and which one it is shown.

        Raises:
            CredentialError: the client certificate, or the file of authorities, cannot be read.
        """
        path = self.settings.certificate if with_certificate else None
        try:
            written = 0 if path is None else os.stat(path).st_mtime_ns  # noqa: PTH116  # may be any path-like
        except OSError as error:
            msg = f"{path}: no client certificate: {error.strerror}"
            raise CredentialError(msg) from None
        key = (with_certificate, written)
        if key not in self._contexts:
            self._contexts[key] = _context(self.settings, path)
        return self._contexts[key]

    def release(self) -> None:
        """Says that one who has acquired it needs it no longer.

        The collector of garbage calls it, at any time in any thread: it takes no lock.
        """
        with suppress(RuntimeError):  # at the end of the process the loop may be closed
            self.loop.call_soon_threadsafe(self._released)

    def _released(self) -> None:
        with _lock:
            self.users -= 1
            if self.users == 0:
                self._close_later()

    def _close_later(self) -> None:
        if self._closing is not None:
            self._closing.cancel()
        self._closing = self.loop.call_later(self.settings.keep_alive, self._close_unless_used)

    def _close_unless_used(self) -> None:
        with _lock:
            if self.users or _open.get(self.settings) is not self:
                return
            del _open[self.settings]
        self._task = self.loop.create_task(self._close())

    async def _close(self) -> None:
        try:
            await self.close_session()
            await asyncio.sleep(0.1)  # TLS connections say goodbye, for which aiohttp has no sign
        finally:
            loop.release(self.loop)

    async def close_session(self) -> None:
        """Closes what is open."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


_lock = threading.Lock()
_open: dict[HttpSettings, Connections] = {}


def acquire(settings: HttpSettings) -> Connections:
    """The connections with these settings; `release` them once."""
    with _lock:
        if settings not in _open:
            _open[settings] = Connections(settings)
        found = _open[settings]
        found.users += 1
        return found


def _context(settings: HttpSettings, certificate: str | os.PathLike[str] | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(**_locations(settings.ca))
        if settings.more_authorities is not None:
            context.load_verify_locations(**_locations(settings.more_authorities))
    except (OSError, ssl.SSLError) as error:
        which = settings.ca or settings.more_authorities
        msg = f"{which}: no certificates of authorities: {error.strerror or error}"
        raise CredentialError(msg) from None
    if not settings.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        try:
            context.load_cert_chain(certificate)
        except (OSError, ssl.SSLError):
            msg = f"{certificate}: not a client certificate with its key in one file"
            raise CredentialError(msg) from None
    return context


def _counting() -> aiohttp.TraceConfig:
    """Counts requests where they are sent: aiohttp sends one again when a kept connection turns out to be closed."""

    async def count(_session: aiohttp.ClientSession, context: SimpleNamespace, _parameters: object) -> None:
        context.trace_request_ctx.add(requests=1)

    config = aiohttp.TraceConfig()
    config.on_request_headers_sent.append(count)
    return config


def _locations(authorities: str | os.PathLike[str] | None) -> dict[str, Any]:
    if authorities is None:
        return {}
    return {"capath" if Path(authorities).is_dir() else "cafile": authorities}


def _close_all() -> None:
    """At the end of the process; a session that is left open complains of that."""
    for connections in list(_open.values()):
        with suppress(Exception, KeyboardInterrupt):  # of a user who wants it to end now
            loop.run(connections.loop, connections.close_session())


atexit.register(_close_all)


def _forget() -> None:
    """A forked process has none of these connections."""
    global _lock  # noqa: PLW0603  # one a process
    _lock = threading.Lock()
    _open.clear()


os.register_at_fork(after_in_child=_forget)
