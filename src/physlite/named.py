"""A dict that says what it has when it is asked for something else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from physlite.text import cut

__all__ = ["Named"]

Value = TypeVar("Value")

_WIDTH = 300  # characters of names that an error has room for


class Named(dict[str, Value], Generic[Value]):
    """A dict with names as keys.

    Args:
        what: of which the values are, as `events.metadata`: errors name it.
        content: the values by name.
    """

    def __init__(self, what: str, content: Mapping[str, Value] | Iterable[tuple[str, Value]]) -> None:
        super().__init__(content)
        self._what = what

    def __missing__(self, name: Any) -> Value:
        there = ", ".join(map(str, self)) or "nothing"
        msg = f"{self._what} has no {name!r}: it has {cut(there, _WIDTH)}"
        raise KeyError(msg)
