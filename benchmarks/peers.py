"""The ways to read columns of a file, by who reads, as far as they are on this machine."""

from __future__ import annotations

import functools
from importlib.util import find_spec
from typing import Any

import awkward as ak

import files
import physlite
from cpptypes import cpp_types
from files import TREES, Source
from harness import Way

__all__ = ["THREADS", "coffea", "limit_and_physlite", "ours", "rdataframe", "threaded", "uproot", "uproot_fastest"]

THREADS = (1, 2)


def threaded(who: str, threads: int) -> str:
    """What somebody with so many threads is called."""
    return who if threads == 1 else f"{who}, {threads} threads"


def ours(path: str, names: list[str]) -> dict[str, Way]:
    """With each number of threads."""
    return {threaded("physlite", n): Way("ours:read", {"path": path, "names": names, "threads": n}) for n in THREADS}


def limit_and_physlite(path: str, names: list[str]) -> dict[str, Way]:
    """Decompression alone and physlite, with each number of threads."""
    limit = {
        threaded("decompression", n): Way("limit:decompress", {"path": path, "names": names, "threads": n})
        for n in THREADS
    }
    return limit | ours(path, names)


def uproot(path: str, kind: str, names: list[str]) -> dict[str, Way]:
    """As it comes."""
    return {"uproot": Way("theirs:uproot_read", {"path": path, "name": TREES[kind], "names": names})}


def uproot_fastest(path: str, kind: str, names: list[str], threads: tuple[int, ...] = THREADS) -> dict[str, Way]:
    """With each number of threads; with one only for RNTuples, which its executors do nothing for."""
    arguments = {"path": path, "name": TREES[kind], "names": names}
    return {
        threaded("uproot fastest", n): Way("theirs:uproot_fastest", arguments | {"threads": n})
        for n in (threads if kind == "tree" else threads[:1])
    }


def coffea(function: str, source: Source, **arguments: Any) -> dict[str, Way]:
    """A function of `theirs` with coffea, which fails on RNTuples, and on the sample, whose tracks have no qOverP."""
    if source.kind != "tree" or source.stand_in or not _has_coffea():
        return {}
    return {"coffea": Way(f"theirs:{function}", {"path": source.find(), "name": TREES[source.kind], **arguments})}


@functools.cache
def _has_coffea() -> bool:
    if find_spec("coffea") is None:
        print("coffea is not here: left out", flush=True)
        return False
    return True


def rdataframe(path: str, kind: str, names: list[str], threads: tuple[int, ...]) -> dict[str, Way]:
    """With each number of threads; nothing where a tree's columns would need a dictionary of classes."""
    python = files.root_python()
    types = cpp_types(path, names, kind) if python else None
    if not python or not types:
        return {}
    with physlite.open(path) as file:
        # Of links, keys and indices are columns of their own.
        arrays = [file.array(name.partition(".:_0.")[0]) for name in types]
    elements = sum(int(ak.count(array[array.fields[0]] if array.fields else array, axis=None)) for array in arrays)
    arguments = {"path": path, "name": TREES[kind], "columns": types, "elements": elements}
    return {
        # The loops are apart: both are compiled at a time.
        threaded("RDataFrame", n): Way(
            "rdataframe:read", arguments | {"threads": n, "build": str(files.KEPT / f"loops-{n}")}, python
        )
        for n in threads
    }
