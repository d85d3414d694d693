"""A bounded memory of decoded columns."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Any

from numpy.typing import NDArray

__all__ = ["BufferCache"]

Buffers = list[NDArray[Any]]


class BufferCache:
    """Keeps what was used last, up to a number of bytes. Safe to use from several threads."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self._entries: OrderedDict[Hashable, Buffers] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    @property
    def current_bytes(self) -> int:
        """Bytes held now."""
        return self._bytes

    def get(self, key: Hashable) -> Buffers | None:
        """The buffers under a key, or None."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: Hashable, buffers: Buffers) -> None:
        """Remembers buffers, forgetting those used longest ago where there are too many bytes."""
        size = _size(buffers)
        if size > self.limit_bytes:
            return
        with self._lock:
            self._drop(key)
            self._entries[key] = buffers
            self._bytes += size
            while self._bytes > self.limit_bytes:
                self._drop(next(iter(self._entries)))

    def clear(self) -> None:
        """Forgets everything."""
        with self._lock:
            self._entries.clear()
            self._bytes = 0

    def _drop(self, key: Hashable) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self._bytes -= _size(old)


def _size(buffers: Buffers) -> int:
    return sum(b.nbytes for b in buffers)
