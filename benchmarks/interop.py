"""What hands over to friends, beside what they do themselves."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec

import columns
import files
import peers
import physlite
from files import TREES, Source
from harness import Comparison, Target, Way
from reading import Makers

__all__ = ["interop"]

_WITH_COFFEA = "coffea on physlite"


def interop(events: int) -> Makers:
    """All of it."""
    yield from _coffea(events)
    yield from _all_branches(events)
    yield from _conversions(events)


def _coffea(events: int) -> Makers:
    """Coffea's factory with our schema, against its own: opening, and reading the columns of `list15`."""
    if find_spec("coffea") is None:
        return
    yield partial(_opening, files.real("DAOD_PHYSLITE_collectiontree_only_mc.root", "tree"))
    yield partial(_opening, files.real("DAOD_PHYSLITE_24.0.2_mc.root", "tree"))
    yield partial(_opening, files.real("DAOD_PHYSLITE_rntuple_v1_mc.root", "ntuple"))
    yield partial(_list15, files.real("DAOD_PHYSLITE_collectiontree_only_x50_mc.root", "tree"))
    for source in files.toys(events, "zstd-5"):
        if source.kind == "tree":
            yield partial(_list15, source)


def _opening(source: Source) -> Comparison:
    path, following = source.find(), f"{_WITH_COFFEA}, next of its kind"
    arguments = {"path": path, "name": TREES[source.kind]}
    ways = {
        who: Way("withcoffea:open_events", {**arguments, "first": first})
        for who, first in ((_WITH_COFFEA, True), (following, False))
    } | peers.coffea("coffea_open", source)
    targets = [Target(who, "least", 8, "coffea") for who in (_WITH_COFFEA, following)]
    return Comparison("coffea: from_root + events", source.label, ways, [] if source.stand_in else targets)


def _list15(source: Source) -> Comparison:
    path = source.find()
    with physlite.open(path) as file:
        names = [name for name in columns.LIST15 if name in file.columns]
        events = file.num_entries
    arguments = {"path": path, "name": TREES[source.kind], "names": names}
    ways = {_WITH_COFFEA: Way("withcoffea:read", arguments)} | peers.coffea("coffea_read", source, names=names)
    targets = [Target(_WITH_COFFEA, "least", 2, "coffea")]
    detail = f"{source.label}, {len(names)} of {len(columns.LIST15)} columns"
    return Comparison("coffea: list15", detail, ways, [] if source.stand_in else targets, events=events)


def _all_branches(events: int) -> Makers:
    """Branches of an opened file, one by one: `branch_to_array`, against their own `array`."""
    yield partial(_branches, files.real("DAOD_PHYSLITE_collectiontree_only_x50_mc.root", "tree"))
    for source in files.toys(events, "zstd-5"):
        yield partial(_branches, source)


def _branches(source: Source) -> Comparison:
    path = source.find()
    wanted = [*columns.FLOATS, *columns.NESTED, *columns.LINKS]
    with physlite.open(path) as file:
        chosen = [file.columns[name].name for name in wanted if name in file.columns]
        events = file.num_entries
    arguments = {"path": path, "name": TREES[source.kind], "names": chosen}
    ways = {
        "physlite": Way("withuproot:read", arguments),
        "uproot": Way("theirs:uproot_branches", arguments),
    }
    targets = [Target("physlite", "least", {"tree": 3, "ntuple": 1}[source.kind], "uproot")]
    detail = f"{source.label}, {len(chosen)} of {len(wanted)} branches"
    return Comparison("branch_to_array", detail, ways, [] if source.stand_in else targets, events=events)


def _conversions(events: int) -> Makers:
    """All columns that uproot reads to Parquet, against a script of uproot and Awkward Array."""
    for source in files.toys(events, "zstd-5"):
        if source.kind == "tree":
            yield partial(_conversion, source)


def _is_for_script(name: str, kind: str) -> bool:
    """Whether the script can write a column: no interface object, no text and no group, which look different there."""
    return "." in name and kind != "no values" and "string" not in kind and not kind.startswith("var * {")


def _conversion(source: Source) -> Comparison:
    path = source.find()
    with physlite.open(path) as file:
        names = [c.name for c in file.select() if c.path == c.name and _is_for_script(c.name, c.type)]
        number = file.num_entries
    ways = {
        "physlite": Way("conversions:with_physlite", {"path": path, "names": names}),
        "uproot + ak.to_parquet": Way(
            "conversions:with_script", {"path": path, "name": TREES[source.kind], "names": names}
        ),
    }
    targets = [Target("physlite", "least", 2, "uproot + ak.to_parquet")]
    detail = f"{source.label}, {len(names)} columns"
    return Comparison("Parquet", detail, ways, [] if source.stand_in else targets, events=number)
