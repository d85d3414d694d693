"""Where a file is at this moment: signed anew before a signature expires, and where the last request was sent on to."""

from __future__ import annotations

import asyncio
import time
from typing import NamedTuple

import yarl

from physlite.storage.signing import SignedUrl, Signer

__all__ = ["Place", "Urls", "web_url"]

# Signatures are renewed as many seconds before they expire as a slow request may take, or at nine tenths of their life.
_MARGIN = 120.0
_SHARE = 0.1


class Place(NamedTuple):
    """A URL to ask. `trusted`: it is at the host that the user named, which may be shown credentials."""

    url: yarl.URL
    trusted: bool
    was_redirected: bool


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
            CredentialError, OSError: as `Signer.url`.
        """
        if self._signer is None:
            return self._target or Place(web_url(self._file), trusted=True, was_redirected=False)
        async with self._renewing:
            if self._signed is None or time.time() >= self._renew_at:
                # Signers ask services and read files.
                now = time.time()
                self._signed = await asyncio.get_running_loop().run_in_executor(None, self._signer.url, self._file)
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


def web_url(text: str) -> yarl.URL:
    """A URL to the letter: signatures are over what is written, not over what it means."""
    scheme, separator, rest = text.partition("://")
    plain = {"dav": "http", "davs": "https"}.get(scheme.lower(), scheme)
    return yarl.URL(plain + separator + rest, encoded=True)
