"""Who processes files: what all engines have in common, and the one that does it here, one file after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from physlite.running.merging import merged, of_dataset, of_one_file
from physlite.running.parts import FailedPartError, FilePart, Outcome, Settings
from physlite.running.plan import FileGroup, Plan
from physlite.running.processing import process
from physlite.storage.redaction import redacted

__all__ = ["Engine", "FutureEngine", "InThisProcess", "Listener", "LostSumError"]

_MOST_TURNS = 3  # of a group whose sum was lost

Finished = tuple[FileGroup, Outcome]


class LostSumError(Exception):
    """The sum of a group is gone, or cannot be made. The message says why."""


class Listener(Protocol):
    """Is told how it goes."""

    def file_done(self, events: int | None, received: int | None) -> None:
        """A file is finished; how many events and bytes it has, unless that was told before."""

    def file_failed(self, part: FilePart, error: FailedPartError) -> None:
        """A file could not be processed, after all attempts. Raises what ends the run."""

    def progress(self, events: int, received: int) -> None:
        """So many events and bytes more were processed."""

    def note(self, text: str) -> None:
        """Something that the user should know now."""


class Engine(Protocol):
    """Processes the files of a plan. Nothing is begun before `run` is, and nothing is left when that ends."""

    @property
    def workers(self) -> int:
        """How many parts are processed at a time."""

    @property
    def most_workers(self) -> int:
        """The greatest number of them so far."""

    def run(self, plan: Plan, groups: Iterable[FileGroup], listener: Listener) -> Generator[Finished, None, None]:
        """Processes groups, in any order; gives each when all of its files are done or have failed."""


class InThisProcess:
    """One file after the other, in this process."""

    workers = most_workers = 1

    def __init__(self, analysis: Callable[[Any], Any], settings: Settings) -> None:
        self._analysis = analysis
        self._settings = settings

    def run(self, plan: Plan, groups: Iterable[FileGroup], listener: Listener) -> Generator[Finished, None, None]:
        """As the interface says."""
        for group in groups:
            outcomes: list[Outcome | None] = []
            for parts in plan.parts(group):
                try:
                    outcome = of_one_file([process(part, self._analysis, self._settings) for part in parts])
                except FailedPartError as error:
                    listener.file_failed(parts[0], error)
                    outcomes.append(None)
                else:
                    listener.file_done(outcome.records[0].events, outcome.records[0].bytes)
                    outcomes.append(outcome)
            with of_dataset(plan.datasets[group.dataset].name):
                total = merged(outcomes)
            yield group, total


@dataclass
class _OpenFile:
    """A file of which parts are being processed."""

    parts: list[FilePart]
    done: list[Any] = field(default_factory=list)
    missing: int = 0
    is_told: bool = False
    error: FailedPartError | None = None


@dataclass
class _OpenGroup:
    """A group of which files are being processed."""

    group: FileGroup
    files: list[_OpenFile]
    missing: int = 0
    turn: int = 0

    def begun(self) -> list[_Task]:
        """What is to be done: all of the files that have not failed, whatever was done of them before."""
        self.turn += 1
        files = [file for file in self.files if file.error is None]
        self.missing = len(files)
        for file in files:
            file.done, file.missing = [None] * len(file.parts), len(file.parts)
        return [_Task(self, file, number, 1) for file in files for number in range(len(file.parts))]

    def collected(self) -> list[list[Any] | None]:
        """What there is of each file; None of those that have failed."""
        return [file.done if file.error is None else None for file in self.files]


class _Task(NamedTuple):
    """A part to be processed, and what it belongs to."""

    group: _OpenGroup
    file: _OpenFile
    number: int
    attempt: int

    @property
    def part(self) -> FilePart:
        return self.file.parts[self.number]


class FutureEngine(ABC):
    """Has parts processed elsewhere, so many at a time, each as a future.

    What has died is done again one by one: those that were lost beside it then have nobody who takes them down.

    Attributes:
        retries_alone: whether there may be nothing else under way beside these, since all of that would die with them.
    """

    retries_alone = False

    @property
    @abstractmethod
    def workers(self) -> int:
        """As the interface says."""

    @property
    def most_workers(self) -> int:
        """As the interface says; for those whose number stays."""
        return self.workers

    def run(self, plan: Plan, groups: Iterable[FileGroup], listener: Listener) -> Generator[Finished, None, None]:
        """As the interface says."""
        waiting = iter(groups)
        again: list[_Task] = []  # what is lost, and is made once more
        suspects: deque[_Task] = deque()  # what may have killed those who worked on it
        tasks: dict[Any, _Task] = {}
        sums: dict[Any, _OpenGroup] = {}
        try:
            self.begin()
            while True:
                new: list[_Task] = []
                is_suspect_there = any(task.attempt > 1 for task in tasks.values())
                if not is_suspect_there and suspects and not (self.retries_alone and tasks):
                    new.append(suspects.popleft())
                    is_suspect_there = True
                if not (self.retries_alone and (is_suspect_there or suspects)):
                    new += again
                    again.clear()
                    while len(tasks) + len(new) < self.window() and (group := next(waiting, None)) is not None:
                        new += _OpenGroup(group, [_OpenFile(parts) for parts in plan.parts(group)]).begun()
                if new:
                    tasks |= zip(self.submit([task.part for task in new]), new, strict=True)
                if not tasks and not sums:  # nor anything that waits for them
                    return
                for future in self.wait([*tasks, *sums]):
                    if (opened := sums.pop(future, None)) is not None:
                        try:
                            with of_dataset(plan.datasets[opened.group.dataset].name):
                                outcome = self.outcome_of(future)
                        except LostSumError as error:
                            again += _begun_anew(opened, error, listener)
                            if not opened.missing:
                                yield opened.group, merged([None])
                        else:
                            yield opened.group, outcome
                        continue
                    task = tasks.pop(future)
                    if (retried := self._finish(task, future, listener)) is not None:
                        suspects.append(retried)
                    elif not task.group.missing:
                        with of_dataset(plan.datasets[task.group.group.dataset].name):
                            sums[self.collected(task.group.collected())] = task.group
        finally:
            self.end([*tasks, *sums])
            tasks.clear()  # whoever keeps the traceback of an error keeps these frames
            sums.clear()

    def _finish(self, task: _Task, future: Any, listener: Listener) -> _Task | None:
        """Notes that a part is done; returns what has to be done instead, where it has failed."""
        file = task.file
        try:
            file.done[task.number] = self.taken(task.part, future)
        except FailedPartError as error:
            if file.error is None:
                if self.is_worth_another(error, task.attempt):
                    return task._replace(attempt=task.attempt + 1)
                error.attempts = max(error.attempts, task.attempt)
                file.error = error
                listener.file_failed(file.parts[0], error)
        file.missing -= 1
        if not file.missing:
            task.group.missing -= 1
            if file.error is None and not file.is_told:
                file.is_told = True
                listener.file_done(*self.size_of(file.done))
        return None

    @abstractmethod
    def begin(self) -> None:
        """Begins what `end` ends."""

    @abstractmethod
    def window(self) -> int:
        """How many parts are under way, so that nobody has to wait for work."""

    @abstractmethod
    def submit(self, parts: Sequence[FilePart]) -> list[Any]:
        """Has parts processed: a future of each."""

    @abstractmethod
    def wait(self, futures: Sequence[Any]) -> Sequence[Any]:
        """Those that are done; waits until one is."""

    @abstractmethod
    def taken(self, part: FilePart, future: Any) -> Any:
        """What is kept of a part that is done; raises FailedPartError where it has failed."""

    @abstractmethod
    def is_worth_another(self, error: FailedPartError, attempt: int) -> bool:
        """Whether a part that has failed is processed again, by somebody else."""

    @abstractmethod
    def size_of(self, parts: list[Any]) -> tuple[int | None, int | None]:
        """Events and bytes of a file that is done, where they were not told before."""

    @abstractmethod
    def collected(self, files: list[list[Any] | None]) -> Any:
        """A future of the sum of a group. None stands for a file that has failed."""

    @abstractmethod
    def outcome_of(self, future: Any) -> Outcome:
        """What a future of `collected` has; raises LostSumError where that is gone, so that all is done again."""

    @abstractmethod
    def end(self, futures: Sequence[Any]) -> None:
        """Ends what is under way, of which these are the futures."""


def _begun_anew(opened: _OpenGroup, error: LostSumError, listener: Listener) -> list[_Task]:
    """What is to be done again for a sum that was lost; nothing, and its files have failed, when it was lost often."""
    if opened.turn < _MOST_TURNS:
        return opened.begun()
    for file in opened.files:
        if file.error is None:
            text = f"dataset {file.parts[0].dataset}, {redacted(file.parts[0].url)}: {error}"
            file.error = FailedPartError(text, is_users=False, attempts=opened.turn)
            listener.file_failed(file.parts[0], file.error)
    opened.missing = 0
    return []
