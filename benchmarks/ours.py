"""Ways to do the works with physlite."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import awkward as ak

import physlite
from physlite.analysis import dilepton
from physlite.formats import rntuple
from physlite.model import schema
from physlite.model.links import LinkTable
from physlite.model.naming import ColumnNames
from work import Work

__all__ = [
    "analysis",
    "by_name",
    "chain",
    "follow",
    "link_table",
    "many_files",
    "open_and_read",
    "open_events",
    "read",
    "read_for_following",
    "search",
]


def open_events(path: str, first: bool) -> Work:
    """Opens a file and builds its events, of which nothing is read.

    The `first` file of its kind, or the next: a process keeps the schema of files with the same columns.
    """

    def forget() -> None:
        if first:
            schema._schema.cache_clear()  # noqa: SLF001  # no user needs it
            rntuple._known_schema.cache_clear()  # noqa: SLF001  # nor this

    return Work(lambda _: physlite.open(path).events(), forget)


def read(path: str, names: list[str], threads: int) -> Work:
    """Reads columns of an opened file; nothing is kept for the next time."""
    file = physlite.open(path, threads=threads, cache_bytes=0)
    return Work(lambda _: file.arrays(names), compared=by_name)


def open_and_read(url: str, names: list[str], stop: int, manifest_of: str | None) -> Work:
    """Opens a remote file, with the manifest of a local one if there is that, and reads columns; one thread."""
    manifest = None if manifest_of is None else physlite.open(manifest_of).manifest

    def run(_: None) -> ak.Array:
        with physlite.open(url, threads=1, manifest=manifest) as file:
            return file.arrays(names, 0, stop)

    return Work(run, compared=by_name)


def read_for_following(path: str, names: list[str]) -> Work:
    """The same on one thread; the columns are not what following finds, so they are not compared with that."""
    return Work(read(path, names, 1).run)


def by_name(arrays: ak.Array) -> dict[str, Any]:
    """The columns of a record."""
    return {name: arrays[name] for name in arrays.fields}


def follow(path: str, name: str, threads: int) -> Work:
    """Follows links; each time those of new events."""
    file = physlite.open(path, threads=threads, cache_bytes=0)
    return Work(chain(name), file.events, lambda found: {name: found})


_CHAINS: dict[str, Callable[[Any], Any]] = {
    "track z0": lambda events: ak.materialize(events.Electrons.trackParticles.z0),
    "truth": lambda events: events.TruthElectrons.parents.children.pdgId,
}


def chain(name: str) -> Callable[[Any], Any]:
    """What follows links, given events."""
    return _CHAINS[name]


def link_table(path: str) -> Work:
    """Where the links of all columns lead to, by name."""
    file = physlite.open(path)
    columns = [ColumnNames(c.name, c.type_name, c.encoding, c.members) for c in file.manifest.columns]
    return Work(lambda _: LinkTable(columns, file.collections))


def analysis(path: str) -> Work:
    """The selection of Z bosons, on one thread."""
    file = physlite.open(path, threads=1, cache_bytes=0)
    return Work(dilepton.analyse, file.events)


def search(path: str) -> Work:
    """The selection of `examples/susy`, on one thread."""
    sys.path.append(str(Path(__file__).parents[1] / "examples" / "susy"))
    file = physlite.open(path, threads=1, cache_bytes=0)
    return Work(importlib.import_module("susy").analysis, file.events)


def many_files(paths: list[str], names: list[str]) -> Work:
    """Opens files one after the other and reads a few columns of each."""

    def run(_: None) -> list[Any]:
        found = []
        for path in paths:
            with physlite.open(path, threads=1) as file:
                found.append(file.arrays(names))
        return found

    return Work(run, compared=lambda found: {f"{i} {n}": a[n] for i, a in enumerate(found) for n in a.fields})
