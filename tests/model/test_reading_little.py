"""Using a field reads the baskets of that field and of nothing else (as coffea#1073 asks)."""

import awkward as ak
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from support import data
from support.compare import assert_same
from support.examples import FEWER
from support.recording import RecordingSource, baskets


class Recorded:
    def __init__(self, name):
        self.source = RecordingSource(data.path_of(name))
        self.file = physlite.open(self.source, cache_bytes=0)
        self.source.take()

    def baskets(self, *columns, **where):
        return baskets(self.file.manifest, *columns, **where)


@pytest.fixture(scope="module", params=[data.R24, data.TIMES_50, data.SAMPLE, data.RNTUPLE])
def recorded(request):
    return Recorded(request.param)


@pytest.fixture
def events(recorded):
    recorded.source.take()
    events = recorded.file.events()
    assert recorded.source.take() == [], "making the events reads nothing"
    return events


def test_a_field_reads_its_own_baskets(recorded, events):
    pt = events.Electrons.pt
    assert ak.sum(ak.num(pt)) > 0
    assert recorded.source.take() == recorded.baskets("AnalysisElectronsAuxDyn.pt")


def test_the_counters_of_the_source_say_the_same(recorded, events):
    before = recorded.source.stats.bytes
    ak.max(events.Electrons.eta)
    wanted = recorded.baskets("AnalysisElectronsAuxDyn.eta")
    assert recorded.source.stats.bytes - before == sum(r.size for r in wanted)


def test_a_field_is_read_once(recorded, events):
    ak.sum(events.Electrons.pt)
    recorded.source.take()
    ak.sum(events.Electrons.pt)
    ak.num(events.Electrons)
    assert recorded.source.take() == []


def test_a_link_reads_the_baskets_of_its_two_members(recorded, events):
    ak.sum(events.Electrons.ambiguityLink.m_persKey)
    assert recorded.source.take() == recorded.baskets("AnalysisElectronsAuxDyn.ambiguityLink")


def test_list_lengths_come_from_the_container_or_its_smallest_column(recorded, events):
    number = ak.num(events.Electrons)
    fetched = recorded.source.take()
    manifest = recorded.file.manifest
    size_record = recorded.baskets("AnalysisElectrons")
    assert sum(r.size for r in fetched) <= sum(r.size for r in size_record)
    assert_same(number, ak.num(recorded.file.array("AnalysisElectronsAuxDyn.pt")))
    columns = [c.name for c in manifest.columns if c.name.startswith("AnalysisElectrons") and c.encoding]
    assert any(fetched == recorded.baskets(name) for name in columns)


def test_a_mask_reads_its_own_field_only(recorded, events):
    selected = events.Electrons[events.Electrons.pt > 20_000]
    ak.sum(selected.eta)
    assert recorded.source.take() == recorded.baskets("AnalysisElectronsAuxDyn.pt", "AnalysisElectronsAuxDyn.eta")


def test_cutting_objects_does_not_read_the_other_fields(recorded, events):
    jets = events.Jets[events.Jets.pt > 25_000]
    leading = jets[ak.num(jets) > 0][:, 0]
    ak.sum(leading.eta)
    wanted = recorded.baskets("AnalysisJetsAuxDyn.pt", "AnalysisJetsAuxDyn.eta")
    assert recorded.source.take() == wanted


def test_masses_read_the_momenta_only(recorded, events):
    electrons = events.Electrons
    pairs = ak.combinations(electrons, 2, fields=["a", "b"])
    ak.sum((pairs.a + pairs.b).mass)
    names = [f"AnalysisElectronsAuxDyn.{x}" for x in ("pt", "eta", "phi", "m")]
    fetched = recorded.source.take()
    lengths = [r for r in fetched if r not in recorded.baskets(*names)]
    assert set(fetched) - set(lengths) == set(recorded.baskets(*names))  # ntuples can share equal pages
    assert sum(r.size for r in lengths) <= sum(r.size for r in recorded.baskets("AnalysisElectrons"))


def test_a_component_reads_what_it_is_made_of(recorded, events):
    ak.sum(events.Jets.px)
    assert recorded.source.take() == recorded.baskets("AnalysisJetsAuxDyn.pt", "AnalysisJetsAuxDyn.phi")


@FEWER
@given(random=st.data())
def test_a_range_of_events_reads_the_baskets_of_that_range(recorded, random):
    n = recorded.file.num_entries
    start = random.draw(st.integers(0, n), label="start")
    stop = random.draw(st.integers(start, n), label="stop")
    events = recorded.file.events()
    recorded.source.take()
    pt = events[start:stop].Jets.pt
    ak.materialize(pt)
    wanted = recorded.baskets("AnalysisJetsAuxDyn.pt", start=start, stop=stop) if stop > start else []
    assert recorded.source.take() == wanted
    assert_same(pt, recorded.file.array("AnalysisJetsAuxDyn.pt", start, stop))


def test_one_event_reads_one_basket(recorded):
    events = recorded.file.events(7, 8)
    recorded.source.take()
    ak.sum(events.Jets.pt)
    assert recorded.source.take() == recorded.baskets("AnalysisJetsAuxDyn.pt", start=7, stop=8)


def test_raw_arrays_read_what_they_are_asked_for(recorded):
    names = ["AnalysisJetsAuxDyn.pt", "AnalysisElectronsAuxDyn.eta"]
    recorded.source.take()
    recorded.file.arrays(names, 3, 9)
    assert recorded.source.take() == recorded.baskets(*names, start=3, stop=9)


def test_what_was_read_is_remembered_up_to_a_limit():
    source = RecordingSource(data.path_of(data.SAMPLE))
    file = physlite.open(source, cache_bytes=10_000_000)
    first = file.array("AnalysisJetsAuxDyn.pt")
    source.take()
    assert_same(file.array("AnalysisJetsAuxDyn.pt"), first)
    assert source.take() == []
    little = physlite.open(source, cache_bytes=100)
    source.take()
    for _ in range(2):
        little.array("AnalysisJetsAuxDyn.pt")
        assert source.take() == baskets(file.manifest, "AnalysisJetsAuxDyn.pt")


def test_opening_reads_the_header_the_directory_and_the_tree():
    source = RecordingSource(data.path_of(data.SAMPLE))
    physlite.open(source)
    assert len(source.take()) <= 5


def test_a_field_of_chosen_events_reads_its_own_baskets(recorded, events):
    chosen = events[[5, 3, 4]]
    assert ak.num(chosen.Electrons.pt, axis=0) == 3
    assert recorded.source.take() == recorded.baskets("AnalysisElectronsAuxDyn.pt")


def test_a_field_named_by_a_tuple_reads_its_own_baskets(recorded, events):
    _ = events["Electrons", "phi"]
    assert recorded.source.take() == recorded.baskets("AnalysisElectronsAuxDyn.phi")
