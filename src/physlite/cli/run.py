"""`physlite run`: an analysis over datasets."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from physlite.cli.errors import CommandError
from physlite.cli.functions import loaded
from physlite.cli.outputs import write_result
from physlite.exceptions import AddingError, BadFilesError
from physlite.running.code import dumps
from physlite.running.driving import run as run_analysis
from physlite.running.records import FileFailure
from physlite.running.report import Report
from physlite.running.result import Result

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["Options", "run"]

_PICTURES = (".png", ".pdf", ".svg")
_MOST_FAILURES = 20  # that are named
_SHOWN = 200  # characters of a value


class Options(NamedTuple):
    """What the command line says beside the analysis and the datasets."""

    workers: int | None
    scheduler: str | None
    out: Path | None
    report: Path | None
    journal: Path | None
    resume: bool
    chunk_size: int
    max_bad_files: int


def run(name: str, datasets: list[str], options: Options) -> None:
    """Runs it, writes what is wanted, and prints the report."""
    _check(options)
    analysis = loaded(name, "an analysis")
    try:
        with _client(options.scheduler) as client:
            result = run_analysis(
                analysis,
                datasets[0] if len(datasets) == 1 else datasets,
                client=client,
                workers=options.workers,
                journal=options.journal,
                resume=options.resume,
                chunk_size=options.chunk_size,
                max_bad_files=options.max_bad_files,
            )
    except BadFilesError as error:
        _tell(error.failures)
        if error.report is not None:
            _write_report(error.report, options.report)
        raise
    try:
        _write(result, options)
    finally:  # what is shown may be all that is left of it
        result.report.show()
        for dataset in result.by_dataset.values():
            typer.echo(f"\n{dataset.name}:{_shown(dataset.value, is_kept=options.out is not None)}")
    if options.out is not None:
        typer.echo(f"\nwritten to {options.out}")
    with suppress(AddingError):  # of datasets, each of which is shown
        _ = result.value


def _check(options: Options) -> None:
    """Raises CommandError for what would be known when all is done, too late."""
    for path in (options.out, options.report, options.journal):
        if path is not None and not path.absolute().parent.is_dir():
            msg = f"{path.parent}: there is no such folder"
            raise CommandError(msg)
        if path is not None and not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
            msg = f"{path}: it cannot be written there"
            raise CommandError(msg)
    if options.report is not None and options.report.suffix not in (".json", *_PICTURES):
        msg = f"{options.report}: the report is written as .json, or as a picture: {', '.join(_PICTURES)}"
        raise CommandError(msg)
    if options.report is not None and options.report.suffix in _PICTURES:
        _require_plots()
    if options.scheduler is not None and options.workers is not None:
        msg = "--workers is of this machine: with --scheduler its cluster has the workers"
        raise CommandError(msg)


def _require_plots() -> None:
    try:
        importlib.import_module("matplotlib.figure")
    except ImportError as error:
        msg = f"pictures need {error.name}: pip install 'physlite[plot]'"
        raise CommandError(msg) from None


@contextmanager
def _client(scheduler: str | None) -> Iterator[Client | None]:
    if scheduler is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError as error:
        msg = "--scheduler needs Dask: pip install 'physlite[dask]'"
        raise CommandError(msg) from error
    try:
        client = Client(scheduler, timeout="20s")
    except (OSError, ValueError) as error:
        msg = f"{scheduler}: no Dask scheduler there: {' '.join(str(error).split())}"
        raise CommandError(msg) from None
    with client:
        yield client


def _tell(failures: Sequence[FileFailure]) -> None:
    """Names files that are bad, where these are several: the error itself names the first."""
    if len(failures) == 1:
        return
    for failure in failures[:_MOST_FAILURES]:
        typer.echo(failure.error, err=True)
    if len(failures) > _MOST_FAILURES:
        typer.echo(f"and {len(failures) - _MOST_FAILURES} more", err=True)


def _write(result: Result, options: Options) -> None:
    if options.out is not None:
        write_result(options.out, dumps(result))
    _write_report(result.report, options.report)


def _write_report(report: Report, path: Path | None) -> None:
    if path is None:
        return
    if path.suffix == ".json":
        path.write_text(report.to_json())
    else:
        report.plot(path)


def _shown(value: Any, depth: int = 1, *, is_kept: bool) -> str:
    """A value as it fits in some lines, to stand behind a colon."""
    if isinstance(value, dict):
        lines = ((key, _shown(item, depth + 1, is_kept=is_kept)) for key, item in value.items())
        return "".join(f"\n{'  ' * depth}{key}:{text}" for key, text in lines)
    text = "" if _is_histogram(value) else str(value)
    if text and len(text) < _SHOWN:
        return f" {text}"
    return f" {_in_short(value)}{'' if is_kept else ' (--out keeps it)'}"


def _is_histogram(value: Any) -> bool:
    return hasattr(value, "axes") and callable(getattr(value, "sum", None)) and hasattr(value, "view")


def _in_short(value: Any) -> str:
    """What kind of thing it is, and of a histogram how much is in it."""
    name = type(value).__name__
    if not _is_histogram(value):
        return name
    total = value.sum()
    number = len(value.axes)
    return f"{name}, sum {getattr(total, 'value', total):.10g}, {number} {'axis' if number == 1 else 'axes'}"
