"""Variations in a run over files: the same bits in chunks, processes and on a cluster, and columns are learned."""

import awkward as ak
import distributed
import hist
import numpy as np
import pytest

import physlite
from physlite.analysis import band, rescaled, variation_names, variations
from physlite.units import GeV
from support.toy_files import CLUSTERS, ENTRIES, toy_files

FILES = 2
OBJECTS = {
    "EG_SCALE__1up": {"Electrons": lambda electrons: rescaled(electrons, 1.01)},
    "EG_SCALE__1down": {"Electrons": lambda electrons: rescaled(electrons, 0.99)},
    "MUONS__1up": lambda events: {"Muons": {"pt": events.Muons.pt + 300}},
}
WEIGHTS = {
    "generator": lambda events: events.EventInfo.mcEventWeights[:, 0] / 3,
    "muons": {
        "nominal": lambda events: np.ones(len(events)),
        "MUON_EFF__1up": lambda events: np.full(len(events), 1.1),
    },
}


def masses(events):
    """Of the two leading electrons."""
    names = hist.axis.StrCategory(variation_names(OBJECTS, WEIGHTS), name="variation")
    out = hist.Hist(names, hist.axis.Regular(60, 60, 120, name="mass"), storage=hist.storage.Weight())
    for variation in variations(events, OBJECTS, WEIGHTS):
        electrons = variation.events.Electrons
        chosen = ak.num(electrons) > 1
        pairs = electrons[chosen][:, 0] + electrons[chosen][:, 1]
        for label, weight in variation.weights(variation.events[chosen]):
            out.fill(variation=label, mass=pairs.mass / GeV, weight=weight)
    return out


def touch(events):
    """What `masses` uses, without a variation."""
    used = [events.Electrons[name] for name in ("pt", "eta", "phi", "m")]
    used += [events.Muons.pt, events.EventInfo.mcEventWeights]
    return len(used)


def bits(histogram):
    return histogram.view(flow=True).tobytes()


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return toy_files(tmp_path_factory.mktemp("toys"), FILES)


@pytest.fixture(scope="module")
def here(files):
    return physlite.run(masses, files, workers=0, chunk_size=ENTRIES)


def test_all_variations_are_there(here):
    assert here.report.events == FILES * CLUSTERS * ENTRIES
    found = band(here.value)
    assert found.nominal.sum() > 10
    assert found.up.any()
    assert found.down.any()
    assert list(here.value.axes["variation"]) == ["nominal", *OBJECTS, "MUON_EFF__1up"]


def test_as_without_a_run(files, here):
    """Chunk by chunk, in the order in which a run adds."""
    of_files = []
    for path in files:
        events = physlite.events(path)
        one, two, three, four = (masses(events[start : start + ENTRIES]) for start in range(0, len(events), ENTRIES))
        of_files.append((one + two) + (three + four))
    assert bits(of_files[0] + of_files[1]) == bits(here.value)


def test_a_run_learns_the_columns_and_reads_each_once(files, here):
    electrons = {f"AnalysisElectronsAuxDyn:{x}" for x in ("pt", "eta", "phi", "m")}
    assert set(here.report.columns) == electrons | {"AnalysisMuonsAuxDyn:pt", "EventInfoAuxDyn:mcEventWeights"}
    touched = physlite.run(touch, files, workers=0, chunk_size=ENTRIES)
    assert touched.report.columns == here.report.columns
    assert touched.report.bytes == here.report.bytes


def test_in_processes(files, here):
    assert bits(physlite.run(masses, files, workers=2, chunk_size=ENTRIES).value) == bits(here.value)


@pytest.mark.slow
def test_on_a_cluster(files, here):
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=":0") as cluster,
        distributed.Client(cluster) as client,
    ):
        assert bits(physlite.run(masses, files, client=client, chunk_size=ENTRIES).value) == bits(here.value)
