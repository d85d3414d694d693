"""`physlite run`: an analysis over datasets."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from physlite.cli.errors import CommandError
from physlite.exceptions import AddingError, BadFilesError
from physlite.running.code import dumps
from physlite.running.codeowner import is_own
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
    analysis = _loaded(name)
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


def _loaded(name: str) -> Callable[[Any], Any]:
    """The function that `file.py:function` or `module:function` names."""
    where, colon, function = name.rpartition(":")
    if not colon or not where or not function:
        msg = f"{name}: an analysis is named as file.py:function"
        raise CommandError(msg)
    module = _module(where)
    found = getattr(module, function, None)
    if not callable(found):
        functions = [
            n for n, x in vars(module).items() if callable(x) and getattr(x, "__module__", "") == module.__name__
        ]
        has = f"it has {', '.join(functions)}" if functions else "it has none"
        msg = f"{where}: there is no function {function!r}: {has}"
        raise CommandError(msg)
    analysis: Callable[[Any], Any] = _made(name, found) if isinstance(found, type) else found
    return analysis


def _made(name: str, kind: type) -> Any:
    """An object of a class, as those of coffea's processors are made before they are used."""
    try:
        return kind()
    except Exception as error:
        msg = (
            f"{name}: {type(error).__name__}: {error}; a class is made without arguments: name an object of it instead"
        )
        raise CommandError(msg) from error


def _module(where: str) -> Any:
    path = Path(where)
    if path.suffix == ".py" and not path.is_file():
        msg = f"{path}: there is no such file"
        raise CommandError(msg)
    if path.suffix == ".py" and _is_taken(path.stem):
        msg = f"{path}: there is a package or a module of Python that is called {path.stem}: rename the file"
        raise CommandError(msg)
    try:
        return _imported(path) if path.suffix == ".py" else _found(where)
    except Exception as error:
        msg = f"{where}: cannot be imported: {type(error).__name__}: {error}; `physlite --debug …` shows where"
        raise CommandError(msg) from error


def _found(name: str) -> Any:
    """A module that can be imported by its name, in this folder too."""
    sys.path.insert(0, "")
    return importlib.import_module(name)


def _is_taken(name: str) -> bool:
    """Whether a file of this name would stand in the place of something else, which others import."""
    there = sys.modules.get(name)
    return name in sys.stdlib_module_names or (there is not None and not is_own(there))


def _imported(path: Path) -> Any:
    """The module in a file."""
    sys.path.insert(0, str(path.absolute().parent))  # as for a script: what is beside it can be imported
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # noqa: S101  # the name ends in .py
    assert spec.loader is not None  # noqa: S101  # as above
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


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
        options.out.write_bytes(dumps(result))
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
