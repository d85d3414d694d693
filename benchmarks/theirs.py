"""Ways to do the works with uproot and coffea, as their documentation advises."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import awkward as ak
import uproot

from ours import chain
from physlite.analysis import dilepton
from work import Work

__all__ = [
    "coffea_analysis",
    "coffea_follow",
    "coffea_open",
    "coffea_read",
    "uproot_branches",
    "uproot_fastest",
    "uproot_keys",
    "uproot_many_files",
    "uproot_open_and_read",
    "uproot_read",
]


def uproot_keys(path: str, name: str, recursive: bool) -> Work:
    """Opens a file, its tree or ntuple, and lists the fields, with their members where it is `recursive`."""

    def keys(_: None) -> Any:
        with uproot.open(path) as file:
            return file[name].keys(recursive=recursive)

    return Work(keys)


def uproot_open_and_read(url: str, name: str, names: list[str], stop: int) -> Work:
    """Opens a remote file as it comes, which is through fsspec, and reads columns."""

    def run(_: None) -> Any:
        with uproot.open(url) as file:
            return file[name].arrays(names, entry_stop=stop, how=dict)

    return Work(run, compared=dict)


def uproot_read(path: str, name: str, names: list[str]) -> Work:
    """Reads columns of an opened file, all at once, as it comes; nothing is kept for the next time."""
    source = uproot.open(path, array_cache=None)[name]
    return Work(lambda _: source.arrays(names, how=dict), compared=dict)


def uproot_branches(path: str, name: str, names: list[str]) -> Work:
    """The same, one branch after the other."""
    source = uproot.open(path, array_cache=None)[name]
    branches = {column: source[column] for column in names}
    return Work(lambda _: {column: branch.array() for column, branch in branches.items()}, compared=dict)


def uproot_fastest(path: str, name: str, names: list[str], threads: int) -> Work:
    """The same with what uproot has to be faster: its source of mapped memory, its other libraries, its thread pool.

    The library is that of uproot.compression.ZLIB. With several threads the pool takes decompression, interpretation,
    both or neither, whichever reads a part of the columns fastest.
    """
    uproot.ZLIB.library = "deflate"  # as fast as "isal", the third, here
    source = uproot.open(path, array_cache=None, handler=uproot.MemmapSource)[name]
    executors: dict[str, Any] = {}
    if threads > 1:
        pool = uproot.source.futures.ThreadPoolExecutor(threads)
        executors = _fastest_executors(source, names[::_PART], pool)
    return Work(lambda _: source.arrays(names, how=dict, **executors), compared=dict)


_PART = 4
_TRIES = 2


def _fastest_executors(source: Any, names: list[str], pool: Any) -> dict[str, Any]:
    decompression, interpretation = {"decompression_executor": pool}, {"interpretation_executor": pool}

    def seconds(executors: dict[str, Any]) -> float:
        tries = []
        for _ in range(_TRIES):
            begin = time.perf_counter()
            source.arrays(names, how=dict, **executors)
            tries.append(time.perf_counter() - begin)
        return min(tries)

    return min(({}, decompression, interpretation, decompression | interpretation), key=seconds)


def uproot_many_files(paths: list[str], name: str, names: list[str]) -> Work:
    """Opens files one after the other and reads a few columns of each."""

    def run(_: None) -> dict[str, Any]:
        found = {}
        for i, path in enumerate(paths):
            with uproot.open(path) as file:
                tree = file[name]
                for column in names:  # less work than tree.arrays
                    found[f"{i} {column}"] = tree[column].array()
        return found

    return Work(run, compared=dict)


def _events(where: Any, **keywords: Any) -> Any:
    from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return NanoEventsFactory.from_root(where, schemaclass=PHYSLITESchema, mode="virtual", **keywords).events()


def coffea_open(path: str, name: str) -> Work:
    """Opens a file and makes its events, of which nothing is read."""
    return Work(lambda _: _events({path: name}))


def _new_events(path: str, name: str) -> Callable[[], Any]:
    """Makes events of a file that stays open, as physlite's does."""
    file = uproot.open(path, array_cache=None)
    return lambda: _events(file, treepath=name)


def coffea_read(path: str, name: str, names: list[str]) -> Work:
    """Materializes columns of events that are made anew, untimed."""
    pairs = [column.split(".") for column in names]
    fields = [(c.removeprefix("Analysis").removesuffix("AuxDyn"), f) for c, f in pairs]

    def run(events: Any) -> dict[str, Any]:
        return {column: ak.materialize(events[c][f]) for column, (c, f) in zip(names, fields, strict=True)}

    return Work(run, _new_events(path, name), compared=dict)


def coffea_follow(path: str, name: str, links: str) -> Work:
    """Follows links; each time those of new events."""
    return Work(chain(links), _new_events(path, name), lambda found: {links: found})


def coffea_analysis(path: str, name: str) -> Work:
    """The selection of Z bosons."""
    return Work(dilepton.analyse, _new_events(path, name))
