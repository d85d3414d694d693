"""How servers are asked through libraries of others: what may be changed, and why it is as it is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["TransferSettings"]


@dataclass(frozen=True, kw_only=True)
class TransferSettings:
    """How the server of a file is asked, by XRootD and through fsspec.

    Attributes:
        requests: requests of one file on their way at a time.
        gap: ranges with at most as many bytes between them are one, where there are more than can be read at once.
        largest: bytes of the largest request; larger ranges are read in parallel pieces.
        answer: seconds to wait for the answer to a request. As many requests as there may be, of 4 MiB each, come in
            two minutes where the network brings 2.3 Mbit/s. XRootD's client makes a new connection when one was silent
            for 60 s (XRD_STREAMTIMEOUT): with a shorter time each new attempt goes over the same dead one.
        attempts: failures in a row, without a byte in between, after which is given up.
        deadline: seconds after which a failure is the last one.
    """

    requests: int = 8
    gap: int = 64 << 10
    largest: int = 4 << 20
    answer: float = 120.0
    attempts: int = 8
    deadline: float = 600.0

    def __post_init__(self) -> None:
        """Raises ValueError where a value cannot be meant."""
        for name, least in {"requests": 1, "gap": 0, "largest": 1, "answer": 1, "attempts": 1}.items():
            if getattr(self, name) < least:
                msg = f"{name}={getattr(self, name)}: at least {least}"
                raise ValueError(msg)
        if not self.deadline > 0:
            msg = f"deadline={self.deadline}: a number of seconds above zero"
            raise ValueError(msg)
