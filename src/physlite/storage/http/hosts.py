"""What is known of servers, for as long as the process lives."""

from __future__ import annotations

from dataclasses import dataclass

import yarl

__all__ = ["Host", "host_of", "same_origin"]


@dataclass(slots=True)
class Host:
    """What a server was seen to do.

    Attributes:
        several: whether it answers a request of several ranges with all of them; None: not tried yet.
    """

    several: bool | None = None


_hosts: dict[tuple[str, str | None, int | None], Host] = {}


def host_of(url: yarl.URL) -> Host:
    """What is known of the server that a URL is at."""
    return _hosts.setdefault(_origin(url), Host())


def same_origin(a: yarl.URL, b: yarl.URL) -> bool:
    """Whether two URLs are at the same server."""
    return _origin(a) == _origin(b)


def _origin(url: yarl.URL) -> tuple[str, str | None, int | None]:
    return url.scheme, url.host, url.port
