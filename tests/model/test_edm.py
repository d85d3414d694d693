"""What single classes of the event data model can do, against plain arithmetic on the stored columns."""

import math

import awkward as ak
import numpy as np
import pytest

import physlite
from support import data


@pytest.fixture(scope="module", params=data.parameters(data.ALL_FILES))
def events(request):
    return physlite.open(data.path_of(request.param)).events()


def flat(array):
    return ak.to_numpy(ak.flatten(ak.drop_none(array, axis=None), axis=None))


def test_tracks_have_momenta_from_their_parameters(events):
    tracks = events.InDetTrackParticles
    theta, phi, q_over_p = (flat(tracks[name]).astype(np.float64) for name in ("theta", "phi", "qOverP"))
    assert np.array_equal(flat(tracks.pt), np.sin(theta) / np.abs(q_over_p))
    assert np.array_equal(flat(tracks.eta), -np.log(np.tan(theta / 2)))
    assert np.array_equal(flat(tracks.charge), np.sign(flat(tracks.qOverP)))
    assert np.allclose(flat(tracks.p4.p), 1 / np.abs(q_over_p), rtol=1e-9)
    assert set(flat(tracks.p4.mass)) == {139.57018}
    assert np.allclose(flat(tracks.p4.energy), np.hypot(1 / q_over_p, 139.57018), rtol=1e-9)
    assert np.array_equal(flat(tracks.phi), phi.astype(np.float32))  # as it is stored


def test_followed_tracks_are_tracks(events):
    tracks = events.Muons.inDetTrackParticle
    assert ak.all(ak.drop_none(tracks.charge, axis=None) ** 2 == 1)
    assert ak.count(tracks.pt) == ak.count(tracks.qOverP) > 0
    pairs = tracks + tracks
    assert np.allclose(flat(pairs.mass), 2 * 139.57018, rtol=1e-6)


def test_clusters_have_momenta(events):
    clusters = events.egammaClusters
    energy, eta = (flat(clusters[name]).astype(np.float64) for name in ("calE", "calEta"))
    mass = flat(clusters.calM).astype(np.float64) if "calM" in clusters.fields else np.zeros(len(energy))
    expected = [math.sqrt(max(e * e - m * m, 0)) / math.cosh(y) for e, m, y in zip(energy, mass, eta, strict=True)]
    assert np.allclose(flat(clusters.pt), expected, rtol=1e-12)
    assert np.array_equal(flat(clusters.p4.energy), energy)
    assert np.array_equal(flat(clusters.eta), eta)


def test_missing_transverse_momentum(events):
    terms = events.MET_Core_AnalysisMET
    x, y = flat(terms.mpx), flat(terms.mpy)
    assert np.array_equal(flat(terms.met), np.hypot(x, y))
    assert np.array_equal(flat(terms.phi), np.arctan2(y, x))
    assert np.array_equal(flat(terms.p2.px), x)
    assert terms.p2[0][0].phi == terms.phi[0][0] == terms[0][0].phi


def test_vertices_have_positions(events):
    vertices = events.PrimaryVertices
    assert np.allclose(flat(vertices.position.rho), np.hypot(flat(vertices.x), flat(vertices.y)), rtol=1e-6)
    assert vertices[0][0].position.z == vertices.z[0][0]


@pytest.mark.parametrize(
    ("test", "ids"),
    [
        ("isElectron", {11}),
        ("isMuon", {13}),
        ("isTau", {15}),
        ("isPhoton", {22}),
        ("isNeutrino", {12, 14, 16}),
        ("isLepton", {11, 12, 13, 14, 15, 16}),
        ("isChLepton", {11, 13, 15}),
        ("isQuark", {1, 2, 3, 4, 5, 6}),
        ("isGluon", {21}),
        ("isW", {24}),
        ("isZ", {23}),
        ("isHiggs", {25}),
        ("isTop", {6}),
    ],
)
def test_kinds_of_truth_particles(events, test, ids):
    for name in ("TruthElectrons", "TruthBoson", "TruthBottom", "TruthNeutrinos", "TruthTop", "TruthPhotons"):
        if name in events.fields:
            particles = events[name]
            pdg = particles.pdgId.to_list()
            assert getattr(particles, test).to_list() == [[abs(x) in ids for x in event] for event in pdg]
            assert particles.absPdgId.to_list() == [[abs(x) for x in event] for event in pdg]


def test_the_nearest_object(events):
    jets, electrons = events.Jets[:20], events.Electrons[:20]
    found, distance = electrons.nearest(jets, return_metric=True)
    for i in range(20):
        for j in range(len(electrons[i].pt)):
            if len(jets[i].pt) == 0:
                assert found.pt[i, j] is None
                continue
            distances = [electrons[i][j].deltaR(jets[i][k]) for k in range(len(jets[i].pt))]
            best = int(np.argmin(distances))
            assert found["_link"][i, j] == jets["_link"][i, best]
            assert distance[i, j] == pytest.approx(distances[best], rel=1e-12)
    near = electrons.nearest(jets, threshold=0.1)
    assert ak.all(ak.is_none(near, axis=1) == ak.fill_none(distance >= 0.1, True))
    by_pt = electrons.nearest(jets, metric=lambda a, b: abs(a.pt - b.pt))
    for i, mine in enumerate(electrons.pt.to_list()):
        theirs = jets.pt[i].to_list()
        expected = [
            min(theirs, key=lambda pt, one=one: abs(np.float32(pt) - np.float32(one))) for one in mine if theirs
        ]
        assert [pt for pt in by_pt.pt[i].to_list() if pt is not None] == expected


def test_the_nearest_object_of_other_shapes(events):
    """Of one object an event, and within a single event."""
    jets, electrons = events.Jets, events.Electrons
    found, distance = electrons.nearest(jets, return_metric=True)
    one, its = ak.firsts(electrons).nearest(jets, return_metric=True)
    assert one["_link"].to_list() == ak.firsts(found)["_link"].to_list()
    assert its.to_list() == ak.firsts(distance).to_list()
    i = int(ak.argmax(ak.num(electrons)))
    single, its = electrons[i].nearest(jets[i], return_metric=True)
    assert single["_link"].to_list() == found[i]["_link"].to_list()
    assert its.to_list() == distance[i].to_list()
    flat_arrays = [(ak.firsts(electrons), ak.firsts(jets)), (ak.flatten(electrons), ak.flatten(jets))]
    others = [(electrons, ak.firsts(jets)), (electrons[:, :, np.newaxis], jets), (electrons[i, 0], jets[i])]
    for mine, theirs in flat_arrays + others:
        with pytest.raises(ValueError, match="nearest of others is found"):
            mine.nearest(theirs)


def test_objects_without_a_place_are_nearest_to_none(events):
    jets = ak.with_field(events.Jets, ak.where(ak.local_index(events.Jets.eta) == 0, np.nan, events.Jets.eta), "eta")
    found, distance = events.Electrons.nearest(jets, return_metric=True)
    expected, its = events.Electrons.nearest(events.Jets[:, 1:], return_metric=True)
    assert found["_link"].to_list() == expected["_link"].to_list()
    assert distance.to_list() == its.to_list()


def test_a_field_that_was_added_does_not_change_the_momentum(events):
    particles = events.TruthElectrons
    changed = ak.with_field(particles, particles.pt * 2, "pt")
    assert ak.array_equal(changed.eta, particles.eta)
    assert ak.array_equal(changed.p4.px, particles.p4.px)


def test_boosts_are_those_of_plain_vectors(events):
    jets = events.Jets
    total = ak.sum(jets.p4, axis=1)
    boosted, expected = jets.boostCM_of_p4(total), jets.p4.boostCM_of_p4(total)
    assert ak.array_equal(boosted.px, expected.px)
    assert ak.array_equal(boosted.energy, expected.energy)
    assert np.allclose(flat(ak.sum(boosted.px, axis=1)), 0, atol=1)
