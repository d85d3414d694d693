"""Overlap removal beside that of one object after the other, `support.slow_overlap`, on real and on made-up events."""

import functools
import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.analysis import overlap
from physlite.units import GeV
from support import data, slow_overlap
from support.made_objects import SCHEMA, events_of, mask

REAL = (data.R21, data.R22, data.R24, data.TREE_ONLY, data.RNTUPLE)
NO_ORIGINAL_TRACKS = (data.R21, data.R22)
NAMES = ("Electrons", "Muons", "TauJets", "Photons", "Jets", "LargeRJets")

# -------------------------------------------------------------------------------------------------------- real files


@functools.cache
def real_events(name):
    return physlite.events(data.path_of(name))


@functools.cache
def plain_events(name):
    """The same as lists of dictionaries, with what they have of the columns in SCHEMA."""
    events = real_events(name)
    collections = {}
    for collection, (_, fields) in SCHEMA.items():
        known = [field for field in fields if collection in events.fields and field in events[collection].fields]
        columns = {field: plain(events[collection][field]) for field in known}
        if collection == "Electrons" and name not in NO_ORIGINAL_TRACKS:
            columns["originalTrack"] = plain(ak.firsts(events.Electrons.trackParticles.originalTrackParticle, axis=2))
        collections[collection] = columns
    return [{name: objects(columns, i) for name, columns in collections.items() if columns} for i in range(len(events))]


def plain(column):
    return pairs_of(column.to_list())


def pairs_of(values):
    if isinstance(values, dict):
        return values["m_persKey"], values["m_persIndex"]
    return [*map(pairs_of, values)] if isinstance(values, list) else values


def objects(columns, i):
    rows = zip(*(column[i] for column in columns.values()), strict=True)
    return [dict(zip(columns, row, strict=True)) for row in rows]


def possible(name, steps):
    """Those that the columns of a file allow: LargeRJets of R21 have no momentum."""
    without = {"LargeRJets"} if name == data.R21 else set()
    for step in steps:
        if isinstance(step, overlap.ElectronMuon) and name in NO_ORIGINAL_TRACKS:
            yield overlap.DeltaR("Electrons", "Muons", 0.01)
        elif without.isdisjoint(step.collections):
            yield step


# Of objects, and of b-jets.
SELECTIONS = {
    "all": (lambda objects: objects.eta == objects.eta, None),
    "all, b-jets": (lambda objects: objects.eta == objects.eta, lambda jets: jets.pt % 3 < 1),
    "20 GeV, b-jets": (lambda objects: objects.pt > 20 * GeV, lambda jets: jets.pt % 3 < 1),
    "every second": (lambda objects: ak.local_index(objects.pt) % 2 == 0, None),
}
WORKING_POINTS = {
    "standard": overlap.standard(NAMES),
    "boosted": overlap.standard(NAMES, boosted=True, electron_electron=True),
    "other options": (
        overlap.TauLooseElectron(),
        overlap.TauLooseMuon(),
        overlap.ElectronMuon(remove_calo_muons=False, radius=0.1),
        overlap.ElectronJet(outer=0.3, min_pt_ratio=0.8),
        overlap.MuonJet(inner=0.4, compare_pt=True),
        overlap.TauJet(),
        overlap.DeltaR("Jets", "Jets", 1.5),
    ),
    "reversed": overlap.standard(NAMES, electron_electron=True)[::-1],
}


@pytest.mark.parametrize("point", WORKING_POINTS)
@pytest.mark.parametrize("selection", SELECTIONS)
@pytest.mark.parametrize("name", REAL)
def test_agrees_with_a_loop_over_objects(name, selection, point):
    events = real_events(name)
    steps = tuple(possible(name, WORKING_POINTS[point]))
    select, tag = SELECTIONS[selection]
    selected = {name: select(events[name]) for step in steps for name in step.collections}
    b_jets = tag and tag(events.Jets)
    found = overlap.removed_by(events, steps, selected, b_jets=b_jets)
    masks = {name: mask.to_list() for name, mask in selected.items()}
    expected = slow_overlap.removed_by(plain_events(name), steps, masks, None if tag is None else b_jets.to_list())
    assert {name: by.to_list() for name, by in found.items()} == expected


def test_real_events_have_all_kinds_of_overlaps():
    """Otherwise the test before would say little."""
    seen = set()
    for name in REAL:
        events = real_events(name)
        for steps in map(tuple, (possible(name, steps) for steps in WORKING_POINTS.values())):
            selected = {name: events[name].pt > 5 * GeV for step in steps for name in step.collections}
            for collection, by in overlap.removed_by(events, steps, selected).items():
                seen |= {(type(steps[i]), collection) for i in np.unique(ak.flatten(by)) if i >= 0}
    assert {
        (overlap.DeltaR, "TauJets"),
        (overlap.DeltaR, "Photons"),
        (overlap.DeltaR, "Jets"),
        (overlap.DeltaR, "LargeRJets"),
        (overlap.ElectronJet, "Jets"),
        (overlap.ElectronJet, "Electrons"),
        (overlap.MuonJet, "Jets"),
        (overlap.MuonJet, "Muons"),
        (overlap.TauJet, "Jets"),
        (overlap.TauLooseElectron, "TauJets"),
        (overlap.TauLooseMuon, "TauJets"),
    } <= seen


# ------------------------------------------------------------------------------------------------------- made events

LINKS = st.sampled_from([(7, 1), (7, 1), (7, 2), (8, 1), (0, 1), (0, 0xFFFFFFFF)])


def singles(*values):
    """In single precision, as columns are: 0.2 is another number there."""
    return [float(np.float32(value)) for value in values]


# Few of each, so that much overlaps, and is just at a limit.
PT = st.sampled_from([*singles(1e3, 2e3, 2.4e4, 3e4, 5e4, 1e5, 3e5), math.nan, 0.0])
NEAR = singles(0, 0, 0, 0.1, 0.2, 0.2, 0.4)
ETA = st.sampled_from([*NEAR, *singles(-0.2, 1.0), math.nan])
PHI = st.sampled_from([*NEAR, *singles(math.pi, -3.1, 2 * math.pi, 7.0), math.nan])
MASS = st.sampled_from([0.0, 0.0, 5e3])
VERTICES = 2


def things(**columns):
    kinematics = {"pt": PT, "eta": ETA, "phi": PHI}
    return st.lists(st.fixed_dictionaries(kinematics | columns), max_size=4)


EVENTS = st.lists(
    st.fixed_dictionaries(
        {
            "Electrons": things(
                author=st.sampled_from([1, 16, 2]),
                DFCommonElectronsLHLoose=st.sampled_from([0, 1]),
                trackParticleLinks=st.lists(LINKS, max_size=2),
                originalTrack=LINKS,
            ),
            "Muons": things(muonType=st.sampled_from([0, 1, 3]), inDetTrackParticleLink=LINKS),
            "TauJets": things(m=MASS),
            "Photons": things(),
            "Jets": things(
                m=MASS,
                NumTrkPt500=st.lists(st.integers(2, 3), min_size=VERTICES, max_size=VERTICES),
                SumPtTrkPt500=st.lists(st.sampled_from([0.0, -1.0, 2e4, 1e5]), min_size=VERTICES, max_size=VERTICES),
                GhostTrack=st.lists(LINKS, max_size=3),
            ),
            "LargeRJets": things(m=MASS),
            "PrimaryVertices": st.lists(
                st.fixed_dictionaries({"vertexType": st.sampled_from([1, 1, 3])}), max_size=VERTICES
            ),
        }
    ),
    min_size=1,
    max_size=3,
)
RADII = st.sampled_from([0.0, 0.2, 0.4])
CONES = st.one_of(RADII, st.builds(overlap.SlidingCone))
STEPS = st.one_of(
    st.builds(overlap.DeltaR, st.sampled_from(NAMES), st.sampled_from(NAMES), RADII),
    st.builds(overlap.SharedTrackElectrons),
    st.builds(overlap.ElectronMuon, st.booleans(), st.sampled_from([None, 0.2])),
    st.builds(overlap.ElectronJet, RADII, CONES, st.sampled_from([1e5, math.inf]), st.sampled_from([None, 0.5, 0.8])),
    st.builds(
        overlap.MuonJet,
        RADII,
        CONES,
        st.just(3),
        compare_pt=st.booleans(),
        ghosts=st.booleans(),
        allow_no_vertex=st.just(True),
    ),
    st.builds(overlap.TauJet, RADII),
    st.builds(overlap.TauLooseElectron, RADII),
    st.builds(overlap.TauLooseMuon, RADII),
)


def without_track(events):
    """As the array has it: an electron without links has no track either."""
    for event in events:
        for electron in event["Electrons"]:
            electron["originalTrack"] = electron["originalTrack"] if electron["trackParticleLinks"] else None
    return events


@given(EVENTS, st.lists(STEPS, min_size=1, max_size=4), st.data())
def test_made_events(events, steps, draw):
    def flags(name):
        return [[draw.draw(st.sampled_from([True, True, True, False])) for _ in event[name]] for event in events]

    events = without_track(events)
    selected = {name: flags(name) for name in NAMES}
    b_jets = draw.draw(st.none() | st.just(flags("Jets")))
    masks = {name: mask(lists) for name, lists in selected.items()}
    tagged = None if b_jets is None else mask(b_jets)
    array = events_of(events)
    expected = slow_overlap.removed_by(events, steps, selected, b_jets)
    found = overlap.removed_by(array, steps, masks, b_jets=tagged)
    assert {name: by.to_list() for name, by in found.items()} == expected
    kept = overlap.remove(array, steps, masks, b_jets=tagged)
    for name, lists in selected.items():
        both = [[*zip(flags, by, strict=True)] for flags, by in zip(lists, expected[name], strict=True)]
        assert kept[name].to_list() == [[is_selected and by < 0 for is_selected, by in event] for event in both]
