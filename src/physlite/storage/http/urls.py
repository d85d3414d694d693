"""Where a file is at this moment: signed anew before a signature expires, and where the last request was sent on to."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import NamedTuple

import yarl

from physlite.exceptions import PhysliteError, TransferError
from physlite.storage.patience import Again
from physlite.storage.perprocess import PerProcess
from physlite.storage.redaction import redacted_url, said
from physlite.storage.signing import SignedUrl, Signer
from physlite.storage.workers import Workers

__all__ = ["Place", "Urls", "web_url"]

# Signatures are renewed as many seconds before they expire as a slow request may take, or at nine tenths of their life.
_MARGIN = 120.0
_SHARE = 0.1


class Place(NamedTuple):
    """A URL to ask. `trusted`: it is at the host that the user named, which may be shown credentials."""

    url: yarl.URL
    trusted: bool
    was_redirected: bool

    def __repr__(self) -> str:
        return f"Place({redacted_url(str(self.url))!r}, trusted={self.trusted}, was_redirected={self.was_redirected})"


class Urls:
    """The URLs of one file. Used in the loop."""

    def __init__(self, file: str, signer: Signer | None) -> None:
        self._file = file
        self._signer = signer
        self._signed: SignedUrl | None = None
        self._renew_at = 0.0
        self._renewing = asyncio.Lock()
        self._target: Place | None = None

    @property
    def renews(self) -> bool:
        """Whether there is somebody to sign anew."""
        return self._signer is not None

    async def place(self) -> Place:
        """Where to ask.

        Raises:
            CredentialError, FileNotFoundError: as `Signer.url`.
            Again: who signs cannot be reached.
            TransferError: not a web address.
        """
        if self._signer is None:
            return self._target or Place(web_url(self._file), trusted=True, was_redirected=False)
        async with self._renewing:
            if self._signed is None or time.time() >= self._renew_at:
                # Signers ask services and read files.
                now = time.time()
                self._signed = await asyncio.wrap_future(_signers.get().submit(_sign, self._signer, self._file))
                life = self._signed.expires - now
                self._renew_at = self._signed.expires - min(_MARGIN, _SHARE * life)
                self._target = None
            return self._target or Place(web_url(self._signed.url), trusted=True, was_redirected=False)

    def remember(self, place: Place) -> None:
        """Notes where requests were sent on to."""
        self._target = place

    def forget(self, place: Place) -> None:
        """A URL is of no use any more: the next one is a new one."""
        if place.was_redirected:
            self._target = None
        elif self._signed is not None and place.url == web_url(self._signed.url):  # else somebody has renewed it
            self._signed = None


_WRITTEN_OUT = re.compile(r"[\x21-\x7e]+")

# Threads of the loop's own would wait for signers where they are needed for the names of hosts.
_signers = PerProcess(lambda: Workers(16, "physlite-signer"))


def _sign(signer: Signer, file: str) -> SignedUrl:
    try:
        return signer.url(file)
    except (PhysliteError, FileNotFoundError, PermissionError):
        raise
    except OSError as error:
        msg = f"no signed URL: {said(str(error), ())}"
        raise Again(msg) from None


def web_url(text: str) -> yarl.URL:
    """A URL to the letter: signatures are over what is written, not over what it means.

    Raises:
        TransferError: it is none.
    """
    scheme, separator, rest = text.partition("://")
    plain = {"dav": "http", "davs": "https"}.get(scheme.lower(), scheme)
    url = plain + separator + rest
    with suppress(ValueError):
        found = yarl.URL(url, encoded=True)
        if _WRITTEN_OUT.fullmatch(url) and found.host and found.port:
            return found
    msg = f"{redacted_url(text)!r} is no web address: it has a host, and nothing but ASCII (é is written as %C3%A9)"
    raise TransferError(msg)
