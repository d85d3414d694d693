"""Impact parameters, against a loop over tracks with the beam and the vertices of their events."""

import math
import pickle

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import impact
from physlite.exceptions import ColumnNotFoundError
from physlite.model.varying import varied
from support import data
from support.examples import FEWER
from support.selections import NAN, REAL_FILES, events_of, loop, numbers


@pytest.fixture(scope="module", params=REAL_FILES)
def events(request):
    return events_of(request.param)


def significance(d0, phi, variance, sigma_x, sigma_y, sigma_xy):
    sin, cos = math.sin(phi), math.cos(phi)
    beam = sin**2 * sigma_x**2 + cos**2 * sigma_y**2 - 2 * sin * cos * sigma_xy
    possible = sigma_x**2 + sigma_y**2 >= 2 * abs(sigma_xy)
    return d0 / math.sqrt(variance + beam) if variance > 0 and variance + beam > 0 and possible else NAN


def slow_values(events, leptons):
    """For each lepton its significance of d0, and its z0 sin θ."""
    tracks = leptons.trackParticle
    diagonal = "definingParametersCovMatrixDiag"
    matrix = diagonal if diagonal in tracks.fields else "definingParametersCovMatrix"
    columns = [ak.to_list(tracks[name]) for name in ("d0", "phi", matrix, "z0", "vz", "theta")]
    found = []
    for i, event in enumerate(zip(*columns, strict=True)):
        info = events.EventInfo[i]
        beam = (float(info.beamPosSigmaX), float(info.beamPosSigmaY), float(info.beamPosSigmaXY))
        vertices = zip(events.PrimaryVertices.z[i], events.PrimaryVertices.vertexType[i], strict=True)
        primary = next((float(z) for z, kind in vertices if kind == 1), NAN)
        found.append(
            [
                (significance(d0, phi, cov[0], *beam), (z0 + vz - primary) * math.sin(theta))
                for d0, phi, cov, z0, vz, theta in zip(*event, strict=True)
            ]
        )
    return found


@pytest.mark.parametrize("kind", ["Electrons", "Muons"])
def test_as_a_loop_over_tracks_finds(events, kind):
    leptons = events[kind]
    slow = slow_values(events, leptons)
    for function, which in ((impact.d0_significance, 0), (impact.z0_sin_theta, 1)):
        expected = [each[which] for event in slow for each in event]
        np.testing.assert_allclose(ak.flatten(function(leptons)).to_numpy(), expected, rtol=1e-12)
    for d0, z0 in ((5, 0.5), (3, None), (None, 0.5), (0.5, 0.02)):
        passed = [[(d0 is None or abs(d) < d0) and (z0 is None or abs(z) < z0) for d, z in event] for event in slow]
        assert ak.to_list(impact.prompt(leptons, d0_significance=d0, z0_sin_theta=z0)) == passed


@pytest.fixture(scope="module")
def muons():
    """Events, the transverse momenta of all muons, and which are prompt."""
    events = events_of(data.RNTUPLE)
    prompt = impact.prompt(events.Muons, d0_significance=2, z0_sin_theta=0.05)
    return events, ak.materialize(events.Muons.pt), prompt


@FEWER
@given(random=st.data())
def test_whatever_was_selected_before(muons, random):
    events, *every = muons
    start = random.draw(st.integers(0, len(events)))
    stop = random.draw(st.integers(start, len(events)))
    chosen = random.draw(st.lists(st.integers(0, stop - start - 1), max_size=5)) if stop > start else []
    chosen = np.array(chosen, dtype=np.int64)
    low = random.draw(st.sampled_from([0, 10_000, 30_000]))
    some = events[start:stop][chosen].Muons
    some = some[some.pt > low]
    pt, prompt = (each[start:stop][chosen] for each in every)
    assert ak.to_list(impact.prompt(some, d0_significance=2, z0_sin_theta=0.05)) == ak.to_list(prompt[pt > low])


def test_one_of_each_event_or_none(events):
    leading = ak.firsts(events.Electrons)
    mask = impact.prompt(leading, d0_significance=5, z0_sin_theta=0.5)
    every = impact.prompt(events.Electrons, d0_significance=5, z0_sin_theta=0.5)
    assert ak.to_list(mask) == ak.to_list(ak.fill_none(ak.firsts(every), value=False))


def test_pairs(events):
    first, _ = ak.unzip(ak.combinations(events.Electrons, 2))
    every, _ = ak.unzip(ak.combinations(impact.z0_sin_theta(events.Electrons), 2))
    assert ak.to_list(impact.z0_sin_theta(first)) == ak.to_list(every)


VARIED = {
    "PrimaryVertices": lambda e: {"z": e.PrimaryVertices.z + 100},
    "EventInfo": lambda e: {f"beamPosSigma{axis}": e.EventInfo[f"beamPosSigma{axis}"] * 100 for axis in "XY"},
}


@pytest.mark.parametrize("collection", VARIED)
@pytest.mark.parametrize("name", [data.R22, data.RNTUPLE])
def test_beam_and_vertices_of_a_variation(name, collection):
    events = events_of(name)
    changed = varied(events, {collection: VARIED[collection](events)})
    slow = slow_values(changed, changed.Muons)
    for function, which in ((impact.d0_significance, 0), (impact.z0_sin_theta, 1)):
        expected = [each[which] for event in slow for each in event]
        found = function(changed.Muons)
        np.testing.assert_allclose(ak.flatten(found).to_numpy(), expected, rtol=1e-12)
        for some in (changed[3:9], pickle.loads(pickle.dumps(changed))[3:9]):  # noqa: S301  # our own
            assert function(some.Muons).to_list() == found[3:9].to_list()
    assert not ak.array_equal(
        impact.prompt(changed.Muons, z0_sin_theta=0.5, d0_significance=1),
        impact.prompt(events.Muons, z0_sin_theta=0.5, d0_significance=1),
    )


def test_no_vertex_of_a_variation_is_primary():
    events = events_of(data.R22)
    changed = varied(events, {"PrimaryVertices": {"vertexType": 3}})
    assert np.isnan(ak.flatten(impact.z0_sin_theta(changed.Muons))).to_numpy().all()


def test_sizes_of_the_beam_for_some_events():
    """They were varied in chosen events only: others have those of the file."""
    events = events_of(data.R22)
    changed = varied(events[10:50], {"EventInfo": {"beamPosSigmaX": 3.0}})
    assert not ak.any(abs(impact.d0_significance(changed.Muons)) > abs(impact.d0_significance(events[10:50].Muons)))


def test_vertices_that_were_given_by_hand_do_not_count():
    events = events_of(data.R22)[:]
    expected = impact.z0_sin_theta(events.Muons).to_list()
    events["PrimaryVertices"] = events.PrimaryVertices[events.PrimaryVertices.vertexType == 3]
    assert impact.z0_sin_theta(events.Muons).to_list() == expected


def test_nothing_is_asked(events):
    assert ak.to_list(impact.prompt(events.Muons)) == loop(lambda _: True, events.Muons.pt)


D0 = numbers(0.1, -0.1, 3)
ANGLE = st.floats(-3.125, 3.125, width=32)
SIGMA = st.sampled_from([0.0, 0.01, -0.01, NAN])
# In binary exactly: half of the sum of squares of 0.25 and 0.25, and of 0.25 and 0, and what is next to them.
COVARIANCE = st.sampled_from([0.0, 1e-5, -1e-5, 0.0625, -0.0625, 0.03125, 0.0626, -0.03126, NAN])


@given(
    st.lists(
        st.tuples(D0, ANGLE, st.sampled_from([0.0, 1e-4, -1e-4, NAN]), SIGMA | st.just(0.25), SIGMA, COVARIANCE),
        min_size=1,
    )
)
def test_any_tracks(drawn):
    columns = [ak.Array(np.array(column, dtype=np.float64)) for column in zip(*drawn, strict=True)]
    expected = [significance(*each) for each in drawn]
    np.testing.assert_allclose(impact._significance(*columns).to_numpy(), expected, rtol=1e-9)


def test_events_without_a_primary_vertex():
    columns = {"z": ak.Array([[1.5, 2.5, 3.5], [1.5], []]), "vertexType": ak.Array([[3, 1, 1], [3], []])}
    (found,) = impact._primary_z(lambda _, field: columns[field])
    np.testing.assert_array_equal(found, [2.5, NAN, NAN])


def test_tracks_without_covariance():
    electrons = events_of(data.SAMPLE).Electrons
    with pytest.raises(ColumnNotFoundError, match=r"definingParametersCovMatrixDiag or .* of TrackParticle"):
        impact.d0_significance(electrons)
    with pytest.raises(ColumnNotFoundError, match=r"no vz of TrackParticle, which z0 sin θ needs; .*21\.2.*leave z0"):
        impact.z0_sin_theta(electrons)


def test_objects_of_two_files():
    both = ak.concatenate([events_of(name).Electrons[["pt", "trackParticleLinks"]] for name in (data.R22, data.R24)])
    with pytest.raises(ValueError, match="several files"):
        impact.prompt(both, z0_sin_theta=0.5)
