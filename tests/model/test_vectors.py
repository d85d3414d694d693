"""Particles are Lorentz vectors; the stored columns stay as they are."""

import awkward as ak
import numpy as np
import pytest

import physlite
from support import data
from support.compare import assert_same


@pytest.fixture(scope="module", params=data.parameters(data.ALL_FILES))
def events(request):
    return physlite.events(data.path_of(request.param))


def _double(array):
    return ak.to_numpy(ak.flatten(array)).astype(np.float64)


def _cartesian(pt, eta, phi, m):
    px, py, pz = pt * np.cos(phi), pt * np.sin(phi), pt * np.sinh(eta)
    return px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + m**2)


def _pairs(values):
    a, b = ak.unzip(ak.combinations(values, 2))
    return _double(a), _double(b)


@pytest.mark.parametrize("name", ["Electrons", "Jets"])
def test_masses_of_pairs_are_those_of_double_precision(events, name):
    objects = events[name]
    a, b = ak.unzip(ak.combinations(objects, 2))
    columns = [_pairs(objects[x]) for x in ("pt", "eta", "phi", "m")]
    one, two = (_cartesian(*(c[i] for c in columns)) for i in (0, 1))
    x, y, z, e = (p + q for p, q in zip(one, two, strict=True))
    squared = e**2 - x**2 - y**2 - z**2
    mass = _double((a + b).mass)
    assert mass.dtype == np.float64
    assert len(mass) == len(squared)
    np.testing.assert_allclose(mass**2, squared, rtol=1e-6, atol=1e3)
    np.testing.assert_allclose(_double((a + b).pt), np.hypot(x, y), rtol=1e-9, atol=1e-6)


def test_muons_have_the_mass_of_a_muon(events):
    assert "m" not in events.Muons.fields
    assert ak.all(np.abs(events.Muons.mass - 105.658) < 0.001)
    assert ak.all(np.abs(events.Muons.m - 105.658) < 0.001)
    a, b = ak.unzip(ak.combinations(events.Muons, 2))
    columns = [_pairs(events.Muons[x]) for x in ("pt", "eta", "phi")]
    one, two = (_cartesian(*(c[i] for c in columns), 105.65837) for i in (0, 1))
    x, y, z, e = (p + q for p, q in zip(one, two, strict=True))
    np.testing.assert_allclose(_double((a + b).mass), np.sqrt(e**2 - x**2 - y**2 - z**2), rtol=1e-6)


@pytest.mark.parametrize("name", ["TruthElectrons", "TruthMuons", "TruthBoson", "TruthNeutrinos"])
def test_truth_particles_come_from_px_py_pz_e(events, name):
    """The reader that stopped here said "multiple temporal aliases present: ['e', 'm']"."""
    if name not in events.fields:
        return
    truth = events[name]
    px, py, e = (_double(truth[x]) for x in ("px", "py", "e"))
    np.testing.assert_allclose(_double(truth.pt), np.hypot(px, py), rtol=1e-12)
    np.testing.assert_allclose(_double(truth.energy), e, rtol=1e-12)
    np.testing.assert_allclose(_double(truth.phi), np.arctan2(py, px), rtol=1e-12)
    doubled = truth + truth
    np.testing.assert_allclose(_double(doubled.px), 2 * px, rtol=1e-12)


def test_stored_columns_come_back_as_they_are():
    with physlite.open(data.path_of(data.R24)) as file:
        events = file.events()
        for name, prefix in (("TruthElectrons", "TruthElectronsAuxDyn"), ("Electrons", "AnalysisElectronsAuxDyn")):
            for field in set(events[name].fields) & {"pt", "eta", "phi", "m", "px", "py", "pz", "e"}:
                assert_same(getattr(events[name], field), file.array(f"{prefix}.{field}"), f"{name}.{field}")
        assert events.TruthElectrons.m.type.content.content.primitive == "float32"


def test_arithmetic_of_different_classes(events):
    both = ak.cartesian({"e": events.Electrons, "j": events.Jets})
    total = both.e + both.j
    assert ak.all(total.energy >= both.e.energy)
    assert ak.all(both.e.deltaR(both.j) >= 0)
    one = ak.firsts(events.Jets)
    assert ak.all(ak.drop_none(np.abs((one - one).energy)) < 1e-6)
    scaled = 2.0 * events.Jets
    assert_same(ak.values_astype(scaled.pt, np.float64), 2.0 * ak.values_astype(events.Jets.pt, np.float64))


def test_sums_over_a_list(events):
    """Of the momenta alone: Awkward reduces no records that have lists in them."""
    total = ak.sum(events.Jets.p4, axis=1)
    pt, phi = (ak.values_astype(events.Jets[x], np.float64) for x in ("pt", "phi"))
    px = ak.sum(pt * np.cos(phi), axis=1)
    np.testing.assert_allclose(total.px.to_numpy(), px.to_numpy(), rtol=1e-9, atol=1e-6)


def test_objects_whose_momentum_is_not_stored_say_so():
    """In this release large jets were written without it."""
    jets = physlite.events(data.path_of(data.R21)).LargeRJets
    assert "pt" not in jets.fields
    for name in ("mass", "pt", "energy", "p4"):
        with pytest.raises(AttributeError, match="these objects have no momentum"):
            getattr(jets, name)
        assert not hasattr(jets, name)
    with pytest.raises(AttributeError, match="these objects have no momentum"):
        jets + jets


def test_objects_without_a_mass_say_so():
    jets = physlite.events(data.path_of(data.R24)).Jets
    massless = ak.with_name(jets[["pt", "eta", "phi"]], "Jet")
    with pytest.raises(AttributeError, match="these objects have no mass"):
        _ = massless.mass
    assert_same(massless.px, jets.px)


def test_objects_without_momentum_are_no_vectors(events):
    assert not hasattr(events.PrimaryVertices, "deltaR")
    assert not hasattr(events.EventInfo, "mass")


def test_one_particle_is_a_vector_too(events):
    jet = events.Jets[ak.num(events.Jets) > 0][0, 0]
    assert jet.mass == pytest.approx(jet.m, rel=1e-6)
    assert (jet + jet).pt == pytest.approx(2 * jet.pt, rel=1e-6)
    assert jet.deltaR(jet) == 0
    muon = events.Muons[ak.num(events.Muons) > 0][0, 0]
    assert muon.mass == pytest.approx(105.65837)
    truth = events.TruthElectrons[ak.num(events.TruthElectrons) > 0][0, 0]
    assert truth.pt == pytest.approx(np.hypot(truth.px, truth.py), rel=1e-6)


def test_track_parameters_are_not_momenta(events):
    assert "qOverP" in events.InDetTrackParticles.fields
    assert events.InDetTrackParticles.qOverP.ndim == 2
