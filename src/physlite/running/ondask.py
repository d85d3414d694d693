"""Files processed by the workers of a Dask cluster."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from physlite.exceptions import CodeError, TransferError
from physlite.running.code import PackedCode, check_versions, unpack, versions
from physlite.running.engines import FutureEngine, Listener, LostSumError
from physlite.running.merging import merged, of_one_file
from physlite.running.parts import FailedPartError, FilePart, Outcome, Settings
from physlite.running.processing import process
from physlite.storage.redaction import redacted

if TYPE_CHECKING:
    from distributed import Client, Future

__all__ = ["OnDask", "check_workers"]

# Parts that are known to the scheduler: enough for all workers, also for those that an adaptive cluster starts when
# there is work for them, and not so many that they take memory for nothing.
_LEAST = 2048
_AHEAD = 4  # for each thread of a worker
_TOGETHER = 16  # outcomes that are added in one task
_SOONEST, _LATEST = 0.001, 0.1  # seconds between two looks at what is done
_COPYING = 5.0  # seconds that workers have for getting the analysis, before they get work
_CALL = 10.0  # seconds between two looks for workers, while nothing comes
# What was lost with a worker is made again, without being asked for.
_UNDER_WAY = ("pending", "lost")
_ATTEMPTS = 3  # of a part: with other workers, as a rule; Dask itself bears with some that die, at each attempt


class OnDask(FutureEngine):
    """Tasks of a cluster: one for each part of a file, and some that add up what comes of them, on the workers.

    Args:
        client: of the cluster.
        code: the analysis; each worker gets it once.
        settings: how files are processed.
        listener: is told how many events were processed, while files are under way.
        work: what processes a part; for tests of everything else.
    """

    def __init__(
        self,
        client: Client,
        code: PackedCode,
        settings: Settings,
        listener: Listener,
        work: Callable[..., Outcome] | None = None,
    ) -> None:
        self._client = client
        self._settings = settings
        self._listener = listener
        self._work = work or _work
        self._topic = f"physlite-{settings.token}"
        self._numbers = itertools.count(1)
        self._packed = code
        self._code: Future | None = None
        self._most_workers = 0

    @property
    def workers(self) -> int:
        """Threads of all workers, now."""
        now: int = sum(self._client.nthreads().values())
        self._most_workers = max(self._most_workers, now)
        return now

    @property
    def most_workers(self) -> int:
        """As the interface says."""
        return self._most_workers

    def _heard(self, event: tuple[float, Any]) -> None:
        told = event[1]
        self._listener.progress(told["events"], told["bytes"])

    def begin(self) -> None:
        """As the interface says."""
        # A task, not scattered data: it is made again when the workers that have it are lost.
        self._code = self._client.submit(_same, self._packed, key=self._key("code"), pure=False)
        self._copy_code()
        self._client.subscribe_topic(self._topic, self._heard)

    def _copy_code(self) -> None:
        """Has all workers that are there hold the analysis: Dask prefers those that have what a task needs.

        `Client.replicate` would do it, but leaves what cannot be sent among the scheduler's events, which nobody can
        get then.
        """
        workers = self._client.nthreads()
        held = [
            self._client.submit(
                _hold, self._code, key=self._key("copy", number), pure=False,
                workers=[worker], allow_other_workers=True, priority=1,
            )
            for number, worker in enumerate(workers)
        ]  # fmt: skip
        latest = time.monotonic() + _COPYING  # some are busy, or have died
        while any(future.status in _UNDER_WAY for future in held) and time.monotonic() < latest:
            time.sleep(_SOONEST)

    def window(self) -> int:
        """As the interface says."""
        return max(_LEAST, _AHEAD * self.workers)

    def submit(self, parts: Sequence[FilePart]) -> list[Future]:
        """As the interface says."""
        # By a number of their own: what is done again is another task.
        keys = [self._key("part", part.dataset, part.number, part.part, next(self._numbers)) for part in parts]
        known = {"code": self._code, "settings": self._settings, "topic": self._topic}
        # All in one graph: that takes half the time of as many by themselves.
        futures: list[Future] = self._client.map(self._work, parts, key=keys, pure=False, **known)
        return futures

    def wait(self, futures: Sequence[Future]) -> Sequence[Future]:
        """As the interface says. Looking at all of them now and then takes less than a callback for each."""
        pause = _SOONEST
        call = time.monotonic() + _CALL
        is_alone = False
        while not (done := [future for future in futures if future.status not in _UNDER_WAY]):
            time.sleep(pause)
            pause = min(2 * pause, _LATEST)
            if time.monotonic() > call:
                is_alone = self._has_told_of_none(is_alone)
                call = time.monotonic() + _CALL
        return done

    def _has_told_of_none(self, was_told: bool) -> bool:
        """Tells, once, when there are no workers: a cluster may be starting some, or not replace those that died."""
        if self._client.status != "running" or self.workers:
            return False
        if not was_told:
            self._listener.note(
                f"the Dask cluster {redacted(self._client.scheduler.address)} has no workers: this waits until it has; "
                "look at its logs, or interrupt, and go on elsewhere with resume=True"
            )
        return True

    def taken(self, part: FilePart, future: Future) -> Future:
        """As the interface says: the outcome stays where it is."""
        if future.status == "finished" or future.status in _UNDER_WAY:
            return future
        self._require_there(future)
        error = future.exception()
        if isinstance(error, FailedPartError):
            raise error
        if type(error).__name__ == "KilledWorker":
            text = (
                f"dataset {part.dataset}, {redacted(part.url)}: workers died, one after the other, while they "
                "processed it: is there enough memory? a smaller chunk_size needs less"
            )
            raise FailedPartError(text, is_users=False, may_pass=True, cause=error) from None
        raise error

    def _require_there(self, future: Future) -> None:
        if future.cancelled():
            msg = "the Dask scheduler has gone, or has dropped the work: connect anew, and run with resume=True"
            raise TransferError(msg)

    def is_worth_another(self, error: FailedPartError, attempt: int) -> bool:
        """As the interface says."""
        return error.cause is not None and attempt < _ATTEMPTS  # workers have tried the others, and come without

    def size_of(self, parts: list[Future]) -> tuple[None, None]:  # noqa: ARG002  # the interface
        """As the interface says: workers tell."""
        return None, None

    def collected(self, files: list[list[Future] | None]) -> Future:
        """As the interface says."""
        if len(files) == 1 and files[0] is not None and len(files[0]) == 1:
            return files[0][0]
        level: list[Any] = [None if parts is None else self._of_one_file(parts) for parts in files]
        while len(level) > 1 or level[0] is None:
            blocks = [level[i : i + _TOGETHER] for i in range(0, len(level), _TOGETHER)]
            level = [self._sum(_merged, block) for block in blocks]
        return level[0]

    def _key(self, kind: str, *which: object) -> str:
        """The key of a task: to Dask those with the same beginning are alike, and need the same kinds of others."""
        return "-".join(map(str, ["physlite", kind, self._settings.token, *which]))

    def _of_one_file(self, parts: list[Future]) -> Future:
        return parts[0] if len(parts) == 1 else self._sum(_of_one_file, parts)

    def _sum(self, function: Callable[..., Outcome], outcomes: Sequence[Any]) -> Future:
        key = self._key("sum", next(self._numbers))
        return self._client.submit(function, self._code, list(outcomes), key=key, pure=False, priority=1)

    def outcome_of(self, future: Future) -> Outcome:
        """As the interface says."""
        from distributed.scheduler import KilledWorker

        self._require_there(future)
        try:
            outcome: Outcome = future.result()
        except FailedPartError as error:  # a result was lost with its worker, and its file cannot be read any more
            raise LostSumError(error.text) from None
        except KilledWorker:
            msg = (
                "workers died, one after the other, while results were added: is there enough memory? return less, "
                "or have workers with more memory"
            )
            raise LostSumError(msg) from None
        return outcome

    def end(self, futures: Sequence[Future]) -> None:
        """As the interface says."""
        if self._code is None or self._client.status != "running":
            return
        if futures:
            self._client.cancel(futures)
        self._client.unsubscribe_topic(self._topic)
        self._code.release()


def check_workers(client: Client) -> None:
    """Raises CodeError when a worker has other versions of packages, or none. Tasks check those that join later."""
    for worker, theirs in client.run(versions, on_error="return").items():
        if isinstance(theirs, OSError):
            continue  # it has gone since it was asked
        if isinstance(theirs, ImportError):
            msg = f"worker {worker}: {theirs}: install physlite there, with all that it needs"
            raise CodeError(msg)
        if isinstance(theirs, Exception):
            raise theirs
        check_versions(theirs, f"worker {worker}")


def _same(code: PackedCode) -> PackedCode:
    return code


def _hold(code: PackedCode) -> None:
    """Where this is done, the code is."""


def _work(part: FilePart, code: PackedCode, settings: Settings, topic: str) -> Outcome:
    from distributed import get_worker

    try:
        outcome = process(part, unpack(code), settings)
    except FailedPartError as error:
        failed = error.alone()
    else:
        record = outcome.records[0]
        get_worker().log_event(topic, {"events": record.events, "bytes": record.bytes})
        return outcome
    raise failed  # with nothing behind it: that might not pickle, and would tell others what is in it


def _merged(code: PackedCode, outcomes: list[Outcome | None]) -> Outcome:
    unpack(code)  # classes of the user that are in outcomes
    return merged(outcomes)


def _of_one_file(code: PackedCode, parts: list[Outcome]) -> Outcome:
    unpack(code)  # as above
    return of_one_file(parts)
