"""What the user sees while a run lasts: a bar on terminals and in notebooks, now and then a line in a log elsewhere."""

from __future__ import annotations

import importlib.util
import logging
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import Literal, Protocol, Self

from physlite.notebook import notebook_shell
from physlite.running.pace import Counts, Moment, Pace

__all__ = ["Display", "Face", "Kind"]

Kind = Literal["auto"] | bool

_PATIENCE = 2.0  # seconds that nobody minds waiting for
_BEAT = 0.2  # seconds between two looks at how far it is
_LOG_BEAT = 30.0  # seconds between two lines in a log

_log = logging.getLogger("physlite.running")


class Face(Protocol):
    """How a display looks. Used by one thread at a time; OSError and ValueError say that nobody looks any more."""

    def draw(self, moment: Moment) -> None:
        """Shows how far it is."""

    def note(self, text: str) -> None:
        """Shows a line that stays."""

    def end(self, moment: Moment) -> None:
        """Shows how it ended, in a line that stays, if anybody has seen how far it is."""


class Display:
    """How far a run is, shown from the third second on, as a context manager around the run.

    A thread of its own draws, some five times a second, so that `update` costs next to nothing.

    Args:
        total_files: how many files there are.
        total_bytes: how many bytes will be received from them in all, if that is known: the time left follows from
            them then, else from files.
        kind: "auto" shows a bar where there is a terminal or a notebook; True shows one on the standard error in any
            case; False shows none. Where there is no bar, there are lines in the log ("physlite.running", level INFO):
            one in 30 seconds, and then one at the end.
        files_before: how many files an earlier run has done.
    """

    def __init__(
        self, total_files: int, total_bytes: int | None = None, kind: Kind = "auto", files_before: int = 0
    ) -> None:
        self._pace = Pace(total_files, total_bytes, time.monotonic(), files_before)
        self._kind = kind
        self._counts = Counts(files_before)
        self._notes: list[str] = []
        self._woken = threading.Event()  # there are notes, or it is over
        self._is_over = False
        self._adding = threading.Lock()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="physlite-run-progress", daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over = True
        self._woken.set()
        if self._thread is not None:
            self._thread.join()

    def update(
        self,
        *,
        files_done: int | None = None,
        files_failed: int | None = None,
        events: int | None = None,
        bytes: int | None = None,  # noqa: A002  # what they are
    ) -> None:
        """Says how far it is: numbers since the begin. Those left out stay as they are. From any thread, at any rate.

        Args:
            files_done: files that are done and good.
            files_failed: files that are given up.
            events: that the analysis has seen.
            bytes: that were received.
        """
        given = {"files_done": files_done, "files_failed": files_failed, "events": events, "bytes": bytes}
        with self._adding:
            self._counts = replace(self._counts, **{name: n for name, n in given.items() if n is not None})

    def note(self, text: str) -> None:
        """Shows a line above the bar, which stays there; in the log where there is no bar. From any thread."""
        with self._adding:
            self._notes.append(text)
        self._woken.set()

    def _run(self) -> None:
        place = _place(self._kind)
        beat = _LOG_BEAT if place == "log" else _BEAT
        due = time.monotonic() + max(_PATIENCE, beat)
        face: Face | None = None  # made when there is something to show: the libraries it takes are slow to import
        is_over = False
        while not is_over:
            self._woken.wait(max(due - time.monotonic(), 0.0))
            self._woken.clear()
            is_over = self._is_over  # before the notes, so that what was noted before the end is shown
            is_due = time.monotonic() >= due
            with self._adding:
                notes, self._notes = self._notes, []
                moment = self._pace.at(time.monotonic(), self._counts)
            if face is None and (notes or (is_due and not is_over)):
                face = _face(place)
            if face is None:
                continue
            with suppress(OSError, ValueError):  # of a terminal that is gone; the run is not to notice
                for text in notes:
                    face.note(text)
            with suppress(OSError, ValueError):
                if is_over:
                    face.end(moment)
                elif is_due:
                    due = time.monotonic() + beat
                    face.draw(moment)


def _place(kind: Kind) -> Literal["terminal", "notebook", "log"]:
    """Where the user looks."""
    if kind is False:
        return "log"
    if _is_in_notebook():
        return "notebook"
    if sys.stderr is not None and (kind is True or sys.stderr.isatty()):
        return "terminal"
    return "log"


def _is_in_notebook() -> bool:
    """Whether this is a kernel that can show widgets."""
    return notebook_shell() is not None and importlib.util.find_spec("ipywidgets") is not None


def _face(place: Literal["terminal", "notebook", "log"]) -> Face:
    if place == "notebook":
        from physlite.running.shownotebook import NotebookFace

        return NotebookFace()
    if place == "terminal":
        from physlite.running.showterminal import TerminalFace

        return TerminalFace()
    return _LogFace()


class _LogFace:
    """Lines in the log."""

    def __init__(self) -> None:
        self._has_drawn = False

    def draw(self, moment: Moment) -> None:
        self._has_drawn = True
        _log.info("%s", ", ".join(moment.words()))

    def note(self, text: str) -> None:
        _log.info("%s", text)

    def end(self, moment: Moment) -> None:
        if self._has_drawn:
            _log.info("%s", ", ".join(moment.summary()))
