"""How far a run is, how fast it is, and how long it may take."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from physlite.running.wording import count, duration, frequency
from physlite.text import human_bytes

__all__ = ["Counts", "Moment", "Pace"]

_RECENT = 10.0  # seconds over which rates are taken
_LONG_AGO = 60.0  # seconds, or half of what has passed: over which it is foretold what is left
_SAMPLES = 50  # within the time over which a rate is taken


@dataclass(frozen=True, slots=True)
class Counts:
    """What is done since the begin. `files_done` are good; those that failed are not among them."""

    files_done: int = 0
    files_failed: int = 0
    events: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Moment:
    """How far a run is.

    Attributes:
        counts: what is done.
        total_files: how many files there are.
        seconds: since the begin.
        events_per_second: lately.
        bytes_per_second: lately.
        share: of the whole that is done, from 0 to 1.
        left: seconds that the rest may take; None as long as nothing is known about that.
    """

    counts: Counts
    total_files: int
    seconds: float
    events_per_second: float
    bytes_per_second: float
    share: float
    left: float | None

    @property
    def failed(self) -> str:
        """How many files failed, if any did."""
        return f"{self.counts.files_failed} failed" if self.counts.files_failed else ""

    def words(self) -> list[str]:
        """The moment in words: files, what failed, events, their rate, bytes a second, time left."""
        left = "" if self.left is None else f"{duration(self.left)} left"
        return self._words(self.events_per_second, self.bytes_per_second, left)

    def summary(self) -> list[str]:
        """The whole run in words, with its average rates and the time it took."""
        seconds = self.seconds or 1.0
        rates = self.counts.events / seconds, self.counts.bytes / seconds
        return self._words(*rates, f"in {duration(self.seconds)}")

    def _words(self, events_per_second: float, bytes_per_second: float, time: str) -> list[str]:
        words = (
            f"{self.counts.files_done}/{self.total_files} files",
            self.failed,
            f"{count(self.counts.events)} events",
            frequency(events_per_second),
            f"{human_bytes(bytes_per_second)}/s",
            time,
        )
        return [word for word in words if word]


class Pace:
    """Makes moments of counts.

    Args:
        total_files: how many files there are.
        total_bytes: how many bytes will be received from them in all, if that is known.
        now: the time at the begin, in seconds by any clock that goes steadily.
        files_before: how many files were done before that.
    """

    def __init__(self, total_files: int, total_bytes: int | None, now: float, files_before: int = 0) -> None:
        self._total_files = total_files
        self._total_bytes = total_bytes
        self._begin = now
        self._events, self._bytes = _Rate(now), _Rate(now)
        self._share = _Rate(now, self._share_of(Counts(files_before)))

    def at(self, now: float, counts: Counts) -> Moment:
        """What can be said now; times must not go back from call to call."""
        share = self._share_of(counts)
        long_ago = max(_LONG_AGO, (now - self._begin) / 2)
        per_second = self._share.of(now, share, long_ago)
        return Moment(
            counts,
            self._total_files,
            seconds=now - self._begin,
            events_per_second=self._events.of(now, counts.events, _RECENT),
            bytes_per_second=self._bytes.of(now, counts.bytes, _RECENT),
            share=share,
            left=(1 - share) / per_second if per_second > 0 else None,
        )

    def _share_of(self, counts: Counts) -> float:
        """By bytes where their total is known: files differ in size; but only the last file makes it whole."""
        by_files = (counts.files_done + counts.files_failed) / self._total_files if self._total_files else 1.0
        # More bytes than there should be tell nothing.
        if not self._total_bytes or by_files >= 1 or counts.bytes >= self._total_bytes:
            return min(by_files, 1.0)
        return counts.bytes / self._total_bytes


class _Rate:
    """How fast a number grows."""

    def __init__(self, now: float, number: float = 0.0) -> None:
        self._samples = deque([(now, number)])  # moments at which the number had changed, the oldest first

    def of(self, now: float, number: float, seconds: float) -> float:
        """The growth a second over the last so many seconds; over longer where it changes more rarely than that."""
        samples = self._samples
        if number != samples[-1][1] and now - samples[-1][0] >= seconds / _SAMPLES:
            samples.append((now, number))
        while len(samples) > 2 and samples[1][0] <= now - seconds:  # noqa: PLR2004  # the last change and one before
            samples.popleft()
        since, before = samples[0]
        return max(number - before, 0.0) / (now - since) if now > since else 0.0
