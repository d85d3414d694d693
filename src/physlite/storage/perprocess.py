"""What every process has to have of its own: connections do not survive a fork, nor do locks that others held."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

__all__ = ["PerProcess"]

T = TypeVar("T")


class PerProcess(Generic[T]):
    """A value that is made when it is first asked for, once in each process."""

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._value: T | None = None
        self._lock = threading.Lock()
        _all.add(self)

    def get(self) -> T:
        """The value; made by one thread, for which the others wait."""
        with self._lock:
            if self._value is None:
                self._value = self._make()
            return self._value

    def known(self) -> T | None:
        """The value, if there is one."""
        return self._value

    def drop(self, value: T | None) -> bool:
        """Forgets the value, unless it is another one by now; says whether it was."""
        with self._lock:
            if value is None or self._value is not value:
                return False
            self._value = None
            return True

    def _forget(self) -> None:
        self._value, self._lock = None, threading.Lock()


_all: weakref.WeakSet[PerProcess[Any]] = weakref.WeakSet()


def _forget_all() -> None:
    for each in _all:
        each._forget()  # noqa: SLF001  # of the same module


os.register_at_fork(after_in_child=_forget_all)
