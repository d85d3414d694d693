"""`physlite convert`: events to a file of another format."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal, NamedTuple, cast

import typer

from physlite.cli.errors import CommandError
from physlite.cli.functions import loaded
from physlite.cli.output import print_json
from physlite.interop.converting import Converted, convert
from physlite.interop.cutting import Mask
from physlite.text import human_bytes

__all__ = ["Options", "run"]

_UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9}


class Options(NamedTuple):
    """What the command line says beside the files."""

    filters: list[str] | None
    collections: list[str] | None
    select: str | None
    thin: list[str]
    format: str | None
    links: str
    compression: str
    group_entries: int | None
    memory: str


def run(files: list[str], out: Path, options: Options, *, as_json: bool) -> None:
    """Converts, and says what has become of it, and what of the columns is not there."""
    begin = time.perf_counter()
    done = convert(
        files,
        out,
        columns=options.filters,
        collections=options.collections,
        select=None if options.select is None else loaded(options.select, "a selection"),
        thin=_thinning(options.thin),
        format=options.format,
        links=cast("Literal['keys', 'resolved']", options.links),
        compression=options.compression,
        group_entries=options.group_entries,
        memory=_bytes(options.memory),
    )
    seconds = time.perf_counter() - begin
    if as_json:
        print_json({**done._asdict(), "path": str(done.path), "seconds": seconds})
    else:
        _tell(done, seconds)


def _thinning(texts: list[str]) -> dict[str, Mask]:
    thin: dict[str, Mask] = {}
    for text in texts:
        name, equals, function = text.partition("=")
        if not equals:
            msg = f"--thin {text}: objects are chosen as COLLECTION=file.py:function"
            raise CommandError(msg)
        if name in thin:
            msg = f"--thin {text}: {name} is thinned already: make one function of both"
            raise CommandError(msg)
        thin[name] = loaded(function, "what chooses objects")
    return thin


def _bytes(text: str) -> int:
    unit = next((unit for unit in _UNITS if text.endswith(unit)), "")
    number = text.removesuffix(unit).strip()
    if not (number.isascii() and number.isdigit() and int(number)):
        msg = f"--memory {text}: it is given as 500MB or 2GB"
        raise CommandError(msg)
    return int(number) * _UNITS.get(unit, 1)


def _tell(done: Converted, seconds: float) -> None:
    events = f"{done.num_entries:,}"
    if done.num_entries != done.read_entries:
        events += f" of {done.read_entries:,}"
    typer.echo(
        f"{done.path}: {events} events, {done.num_columns:,} columns, {human_bytes(done.bytes)} in {seconds:.1f} s"
    )
    for name, problem in done.left_out.items():
        typer.echo(f"left out: {name}: {problem}", err=True)
