"""What users of other readers reported in public, each on a file where it happened."""

import os
import pickle
import re
from concurrent.futures import ProcessPoolExecutor
from importlib import metadata
from multiprocessing import get_context
from pathlib import Path

import awkward as ak
import pytest
from packaging.requirements import Requirement
from packaging.version import Version

import physlite
from physlite.exceptions import UnreadableColumnError
from support import data, oracle
from support.compare import assert_same
from support.recording import RecordingSource, baskets


@pytest.mark.parametrize("suffix", ["GhostTrack", "childLinks", "parentLinks"])
def test_uproot5_798_lists_that_are_empty_in_the_first_events(suffix):
    """The same result from any first event: the type does not depend on what comes first."""
    with physlite.open(data.path_of(data.R21)) as file:
        names = [n for n in file.columns if n.endswith(f".{suffix}")]
        assert names
        for name in names:
            whole = oracle.column(data.R21, file.columns[name].path)
            for start in range(0, file.num_entries, 3):
                for stop in (start, start + 1, file.num_entries):
                    ours = file.array(name, start, stop)
                    assert_same(ours, whole[start:stop], f"{name} {start}:{stop}")
                    assert ours.type.content == file.array(name).type.content


def test_uproot5_1282_links_to_any_class_are_decoded_here():
    """Not only those of a list of classes."""
    for name in data.ALL_TTREES:
        with physlite.open(data.path_of(name)) as file:
            links = [c for c in file.manifest.columns if "ElementLink<" in c.type_name]
            assert len(links) > 20
            assert [c.name for c in links if "m_persKey=u4,m_persIndex=u4" not in c.encoding] == []


def test_uproot5_1046_one_unreadable_column_does_not_break_the_rest():
    with physlite.open(data.path_of(data.R24)) as file:
        events = file.events()
        assert ak.sum(ak.num(events.Jets.pt)) > 0
        unreadable = "xTrigDecision"
        with pytest.raises(UnreadableColumnError, match=r"24\.0\.2.*'xTrigDecision' cannot be read: it holds no data"):
            file.array(unreadable)
        assert len(file.array("AnalysisJetsAuxDyn.pt")) == file.num_entries


def test_uproot5_1102_files_and_events_go_to_other_processes():
    """A task held a lock that could not be pickled."""
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        events = file.events()
        ak.sum(events.Jets.pt)
        assert pickle.loads(pickle.dumps(file)).num_entries == file.num_entries  # noqa: S301
        parts = [events[i : i + 500] for i in range(0, len(events), 500)]
        with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
            leading = list(pool.map(max_pt, parts))
        assert max(leading) == ak.max(events.Jets.pt)


def max_pt(events):
    """In another process."""
    return float(ak.max(events.Jets.pt))


def test_coffea_1073_one_column_reads_its_own_bytes():
    source = RecordingSource(data.path_of(data.R24))
    events = physlite.open(source).events()
    source.take()
    ak.sum(events.Jets.pt)
    assert source.take() == baskets(physlite.open(source).manifest, "AnalysisJetsAuxDyn.pt")


def test_coffea_1280_a_range_that_does_not_start_at_zero():
    for name in data.REAL_TTREES:
        with physlite.open(data.path_of(name)) as file:
            whole, part = file.events(), file.events(entry_start=31)
            for field in ("pt", "truthParticleLink"):
                assert_same(part.Electrons[field], whole.Electrons[field][31:], name)
            assert_same(ak.num(part.Jets), ak.num(whole.Jets)[31:])
            assert_same(part.Jets[part.Jets.pt > 20_000].eta, whole[31:].Jets[whole[31:].Jets.pt > 20_000].eta)


def test_truth_particles_with_both_energy_and_mass():
    """Another reader raised "multiple temporal aliases present: ['e', 'm']"."""
    for name in data.REAL_TTREES:
        events = physlite.events(data.path_of(name))
        truth = events.TruthElectrons
        assert {"e", "m", "px"} <= set(truth.fields)
        assert ak.all(truth.pt >= 0)
        assert_same(truth.m, truth["m"])


@pytest.mark.parametrize("name", [data.R24, data.TREE_ONLY, data.SAMPLE])
def test_uproot5_951_links_streamed_member_by_member(name):
    """Keys then indices: each jet of the event once, and a null link for what belongs to none."""
    with physlite.open(data.path_of(name)) as file:
        events = file.events()
        jets = events.METAssoc_AnalysisMET.jet
        misc = ak.values_astype(events.METAssoc_AnalysisMET.isMisc, bool)
        assert ak.all(ak.is_none(jets, axis=1) == misc)
        assert ak.all(ak.sum(misc, axis=1) == 1)
        linked = ak.drop_none(jets)
        order = ak.argsort(linked["_link"])
        assert ak.array_equal(linked.pt[order], events.Jets.pt)


@pytest.mark.parametrize("name", [data.R22, data.R24, data.TREE_ONLY, data.SAMPLE])
def test_uproot5_1177_one_link_an_event(name):
    with physlite.open(data.path_of(name)) as file:
        events = file.events()
        index = events.EventInfo.hardScatterVertexLink.m_persIndex
        vertex = events.EventInfo.hardScatterVertex
        assert str(vertex.z.type) == f"{file.num_entries} * ?float32"
        assert vertex.z.to_list() == [z[i] for z, i in zip(events.PrimaryVertices.z, index, strict=True)]


def test_coffea_975_a_target_that_was_renamed_between_releases():
    """The b-tagging of jets is in a container with a date in its name, or without."""
    for name, container, probability in (
        (data.R21, "BTagging_AntiKt4EMPFlow_201903", "DL1r_pb"),
        (data.R24, "BTagging_AntiKt4EMPFlow", "DL1dv01_pb"),
    ):
        with physlite.open(data.path_of(name)) as file:
            events = file.events()
            found = events.Jets.btagging[probability]
            assert ak.array_equal(ak.drop_none(found), events[container][probability])
            assert not ak.any(ak.is_none(found, axis=1))


def test_coffea_element_link_a_target_that_is_not_stored():
    """Found as any key but 0 was taken for the one container that such links mostly lead to."""
    with physlite.open(data.path_of(data.TREE_ONLY)) as file:
        muons = file.events().Muons[67]
        assert muons.inDetTrackParticle.pt.to_list() == [None]


@pytest.mark.parametrize("name", data.ALL_TTREES)
def test_coffea_truth_particles_with_an_energy_and_a_mass(name):
    """`events.TruthElectrons` raised, since a vector has either."""
    with physlite.open(data.path_of(name)) as file:
        truth = file.events().TruthElectrons
        assert ak.array_equal(truth.p4.energy, ak.values_astype(truth.e, "float64"))
        assert ak.array_equal(truth.p4.px, ak.values_astype(truth.px, "float64"))
        if "m" in truth.fields:
            assert ak.array_equal(truth.m, file.array("TruthElectronsAuxDyn.m"))


@pytest.mark.parametrize("name", [data.RNTUPLE, data.SAMPLE_RNTUPLE])
def test_coffea_1436_events_of_an_rntuple(name):
    """The names of fields have a colon; the collections are the same."""
    with physlite.open(data.path_of(name)) as file:
        assert "AnalysisJetsAuxDyn:pt" in file.columns
        jets = file.events().Jets
        assert_same(jets.pt, file.array("AnalysisJetsAuxDyn.pt"))
        assert_same(jets.m, file.array("AnalysisJetsAuxDyn:m"))
        assert ak.sum(ak.num(jets.ghostTrack, axis=2)) > 0


def test_awkward_3077_links_with_the_oldest_and_the_newest_versions():
    """They worked with one and broke with the next: so all tests of links run with both.

    Which versions these are is said in the package's own requirements.
    """
    required = [Requirement(text) for text in metadata.requires("physlite")]
    floors = {
        each.name: spec.version
        for each in required
        if each.marker is None
        for spec in each.specifier
        if spec.operator == ">="
    }
    assert {"awkward", "numpy", "uproot", "vector"} <= floors.keys()
    installed = {name: Version(metadata.version(name)) for name in floors}
    if "PHYSLITE_LOWEST" in os.environ:
        assert installed == {name: Version(floor) for name, floor in floors.items()}
    else:
        assert all(installed[name] >= Version(floor) for name, floor in floors.items())
    electrons = physlite.events(data.path_of(data.R24)).Electrons[::2]
    assert_same(electrons.trackParticles.z0, electrons.follow("trackParticleLinks").z0)


@pytest.mark.checkout
def test_awkward_3077_both_are_run():
    root = Path(__file__).parents[2]
    targets = re.search(r"for target in (.*); do", (root / ".ci" / "run").read_text())[1].split()
    assert {"test", "lowest"} <= set(targets)
    assert "tests/model" in re.search(r"LOWEST_TESTS := (.*)", (root / "Makefile").read_text())[1]
