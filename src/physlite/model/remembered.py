"""What layouts are, for as long as they live: known by themselves, not by their values."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable
from typing import Generic, TypeVar

from awkward.contents import Content

__all__ = ["Remembered"]

T = TypeVar("T")

# So many can be known before those that are gone are looked for.
_MANY = 1000


class Remembered(Generic[T]):
    """Something to know of each of some layouts. It refers to them weakly; several threads may use it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[int, tuple[weakref.ref[Content], T]] = {}
        self._most = _MANY

    def remember(self, known: Iterable[tuple[Content, T]]) -> None:
        """Notes what layouts are."""
        fresh = {id(layout): (weakref.ref(layout), what) for layout, what in known}
        with self._lock:
            if len(self._known) > self._most:
                self._known = {i: entry for i, entry in self._known.items() if entry[0]() is not None}
                self._most = max(2 * len(self._known), _MANY)
            self._known.update(fresh)

    def find(self, layout: Content) -> T | None:
        """What was noted of this very layout, or None."""
        reference, what = self._known.get(id(layout), (None, None))
        return what if reference is not None and reference() is layout else None
