"""Remote sources, and what can be put on top of one."""

from __future__ import annotations

from typing import Protocol

from physlite.storage._source import ByteSource, SourceStats

__all__ = ["Layer", "RemoteSource"]


class RemoteSource(ByteSource, Protocol):
    """A source for which each request is a round trip."""

    @property
    def known_size(self) -> int | None:
        """Bytes in the file, as far as that can be told without asking for it."""
        ...

    @property
    def key(self) -> str:
        """Where the file is, without signatures: the same for the same file each time."""
        ...

    @property
    def tag(self) -> str:
        """What the server says of which version of the file it is; empty when it says nothing, or was not asked yet."""
        ...

    def ends(self, head: int, tail: int) -> list[tuple[int, memoryview]]:
        """The first and the last bytes: where each part begins, and its bytes; tells the size.

        Raises:
            OSError: as `fetch`.
        """
        ...


class Layer:
    """Stands before a remote source and tells of it what it does not know better."""

    remote = True

    def __init__(self, source: RemoteSource) -> None:
        self.inner = source
        self.name = source.name
        self.reopens = source.reopens

    @property
    def stats(self) -> SourceStats:
        """What the remote source was asked for."""
        return self.inner.stats

    @property
    def known_size(self) -> int | None:
        """As of the remote source."""
        return self.inner.known_size

    @property
    def key(self) -> str:
        """As of the remote source."""
        return self.inner.key

    @property
    def tag(self) -> str:
        """As of the remote source."""
        return self.inner.tag

    def forget(self) -> bool:
        """Forgets what is kept of the file, to ask for it anew; whether there was something of earlier times."""
        return isinstance(self.inner, Layer) and self.inner.forget()

    def __repr__(self) -> str:
        return repr(self.inner)
