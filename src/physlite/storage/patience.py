"""How often and how long a request is tried again."""

from __future__ import annotations

import logging
import queue
import random
import threading
import time
from collections.abc import Callable
from typing import Protocol, TypeVar

from physlite.exceptions import TransferError
from physlite.storage._source import SourceStats

__all__ = ["Again", "Limits", "Patience", "answer", "persist"]

T = TypeVar("T")

_log = logging.getLogger("physlite.storage")

# Seconds before the second attempt, doubled before each further one, up to the most; each time a random half of it is
# left out, so that those who failed together do not come back together.
_FIRST = 0.1
_MOST = 10.0
_SILENCE = 2.0  # seconds of attempts that nobody is told of
_BETWEEN = 5.0  # seconds between two notices: when a server is away, all that is read from there has to wait
_REMEDY = "check the address and the network, or try again later"
_chance = random.SystemRandom()  # its own: programs that have seeded Python's want to have that to themselves


class Again(Exception):  # noqa: N818  # caught where it is tried again, and nowhere else
    """What went wrong, and may go right next time.

    Attributes:
        after: seconds that the server asks to wait.
        refused: the URL was no good; there is a new one, so that there is no need to wait.
    """

    def __init__(self, reason: str, *, after: float = 0.0, refused: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after
        self.refused = refused


class Limits(Protocol):
    """What ends the attempts: failures in a row, and seconds in all."""

    @property
    def attempts(self) -> int: ...  # noqa: D102  # as the class says

    @property
    def deadline(self) -> float: ...  # noqa: D102  # likewise


class Patience:
    """Counts failures without progress, and says how long to wait between them; `name` is of what is read."""

    def __init__(self, name: str, limits: Limits) -> None:
        self._name = name
        self._limits = limits
        self._failures = 0
        self._begin = time.monotonic()

    def progress(self) -> None:
        """Something was received: the next failure is a first one."""
        self._failures = 0

    def pause(self, again: Again) -> float:
        """Seconds to wait before the next attempt; says so when that has been going on for a while.

        Raises:
            TransferError: there is none.
        """
        _log.debug("%s: %s", self._name, again.reason)
        self._failures += 1
        if self._failures >= self._limits.attempts:
            msg = f"{self._name}: {again.reason} (the last of {self._failures} attempts); {_REMEDY}"
            raise TransferError(msg)
        pause: float = min(_FIRST * 2 ** (self._failures - 1), _MOST)
        pause = max(pause * _chance.uniform(0.5, 1.0), again.after)
        if again.refused:
            pause = 0.0
        spent = time.monotonic() - self._begin
        if spent + pause > self._limits.deadline:
            reason = f"{again.reason} (given up after {spent:.0f} s of {self._limits.deadline:g} s)"
            msg = f"{self._name}: {reason}; {_REMEDY}"
            raise TransferError(msg)
        if spent + pause > _SILENCE:
            _notice(f"{self._name}: {again.reason}; trying again ({self._failures} of {self._limits.attempts})")
        return pause


_noticing = threading.Lock()
_noticed = -_BETWEEN


def _notice(text: str) -> None:
    """Warns, unless there has just been another warning."""
    global _noticed  # noqa: PLW0603  # one a process
    now = time.monotonic()
    if _noticing.acquire(blocking=False):  # else somebody else is about to warn
        try:
            is_due = now - _noticed >= _BETWEEN
            _noticed = now if is_due else _noticed
        finally:
            _noticing.release()
        if is_due:
            _log.warning("%s", text)


def persist(name: str, limits: Limits, stats: SourceStats, once: Callable[[Patience], T]) -> T:
    """What `once` returns, called until it does not raise `Again`, or there is no hope.

    Raises:
        TransferError: there is none; the message begins with `name`.
    """
    patience = Patience(name, limits)
    while True:
        try:
            return once(patience)
        except Again as error:
            again = error
        time.sleep(patience.pause(again))
        stats.add(retries=1)


def answer(call: Callable[[], T], seconds: float) -> T:
    """What a call of somebody else's library returns, unless that takes too long: few of them promise to end.

    Raises:
        Again: it did; the call goes on in a thread that the process does not wait for.
    """
    answers: queue.SimpleQueue[tuple[T, None] | tuple[None, BaseException]] = queue.SimpleQueue()

    def work() -> None:
        try:
            answers.put((call(), None))
        except BaseException as error:  # noqa: BLE001  # raised where it is waited for
            answers.put((None, error))

    threading.Thread(target=work, name="physlite-answer", daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except queue.Empty:
        msg = f"no answer in {seconds:g} s"
        raise Again(msg) from None
    if found[1] is not None:
        raise found[1]
    return found[0]
