"""Who processes files: what all engines have in common, and the one that does it here, one file after the other."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from physlite.running.merging import merged, of_one_file
from physlite.running.parts import FailedPartError, FilePart, Outcome, Settings
from physlite.running.plan import FileGroup, Plan
from physlite.running.processing import process

__all__ = ["Engine", "FutureEngine", "InThisProcess", "Listener"]

Finished = tuple[FileGroup, Outcome]


class Listener(Protocol):
    """Is told how it goes."""

    def file_done(self, events: int | None, received: int | None) -> None:
        """A file is finished; how many events and bytes it has, unless that was told before."""

    def file_failed(self, part: FilePart, error: FailedPartError) -> None:
        """A file could not be processed, after all attempts. Raises what ends the run."""

    def progress(self, events: int, received: int) -> None:
        """So many events and bytes more were processed."""


class Engine(Protocol):
    """Processes the files of a plan."""

    @property
    def workers(self) -> int:
        """How many parts are processed at a time."""

    def run(self, plan: Plan, groups: Iterable[FileGroup], listener: Listener) -> Iterator[Finished]:
        """Processes groups, in any order; gives each when all of its files are done or have failed."""


class InThisProcess:
    """One file after the other, in this process."""

    workers = 1

    def __init__(self, analysis: Callable[[Any], Any], settings: Settings) -> None:
        self._analysis = analysis
        self._settings = settings

    def run(self, plan: Plan, groups: Iterable[FileGroup], listener: Listener) -> Iterator[Finished]:
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
            yield group, merged(outcomes)


@dataclass
class _OpenFile:
    """A file of which parts are being processed."""

    parts: list[FilePart]
    done: list[Any]
    missing: int
    failed: bool = False


@dataclass
class _OpenGroup:
    """A group of which files are being processed."""

    group: FileGroup
    files: list[_OpenFile]
    missing: int

    def collected(self) -> list[list[Any] | None]:
        """What there is of each file; None of those that have failed."""
        return [None if file.failed else file.done for file in self.files]


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

    Attributes:
        retries_alone: whether what is processed again has nothing beside it, since parts can take others down with
            them.
    """

    retries_alone = False

    @property
    @abstractmethod
    def workers(self) -> int:
        """As the interface says."""

    def run(self, plan: Plan, groups: Iterable[FileGroup], listener: Listener) -> Iterator[Finished]:
        """As the interface says."""
        waiting = iter(groups)
        again: deque[_Task] = deque()
        tasks: dict[Any, _Task] = {}
        sums: dict[Any, FileGroup] = {}
        try:
            while True:
                new: list[_Task] = []
                if self.retries_alone and (again or any(task.attempt > 1 for task in tasks.values())):
                    new += [] if tasks else [again.popleft()]
                else:
                    new += again
                    again.clear()
                    while len(tasks) + len(new) < self.window() and (group := next(waiting, None)) is not None:
                        new += _tasks_of(group, plan.parts(group))
                if new:
                    futures = self.submit([(task.part, task.attempt) for task in new])
                    tasks |= zip(futures, new, strict=True)
                if not tasks and not sums:
                    return
                for future in self.wait([*tasks, *sums]):
                    if (summed := sums.pop(future, None)) is not None:
                        yield summed, self.outcome_of(future)
                        continue
                    task = tasks.pop(future)
                    if (retried := self._finish(task, future, listener)) is not None:
                        again.append(retried)
                    elif not task.group.missing:
                        group, outcome = task.group.group, self.collected(task.group.collected())
                        if isinstance(outcome, Outcome):
                            yield group, outcome
                        else:
                            sums[outcome] = group
        finally:
            self.end()

    def _finish(self, task: _Task, future: Any, listener: Listener) -> _Task | None:
        """Notes that a part is done; returns what has to be done instead, where it has failed."""
        file = task.file
        try:
            file.done[task.number] = self.taken(task.part, future)
        except FailedPartError as error:
            if not file.failed:
                if self.is_worth_another(error, task.attempt):
                    return task._replace(attempt=task.attempt + 1)
                file.failed = True
                listener.file_failed(file.parts[0], error)
        file.missing -= 1
        if not file.missing:
            task.group.missing -= 1
            if not file.failed:
                listener.file_done(*self.size_of(file.done))
        return None

    @abstractmethod
    def window(self) -> int:
        """How many parts are under way, so that nobody has to wait for work."""

    @abstractmethod
    def submit(self, parts: Sequence[tuple[FilePart, int]]) -> list[Any]:
        """Has parts processed, each for the so-manieth time: a future of each."""

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
        """The sum of a group: the outcome, or a future of it. None stands for a file that has failed."""

    @abstractmethod
    def outcome_of(self, future: Any) -> Outcome:
        """What a future of `collected` has."""

    @abstractmethod
    def end(self) -> None:
        """Ends what is under way."""


def _tasks_of(group: FileGroup, files: list[list[FilePart]]) -> list[_Task]:
    opened = _OpenGroup(group, [_OpenFile(parts, [None] * len(parts), len(parts)) for parts in files], len(files))
    return [_Task(opened, file, number, 1) for file in opened.files for number in range(len(file.parts))]
