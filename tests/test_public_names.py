"""The cells of the demonstration that this package grew out of, and the names it promises, in their order.

Release 21.2, simulated tt̄ events; the numbers are those of the file.
"""

import awkward as ak
import pytest

import physlite
from support import data


@pytest.fixture(scope="module")
def path():
    return data.path_of(data.R21)


@pytest.mark.parametrize("format", ["tree", "rntuple"])
def test_the_sample(format):  # noqa: A002
    assert physlite.open(physlite.sample(format)).format.removeprefix("T").lower() == format
    with pytest.raises(ValueError, match="parquet"):
        physlite.sample("parquet")


def test_look_at_the_columns(path, capsys):
    with physlite.open(path) as f:
        f.show("Electrons.*(pt|eta|phi)$")
        names = [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]]
        assert {"AnalysisElectronsAuxDyn.pt", "AnalysisElectronsAuxDyn.eta", "AnalysisElectronsAuxDyn.phi"} <= set(
            names
        )
        assert all(name.endswith(("pt", "eta", "phi")) for name in names)


def test_the_class_of_links(path):
    with physlite.open(path) as f:
        assert [m.name for m in f.streamers["ElementLinkBase"].members] == ["m_persKey", "m_persIndex"]


def test_raw_columns(path):
    with physlite.open(path) as f:
        arrays = f.arrays(
            ["AnalysisElectronsAuxDyn.pt"], entry_start=0, entry_stop=1000 if f.num_entries > 1000 else 40
        )
        assert len(arrays) == 40
        assert ak.count(arrays["AnalysisElectronsAuxDyn.pt"]) == 13


def test_nested_links_as_they_are(path):
    links = physlite.events(path).Electrons.trackParticleLinks
    assert str(links.type) == "40 * var * var * {m_persKey: uint32, m_persIndex: uint32}"
    assert ak.count(links.m_persIndex) == 27


def test_metadata(path):
    with physlite.open(path) as f:
        assert f.metadata.sum_of_weights() == 29465.34912109375
        assert f.metadata.mc_channel_number == 410470


def test_events_are_lazy_and_have_cross_references(path):
    with physlite.open(path) as f:
        events = f.events()
        z0 = events.Electrons[events.Electrons.pt > 10_000].trackParticles.z0
        assert z0.ndim == 3
        assert ak.count(z0) == 25
        assert ak.to_list(z0[2]) == [[pytest.approx(0.5008445)]]


def test_chains_of_cross_references(path):
    events = physlite.events(path)
    parents = events.TruthElectrons.parents.pdgId
    assert (parents.ndim, ak.count(parents)) == (3, 112)
    siblings = events.TruthElectrons.parents.children.pdgId
    assert siblings.ndim == 4
    assert ak.any(siblings == 11, axis=None)
    chain = events.TruthElectrons.parents.children.parents.children.pdgId
    assert chain.ndim == 6
    assert str(chain.type).count("var") == 5
    electron_parents = events.TruthElectrons.parents
    assert set(ak.flatten(electron_parents.pdgId, axis=None).to_list()) >= {24, -24, 15, -15, 5, -5}


def test_trigger_decisions_and_matching(path):
    events = physlite.events(path)
    assert ak.sum(events.trigger.passed("HLT_e26_lhtight_nod0_ivarloose")) == 7
    passed = events.trigger.passed("HLT_mu26_ivarmedium")
    assert ak.sum(passed) == 9
    matched = events.Muons.matched("HLT_mu26_ivarmedium")
    with_match = ak.any(matched, axis=1)
    assert ak.sum(with_match) == 8
    assert ak.all(passed[with_match])
    assert ak.sum(events.Electrons.matched("HLT_e26_lhtight_nod0_ivarloose")) > 0


def test_lorentz_vectors(path):
    events = physlite.events(path)
    first, second = ak.unzip(ak.combinations(events.Jets, 2))
    assert ak.all((first + second).mass >= 0)
    assert events.Electrons.nearest(events.Jets).pt.ndim == 2
