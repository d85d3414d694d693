"""What is measured. Each work compares the arrays of all ways that make some before it times them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import awkward as ak
import numpy as np
import uproot

import columns
import files
import ours
import physlite
import theirs
from files import TREES
from harness import Comparison, Target, Way, measure, measure_memory

__all__ = ["WORKS", "Options"]


@dataclass(frozen=True)
class Options:
    """What the user chooses: events of the toy files, rounds, and compressions where a work has several."""

    events: int
    rounds: int
    compressions: tuple[str, ...] = ()

    def chosen(self, *default: str) -> tuple[str, ...]:
        """The compressions to measure."""
        return self.compressions or default


# -------------------------------------------------------------------------------------------------------------- opening


def opening(options: Options) -> Iterator[Comparison]:
    """Opening a file and making its events, against uproot's listing of the fields and coffea's events."""
    path = files.real_file("DAOD_PHYSLITE_collectiontree_only_mc.root")
    ways = {"physlite": Way("ours:open_events", {"path": path})}
    ways["uproot"] = Way("theirs:uproot_keys", {"path": path, "name": TREES["tree"]})
    targets = [Target("physlite", "uproot", faster=8)]
    if _coffea():
        ways["coffea"] = Way("theirs:coffea_open", {"path": path, "name": TREES["tree"]})
        targets.append(Target("physlite", "coffea", faster=20))
    detail = f"tree of 1494 branches, {Path(path).name}"
    yield measure(Comparison("open + events", detail, targets), ways, options.rounds)
    path = files.real_file("DAOD_PHYSLITE_rntuple_v1_mc.root")
    ways = {
        "physlite": Way("ours:open_events", {"path": path}),
        "uproot": Way("theirs:uproot_keys", {"path": path, "name": TREES["ntuple"]}),
    }
    comparison = Comparison("open + events", f"ntuple, {Path(path).name}", [Target("physlite", "uproot", faster=100)])
    yield measure(comparison, ways, options.rounds)


def _coffea() -> bool:
    if find_spec("coffea") is None:
        print("coffea is not installed: left out")
        return False
    return True


# -------------------------------------------------------------------------------------------------------------- reading

THREADS = (1, 2)

_Faster = dict[str, dict[str, float]]  # kind of file and peer to how many times faster


def floats(options: Options) -> Iterator[Comparison]:
    """Ten columns of floats."""
    faster = {"tree": {"uproot": 3, "RDataFrame": 2.5}, "ntuple": {"uproot": 3, "RDataFrame": 1.5}}
    return _reading("ten floats", columns.FLOATS, options, faster)


def nested(options: Options) -> Iterator[Comparison]:
    """A list of lists."""
    faster = {"tree": {"uproot": 4, "RDataFrame": 2.5}, "ntuple": {"uproot": 3, "RDataFrame": 1.5}}
    return _reading("nested", columns.NESTED, options, faster)


def links(options: Options) -> Iterator[Comparison]:
    """A list of lists of links."""
    faster = {"tree": {"uproot": 8}, "ntuple": {"uproot": 3, "RDataFrame": 1.5}}
    return _reading("links", columns.LINKS, options, faster)


def _reading(work: str, names: list[str], options: Options, faster: _Faster) -> Iterator[Comparison]:
    """Reading columns of an opened file, against uproot, RDataFrame and decompression alone."""
    for kind, path, detail in _toy_files(options, options.chosen("zlib-1", "zstd-5")):
        read = _as_in(kind, names)
        size = _check_columns(path, kind, read)
        ways = {"uproot": Way("theirs:uproot_read", {"path": path, "name": TREES[kind], "names": read})}
        if types := _cpp_types(path, read, kind):
            ways["RDataFrame"] = _rdataframe(path, kind, types, 1)
        targets = [Target("physlite", who, faster=least) for who, least in faster[kind].items()]
        if kind == "ntuple":
            targets.append(Target("physlite", "decompression", within=1.3))
        yield measure(
            Comparison(work, f"{detail}, {size / 1e6:.1f} MB", targets, limit="decompression"),
            ways | _limit_and_ours(path, read),
            options.rounds,
        )


def list15(options: Options) -> Iterator[Comparison]:
    """The 45 columns of the 200 Gbps exercise, against whatever uproot, coffea and RDataFrame have to be fast."""
    for kind, path, detail in _toy_files(options, options.chosen("zlib-1", "zstd-5")):
        names = _as_in(kind, columns.LIST15)
        size = _check_columns(path, kind, names)
        ways = {"uproot": Way("theirs:uproot_read", {"path": path, "name": TREES[kind], "names": names})}
        for threads in THREADS:
            ways[_threaded("uproot fastest", threads)] = _uproot_fastest(path, kind, names, threads)
        if kind == "tree" and _coffea():  # which fails on RNTuples
            fields = [name.split(".") for name in columns.LIST15]
            fields = [(c.removeprefix("Analysis").removesuffix("AuxDyn"), f) for c, f in fields]
            ways["coffea"] = Way("theirs:coffea_read", {"path": path, "name": TREES[kind], "fields": fields})
        types = _cpp_types(path, names, kind)
        for threads in THREADS:
            ways[_threaded("RDataFrame", threads)] = _rdataframe(path, kind, types, threads)
        yield measure(
            Comparison(
                "list15",
                f"{detail}, {size / 1e6:.1f} MB",
                _against_fastest(),
                limit="decompression",
                events=options.events,
            ),
            ways | _limit_and_ours(path, names),
            options.rounds,
        )


def everything(options: Options) -> Iterator[Comparison]:
    """All columns, against uproot's fastest and decompression alone."""
    for compression in options.chosen("zlib-1", "zstd-5", "lzma-1", "lz4-4"):
        events = _everything_events(options, compression)
        for kind, path, detail in _toy_files(Options(events, options.rounds), [compression]):
            names = _all_columns(path, kind)
            size = _check_columns(path, kind, names)
            ways = {
                _threaded("uproot fastest", threads): _uproot_fastest(path, kind, names, threads) for threads in THREADS
            }
            within = {"lzma-1": 1.1, "zlib-1": 1.5, "zstd-5": 1.5}.get(compression)
            targets = _against_fastest()
            targets += [
                Target(_threaded("physlite", n), _threaded("decompression", n), within=within)
                for n in THREADS
                if within is not None
            ]
            targets.append(Target("physlite, 2 threads", "physlite", faster=1.8))
            amount = f"{len(names)} columns, {size / 1e6:.1f} MB"
            yield measure(
                Comparison("everything", f"{detail}, {amount}", targets, limit="decompression"),
                ways | _limit_and_ours(path, names),
                options.rounds,
            )


def _everything_events(options: Options, compression: str) -> int:
    """Fewer, which tell as much: LZMA takes seconds, and to LZ4 no target is set."""
    return options.events // 2 if compression.startswith("z") else options.events // 5


def _toy_files(options: Options, compressions: tuple[str, ...] | list[str]) -> Iterator[tuple[str, str, str]]:
    """Kind, path and a description of each toy file."""
    for kind in TREES:
        for compression in compressions:
            path = files.toy_file(options.events, compression, kind)
            yield kind, path, f"{kind}, {compression}, {options.events:,} events"


def _as_in(kind: str, names: list[str]) -> list[str]:
    return [columns.in_ntuple(name) for name in names] if kind == "ntuple" else names


def _threaded(who: str, threads: int) -> str:
    return who if threads == 1 else f"{who}, {threads} threads"


def _limit_and_ours(path: str, names: list[str]) -> dict[str, Way]:
    arguments: dict[str, Any] = {"path": path, "names": names}
    return {
        _threaded(who, threads): Way(function, arguments | {"threads": threads})
        for threads in THREADS
        for who, function in (("decompression", "limit:decompress"), ("physlite", "ours:read"))
    }


def _uproot_fastest(path: str, kind: str, names: list[str], threads: int) -> Way:
    return Way("theirs:uproot_fastest", {"path": path, "name": TREES[kind], "names": names, "threads": threads})


def _against_fastest() -> list[Target]:
    return [Target(_threaded("physlite", n), _threaded("uproot fastest", n), faster=2) for n in THREADS]


def _rdataframe(path: str, kind: str, types: dict[str, str], threads: int) -> Way:
    with physlite.open(path) as file:
        # Of links, keys and indices are columns of their own.
        arrays = [file.array(name.partition(".:_0.")[0]) for name in types]
    elements = sum(int(ak.count(array[array.fields[0]] if array.fields else array, axis=None)) for array in arrays)
    arguments = {"path": path, "name": TREES[kind], "columns": types, "elements": elements, "threads": threads}
    build = str(files.KEPT / f"loops-{threads}")  # apart: both are compiled at a time
    return Way("rdataframe:read", arguments | {"build": build}, files.root_python())


def _cpp_types(path: str, names: list[str], kind: str) -> dict[str, str]:
    """Columns and C++ types for RDataFrame; none where it would need a dictionary of classes."""
    found = {}
    with physlite.open(path) as file:
        for name in names:
            encoding = _ENCODING.fullmatch(file.manifest.columns[file.manifest.index[name]].encoding)
            assert encoding
            lists, item = encoding.groups()
            if item in _CPP:
                found[name] = _cpp_type(len(lists), _CPP[item], kind)
            elif kind == "ntuple":
                links = _cpp_type(len(lists), _CPP["u4"], kind)
                found |= {f"{name}.:_0.{member}": links for member in ("m_persKey", "m_persIndex")}
    return found


_ENCODING = re.compile(r"(?:\d+\|)?(\**)(.*)")  # such as 6|**f4
_CPP = {"f4": "float", "i4": "int", "u4": "unsigned int"}


def _cpp_type(depth: int, item: str, kind: str) -> str:
    if kind == "tree" and depth > 1:  # what a tree has lists of lists as
        return "std::vector<" * depth + item + ">" * depth
    return "ROOT::RVec<" * depth + item + ">" * depth


def _all_columns(path: str, kind: str) -> list[str]:
    """The columns that physlite decodes itself and that uproot reads by their names, which are nearly all."""
    source = uproot.open(path)[TREES[kind]]
    with physlite.open(path) as file:
        decoded = [c for c in file.manifest.named if c.encoding and not c.problem]
    # Of objects that hold nothing there is only the number.
    return [c.name for c in decoded if c.encoding != "n" and _is_readable(source, c.name)]


def _is_readable(source: Any, name: str) -> bool:
    try:
        return name in source.arrays([name], entry_stop=1).fields
    except (ValueError, NotImplementedError, uproot.interpretation.identify.UnknownInterpretation):
        return False


def _check_columns(path: str, kind: str, names: list[str]) -> int:
    """Compares the arrays with uproot's; returns the columns' size in the file, in bytes before compression."""
    source = uproot.open(path)[TREES[kind]]
    with physlite.open(path) as file:
        arrays = file.arrays(names)
        for name in names:
            expected = source[name].array() if kind == "tree" else source.arrays([name])[name]
            while expected.fields == [":_0"]:  # a base class, whose members are ours
                expected = expected[":_0"]
            ours_ = arrays[name]
            if kind == "tree" and expected.fields and expected.fields[0].startswith(name):  # members that ROOT split
                ours_ = ak.zip({f"{name}.{member}": ours_[member] for member in ours_.fields}, depth_limit=1)
            # In an ntuple uproot takes char for unsigned.
            assert ak.array_equal(ours_, expected, dtype_exact=kind == "tree", check_parameters=False), name
        return sum(file.columns[name].uncompressed_bytes for name in names)


# ------------------------------------------------------------------------------------------------------- links followed

# A production file has about as many events.
LINKED_EVENTS = 5


def following(options: Options) -> Iterator[Comparison]:
    """Following links, against reading the columns that it needs, and against coffea where that can do it."""
    events = LINKED_EVENTS * options.events
    path = files.toy_file(events, "zstd-5", "tree")
    detail = f"tree, zstd-5, {events:,} events"
    ways = {"both columns": Way("ours:read", {"path": path, "names": columns.TRACK_COLUMNS, "threads": 1})}
    for threads in THREADS:
        arguments = {"path": path, "chain": "track z0", "threads": threads}
        ways[_threaded("physlite", threads)] = Way("ours:follow", arguments)
    if _coffea():
        arguments = {"path": path, "name": TREES["tree"], "chain": "track z0"}
        ways["coffea"] = Way("theirs:coffea_follow", arguments)
    comparison = Comparison(
        "links followed", f"Electrons.trackParticles.z0, {detail}", [Target("physlite", "both columns", within=1.5)]
    )
    yield measure(comparison, ways, options.rounds)
    # coffea 2026.9 raises for truth particles.
    ways = {"physlite": Way("ours:follow", {"path": path, "chain": "truth", "threads": 1})}
    yield measure(
        Comparison("links followed", f"TruthElectrons.parents.children.pdgId, {detail}"), ways, options.rounds
    )
    real = files.real_file("DAOD_PHYSLITE_collectiontree_only_mc.root")
    with physlite.open(real) as file:
        comparison = Comparison("link table", f"{Path(real).name}, {len(file.links)} link fields")
    comparison.most["physlite"] = 0.005
    yield measure(comparison, {"physlite": Way("ours:link_table", {"path": real})}, options.rounds)


# ------------------------------------------------------------------------------------------------------- whole analyses


def analysis(options: Options) -> Iterator[Comparison]:
    """The selection of Z bosons, from an opened file to masses, one thread."""
    for compression in options.chosen("zstd-5"):
        for kind, path, detail in _toy_files(options, [compression]):
            ways = {"physlite": Way("ours:analysis", {"path": path})}
            if kind == "tree" and _coffea():
                ways["coffea"] = Way("theirs:coffea_analysis", {"path": path, "name": TREES[kind]})
                _check_analysis(path)
            yield measure(Comparison("analysis", detail, events=options.events), ways, options.rounds)


def _check_analysis(path: str) -> None:
    works = (ours.analysis(path), theirs.coffea_analysis(path, TREES["tree"]))
    for channels in zip(*(work.run(work.prepare()) for work in works), strict=True):
        first, second = channels
        assert first.cutflow == second.cutflow
        assert np.allclose(first.mass, second.mass, rtol=1e-4)  # coffea computes with single precision


# To the first histogram of electron pt, as one would write it.
_COLD = {
    "physlite": """
import sys, awkward as ak, hist, physlite
events = physlite.events(sys.argv[1])
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


def cold_start(options: Options) -> Iterator[Comparison]:
    """A new process, to its first histogram of electron pt."""
    path = files.real_file("DAOD_PHYSLITE_24.0.2_mc.root")
    ways = {who: Way("processes:run", {"command": [sys.executable, "-c", code, path]}) for who, code in _COLD.items()}
    target = Target("physlite", "uproot + awkward", faster=1.3)
    yield measure(Comparison("cold start", f"first histogram, {Path(path).name}", [target]), ways, options.rounds)
    # Naming `open` imports what reading needs; the package alone imports next to nothing.
    lines = {"import physlite": "import physlite; physlite.open", "import awkward": "import awkward"}
    ways = {who: Way("processes:run", {"command": [sys.executable, "-c", code]}) for who, code in lines.items()}
    target = Target("import physlite", "import awkward", within=1.15)
    yield measure(Comparison("import", "whole process", [target]), ways, options.rounds)


SMALL_FILES = 200
SMALL_EVENTS = 100
SMALL_COLUMNS = [f"AnalysisElectronsAuxDyn.{name}" for name in ("pt", "eta", "phi")]


def small_files(options: Options) -> Iterator[Comparison]:
    """Many small files, three columns of each."""
    paths = files.small_files(SMALL_FILES, SMALL_EVENTS)
    arguments = {"paths": paths, "names": SMALL_COLUMNS}
    ways = {
        "physlite": Way("ours:many_files", arguments),
        "uproot": Way("theirs:uproot_many_files", arguments | {"name": TREES["tree"]}),
    }
    detail = f"{SMALL_FILES} files of {SMALL_EVENTS} events, {len(SMALL_COLUMNS)} columns"
    comparison = Comparison(
        "many small files", detail, [Target("physlite", "uproot", faster=6)], events=SMALL_FILES * SMALL_EVENTS
    )
    yield measure(comparison, ways, min(options.rounds, 3))  # uproot takes 20 s for each


def memory(options: Options) -> Iterator[Comparison]:
    """The peak of memory while all columns are read, against the arrays."""
    rounds = min(options.rounds, 3)  # they differ by a percent
    for kind, path, detail in _toy_files(options, options.chosen("zstd-5")):
        names = _all_columns(path, kind)
        with physlite.open(path) as file:
            arrays = file.arrays(names).nbytes
        ways = {"uproot fastest": _uproot_fastest(path, kind, names, 1)}
        for threads in THREADS:
            ways[_threaded("physlite", threads)] = Way("ours:read", {"path": path, "names": names, "threads": threads})
        comparison = Comparison("memory", f"everything, {detail}", limit="arrays", unit="B")
        comparison.figures["arrays"] = [arrays] * rounds
        comparison.targets = [Target(_threaded("physlite", n), "arrays", within=1.4) for n in THREADS]
        yield measure_memory(comparison, ways, rounds)


WORKS: dict[str, Callable[[Options], Iterator[Comparison]]] = {
    "open": opening,
    "floats": floats,
    "nested": nested,
    "links": links,
    "list15": list15,
    "everything": everything,
    "follow": following,
    "analysis": analysis,
    "cold": cold_start,
    "small": small_files,
    "memory": memory,
}
