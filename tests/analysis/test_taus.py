"""Taus: each working point, against a loop over single candidates."""

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import taus
from physlite.exceptions import ColumnNotFoundError, SelectionError
from physlite.model.varying import varied
from support import data
from support.selections import NAN, REAL_FILES, events_of, lists_of, loop, made

WITH_TRACKS = [name for name in REAL_FILES if name != data.R21]
COLUMN = {"DeepSet": "JetDeepSet{0}", "GNTau": "GNTau{1}_v0prune"}
SHORT = {"VeryLoose": "VL", "Loose": "L", "Medium": "M", "Tight": "T"}


@pytest.fixture(scope="module", params=REAL_FILES)
def objects(request):
    return events_of(request.param).TauJets


def slow_identified(objects, point):
    kind = next(kind for kind in ("RNN", "DeepSet", "GNTau") if point.startswith(kind))
    level = point.removeprefix(kind)
    if kind == "RNN":
        bit = 28 + list(SHORT).index(level)
        return loop(lambda flags: flags >> bit & 1 == 1, objects.isTauFlags)
    return loop(lambda flag: flag == 1, objects[COLUMN[kind].format(level, SHORT[level])])


def test_identification(objects):
    points = taus.working_points(objects)["identification"]
    assert {"RNNVeryLoose", "RNNLoose", "RNNMedium", "RNNTight"} <= set(points)
    for point in points:
        assert ak.to_list(taus.identified(objects, point)) == slow_identified(objects, point)


def test_each_release_has_its_network():
    there = {name: taus.working_points(events_of(name).TauJets)["identification"] for name in REAL_FILES}
    assert len(there[data.R21]) == len(there[data.R22]) == 4
    assert "DeepSetTight" in there[data.R24]
    assert "GNTauTight" in there[data.RNTUPLE]


@given(lists_of(isTauFlags=st.integers(0, 2**32 - 1), pt=st.just(1.0)))
def test_bits_of_any_candidates(drawn):
    objects = made("TauJet", {"pt": "f4", "isTauFlags": "u4"}, drawn)
    for point in ("RNNVeryLoose", "RNNTight"):
        assert ak.to_list(taus.identified(objects, point)) == slow_identified(objects, point)


def slow_tracks(events):
    """How many charged tracks each candidate has, by the raw links: most tracks are thinned away."""
    links, flags = ak.to_list(events.TauJets.tauTrackLinks), ak.to_list(events.TauTracks.flagSet)
    return [
        [sum(flags[i][t["m_persIndex"]] >> 5 & 1 for t in tau if t["m_persKey"]) for tau in event]
        for i, event in enumerate(links)
    ]


@pytest.mark.parametrize("name", WITH_TRACKS)
def test_tracks_and_the_veto_of_electrons(name):
    events = events_of(name)
    objects, expected = events.TauJets, slow_tracks(events)
    assert ak.to_list(taus.n_tracks(objects)) == expected
    assert ak.to_list(taus.with_tracks(objects, [1, 3])) == [[n in (1, 3) for n in event] for event in expected]
    assert ak.to_list(taus.with_tracks(objects, [3])) == [[n == 3 for n in event] for event in expected]
    assert ak.to_list(taus.n_tracks(objects[objects.pt > 30_000])) == ak.to_list(
        ak.Array(expected)[objects.pt > 30_000]
    )
    for point in ("Loose", "Medium", "Tight"):
        slow = loop(lambda flag, n: flag == 1 or n != 1, objects[f"EleRNN{point}_v1"], ak.Array(expected))
        assert ak.to_list(taus.electron_vetoed(objects, point)) == slow


@pytest.mark.parametrize("name", WITH_TRACKS)
def test_only_those_with_one_track_are_vetoed(name):
    events = events_of(name)
    tracks = events.TauTracks.flagSet
    some = ak.local_index(tracks) % 3 > 0
    flags = ak.values_astype(ak.where(some, tracks, 0), np.uint16)
    events = varied(events, {"TauTracks": {"flagSet": flags}, "TauJets": {"EleRNNLoose_v1": 0}})
    numbers = slow_tracks(events)
    assert {0, 1, 2} <= {n for event in numbers for n in event}
    assert ak.to_list(taus.electron_vetoed(events.TauJets, "Loose")) == [[n != 1 for n in event] for event in numbers]


def test_one_number_of_tracks():
    objects = events_of(data.R22).TauJets
    for number in (1, np.int8(3)):
        assert ak.to_list(taus.with_tracks(objects, number)) == ak.to_list(taus.with_tracks(objects, [number]))


def test_candidates_that_are_missing():
    objects = events_of(data.R22).TauJets
    hard = objects.pt > 20_000
    assert ak.to_list(taus.n_tracks(ak.mask(objects, hard))) == ak.to_list(ak.mask(taus.n_tracks(objects), hard))


def test_charge(objects):
    assert ak.to_list(taus.with_charge(objects)) == loop(lambda charge: abs(charge) == 1, objects.charge)


def test_charge_that_is_no_number():
    objects = ak.Array({"charge": np.array([1, -1, 0, 3, NAN], dtype="f4")}, with_name="TauJet")
    assert ak.to_list(taus.with_charge(objects)) == [True, True, False, False, False]
    assert ak.to_list(taus.with_charge(objects, 3)) == [False, False, False, True, False]


def test_what_is_not_stored():
    objects = events_of(data.R21).TauJets
    with pytest.raises(ColumnNotFoundError, match=r"no flagSet of TauTrack.*22.2, 24.0, 25.0"):
        taus.n_tracks(objects)
    with pytest.raises(ColumnNotFoundError, match=r"GNTauM_v0prune of TauJet.*25.0.*RNNTight"):
        taus.identified(objects, "GNTauMedium")
    with pytest.raises(ColumnNotFoundError, match=r"EleRNNLoose_v1 of TauJet.*in TauJets there is no electron_veto"):
        taus.electron_vetoed(objects, "Loose")
    with pytest.raises(SelectionError, match="no identification 'Medium' of TauJet"):
        taus.identified(objects, "Medium")
