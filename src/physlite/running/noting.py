"""Which journal a run has, and what becomes of those that runs before it have left."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from physlite.exceptions import JournalError, TransferError
from physlite.running.journal import Journal, JournalInUseError, default_journal

__all__ = ["Noting", "noted_in"]

_log = logging.getLogger("physlite.running")


@dataclass(frozen=True)
class Noting:
    """The journal of a run.

    Attributes:
        journal: in which it notes what is finished.
        elsewhere: where that is, unless `resume=True` finds it by itself.
        aside: that of a run which ended early and is done again: it stays until this one has finished more.
        identity: of the run.
    """

    journal: Journal
    elsewhere: Path | None
    aside: Path
    identity: dict[str, str]

    @contextmanager
    def of_early_ends(self, files: int) -> Iterator[None]:
        """Notes in what ends a run how much of so many files need not be done again, and how to go on."""
        try:
            yield
        except (KeyboardInterrupt, TransferError) as error:
            finished = max(_number_in(self.journal), _number_of(self.aside, self.identity))
            where = "" if self.elsewhere is None else f"journal={str(self.elsewhere)!r}, "
            advice = f", {where}resume=True goes on" if finished else ""
            error.add_note(f"{finished} of {files} files are noted{advice}")
            raise

    def remove(self) -> None:
        """The run is over: no journal is needed any longer."""
        self.journal.remove()
        _remove(self.aside, self.identity)


@contextmanager
def noted_in(path: Path | None, name: str, identity: dict[str, str], *, resume: bool) -> Iterator[Noting]:
    """The journal of a run, until that ends.

    Args:
        path: what the user has named.
        name: of the run, where that is nothing.
        identity: what must be the same for results to be added up.
        resume: whether to go on with what is noted.

    Raises:
        JournalError: it is of something else, in use, or cannot be written or read.
    """
    first = default_journal(name) if path is None else path
    aside = _aside(first)
    if resume:
        _take_better(first, aside, identity)
    elif finished := _set_aside(first, aside, identity):
        _log.warning("a run that ended early had finished %d files, which are done again without resume=True", finished)
    try:
        if path is not None or resume:
            journal = Journal(first, identity, resume=resume)
        else:
            journal = _unused_journal(name, identity)
        with closing(journal):
            yield Noting(journal, None if journal.path == default_journal(name) else journal.path, aside, identity)
    finally:
        _take_better(first, aside, identity)


def _unused_journal(name: str, identity: dict[str, str]) -> Journal:
    """The first of a name that no other run is using."""
    for number in itertools.count(1):
        with suppress(JournalInUseError):
            return Journal(default_journal(name, number), identity, resume=False)
    raise AssertionError  # there are others


# What a run that ended early has finished is worth more than what the next one has until it is interrupted, by somebody
# who has just been told that it begins anew.


def _aside(path: Path) -> Path:
    return path.with_name(f"{path.name}.older")


def _set_aside(path: Path, aside: Path, identity: dict[str, str]) -> int:
    """Puts a journal aside that could be resumed, unless there is a better one; how many files that has."""
    number, before = _number_of(path, identity), _number_of(aside, identity)
    if number and number >= before:
        path.replace(aside)
    return max(number, before)


def _take_better(path: Path, aside: Path, identity: dict[str, str]) -> None:
    """Has what was set aside back, where it has more files; else it is not needed any longer."""
    before = _number_of(aside, identity)
    if not before or _is_in_use(path, identity):  # whose run it is will see to it
        return
    if before > _number_of(path, identity):
        aside.replace(path)
    else:
        _remove(aside, identity)


def _is_in_use(path: Path, identity: dict[str, str]) -> bool:
    if not path.exists():
        return False
    try:
        Journal(path, identity, resume=True).close()
    except JournalInUseError:
        return True
    except JournalError:  # of something else
        return False
    return False


def _remove(path: Path, identity: dict[str, str]) -> None:
    if path.exists():
        with suppress(JournalError):  # of something else
            Journal(path, identity, resume=True).remove()


def _number_in(journal: Journal) -> int:
    return sum(group.size for group in journal.groups())


def _number_of(path: Path, identity: dict[str, str]) -> int:
    """How many files a journal has that could be resumed."""
    if not path.exists():
        return 0
    try:
        with closing(Journal(path, identity, resume=True)) as journal:
            return _number_in(journal)
    except JournalError:  # in use, damaged, or of something else
        return 0
