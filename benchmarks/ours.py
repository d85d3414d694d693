"""Ways to do the works with physlite."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak

import physlite
from physlite.analysis import dilepton
from physlite.model.links import LinkTable
from physlite.model.naming import ColumnNames
from worker import Work

__all__ = ["analysis", "follow", "link_table", "many_files", "open_events", "read"]


def open_events(path: str) -> Callable[[], Any]:
    """Opens a file and builds its events, of which nothing is read."""
    return lambda: physlite.open(path).events()


def read(path: str, names: list[str], threads: int) -> Callable[[], Any]:
    """Reads columns of an opened file; nothing is kept for the next time."""
    file = physlite.open(path, threads=threads, cache_bytes=0)
    return lambda: file.arrays(names)


def follow(path: str, chain: str, threads: int) -> Work:
    """Follows links; each time those of new events."""
    file = physlite.open(path, threads=threads, cache_bytes=0)
    return Work(file.events, CHAINS[chain])


CHAINS: dict[str, Callable[[Any], Any]] = {
    "track z0": lambda events: ak.materialize(events.Electrons.trackParticles.z0),
    "truth": lambda events: events.TruthElectrons.parents.children.pdgId,
}


def link_table(path: str) -> Work:
    """Where the links of all columns lead to, by name."""
    file = physlite.open(path)
    columns = [ColumnNames(c.name, c.type_name, c.encoding, c.members) for c in file.manifest.columns]
    return Work(lambda: None, lambda _: LinkTable(columns, file.collections))


def analysis(path: str) -> Work:
    """The selection of Z bosons, on one thread."""
    file = physlite.open(path, threads=1, cache_bytes=0)
    return Work(file.events, dilepton.analyse)


def many_files(paths: list[str], names: list[str]) -> Callable[[], Any]:
    """Opens files one after the other and reads a few columns of each."""

    def run() -> list[Any]:
        arrays = []
        for path in paths:
            with physlite.open(path, threads=1) as file:
                arrays.append(file.arrays(names))
        return arrays

    return run
