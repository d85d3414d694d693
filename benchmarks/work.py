"""What is done and timed in a process of its own; nothing but the standard library, for any environment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

__all__ = ["Child", "Work"]


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Work:
    """What is timed (`run`), given what `prepare` makes before each run, untimed.

    `compared` makes of a result what has to be the same for all ways that compare something: arrays by name, or text.
    A run that is not `warm` starts processes or takes long: none before it makes a difference. `told` finds the seconds
    in its result, where they are not those that have passed here.
    """

    run: Callable[[Any], Any]
    prepare: Callable[[], Any] = _nothing
    compared: Callable[[Any], dict[str, Any]] | None = None
    warm: bool = True
    told: Callable[[Any], float] | None = None


class Child(NamedTuple):
    """The result of a run that was a process: what it printed, and the most memory that it had, in bytes."""

    output: str
    peak: int
