"""Events of an RNTuple: what is known of the real file, and that its columns go by the names of a tree as well."""

import awkward as ak
import numpy as np
import pytest

import physlite
from support import data
from support.compare import assert_same


@pytest.fixture(scope="module")
def file():
    return physlite.open(data.path_of(data.RNTUPLE))


@pytest.fixture
def events(file):
    return file.events()


def test_what_the_file_is(file):
    assert (file.format, file.num_entries, file.manifest.tree) == ("RNTuple", 100, "EventData")
    assert len([c for c in file.manifest.named if not c.problem]) == 855


def test_columns_go_by_both_names(file):
    pt = file.array("AnalysisElectronsAuxDyn:pt")
    assert_same(file.array("AnalysisElectronsAuxDyn.pt"), pt)
    assert_same(file.events().Electrons.pt, pt)
    assert_same(file.array("xTrigDecisionAux.smk"), file.array("xTrigDecisionAux:.smk"))
    fields = file.arrays("AnalysisElectronsAuxDyn:*").fields
    assert file.arrays("AnalysisElectronsAuxDyn.*").fields == [name.replace(":", ".") for name in fields]
    assert file.arrays(lambda name: name == "AnalysisMuonsAuxDyn.pt").fields == ["AnalysisMuonsAuxDyn.pt"]
    assert file.arrays(["AnalysisMuonsAuxDyn.pt", "AnalysisMuonsAuxDyn:eta"]).fields == [
        "AnalysisMuonsAuxDyn.pt",
        "AnalysisMuonsAuxDyn:eta",
    ]
    assert [c.name for c in file.select(r"/^AnalysisMuonsAuxDyn\.(pt|eta)$/")] == [
        c.name for c in file.select(r"/^AnalysisMuonsAuxDyn:(pt|eta)$/")
    ]


def test_columns_of_a_tree_go_by_the_names_in_an_ntuple():
    tree = physlite.open(data.path_of(data.R24))
    assert tree.arrays("AnalysisElectronsAuxDyn:p?").fields == ["AnalysisElectronsAuxDyn:pt"]
    assert_same(tree.array("AnalysisElectronsAuxDyn:pt"), tree.array("AnalysisElectronsAuxDyn.pt"))
    assert_same(tree.array("xTrigDecisionAux:.smk"), tree.array("xTrigDecisionAux.smk"))
    assert tree.columns["AnalysisElectronsAuxDyn:pt"].name == "AnalysisElectronsAuxDyn.pt"


def test_the_same_types_as_in_a_tree(file, events):
    """Of columns with the same C++ type: `char` is a number with sign, links are records."""
    tree = physlite.open(data.path_of(data.R24))
    compared = 0
    for name in set(file.collections) & set(tree.collections):
        ours, theirs = events[name].layout, tree.events()[name].layout
        assert ours.is_list == theirs.is_list, name
        left, right = (x.content if x.is_list else x for x in (ours, theirs))
        assert left.parameter("__record__") == right.parameter("__record__"), name
        for field in set(left.fields) & set(right.fields) - {"_event", "_link"}:
            kinds = {
                f.manifest.columns[f.collections[name].fields[field]].type_name.replace("std::", "").replace("_t", "")
                for f in (file, tree)
            }
            if len(kinds) > 1 or "pair<" in kinds.pop():  # pairs are tuples, and in a tree records
                continue
            assert left.content(field).form.type == right.content(field).form.type, (name, field)
            compared += 1
    assert compared > 300


def test_sums_of_weights(file):
    metadata = file.metadata
    assert metadata.sum_of_weights() == pytest.approx(81567.264, abs=5e-4)
    assert len(metadata.sums) == 194
    weights = ak.values_astype(file.events().EventInfo.mcEventWeights[:, 0], np.float64)
    assert metadata.sum_of_weights() == ak.sum(weights)
    assert (metadata.mc_channel_number, metadata.mc_campaign) == (601229, "mc23c")


def test_the_trigger(events):
    trigger = events.trigger
    assert (len(trigger.names()), len(trigger.items())) == (2535, 376)
    chain = "HLT_e26_lhtight_ivarloose_L1EM22VHI"
    bit = trigger.menus[int(events.TrigConfKeys.smk[0])].chains[chain]
    words = events.xTrigDecision.efPassedPhysics.to_list()
    expected = [len(w) > bit // 32 and bool(w[bit // 32] >> bit % 32 & 1) for w in words]
    assert any(expected)
    assert trigger.passed(chain).to_list() == expected


def test_links_and_their_targets(events):
    electrons = events.Electrons[events.Electrons.pt > 10_000]
    tracks = electrons.trackParticles
    assert ak.count(tracks.z0) > 0
    assert ak.all(np.abs(ak.flatten(electrons.eta - electrons.trackParticle.eta, axis=None)) < 0.1)
    assert events.TruthElectrons.parents.children.pdgId.ndim == 4


def test_ranges_of_events(file, events):
    for start, stop in ((0, 1), (6, 9), (50, 100), (99, 100), (30, 30)):
        some = file.events(start, stop)
        assert_same(some.Jets.pt, events.Jets.pt[start:stop])
        assert_same(some.TruthElectrons.parents.pdgId, events.TruthElectrons.parents.pdgId[start:stop])
        assert_same(some.Electrons.trackParticles.z0, events.Electrons.trackParticles.z0[start:stop])
        assert ak.num(some.Muons).to_list() == ak.num(events.Muons).to_list()[start:stop]
