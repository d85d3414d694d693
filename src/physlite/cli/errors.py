"""Errors as a UNIX tool reports them: one line on the standard error, and an exit code."""

from __future__ import annotations

import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from physlite import exceptions
from physlite.exceptions import PhysliteError

__all__ = ["CommandError", "reported"]

_FAILURE = 1
# What messages advise in Python, and what does the same here.
_ADVICE = {
    "(columns=)": "(--filter)",
    "try .show()": "`physlite show FILE` lists them",
    "see File.links": "`physlite links FILE` lists them",
    "open it with mode='whole'": "read it with --mode whole",
    "give host=, or point": "point",
    "resume=True tries": "--resume tries",
    "again, and max_bad_files=": "again, and --max-bad-files ",
    " more, see .failures)": " more)",
    "run without resume": "run without --resume",
    "without resume=True": "without --resume",
    "resume=True goes on": "--resume goes on",
}
_BROKEN_PIPE = 128 + 13  # as the shell has it for a process that SIGPIPE has ended


class CommandError(Exception):
    """A command cannot do what it was asked; the message says why, and what to do."""


@contextmanager
def reported(*, debug: bool) -> Iterator[None]:
    """Turns exceptions into a line and an exit code; with `debug` they come through, for their traceback."""
    try:
        with _warnings_as_lines(), _log_as_lines():
            yield
        _flush()
    except BrokenPipeError:
        # The reader has seen enough, as `head` does.
        _drop_output()
        raise typer.Exit(_BROKEN_PIPE) from None
    except KeyboardInterrupt as error:
        for note in getattr(error, "__notes__", ()):
            typer.echo(f"physlite: interrupted; {_advised(note)}", err=True)
        raise
    except Exception as error:
        if debug or _is_typers(error):
            raise
        typer.echo(f"physlite: {_line(error)}", err=True)
        for note in getattr(error, "__notes__", ()):
            if "\n" not in note:  # others are for those who look for the line
                typer.echo(f"physlite: {_advised(note)}", err=True)
        _drop_output()
        raise typer.Exit(_FAILURE) from None


@contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Shows warnings of physlite as errors are shown; lines of code in front of them say nothing here."""
    with warnings.catch_warnings():
        before = warnings.showwarning

        def show(message: Warning | str, category: type[Warning], *where: Any, **more: Any) -> None:
            if category.__module__ == exceptions.__name__:
                typer.echo(f"physlite: warning: {' '.join(str(message).split())}", err=True)
            else:
                before(message, category, *where, **more)

        warnings.showwarning = show
        yield


class _Lines(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        typer.echo(f"physlite: {_advised(record.getMessage())}", err=True)


@contextmanager
def _log_as_lines() -> Iterator[None]:
    """Shows what the log says of importance as errors are shown."""
    lines = _Lines(logging.WARNING)
    log = logging.getLogger("physlite")
    log.addHandler(lines)
    try:
        yield
    finally:
        log.removeHandler(lines)


def _is_typers(error: Exception) -> bool:
    """Whether it is a usage error or a wish to exit, which typer shows itself."""
    return hasattr(error, "exit_code") or isinstance(error, typer.Abort)


def _line(error: Exception) -> str:
    if isinstance(error, CommandError | PhysliteError):
        text = _advised(str(error))
    elif isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename is not None else error.strerror
    elif isinstance(error, OSError | ValueError) or (isinstance(error, ImportError) and "pip install" in str(error)):
        text = _advised(str(error))
    else:
        text = f"unexpected {type(error).__name__}: {error}; `physlite --debug …` shows where, please report it"
    return " ".join(text.split())


def _advised(text: str) -> str:
    for python, command in _ADVICE.items():
        text = text.replace(python, command)
    return re.sub(r"journal=('[^']*'), --resume", r"--journal \1 --resume", text)


def _flush() -> None:
    if sys.stdout is not None:  # as it is when the shell has closed it
        sys.stdout.flush()


def _drop_output() -> None:
    """Sends output that cannot be written nowhere, or Python would try again at exit, and complain."""
    try:
        _flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
