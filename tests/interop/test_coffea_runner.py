"""Processors of coffea: under its own `Runner` with our schema, and under `physlite.run`."""

import awkward as ak
import pytest

import physlite
from support import data

processor = pytest.importorskip("coffea.processor")

from physlite.coffea import PHYSLITESchema  # noqa: E402  # needs coffea

FILESET = {
    "trees": {"treename": "CollectionTree", "files": [data.R21, data.R24]},
    "ntuples": {"treename": "EventData", "files": [data.RNTUPLE]},
}


class Tracks(processor.ProcessorABC):
    """Columns, links, truth, and names of coffea, of chunks of events."""

    def process(self, events):
        electrons = events.Electrons
        return {
            events.metadata["dataset"]: {
                "events": len(events),
                "first": {int(ak.min(events.EventInfo.eventNumber))},
                "pt": float(ak.sum(electrons.pt)),
                "tracks": int(ak.count(electrons.trackParticles.z0)),
                "siblings": int(ak.count(events.TruthElectrons.parents.children.pdgId)),
                "near": int(ak.sum(electrons.metric_table(events.Jets) < 0.4)),
                "terms": float(ak.sum(events.MET_Core_MET.mpx)),
            }
        }

    def postprocess(self, accumulator):
        return accumulator


def fileset():
    return {
        name: each | {"files": [str(data.path_of(file)) for file in each["files"]]} for name, each in FILESET.items()
    }


@pytest.fixture(scope="module")
def expected():
    """By the processor on events of the event model, in chunks of 30 of each file."""
    total = {}
    for name, each in fileset().items():
        parts = []
        for path in each["files"]:
            events = physlite.events(path)
            number = round(len(events) / 30)
            size = -(-len(events) // number)  # as coffea cuts files
            parts += [values(events[i : i + size]) for i in range(0, len(events), size)]
        total[name] = processor.accumulate(parts)
    return total


class Named:
    """Events that have a dataset."""

    def __init__(self, events):
        self.events = events
        self.metadata = {"dataset": ""}

    def __getattr__(self, name):
        return getattr(self.events, name)

    def __len__(self):
        return len(self.events)


def values(events):
    return Tracks().process(Named(events))[""]


def check(found, expected):
    assert found.keys() == expected.keys()
    for name, numbers in expected.items():
        assert found[name] == numbers | {key: pytest.approx(numbers[key]) for key in ("pt", "terms")}


def run(executor, **options):
    runner = processor.Runner(executor=executor, schema=PHYSLITESchema, chunksize=30, **options)
    try:
        return runner(fileset(), processor_instance=Tracks())
    except TypeError:  # coffea 2025.7 wants the name of a tree besides
        return runner(fileset(), "CollectionTree", Tracks())


def test_the_iterative_executor(expected):
    found, metrics = run(processor.IterativeExecutor(status=False), savemetrics=True)
    check(found, expected)
    assert metrics["entries"] == 190
    assert metrics["chunks"] > len(fileset())
    read = {column.removesuffix("-data").replace(":", ".") for column in metrics["columns"]}
    assert {"AnalysisElectronsAuxDyn.pt", "GSFTrackParticlesAuxDyn.z0", "TruthTopAuxDyn.pdgId"} <= read
    assert "AnalysisElectronsAuxDyn.m" not in read


def test_processes(expected):
    check(run(processor.FuturesExecutor(workers=2, status=False)), expected)


@pytest.mark.slow
def test_a_cluster(expected):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        check(run(processor.DaskExecutor(client=client, status=False)), expected)


@pytest.mark.parametrize("workers", [0, 2])
def test_physlite_runs_processors(workers, expected):
    """With the names of coffea, which go along to other processes."""
    datasets = {name: each["files"] for name, each in fileset().items()}
    found = physlite.run(Tracks(), datasets, workers=workers, chunk_size=1000, progress=False).value
    check(found, {name: numbers | {"first": found[name]["first"]} for name, numbers in expected.items()})


class Names(processor.ProcessorABC):
    """What coffea says of a chunk, as a set of one."""

    def process(self, events):
        told = events.metadata
        names = ("filename", "treename", "entrystart", "entrystop", "fileuuid")
        return {events.metadata["dataset"]: {tuple(str(told[name]) for name in names)}}

    def postprocess(self, accumulator):
        return accumulator


def test_names_of_metadata():
    """Those of coffea are there in both, and are the same; UUIDs are there as texts."""
    runner = processor.Runner(
        executor=processor.IterativeExecutor(status=False), schema=PHYSLITESchema, chunksize=10_000, savemetrics=False
    )
    theirs = runner(fileset(), Names())
    ours = physlite.run(Names(), fileset(), workers=0, chunk_size=10_000, progress=False).value
    assert ours == theirs
