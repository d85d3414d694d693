"""Names that coffea has for what objects can do, on events of the event model."""

import itertools
import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from support import data
from support.compare import assert_same
from support.examples import FEWER

pytest.importorskip("coffea")

import physlite.coffea  # needs coffea

FILES = (*data.REAL_TTREES, data.RNTUPLE)


@pytest.fixture(scope="module", params=data.parameters(FILES))
def events(request):
    return physlite.events(data.path_of(request.param))


# ------------------------------------------------------------------------------------------------------------- fields


def test_collections_whose_names_have_analysis_in_them(events):
    """Ours keep the word where it is not a prefix."""
    assert_same(events.MET_Core_MET.mpx, events.MET_Core_AnalysisMET.mpx)
    assert_same(events["METAssoc_MET"].jetLink, events.METAssoc_AnalysisMET.jetLink)
    assert_same(events[2:5].MET_Core_MET.mpx, events.MET_Core_AnalysisMET.mpx[2:5])
    assert_same(events[3].MET_Core_MET.mpx, events.MET_Core_AnalysisMET.mpx[3])


def test_fields_that_the_schema_of_coffea_computes(events):
    tracks, muons = events.GSFTrackParticles, events.Muons
    for field in ("p", "pt", "tau"):
        assert_same(tracks[field], getattr(tracks, field))
    q_over_p = ak.values_astype(tracks.qOverP, np.float64)
    assert np.allclose(ak.flatten(tracks["p"]), 1 / ak.flatten(abs(q_over_p)), rtol=1e-9)
    assert_same(muons["m"], muons.m)
    assert_same(muons[muons.pt > 10_000]["m"], muons.m[muons.pt > 10_000])
    assert_same(events["GSFTrackParticles", "pt"], tracks.pt)


def test_members_with_their_names_in_the_class(events):
    assert_same(events.TrigConfKeys.m_smk, events.TrigConfKeys.smk)
    assert_same(events.TrigConfKeys["m_l1psk"], events.TrigConfKeys.l1psk)


def test_lists_of_matched_objects():
    events = physlite.events(data.path_of(data.R21))
    matches = events.HLT_mu26_ivarmedium
    assert_same(matches.m_persKey, matches.TrigMatchedObjects.m_persKey)
    assert_same(matches["m_persIndex"], matches.TrigMatchedObjects.m_persIndex)


def test_other_names_are_told_as_ever(events):
    with pytest.raises(AttributeError, match="no field named 'ptt' of Electrons; nearest"):
        _ = events.Electrons.ptt
    with pytest.raises(ak.errors.FieldNotFoundError, match="no field 'ptt' of Electrons; nearest"):
        events.Electrons["ptt"]
    with pytest.raises(ak.errors.FieldNotFoundError, match="no field 'm_smk' of Electrons"):
        events.Electrons["m_smk"]
    with pytest.raises(AttributeError, match="no field named 'MET_Core' of Events"):
        _ = events.MET_Core


# ------------------------------------------------------------------------------------------------------------ vectors


def test_vectors_of_objects_and_of_their_sums(events):
    for vectors in (events.Jets, events.Jets + events.Jets, events.TruthElectrons, events.egammaClusters):
        assert_same(vectors.r, vectors.rho)
        assert_same(vectors.r2, vectors.rho2)
        assert_same(vectors.absolute(), vectors.mass)
        assert ak.all(vectors.pvec.x == vectors.px)
        assert np.allclose(ak.flatten(vectors.boostvec.z), ak.flatten(vectors.pz / vectors.energy), rtol=1e-9)
        assert np.allclose(ak.flatten(vectors.negative().px), ak.flatten(-vectors.px))
        assert np.allclose(ak.flatten(vectors.multiply(2).energy), ak.flatten(2 * vectors.energy))
        assert np.allclose(ak.flatten(vectors.divide(2).energy), ak.flatten(vectors.energy / 2))
        other = vectors[:, ::-1]
        assert_same(vectors.delta_r(other), vectors.deltaR(other))
        assert_same(vectors.delta_r2(other), vectors.deltaR2(other))
        assert_same(vectors.delta_phi(other), vectors.deltaphi(other))


def test_vectors_of_single_objects(events):
    jets = events.Jets[int(ak.argmax(ak.num(events.Jets)))]
    first, second = jets[0], jets[1]
    assert first.delta_r(second) == first.deltaR(second)
    assert (first + second).delta_phi(second) == (first + second).deltaphi(second)
    assert first.r == first.rho
    assert first.pvec.y == first.py


def test_names_are_there_whatever_is_registered_later(events):
    physlite.register_awkward()
    assert events.Jets.sum().pt.to_list() == ak.sum(events.Jets, axis=-1).pt.to_list()
    assert physlite.events(physlite.sample()).Jets.sum is not None


def test_sums(events):
    jets = events.Jets
    total, reduced = jets.sum(), ak.sum(jets, axis=-1)
    for name in ("px", "py", "pz", "energy"):
        expected = [math.fsum(event) for event in getattr(jets, name).to_list()]
        for found in (total, reduced):
            assert np.allclose(getattr(found, name), expected, rtol=1e-9, atol=1e-3)
    assert_same(ak.count(jets, axis=-1), ak.num(jets))
    assert total.delta_r(total).to_list() == [0.0] * len(jets)


@pytest.mark.parametrize("name", ["PtEtaPhiMLorentzVector", "PtEtaPhiELorentzVector", "LorentzVector"])
def test_vectors_of_coffea_are_added_to_ours(events, name):
    """Made with the behavior of events, or with coffea's own."""
    vector = pytest.importorskip("coffea.nanoevents.methods.vector")
    jets = events.Jets
    parts = {
        "PtEtaPhiMLorentzVector": {"pt": jets.pt, "eta": jets.eta, "phi": jets.phi, "mass": jets.m},
        "PtEtaPhiELorentzVector": {"pt": jets.pt, "eta": jets.eta, "phi": jets.phi, "energy": jets.p4.energy},
        "LorentzVector": {"x": jets.p4.px, "y": jets.p4.py, "z": jets.p4.pz, "t": jets.p4.energy},
    }
    for behavior in (events.behavior, vector.behavior):
        theirs = ak.zip(parts[name], with_name=name, behavior=behavior)
        expected = (jets + jets).energy
        for total in (theirs + jets, jets + theirs, theirs + theirs, theirs + jets.p4):
            assert np.allclose(ak.flatten(total.energy), ak.flatten(expected), rtol=1e-6)
        assert np.allclose(ak.flatten((theirs + jets + jets - theirs).energy), ak.flatten(expected), rtol=1e-6)
        assert np.allclose(ak.flatten(theirs.delta_r(jets)), 0, atol=1e-5)
        assert np.allclose(ak.flatten(jets.delta_r(theirs)), 0, atol=1e-5)
        i = int(ak.argmax(ak.num(jets)))
        assert np.isclose((theirs[i, 0] + jets[i, 1]).energy, (jets[i, 0] + jets[i, 1]).energy, rtol=1e-6)


# -------------------------------------------------------------------------------------------------- objects of events


def vectors(directions):
    """Jets of events, each a list of (eta, phi)."""
    columns = {
        name: ak.values_astype(ak.Array([[value(pair) for pair in event] for event in directions]), np.float64)
        for name, value in {
            "pt": lambda _: 1.0,
            "eta": lambda pair: pair[0],
            "phi": lambda pair: pair[1],
            "m": lambda _: 0.0,
        }.items()
    }
    return ak.zip(columns, with_name="Jet")


def distance(one, other):
    phi = (one[1] - other[1] + math.pi) % (2 * math.pi) - math.pi
    return math.hypot(one[0] - other[0], phi)


# Few values: ties are common.
directions = st.lists(st.tuples(st.sampled_from([0.0, 0.5, 1.0, -2.0]), st.sampled_from([0.0, 0.5, 3.0])), max_size=4)


@FEWER
@given(st.lists(st.tuples(directions, directions), min_size=1, max_size=5))
def test_tables_of_distances(pairs):
    """Against a loop: of empty events, too."""
    left, right = zip(*pairs, strict=True)
    mine, theirs = vectors([[(0.0, 0.0)], *left]), vectors([[(0.5, 0.0)], *right])
    expected = [[[0.5]]] + [[[distance(a, b) for b in others] for a in ones] for ones, others in pairs]
    table, (a, b) = mine.metric_table(theirs, return_combinations=True)
    for found, event in zip(table.to_list(), expected, strict=True):
        assert [len(row) for row in found] == [len(row) for row in event]
        assert np.allclose(list(itertools.chain(*found)), list(itertools.chain(*event)))
    assert_same(a.delta_r(b), table)
    by_pt = mine.metric_table(theirs, metric=lambda a, b: abs(a.pt - b.pt))
    assert ak.all(by_pt == 0)


@FEWER
@given(st.lists(st.tuples(directions, directions), min_size=1, max_size=5))
def test_the_nearest_with_the_arguments_of_coffea(pairs):
    left, right = zip(*pairs, strict=True)
    mine, theirs = vectors([[(0.0, 0.0)], *left]), vectors([[(0.5, 0.0)], *right])
    found, its = mine.nearest(theirs, 1, None, True, 0.75)
    for i, (ones, others) in enumerate(pairs, start=1):
        for j, one in enumerate(ones):
            distances = [distance(one, other) for other in others]
            if not distances or min(distances) >= 0.75:
                assert found.eta[i, j] is None
                assert its[i, j] is None
            else:
                best = int(np.argmin(distances))  # the first of several
                assert (found.eta[i, j], found.phi[i, j]) == others[best]
                assert np.isclose(its[i, j], distances[best])


@FEWER
@given(st.lists(st.tuples(directions, directions), min_size=1, max_size=5))
def test_the_nearest_of_one_object_of_each_event(pairs):
    """`axis=None`: each has a list of its own."""
    left, right = zip(*pairs, strict=True)
    mine, theirs = vectors([[(0.0, 0.0)], *left]), vectors([[(0.5, 0.0)], *right])
    distances = ak.firsts(mine.metric_table(theirs)).to_list()
    found, its = ak.firsts(mine).nearest(theirs, axis=None, return_metric=True, threshold=0.75)
    best = [min(row, default=math.inf) if row is not None else math.inf for row in distances]
    assert its.to_list() == [least if least < 0.75 else None for least in best]
    assert ak.is_none(found).to_list() == ak.is_none(its).to_list()
    assert ak.all(ak.drop_none(ak.firsts(mine).delta_r(found) == its))


def test_the_nearest_is_that_of_the_event_model(events):
    found, its = events.Electrons.nearest(events.Jets, return_metric=True, threshold=0.4)
    indices = [
        [int(np.argmin(row)) if row and min(row) < 0.4 else None for row in event]
        for event in events.Electrons.metric_table(events.Jets).to_list()
    ]
    links = events.Jets["_link"].to_list()
    expected = [[None if i is None else links[e][i] for i in event] for e, event in enumerate(indices)]
    assert found["_link"].to_list() == expected
    assert ak.all(ak.drop_none(its, axis=None) < 0.4)
