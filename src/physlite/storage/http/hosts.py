"""What is known of servers, for some time."""

from __future__ import annotations

import time
from dataclasses import dataclass

import yarl

__all__ = ["Host", "host_of", "same_origin"]

_TRUSTED = 600.0  # seconds that a server is not tried again: others may answer under its name by then
_ENOUGH = 2  # answers that are merely wrong


@dataclass(slots=True)
class Host:
    """Whether a server answers a request of several ranges with all of them."""

    _several: bool | None = None
    _failures: int = 0
    _until: float = 0.0

    @property
    def several(self) -> bool | None:
        """Whether it does; None when that is not known, or not any more."""
        if self._several is False and time.monotonic() > self._until:
            self._several, self._failures = None, 0
        return self._several

    def saw(self, several: bool, *, for_sure: bool = True) -> None:
        """Notes an answer: it did, or did not, or only failed to this time, which counts when it happens again."""
        if several:
            self._several, self._failures = True, 0
            return
        self._failures += 1
        if for_sure or self._failures >= _ENOUGH:
            self._several, self._until = False, time.monotonic() + _TRUSTED


_hosts: dict[tuple[str, str | None, int | None], Host] = {}


def host_of(url: yarl.URL) -> Host:
    """What is known of the server that a URL is at."""
    return _hosts.setdefault(_origin(url), Host())


def same_origin(a: yarl.URL, b: yarl.URL) -> bool:
    """Whether two URLs are at the same server."""
    return _origin(a) == _origin(b)


def _origin(url: yarl.URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port
