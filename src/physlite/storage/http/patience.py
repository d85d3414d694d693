"""How often and how long a request is tried again."""

from __future__ import annotations

import asyncio
import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from physlite.storage.http.settings import HttpSettings

__all__ = ["Again", "GivenUpError", "Patience", "retry_after"]

# Seconds before the second attempt, doubled before each further one, up to the most; each time a random half of it is
# left out, so that those who failed together do not come back together.
_FIRST = 0.1
_MOST = 10.0


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


class GivenUpError(Exception):
    """It was tried often enough; the message says what went wrong last, and how often."""


class Patience:
    """Counts failures without progress, and waits between them."""

    def __init__(self, settings: HttpSettings) -> None:
        self._settings = settings
        self._failures = 0
        self._begin = time.monotonic()

    def progress(self) -> None:
        """Something was received: the next failure is a first one."""
        self._failures = 0

    async def wait(self, again: Again) -> None:
        """Waits before the next attempt.

        Raises:
            GivenUpError: there is none.
        """
        self._failures += 1
        if self._failures >= self._settings.attempts:
            msg = f"{again.reason} (the last of {self._failures} attempts)"
            raise GivenUpError(msg)
        pause = min(_FIRST * 2 ** (self._failures - 1), _MOST)
        pause = max(pause * random.uniform(0.5, 1.0), again.after)  # noqa: S311  # nobody gains by guessing it
        if again.refused:
            pause = 0.0
        spent = time.monotonic() - self._begin
        if spent + pause > self._settings.deadline:
            msg = f"{again.reason} (given up after {spent:.0f} s of {self._settings.deadline:g} s)"
            raise GivenUpError(msg)
        await asyncio.sleep(pause)

    def left(self) -> float:
        """Seconds until the deadline."""
        return max(self._begin + self._settings.deadline - time.monotonic(), 0.0)


def retry_after(text: str | None) -> float:
    """Seconds that a `Retry-After` asks for, in either of its forms (RFC 9110, section 10.2.3); 0 without one."""
    if not text:
        return 0.0
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        then = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    now = datetime.now(UTC) if then.tzinfo else datetime.now(UTC).replace(tzinfo=None)
    return max((then - now).total_seconds(), 0.0)
