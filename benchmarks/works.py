"""What is measured. Each work checks that all ways give the same arrays before it times them."""

from __future__ import annotations

import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import awkward as ak
import uproot

import files
import physlite
from harness import Comparison, measure

__all__ = ["WORKS"]

TREE = "CollectionTree"
COMPRESSIONS = ("zlib-1", "zstd-5")


def open_and_events(events: int, rounds: int) -> Iterator[Comparison]:  # noqa: ARG001  # all works are called alike
    """Opening a file of 1494 branches and building its events, against coffea's events and uproot's tree."""
    path = files.real_file("DAOD_PHYSLITE_collectiontree_only_mc.root")
    ways: dict[str, Callable[[], Any]] = {
        "physlite": lambda: physlite.open(path).events(),
        "uproot tree": lambda: uproot.open(path)[TREE],
    }
    wanted = {("uproot tree", "physlite"): 6.0}
    try:
        from coffea.nanoevents import NanoEventsFactory, PHYSLITESchema
    except ImportError:
        print("coffea is not installed: left out")
    else:

        def coffea_events() -> Any:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                factory = NanoEventsFactory.from_root({str(path): TREE}, schemaclass=PHYSLITESchema, mode="virtual")
                return factory.events()

        ways["coffea events"] = coffea_events
        wanted["coffea events", "physlite"] = 15.0
    yield measure(Comparison("open + events", path.name, wanted=wanted), ways, rounds)


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
        with (
            physlite.open(path, threads=1, cache_bytes=0) as one,
            physlite.open(path, threads=2, cache_bytes=0) as two,
            uproot.open(path, array_cache=None) as opened,
        ):
            tree = opened[TREE]
            for work, names in COLUMNS.items():
                size = sum(one.columns[name].uncompressed_bytes for name in names)
                detail = f"{compression}, {events:,} events, {len(names)} columns, {size / 1e6:.1f} MB, {names[0]}"
                wanted = {("physlite", "physlite, 2 threads"): 1.7}
                if work in WANTED:
                    wanted["uproot", "physlite"] = WANTED[work]
                yield measure(Comparison(work, detail, wanted=wanted), _ways(names, one, two, tree), rounds)


def _ways(names: list[str], one: physlite.File, two: physlite.File, tree: Any) -> dict[str, Callable[[], Any]]:
    ours, theirs = one.arrays(names), {name: tree[name].array() for name in names}
    for name in names:
        assert ak.array_equal(ours[name], theirs[name], dtype_exact=True, check_parameters=False), name
    return {
        "uproot": lambda: [tree[name].array() for name in names],
        "physlite": lambda: one.arrays(names),
        "physlite, 2 threads": lambda: two.arrays(names),
    }


def importing(events: int, rounds: int) -> Iterator[Comparison]:  # noqa: ARG001
    """Importing the package in a new process, against awkward."""

    def run(code: str) -> Callable[[], Any]:
        return lambda: subprocess.run([sys.executable, "-c", code], check=True, cwd=Path.home())

    comparison = Comparison("import", "whole process", wanted={("import awkward", "import physlite"): 1 / 1.15})
    # Naming `open` imports what reading needs; the package alone imports next to nothing.
    ways = {"import physlite": run("import physlite; physlite.open"), "import awkward": run("import awkward")}
    yield measure(comparison, ways, rounds)


WORKS: dict[str, Callable[[int, int], Iterator[Comparison]]] = {
    "open": open_and_events,
    "read": reading,
    "import": importing,
}
