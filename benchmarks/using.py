"""Opening files, following links, and whole analyses."""

from __future__ import annotations

import sys
from functools import partial

import columns
import files
import peers
import physlite
from checks import check_analysis
from files import TREES, Source
from harness import Comparison, Target, Way
from peers import THREADS, threaded
from reading import Makers

__all__ = ["analysis", "cold_start", "following", "opening", "search", "small_files"]


def opening(_: int) -> Makers:
    """Opening a file and making its events, against uproot's listing of the fields and coffea's events."""
    tree = files.real("DAOD_PHYSLITE_collectiontree_only_mc.root", "tree")
    # The peers keep what they have made of the classes in a file; of an RNTuple, which has none, they keep nothing.
    yield partial(_opening, tree, [Target(_NEXT, "least", 8, "uproot"), Target(_NEXT, "least", 20, "coffea")])
    ntuple = files.real("DAOD_PHYSLITE_rntuple_v1_mc.root", "ntuple")
    yield partial(_opening, ntuple, [Target("physlite", "least", 100, "uproot")])


_NEXT = "physlite, next of its kind"


def _opening(source: Source, targets: list[Target]) -> Comparison:
    path = source.find()
    ways = {
        "physlite": Way("ours:open_events", {"path": path, "first": True}),
        _NEXT: Way("ours:open_events", {"path": path, "first": False}),
        "uproot": Way("theirs:uproot_keys", {"path": path, "name": TREES[source.kind], "recursive": True}),
    } | peers.coffea("coffea_open", source)
    if source.kind == "ntuple":  # nearly all the time is that of the fields' members
        arguments = {"path": path, "name": TREES["ntuple"], "recursive": False}
        ways["uproot, top level"] = Way("theirs:uproot_keys", arguments)
    with physlite.open(path) as file:
        detail = f"{source.label}, {len(file.columns)} columns"
    return Comparison("open + events", detail, ways, [] if source.stand_in else targets)


# A production file has about as many events.
_LINKED = 5


def following(events: int) -> Makers:
    """Following links, against reading the columns that it needs, and against coffea where that can do it."""
    source = next(files.toys(_LINKED * events, "zstd-5"))
    yield partial(_tracks, source)
    yield partial(_truth, source)
    yield partial(_link_table, files.real("DAOD_PHYSLITE_collectiontree_only_mc.root", "tree"))


def _tracks(source: Source) -> Comparison:
    path = source.find()
    ways = {"both columns": Way("ours:read_for_following", {"path": path, "names": columns.TRACK_COLUMNS})}
    for threads in THREADS:
        arguments = {"path": path, "name": "track z0", "threads": threads}
        ways[threaded("physlite", threads)] = Way("ours:follow", arguments)
    ways |= peers.coffea("coffea_follow", source, links="track z0")
    targets = [Target("physlite", "most", 1.5, "both columns")]
    detail = f"Electrons.trackParticles.z0, {source.label}"
    return Comparison("links followed", detail, ways, [] if source.stand_in else targets)


def _truth(source: Source) -> Comparison:
    # coffea 2026.9 raises for truth particles.
    ways = {"physlite": Way("ours:follow", {"path": source.find(), "name": "truth", "threads": 1})}
    return Comparison("links followed", f"TruthElectrons.parents.children.pdgId, {source.label}", ways)


def _link_table(source: Source) -> Comparison:
    path = source.find()
    with physlite.open(path) as file:
        detail = f"{source.label}, {len(file.links)} link fields"
    targets = [Target("physlite", "most", 0.005)]
    ways = {"physlite": Way("ours:link_table", {"path": path})}
    return Comparison("link table", detail, ways, [] if source.stand_in else targets)


def analysis(events: int) -> Makers:
    """The selection of Z bosons, from an opened file to masses, one thread."""
    for source in files.toys(events, "zstd-5"):
        yield partial(_analysis, source)


def _analysis(source: Source) -> Comparison:
    path = source.find()
    coffea = peers.coffea("coffea_analysis", source)
    if coffea:
        check_analysis(path)
    with physlite.open(path) as file:
        events = file.num_entries
    ways = {"physlite": Way("ours:analysis", {"path": path})} | coffea
    return Comparison("analysis", source.label, ways, events=events)


# Events a second, of one core.
_SEARCHED = 20_000


def search(events: int) -> Makers:
    """The selection of `examples/susy`, from an opened file to counts, one thread."""
    for source in files.toys(events, "zstd-5"):
        if not source.stand_in:  # the packaged sample does not have all columns
            yield partial(_search, source)


def _search(source: Source) -> Comparison:
    path = source.find()
    with physlite.open(path) as file:
        events = file.num_entries
    ways = {"physlite": Way("ours:search", {"path": path})}
    targets = [Target("physlite", "most", events / _SEARCHED)]
    return Comparison("search", source.label, ways, targets, events=events)


# To the first histogram of electron pt, as one would write it; one thread each.
_COLD = {
    "physlite": """
import sys, awkward as ak, hist, physlite
events = physlite.events(sys.argv[1], threads=1)
h = hist.Hist.new.Reg(50, 0, 100, name="pt").Double().fill(ak.flatten(events.Electrons.pt) / 1000)
print(h.sum(flow=True))
""",
    "uproot + awkward": """
import sys, awkward as ak, hist, uproot
pt = uproot.open(sys.argv[1])["CollectionTree"]["AnalysisElectronsAuxDyn.pt"].array()
h = hist.Hist.new.Reg(50, 0, 100, name="pt").Double().fill(ak.flatten(pt) / 1000)
print(h.sum(flow=True))
""",
}


def cold_start(_: int) -> Makers:
    """A new process, to its first histogram of electron pt; and importing alone."""
    yield partial(_cold, files.real("DAOD_PHYSLITE_24.0.2_mc.root", "tree"))
    yield partial(_import)


def _cold(source: Source) -> Comparison:
    path = source.find()
    ways = {who: Way("processes:run", {"command": [sys.executable, "-c", code, path]}) for who, code in _COLD.items()}
    targets = [Target("physlite", "least", 1.3, "uproot + awkward")]
    return Comparison("cold start", f"first histogram, {source.label}", ways, [] if source.stand_in else targets)


def _import() -> Comparison:
    # Naming `open` imports what reading needs; the package alone imports next to nothing.
    lines = {"import physlite": "import physlite; physlite.open", "import awkward": "import awkward"}
    ways = {who: Way("processes:run", {"command": [sys.executable, "-c", code]}) for who, code in lines.items()}
    return Comparison("import", "whole process", ways, [Target("import physlite", "most", 1.15, "import awkward")])


_SMALL_FILES = 10  # uproot takes 0.1 s for each
_SMALL_EVENTS = 100
_SMALL_COLUMNS = [f"AnalysisElectronsAuxDyn.{name}" for name in ("pt", "eta", "phi")]


def small_files(_: int) -> Makers:
    """Many small files, three columns of each."""
    yield partial(_small_files)


def _small_files() -> Comparison:
    paths = files.small_files(_SMALL_FILES, _SMALL_EVENTS)
    with physlite.open(paths[0]) as file:
        events = file.num_entries
    arguments = {"paths": paths, "names": _SMALL_COLUMNS}
    ways = {
        "physlite": Way("ours:many_files", arguments),
        "uproot": Way("theirs:uproot_many_files", arguments | {"name": TREES["tree"]}),
    }
    detail = f"{len(paths)} files of {events} events, {len(_SMALL_COLUMNS)} columns"
    targets = [Target("physlite", "least", 6, "uproot")] if events == _SMALL_EVENTS else []
    return Comparison("many small files", detail, ways, targets, events=len(paths) * events)
