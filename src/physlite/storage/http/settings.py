"""How HTTP is spoken: what may be changed, and why it is as it is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["HttpSettings"]

_MOST_CONNECTIONS = 100


@dataclass(frozen=True, kw_only=True)
class HttpSettings:
    """How a server is asked.

    Attributes:
        connections: connections to one host at a time, 1 to 100. Over long distances it is their number that gives
            bandwidth, since each has a window of its own.
        gap: ranges with at most as many bytes between them are one request. A round trip of 20 ms at 100 Mbit/s a
            connection is worth 250 kB; but what lies between has to be paid for by all who share the link.
        largest: bytes of the largest piece that is asked for in one go; larger ranges are read in parallel pieces.
        whole: largest file, in bytes, that is read as a whole from a server that cannot give parts of it.
        connect: seconds to wait for a connection.
        stall: seconds to wait for the next byte.
        attempts: failures in a row, without a byte in between, after which a request is given up.
        deadline: seconds after which a request is given up whatever it does.
        keep_alive: seconds that a connection is kept for the next request.
        ca: file, or folder with hashed names (as /etc/grid-security/certificates), of the authorities to trust instead
            of the system's.
        more_authorities: likewise, to trust beside the others.
        certificate: file with a client certificate and its key, as a grid proxy is. It is shown to the host of the
            file and to no other that this one redirects to, and read again when it was replaced.
        verify: whether the server's certificate is checked. Without that anybody on the way can read and change what
            is transferred.
        headers: further headers of each request, as (("Authorization", "Bearer …"),); to the host of the file only.
            They are neither shown nor logged, but they are in pickles of the source.
    """

    connections: int = 32
    gap: int = 64 << 10
    largest: int = 4 << 20
    whole: int = 64 << 20
    connect: float = 15.0
    stall: float = 60.0
    attempts: int = 8
    deadline: float = 600.0
    keep_alive: float = 15.0
    ca: str | os.PathLike[str] | None = None
    more_authorities: str | os.PathLike[str] | None = None
    certificate: str | os.PathLike[str] | None = None
    verify: bool = True
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        """Raises ValueError where a value cannot be meant."""
        if not 1 <= self.connections <= _MOST_CONNECTIONS:
            msg = f"connections={self.connections}: 1 to {_MOST_CONNECTIONS} to one host"
            raise ValueError(msg)
        at_least = {"gap": 0, "largest": 1, "whole": 0, "attempts": 1}
        for name, least in at_least.items():
            if getattr(self, name) < least:
                msg = f"{name}={getattr(self, name)}: at least {least}"
                raise ValueError(msg)
        for name in ("connect", "stall", "deadline", "keep_alive"):
            if not getattr(self, name) > 0:
                msg = f"{name}={getattr(self, name)}: a number of seconds above zero"
                raise ValueError(msg)
        for name in ("ca", "more_authorities", "certificate"):
            path = getattr(self, name)
            if path is not None:
                object.__setattr__(self, name, Path(path).expanduser())
