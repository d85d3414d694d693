"""What is measured. Each work checks that all ways give the same arrays before it times them."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import awkward as ak
import uproot

import files
import physlite
from decompression import decompress
from harness import Comparison, Way, Work, measure
from physlite.model.links import LinkTable
from physlite.model.naming import ColumnNames

__all__ = ["WORKS"]

TREE = "CollectionTree"
COMPRESSIONS = ("zlib-1", "zstd-5")


def open_and_events(events: int, rounds: int) -> Iterator[Comparison]:  # noqa: ARG001  # all works are called alike
    """Opening a file of 1494 branches and building its events, against coffea's events and uproot's tree."""
    path = files.real_file("DAOD_PHYSLITE_collectiontree_only_mc.root")
    ways: dict[str, Way] = {"physlite": partial(_physlite_open, path), "uproot tree": partial(_uproot_open, path)}
    wanted = {("uproot tree", "physlite"): 6.0}
    if find_spec("coffea") is None:
        print("coffea is not installed: left out")
    else:
        ways["coffea events"] = partial(_coffea_open, path)
        wanted["coffea events", "physlite"] = 15.0
    yield measure(Comparison("open + events", path.name, wanted=wanted), ways, rounds)


def _physlite_open(path: Path) -> Callable[[], Any]:
    return lambda: physlite.open(path).events()


def _uproot_open(path: Path) -> Callable[[], Any]:
    return lambda: uproot.open(path)[TREE]


def _coffea_open(path: Path) -> Callable[[], Any]:
    from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema

    def events() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return NanoEventsFactory.from_root({str(path): TREE}, schemaclass=PHYSLITESchema, mode="virtual").events()

    return events


# Columns of the public 200 Gbps exercise (iris-hep/idap-200gbps-atlas), among others. The energies per calorimeter
# layer are numbers that hardly compress: reading them is decompression and little else, for whoever reads.
COLUMNS = {
    "ten floats": [
        f"AnalysisJetsAuxDyn.{name}"
        for name in (
            "pt", "eta", "phi", "m", "JetConstitScaleMomentum_pt", "JetConstitScaleMomentum_eta",
            "JetConstitScaleMomentum_phi", "JetConstitScaleMomentum_m", "DetectorEta", "Width",
        )
    ],
    "nested": ["AnalysisJetsAuxDyn.SumPtTrkPt500"],
    "nested, incompressible": ["AnalysisJetsAuxDyn.EnergyPerSampling"],
    "links": ["AnalysisJetsAuxDyn.GhostTrack"],
    "links, most lists empty": ["PrimaryVerticesAuxDyn.trackParticleLinks"],
}  # fmt: skip
WANTED = {"ten floats": 2.5, "nested": 4.0, "links": 7.0}


def reading(events: int, rounds: int) -> Iterator[Comparison]:
    """Reading columns of an opened file, against uproot's Branch.array, one thread; and two threads against one."""
    for compression in COMPRESSIONS:
        path = files.toy_file(events, compression)
        for work, names in COLUMNS.items():
            size = _check_columns(path, names, uproot.open(path)[TREE])
            detail = f"{compression}, {events:,} events, {len(names)} columns, {size / 1e6:.1f} MB, {names[0]}"
            wanted = {("physlite", "physlite, 2 threads"): 1.7}
            if work in WANTED:
                wanted["uproot", "physlite"] = WANTED[work]
            ways: dict[str, Way] = {
                "uproot": partial(_uproot_read, path, names),
                "physlite": partial(_physlite_read, path, names, 1),
                "physlite, 2 threads": partial(_physlite_read, path, names, 2),
            }
            yield measure(Comparison(work, detail, wanted=wanted), ways, rounds)


def _check_columns(path: Path, names: list[str], theirs: Any) -> int:
    """Compares the arrays; returns the columns' size in the file, in bytes before compression."""
    with physlite.open(path) as ours:
        arrays = ours.arrays(names)
        for name in names:
            expected = theirs[name].array()
            while expected.fields == [":_0"]:  # a base class, whose members are ours
                expected = expected[":_0"]
            assert ak.array_equal(arrays[name], expected, dtype_exact=True, check_parameters=False), name
        return sum(ours.columns[name].uncompressed_bytes for name in names)


def _uproot_read(path: Path, names: list[str]) -> Callable[[], Any]:
    tree = uproot.open(path, array_cache=None)[TREE]
    return lambda: [tree[name].array() for name in names]


def _physlite_read(path: Path, names: list[str], threads: int) -> Callable[[], Any]:
    file = physlite.open(path, threads=threads, cache_bytes=0)
    return lambda: file.arrays(names)


# A production file has about as many events.
LINKED_EVENTS = 5
TRACK_COLUMNS = ["AnalysisElectronsAuxDyn.trackParticleLinks", "GSFTrackParticlesAuxDyn.z0"]


def following(events: int, rounds: int) -> Iterator[Comparison]:
    """Following links, against reading the columns that it needs, and against coffea where that can do it."""
    path = files.toy_file(LINKED_EVENTS * events, "zstd-5")
    detail = f"zstd-5, {LINKED_EVENTS * events:,} events"
    for threads in (1, 2):
        followed = f"followed, {threads} thread" + "s" * (threads > 1)
        ways: dict[str, Way] = {
            "both columns": partial(_physlite_read, path, TRACK_COLUMNS, threads),
            followed: partial(_physlite_follow, path, _track_z0, threads),
        }
        # What is not decoding, about 2 ms, runs on one thread: on two it is a larger part, to which no target is set.
        wanted = {("both columns", followed): 1 / 1.5} if threads == 1 else {}
        if threads == 1 and find_spec("coffea") is not None:
            ways["coffea"] = partial(_coffea_follow, path, _track_z0)
        yield measure(Comparison("Electrons.trackParticles.z0", detail, wanted=wanted), ways, rounds)
    # coffea 2026.9 raises for truth particles.
    ways = {"physlite": partial(_physlite_follow, path, _truth_chain, 1)}
    yield measure(Comparison("TruthElectrons.parents.children.pdgId", detail), ways, rounds)
    real = files.real_file("DAOD_PHYSLITE_collectiontree_only_mc.root")
    ways = {"link table": partial(_link_table, real)}
    with physlite.open(real) as file:
        detail = f"{real.name}, {len(file.links)} link fields"
    yield measure(Comparison("link table", detail, limits={"link table": 0.005}), ways, rounds)


def _track_z0(events: Any) -> Any:
    return ak.materialize(events.Electrons.trackParticles.z0)


def _truth_chain(events: Any) -> Any:
    return events.TruthElectrons.parents.children.pdgId


def _physlite_follow(path: Path, expression: Callable[[Any], Any], threads: int) -> Work:
    file = physlite.open(path, threads=threads, cache_bytes=0)
    return Work(file.events, expression)


def _coffea_follow(path: Path, expression: Callable[[Any], Any]) -> Work:
    return Work(_coffea_open(path), expression)


def _link_table(path: Path) -> Work:
    file = physlite.open(path)
    columns = [ColumnNames(c.name, c.type_name, c.encoding, c.members) for c in file.manifest.columns]
    return Work(lambda: None, lambda _: LinkTable(columns, file.collections))


# As COLUMNS, but all different: an RNTuple stores equal pages once, and the toy's jets have the same directions at each
# scale.
NTUPLE_COLUMNS = {
    "ten floats": [
        f"AnalysisJetsAuxDyn:{name}"
        for name in (
            "pt", "eta", "phi", "m", "JetConstitScaleMomentum_pt", "JetConstitScaleMomentum_m", "EMFrac", "Width",
            "Timing", "Jvt",
        )
    ],
    "nested": ["AnalysisJetsAuxDyn:SumPtTrkPt500"],
    "links": ["AnalysisJetsAuxDyn:GhostTrack"],
}  # fmt: skip
LOOPS = {"ten floats": "floats", "nested": "nested", "links": "links"}


def ntuples(events: int, rounds: int) -> Iterator[Comparison]:
    """RNTuples: opening, against uproot; and reading, against uproot, RDataFrame and decompression alone."""
    path = files.real_file("DAOD_PHYSLITE_rntuple_v1_mc.root")
    ways: dict[str, Way] = {"physlite": partial(_physlite_open, path), "uproot keys": partial(_uproot_keys, path)}
    wanted = {("uproot keys", "physlite"): 100.0}
    # Each of uproot's runs takes seconds.
    yield measure(Comparison("open + events, RNTuple", path.name, wanted=wanted), ways, min(rounds, 3))
    for compression in COMPRESSIONS:
        path = files.toy_file(events, compression, ntuple=True)
        for work, names in NTUPLE_COLUMNS.items():
            size = _check_columns(path, names, uproot.open(path)["EventData"])
            detail = f"{compression}, {events:,} events, {len(names)} columns, {size / 1e6:.1f} MB, {names[0]}"
            ways = {
                "uproot": partial(_uproot_arrays, path, names),
                "RDataFrame": partial(_rdataframe, path, LOOPS[work], names),
                "decompression": partial(decompress, path, names),
                "physlite": partial(_physlite_read, path, names, 1),
                "physlite, 2 threads": partial(_physlite_read, path, names, 2),
            }
            wanted = {
                ("uproot", "physlite"): 3.0,
                ("RDataFrame", "physlite"): 1.5,
                ("decompression", "physlite"): 1 / 1.3,
            }
            yield measure(Comparison(f"{work}, RNTuple", detail, wanted=wanted), ways, rounds)


def _uproot_keys(path: Path) -> Callable[[], Any]:
    def keys() -> Any:
        return uproot.open(path)["EventData"].keys()  # from the file, each time

    return keys


def _uproot_arrays(path: Path, names: list[str]) -> Callable[[], Any]:
    ntuple = uproot.open(path, array_cache=None)["EventData"]
    return lambda: ntuple.arrays(names)


def _rdataframe(path: Path, loop: str, names: list[str]) -> Callable[[], Any]:
    if loop == "links":
        names = [f"{name}.:_0.{member}" for name in names for member in ("m_persKey", "m_persIndex")]
    script = str(Path(__file__).with_name("rdataframe.py"))
    process = subprocess.Popen(  # ends with this one, whose pipe it reads
        [files.root_python(), script, str(files.KEPT / "root"), str(path), loop, *names],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    ask, answer = process.stdin, process.stdout

    def run() -> int:
        ask.write("\n")
        ask.flush()
        return int(answer.readline())

    return run


def importing(events: int, rounds: int) -> Iterator[Comparison]:  # noqa: ARG001
    """Importing the package in a new process, against awkward."""
    comparison = Comparison("import", "whole process", wanted={("import awkward", "import physlite"): 1 / 1.15})
    # Naming `open` imports what reading needs; the package alone imports next to nothing.
    ways: dict[str, Way] = {
        "import physlite": partial(_new_process, "import physlite; physlite.open"),
        "import awkward": partial(_new_process, "import awkward"),
    }
    yield measure(comparison, ways, rounds)


def _new_process(code: str) -> Callable[[], Any]:
    return lambda: subprocess.run([sys.executable, "-c", code], check=True, cwd=Path.home())


WORKS: dict[str, Callable[[int, int], Iterator[Comparison]]] = {
    "open": open_and_events,
    "read": reading,
    "links": following,
    "ntuples": ntuples,
    "import": importing,
}
