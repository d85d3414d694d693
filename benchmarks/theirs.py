"""Ways to do the works with uproot and coffea, as their documentation advises."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import awkward as ak
import uproot

from ours import CHAINS
from physlite.analysis import dilepton
from worker import Work

__all__ = [
    "coffea_analysis",
    "coffea_follow",
    "coffea_open",
    "coffea_read",
    "uproot_fastest",
    "uproot_keys",
    "uproot_many_files",
    "uproot_read",
]


def uproot_keys(path: str, name: str) -> Callable[[], Any]:
    """Opens a file, its tree or ntuple, and lists the fields."""

    def keys() -> Any:
        with uproot.open(path) as file:
            return file[name].keys()

    return keys


def uproot_read(path: str, name: str, names: list[str]) -> Callable[[], Any]:
    """Reads columns of an opened file, all at once, as it comes; nothing is kept for the next time."""
    source = uproot.open(path, array_cache=None)[name]
    return lambda: source.arrays(names, how=dict)


def uproot_fastest(path: str, name: str, names: list[str], threads: int) -> Callable[[], Any]:
    """The same with what uproot has to be faster: its source of mapped memory, its other libraries, its thread pool.

    The library is that of uproot.compression.ZLIB; executors are what its documentation has for decompression and
    interpretation in parallel, and cost time where there is but one thread.
    """
    uproot.ZLIB.library = "deflate"  # as fast as "isal", the third, here
    executors = {}
    if threads > 1:
        pool = uproot.source.futures.ThreadPoolExecutor(threads)
        executors = {"decompression_executor": pool, "interpretation_executor": pool}
    source = uproot.open(path, array_cache=None, handler=uproot.MemmapSource)[name]
    return lambda: source.arrays(names, how=dict, **executors)


def uproot_many_files(paths: list[str], name: str, names: list[str]) -> Callable[[], Any]:
    """Opens files one after the other and reads a few columns of each."""

    def run() -> list[Any]:
        arrays = []
        for path in paths:
            with uproot.open(path) as file:
                tree = file[name]
                arrays.append([tree[column].array() for column in names])  # less work than tree.arrays
        return arrays

    return run


def coffea_open(path: str, name: str) -> Callable[[], Any]:
    """Opens a file and makes its events, of which nothing is read."""
    from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema

    def events() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return NanoEventsFactory.from_root({path: name}, schemaclass=PHYSLITESchema, mode="virtual").events()

    return events


def coffea_read(path: str, name: str, fields: list[tuple[str, str]]) -> Work:
    """Materializes (collection, field) of events that are made anew, untimed."""
    return Work(coffea_open(path, name), lambda events: [ak.materialize(events[c][f]) for c, f in fields])


def coffea_follow(path: str, name: str, chain: str) -> Work:
    """Follows links; each time those of new events."""
    return Work(coffea_open(path, name), CHAINS[chain])


def coffea_analysis(path: str, name: str) -> Work:
    """The selection of Z bosons."""
    return Work(coffea_open(path, name), dilepton.analyse)
