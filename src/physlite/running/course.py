"""How a run goes: what the user sees of it while it lasts, and which files have failed."""

from __future__ import annotations

import threading
from pathlib import Path

from physlite.exceptions import AnalysisError, BadFilesError
from physlite.running.engines import Listener
from physlite.running.parts import FailedPartError, FilePart
from physlite.running.plan import FileGroup
from physlite.running.records import FileFailure
from physlite.running.report import Report
from physlite.running.showing import Display
from physlite.storage.redaction import redacted

__all__ = ["Course"]

_MOST_NOTES = 10  # bad files that are told of while the run lasts


class Course(Listener):
    """How a run goes: what the user sees of it, and which files have failed."""

    def __init__(self, max_bad_files: int) -> None:
        self._max_bad_files = max_bad_files
        self._display: Display | None = None
        self._lock = threading.Lock()  # workers of Dask tell from another thread
        self._files = self._events = self._bytes = 0
        self._failed: set[tuple[str, int]] = set()
        self._first_error: FailedPartError | None = None  # of the others nothing is kept that holds events
        self.failures: list[FileFailure] = []

    def begin(self, display: Display, done: int) -> None:
        """Shows it from now on; so many files were finished before."""
        self._display = display
        self._files = done

    def file_done(self, events: int | None, received: int | None) -> None:
        """A file is finished."""
        with self._lock:
            self._files += 1
        self.progress(events or 0, received or 0)

    def progress(self, events: int, received: int) -> None:
        """So many events and bytes more."""
        with self._lock:
            self._events += events
            self._bytes += received
            if self._display is not None:  # told in the order in which it is counted: the last number stays
                self._display.update(
                    files_done=self._files, files_failed=len(self.failures), events=self._events, bytes=self._bytes
                )

    def note(self, text: str) -> None:
        """A line for the user, which stays."""
        if self._display is not None:
            self._display.note(text)

    def file_failed(self, part: FilePart, error: FailedPartError) -> None:
        """Notes it, or raises AnalysisError when it is the analysis and that has not worked on any events so far."""
        if error.is_users and error.is_first and not self._files:
            raise _analysis_error(error) from error.cause
        self._failed.add((part.dataset, part.number))
        self._first_error = self._first_error or error
        self.failures.append(FileFailure(part.dataset, redacted(part.url), error.text, error.attempts, error.entries))
        if len(self.failures) <= _MOST_NOTES:
            self.note(error.text)
        self.progress(0, 0)

    def has_failures(self, dataset: str, group: FileGroup) -> bool:
        """Whether a file of a group has failed."""
        return any((dataset, number) in self._failed for number in range(group.first, group.first + group.size))

    def require_few(self, report: Report, journal: Path | None) -> None:
        """Raises BadFilesError, with the report, where more files have failed than may.

        Args:
            report: of the others.
            journal: in which the others are noted, where `resume=True` does not find it by itself.
        """
        number = len(self.failures)
        first = self._first_error
        if number <= self._max_bad_files or first is None:
            return
        files, them = ("file", "it") if number == 1 else ("files", "them")
        others = f" (and {number - 1} more, see .failures)" if number > 1 else ""
        named = "" if journal is None else f"journal={str(journal)!r}, "
        msg = (
            f"{number} {files} could not be processed: {first.text}{others}; {named}resume=True tries {them} again, "
            f"and max_bad_files={number} leaves {them} out"
        )
        error = BadFilesError(msg, self.failures, report)
        if first.details:
            error.add_note(first.details)
        raise error from first.cause


def _analysis_error(error: FailedPartError) -> AnalysisError:
    out = AnalysisError(error.text)
    if error.cause is None:  # else Python shows where it comes from
        out.add_note(error.details)
    return out
