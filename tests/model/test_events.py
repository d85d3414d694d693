"""Events: collections by name, their fields, and arrays that are equal to the columns of the file."""

from concurrent.futures import ThreadPoolExecutor

import awkward as ak
import numpy as np
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import UnreadableColumnError
from physlite.model.naming import OTHERS, PARTICLES
from support import data
from support.compare import assert_same
from support.examples import FEWER
from support.recording import RecordingSource, baskets

CHAIN = "HLT_e26_lhtight_nod0_ivarloose"


@pytest.fixture(scope="module", params=data.parameters(data.ALL_FILES))
def file(request):
    return physlite.open(data.path_of(request.param))


@pytest.fixture
def events(file):
    return file.events()


@pytest.fixture(scope="module")
def sample():
    return physlite.open(data.path_of(data.SAMPLE))


# ---------------------------------------------------------------------------------------------------------- naming


def test_analysis_containers_go_by_their_short_names(events):
    assert {"Electrons", "Muons", "Jets", "Photons", "EventInfo", "PrimaryVertices"} <= set(events.fields)
    assert not [name for name in events.fields if name.startswith("Analysis")]


def test_analysis_is_stripped_as_a_prefix_only(events):
    assert "METAssoc_AnalysisMET" in events.fields
    assert "MET_Core_AnalysisMET" in events.fields


def test_both_stores_of_a_collection_are_one():
    with physlite.open(data.path_of(data.R21)) as file:
        static = [n for n in file.columns if n.startswith("EventInfoAux.")]
        dynamic = [n for n in file.columns if n.startswith("EventInfoAuxDyn.")]
        assert "EventInfoAux.runNumber" in static
        assert "EventInfoAuxDyn.mcChannelNumber" in dynamic
        info = file.events().EventInfo
        assert {"runNumber", "mcChannelNumber"} <= set(info.fields)
        assert_same(info.runNumber, file.array("EventInfoAux.runNumber"))
        assert_same(info.mcChannelNumber, file.array("EventInfoAuxDyn.mcChannelNumber"))


def test_container_names_may_hold_dashes():
    with physlite.open(data.path_of(data.TREE_ONLY)) as file:
        name = next(n for n in file.events().fields if "-" in n)
        matched = file.events()[name].TrigMatchedObjects
        assert_same(matched, file.array(f"Analysis{name}AuxDyn.TrigMatchedObjects"))
        assert file.events()[name].fields == ["TrigMatchedObjects"], "a single column stays a field"


def test_objects_of_which_there_is_one_an_event_are_not_lists(events):
    for name in ("EventInfo", "xTrigDecision", "TrigConfKeys"):
        assert events[name].ndim == 1, name
    for name in events.fields:
        if name.endswith("EventShape"):
            assert events[name].ndim == 1
            assert events[name].Density.ndim == 1


def test_jagged_columns_of_the_event_keep_their_own_lengths(events):
    assert events.EventInfo.mcEventWeights.ndim == 2
    assert events.xTrigDecision.efPassedPhysics.ndim == 2


def test_bookkeeping_is_no_collection(events):
    assert not {"index_ref", "BunchConfKey"} & set(events.fields)
    for name in events.fields:
        assert not [f for f in events[name].fields if f == "" or "xAOD::" in f or f.startswith(".")]
        assert not [f for f in events[name].fields if f.endswith((".m_persKey", ".m_persIndex"))]


def test_collections_are_called_by_the_classes_of_the_edm(file, events):
    expected = {
        "Electrons": "Electron", "Muons": "Muon", "Photons": "Photon", "Jets": "Jet", "PrimaryVertices": "Vertex",
        "TruthElectrons": "TruthParticle", "InDetTrackParticles": "TrackParticle", "egammaClusters": "CaloCluster",
        "MET_Core_AnalysisMET": "MissingET", "METAssoc_AnalysisMET": "MissingETAssociation",
    }  # fmt: skip
    for name, record in expected.items():
        assert file.collections[name].record == record
        assert events[name].layout.content.parameter("__record__") == record
    assert {c.record for c in file.collections.values()} <= {*PARTICLES, *OTHERS}


def test_every_readable_stored_column_is_in_the_events(file):
    """Nothing is lost between the columns and the collections."""
    in_events = {i for c in file.collections.values() for i in c.fields.values()}
    members = {m for c in file.manifest.columns for m in c.members}
    for i, column in enumerate(file.manifest.columns):
        _, dot, field = column.name.partition("Aux." if "Aux." in column.name else "AuxDyn.")
        if dot and field and column.encoding and "xAOD::" not in field and i not in members:
            assert i in in_events, column.name


# ----------------------------------------------------------------------------------------------------------- values


def test_fields_are_the_columns(file):
    """Alone, and as a field of its collection's records."""
    events = file.events()
    for name in ("Electrons", "Jets", "TruthElectrons", "EventInfo", "PrimaryVertices", "METAssoc_AnalysisMET"):
        collection = file.collections[name]
        for field, column in collection.fields.items():
            raw = file.array(file.manifest.columns[column].path)
            if name == "TruthElectrons" and field in ("ptcone30", "etcone20") and len(raw) != 40:
                continue  # not stored for all of them
            assert_same(events[name][field], raw, f"{name}.{field}")


def test_records_have_the_values_of_the_columns(sample):
    """Through the lazy buffers, without the short cut for a single field."""
    events = sample.events()
    for name in ("Electrons", "Jets", "EventInfo"):
        fields = list(sample.collections[name].fields)
        records = ak.Array(ak.materialize(events[name], highlevel=False))
        for field in fields:
            assert_same(ak.to_layout(records[field]), ak.to_layout(events[name][field]), f"{name}.{field}")


def test_links_are_records_of_key_and_index(events):
    link = events.Electrons.ambiguityLink
    assert link.fields == ["m_persKey", "m_persIndex"]
    assert link.m_persKey.type.content.content.primitive == "uint32"
    assert events.Electrons.trackParticleLinks.ndim == 3


def test_a_record_of_one_event(sample):
    event = sample.events()[5]
    assert event.EventInfo.eventNumber == sample.array("EventInfoAuxDyn.eventNumber")[5]
    assert event.Electrons.pt.to_list() == sample.array("AnalysisElectronsAuxDyn.pt")[5].to_list()


@FEWER
@given(random=st.data())
def test_any_range_equals_the_slice_of_the_whole(sample, random):
    """coffea#1280: `entry_start=31` broke, because offsets did not start at 0."""
    n = sample.num_entries
    start = random.draw(st.integers(0, n), label="start")
    stop = random.draw(st.integers(start, n), label="stop")
    name = random.draw(st.sampled_from(["Electrons", "Jets", "EventInfo", "TruthElectrons"]), label="collection")
    field = random.draw(st.sampled_from(list(sample.collections[name].fields)), label="field")
    whole = sample.events()[name][field][start:stop]
    assert_same(sample.events(start, stop)[name][field], whole)
    assert_same(sample.events()[start:stop][name][field], whole)
    assert_same(sample.events()[name][start:stop][field], whole)


SLICES = ["[:]", "[3:]", "[:-5]", "[-20:-3]", "[5:2]", "[1:30:3]", "[::-1]", "[60:]"]


@pytest.mark.parametrize("text", SLICES)
def test_slices_mean_what_they_mean_for_arrays(sample, text):
    where = slice(*(int(x) if x else None for x in text[1:-1].split(":")))
    events = sample.events(100, 150)
    expected = sample.array("AnalysisJetsAuxDyn.pt")[100:150][where]
    assert_same(events[where].Jets.pt, expected)
    assert_same(events.Jets[where].pt, expected)
    assert len(events[where]) == len(expected)


def test_slices_of_slices(sample):
    events = sample.events()[10:200][5:60][-10:]
    assert_same(events.Electrons.pt, sample.array("AnalysisElectronsAuxDyn.pt")[10:200][5:60][-10:])


def test_an_empty_range_has_the_types_of_the_whole(file):
    none = file.events()[3:3]
    assert len(none) == 0
    assert none.Electrons.pt.type.content == file.events().Electrons.pt.type.content
    assert ak.num(none.Electrons).to_list() == []


# -------------------------------------------------------------------------------------------------------- operations


def test_masks_of_events(sample):
    events = sample.events()
    two = ak.num(events.Electrons) >= 2
    selected = events[two]
    assert len(selected) == ak.sum(two)
    assert_same(selected.Electrons.pt, sample.array("AnalysisElectronsAuxDyn.pt")[two])
    assert_same(selected.EventInfo.eventNumber, sample.array("EventInfoAuxDyn.eventNumber")[two])


def test_masks_and_index_arrays_of_objects(sample):
    jets = sample.events().Jets
    pt, eta = (sample.array(f"AnalysisJetsAuxDyn.{x}") for x in ("pt", "eta"))
    assert_same(jets[jets.pt > 30_000].eta, eta[pt > 30_000])
    order = ak.argsort(pt, ascending=False)
    assert_same(jets[order].eta, eta[order])
    assert_same(ak.firsts(jets).pt, ak.firsts(pt))
    assert_same(jets[:, :2].pt, pt[:, :2])
    assert_same(ak.flatten(jets).pt, ak.flatten(pt))


def test_sorting_by_a_field_keeps_objects_together(sample):
    electrons = sample.events().Electrons
    by_eta = electrons[ak.argsort(electrons.eta)]
    flat = {(float(p), float(e)) for p, e in zip(ak.flatten(by_eta.pt), ak.flatten(by_eta.eta), strict=True)}
    raw = (ak.flatten(sample.array(f"AnalysisElectronsAuxDyn.{x}")) for x in ("pt", "eta"))
    assert flat == {(float(p), float(e)) for p, e in zip(*raw, strict=True)}


def test_combinations_of_two_collections(sample):
    events = sample.events()
    pairs = ak.cartesian({"e": events.Electrons, "j": events.Jets})
    assert_same(ak.num(pairs), ak.num(events.Electrons) * ak.num(events.Jets))
    assert pairs.e.pt.ndim == 2


def test_new_fields_can_be_added(sample):
    events = sample.events()
    electrons = events.Electrons
    electrons["pt_gev"] = electrons.pt / physlite.units.GeV
    assert ak.all(np.isclose(electrons.pt_gev * 1000, electrons.pt))
    events["leading"] = ak.firsts(events.Jets.pt)
    assert len(events.leading) == len(events)


def test_several_fields_at_once(sample):
    two = sample.events().Electrons[["pt", "eta"]]
    assert two.fields == ["pt", "eta"]
    assert_same(two.eta, sample.array("AnalysisElectronsAuxDyn.eta"))


def test_chosen_fields_are_still_of_objects():
    with physlite.open(data.path_of(data.R21)) as file:
        events = file.events()
        electrons = events.Electrons[["pt", "eta", "phi", "m", "trackParticleLinks"]]
        assert type(electrons) is type(events.Electrons)
        assert_same(electrons.p4.pz, events.Electrons.p4.pz)
        assert_same(electrons.trackParticles.z0, events.Electrons.trackParticles.z0)
        assert ak.to_list(electrons.matched(CHAIN)) == ak.to_list(events.Electrons.matched(CHAIN))
        assert_same(electrons[electrons.pt > 20_000].eta, events.Electrons.eta[events.Electrons.pt > 20_000])
        some = events[["Electrons", "TrigConfKeys", "xTrigDecision"]]
        assert some.fields == ["Electrons", "TrigConfKeys", "xTrigDecision"]
        assert_same(some[5:].trigger.passed(CHAIN), events[5:].trigger.passed(CHAIN))
        assert_same(some.Electrons.trackParticles.z0, events.Electrons.trackParticles.z0)


def test_events_within_events(sample):
    events = sample.events()
    events["all"] = sample.events()
    assert_same(events[3:6]["all"].Jets.pt, sample.events()[3:6].Jets.pt)


def test_choosing_fields_reads_no_others():
    source = RecordingSource(data.path_of(data.R21))
    with physlite.open(source) as file:
        events = file.events()
        source.take()
        some = events[["Electrons", "Muons"]]
        assert source.take() == []
        assert len(some.Electrons[["pt", "eta"]].eta) == 40
        assert source.take() == baskets(file.manifest, "AnalysisElectronsAuxDyn.pt", "AnalysisElectronsAuxDyn.eta")


def test_lists_have_no_hidden_fields(sample):
    """Awkward's own functions have them: `ak.fields`, `ak.to_list`."""
    events = sample.events()
    particles = events.Electrons[["pt", "eta"]]
    assert particles.to_list() == ak.to_list(ak.zip({"pt": particles.pt, "eta": particles.eta}))
    assert particles.tolist() == particles.to_list()
    i = int(ak.argmax(ak.num(particles)))
    assert particles[i, 0].to_list() == {"pt": particles.pt[i, 0], "eta": particles.eta[i, 0]}
    assert events[["Electrons"]][i].to_list()["Electrons"][0].keys() == set(events.Electrons.fields)


def test_a_misspelt_field_raises(sample):
    events = sample.events()
    with pytest.raises(AttributeError, match="ptt"):
        _ = events.Electrons.ptt
    with pytest.raises(AttributeError, match="Electronz"):
        _ = events.Electronz
    with pytest.raises(LookupError, match="no field 'ptt' of Electrons; nearest: pt"):
        _ = events.Electrons["ptt"]
    with pytest.raises(LookupError, match="no field 'ptt' of Electrons; nearest: pt"):
        _ = events.Electrons[["eta", "ptt"]]
    with pytest.raises(LookupError, match="no field 'Electronz' of Events; nearest: Electrons"):
        _ = events["Electronz", "pt"]
    with pytest.raises(LookupError, match=r"no field 'trackParticles'; it is an attribute, \.trackParticles"):
        _ = events["Electrons", "trackParticles"]


def test_columns_that_disagree_about_the_lengths_say_so(tmp_path):
    """Without sizes in the file: the larger ones are right, whichever is read first."""
    with uproot.recreate(tmp_path / "x.root") as out:
        types = {"ThingsAuxDyn.a": "var * float32", "ThingsAuxDyn.b": "var * float32", "ThingsAuxDyn.c": "var * int64"}
        out.mktree("CollectionTree", types)
        some, all_ = (ak.Array([[1], [2, 3], [], lengths]) for lengths in ([4], [4, 5]))
        columns = {"a": ak.values_astype(all_, "f4"), "b": ak.values_astype(some, "f4"), "c": all_}
        out["CollectionTree"].extend({f"ThingsAuxDyn.{k}": v for k, v in columns.items()})
    message = r"column ThingsAuxDyn\.b has 1 objects in event 3 where .* has 2: .*File\.array\('ThingsAuxDyn\.b'\)"
    with physlite.open(tmp_path / "x.root") as file:
        assert file.array("ThingsAuxDyn.b").to_list() == some.to_list()
        for first in "abc":
            things = file.events().Things
            if first == "b":
                with pytest.raises(UnreadableColumnError, match=message):
                    things.b  # noqa: B018
            assert things.a.to_list() == all_.to_list()
            assert ak.num(things).to_list() == [1, 2, 0, 2]
            assert things[things.a > 1].c.to_list() == all_[all_ > 1].to_list()
            with pytest.raises(UnreadableColumnError, match=message):
                things.b  # noqa: B018
            with pytest.raises(UnreadableColumnError, match=message):
                ak.materialize(things[things.a > 0]["b"])
            with pytest.raises(UnreadableColumnError, match=message):
                file.events().Things.to_list()


@pytest.mark.parametrize("name", [data.R22, data.R24])
@pytest.mark.parametrize("collection", ["TruthElectrons", "TruthPhotons"])
def test_a_column_that_is_not_stored_for_all_objects(name, collection):
    """It is an error wherever it is used, also alone: as a mask it would drop the others. They are as ever."""
    short = "etcone20"
    with physlite.open(data.path_of(name)) as file:
        numbers = ak.num(file.array(f"{collection}AuxDyn.px"))
        alone = file.array(f"{collection}AuxDyn.{short}")
        assert ak.sum(ak.num(alone)) < ak.sum(numbers)
        event = int(ak.argmax(ak.num(alone) != numbers))
        what = f"{collection}AuxDyn.{short} has 0 objects in event {event} where .* has {numbers[event]}: "
        ways = {
            "numbers": ak.num,
            "selected": lambda particles: ak.num(particles[particles.px > -np.inf].py),
            "targets": lambda particles: ak.num(ak.drop_none(particles.parents.pdgId, axis=2), axis=1),
            "events": lambda particles: ak.num(particles["_event"]),
        }
        for before in (None, short, "px"):
            for way in ways.values():
                particles = file.events()[collection]
                if before == short:
                    with pytest.raises(UnreadableColumnError, match=what):
                        particles[short]
                elif before is not None:
                    particles[before]
                assert way(particles).to_list() == numbers.to_list()
            for use in (lambda p: p[short], lambda p: p[p.e > 0][short], lambda p: p[::-1][short]):
                particles = file.events()[collection]
                if before == "px":
                    particles[before]
                with pytest.raises(UnreadableColumnError, match=what):
                    use(particles)
        some = file.events(0, event)[collection]
        assert ak.num(some[short]).to_list() == numbers[:event].to_list()


@pytest.mark.parametrize("name", [data.R22, data.R24])
def test_a_column_that_is_not_stored_for_all_targets(name):
    """Neither can it be had through links, when it is the first column of its collection that is read."""
    with physlite.open(data.path_of(name)) as file:
        for first in (False, True):
            events = file.events()
            if first:
                with pytest.raises(UnreadableColumnError):
                    events.TruthElectrons.etcone20  # noqa: B018  # to read it
            with pytest.raises(UnreadableColumnError, match=r"TruthElectronsAuxDyn\.etcone20 has 0 objects in event"):
                events.Electrons.truth.etcone20  # noqa: B018


def test_events_can_be_made_from_many_threads(sample):
    events = sample.events()
    names = ["pt", "eta", "phi", "m", "charge"] * 8
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda name: events.Electrons[name], names))
    for name, result in zip(names, results, strict=True):
        assert_same(result, sample.array(f"AnalysisElectronsAuxDyn.{name}"))


def test_the_short_way(sample):
    events = physlite.events(data.path_of(data.SAMPLE))
    assert len(events) == sample.num_entries
    assert_same(events.Muons.pt, sample.array("AnalysisMuonsAuxDyn.pt"))


def test_a_nested_list_chooses_objects(sample):
    events = sample.events(0, 3)
    chosen = events.Jets[[[0] if n else [] for n in ak.num(events.Jets)]]
    assert_same(chosen.pt, events.Jets.pt[:, :1])


def test_misspelt_fields_are_answered_with_the_nearest(sample):
    events = sample.events()
    with pytest.raises(AttributeError, match="nearest: Electrons"):
        _ = events.Electron
    with pytest.raises(AttributeError, match=r"nearest: .*charge"):
        _ = events.Muons.charg


def test_arrays_come_in_the_order_asked(sample):
    names = ["AnalysisJetsAuxDyn.phi", "AnalysisJetsAuxDyn.eta", "AnalysisElectronsAuxDyn.pt"]
    assert sample.arrays(names, 0, 2).fields == names


def test_flags_are_no_masks(sample):
    """They are int8, as in the file; Awkward would take them for positions, and give other objects."""
    events = sample.events()
    jets = events.Jets
    flags = jets.NNJvtPass
    for where in (flags, (slice(None), flags), ak.drop_none(ak.mask(flags, flags >= 0))):
        with pytest.raises(TypeError, match=r"int8 is not a mask.*compare them"):
            jets[where]
    with pytest.raises(TypeError, match="int8"):
        events[np.asarray(events.EventInfo.DFCommonJets_eventClean_LooseBad)]
    assert ak.all(jets[flags == 1].NNJvtPass == 1)
    positions = ak.values_astype(flags[ak.num(jets) > 1], "int64")
    assert ak.num(jets[ak.num(jets) > 1][positions]).to_list() == ak.num(positions).to_list()


def test_python_lists_are_those_of_the_columns(sample):
    """Without going through the objects one by one, which takes twenty times as long."""
    few = sample.events()[:20]
    taus = few.TauJets.to_list()
    assert [[tau["pt"] for tau in event] for event in taus] == few.TauJets.pt.to_list()
    assert few[3].to_list() == few.to_list()[3]
    assert few.to_list()[3]["TauJets"] == taus[3]
    assert few.MET_Core_AnalysisMET.to_list()[0][0]["name"] == "SoftClusCore"
    assert set(few.Jets[0, 0].to_list()) == set(few.Jets.fields)
    followed = few.Electrons.trackParticles
    assert [[[t and t["z0"] for t in e] for e in event] for event in followed.to_list()] == followed.z0.to_list()


def test_patterns_pass_over_what_is_not_decoded(sample):
    everything = sample.arrays(entry_stop=2)
    decoded = {
        name for name, column in sample.columns.items() if column.type != "through uproot" and not column.problem
    }
    assert set(everything.fields) == decoded


@pytest.mark.parametrize("wrong", [0.5, "1"])
def test_entries_are_whole_numbers(sample, wrong):
    with pytest.raises(TypeError, match="integer"):
        sample.events(wrong)
    with pytest.raises(TypeError, match="integer"):
        sample.array("AnalysisJetsAuxDyn.pt", 0, wrong)
