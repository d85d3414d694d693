"""The selection of examples/susy, object by object."""

import math
import sys
from pathlib import Path

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.units import GeV
from support import data
from support.examples import FEWER

sys.path.insert(0, str(Path(__file__).parents[2] / "examples" / "susy"))
import susy

pytestmark = pytest.mark.checkout

physlite.register_awkward()  # for arrays that no file has made

# Electrons, muons and jets: baseline, what passes the overlap removal, and signal.
COUNTS = {
    data.R21: ((10, 18, 232), (10, 15, 220), (9, 13, 205)),
    data.R22: ((40, 45, 590), (39, 39, 549), (27, 35, 529)),
    data.TREE_ONLY: ((124, 0, 516), (123, 0, 396), (101, 0, 377)),
    data.TIMES_50: ((6200, 0, 25800), (6150, 0, 19800), (5050, 0, 18850)),
    data.RNTUPLE: ((32, 68, 546), (32, 47, 507), (15, 36, 493)),
}
NONPROMPT = "ptvarcone30_Nonprompt_All_MaxWeightTTVA"
ELECTRON_MASS, MUON_MASS = 0.51099891, 105.658367
INNER = float(np.float32(0.2))  # AssociationUtils keeps fixed radii in single precision


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    counts = susy.analysis(physlite.events(data.path_of(name)))
    assert list(counts) == ["baseline", "passOR", "signal"]
    assert tuple(tuple(count.values()) for count in counts.values()) == COUNTS[name]


@pytest.mark.parametrize("name", [name for name in COUNTS if name != data.TIMES_50])
def test_counts_are_those_of_a_loop_over_objects(name):
    counts = susy.analysis(physlite.events(data.path_of(name)))
    assert tuple(tuple(count.values()) for count in counts.values()) == slow_counts(name)


def test_parts_add_up():
    events = physlite.events(data.path_of(data.R22))
    whole, parts = susy.analysis(events), [susy.analysis(events[i::3]) for i in range(3)]
    for step, counts in whole.items():
        for kind, number in counts.items():
            assert number == sum(part[step][kind] for part in parts)


def test_no_events():
    counts = susy.analysis(physlite.events(data.path_of(data.R22))[:0])
    assert {number for count in counts.values() for number in count.values()} == {0}


def test_muons_of_release_24_lack_what_the_overlap_removal_needs():
    with pytest.raises(AttributeError, match="no field named 'topoetcone40' of Muons"):
        susy.analysis(physlite.events(data.path_of(data.R24)))


# ------------------------------------------------------------------------------------------------------- a slow version


def slow_counts(name):
    """The counts of a file, from lists of dictionaries."""
    baseline, passed, signal = [0, 0, 0], [0, 0, 0], [0, 0, 0]
    for event in plain_events(name):
        if 1 not in event["vertexTypes"]:
            continue
        objects = [
            [electron for electron in event["electrons"] if slow_is_baseline_electron(electron)],
            [muon for muon in event["muons"] if slow_is_baseline_muon(muon)],
            [jet for jet in event["jets"] if jet["pt"] >= 20 * GeV],
        ]
        electrons, muons, jets = slow_without_overlaps(*objects)
        for total, lists in (
            (baseline, objects),
            (passed, (electrons, muons, jets)),
            (
                signal,
                (
                    [electron for electron in electrons if slow_is_signal_electron(electron)],
                    [muon for muon in muons if slow_is_signal_muon(muon)],
                    [jet for jet in jets if jet["passes_jvt"] and abs(jet["eta"]) <= 4.5],
                ),
            ),
        ):
            for i, found in enumerate(lists):
                total[i] += len(found)
    return tuple(baseline), tuple(passed), tuple(signal)


def plain_events(name):
    """Objects with what the selection asks of them, under names that are the same for all releases."""
    old = name == data.R21
    electron_cone = "ptvarcone20_TightTTVA_pt1000" if old else f"{NONPROMPT}LooseCone_pt1000"
    muon_cone = "ptvarcone30" if old else f"{NONPROMPT}_pt1000"
    events = physlite.events(data.path_of(name))
    electrons = events.Electrons[
        ["pt", "eta", "phi", "DFCommonElectronsLHLooseBL", "DFCommonElectronsLHTight", "topoetcone20", electron_cone]
    ].to_list()
    muons = events.Muons[
        ["pt", "eta", "phi", "quality", "topoetcone20", "topoetcone40", "inDetTrackParticleLink", muon_cone]
    ].to_list()
    jets = events.Jets[
        ["pt", "eta", "phi", "m", "GhostTrack", "NumTrkPt500", "SumPtTrkPt500", "Jvt" if old else "NNJvtPass"]
    ].to_list()
    track_pt = events.Muons.inDetTrackParticle.pt.to_list()
    plain = []
    for i, vertex_types in enumerate(events.PrimaryVertices.vertexType.to_list()):
        for electron in electrons[i]:
            electron["tracks"], electron["m"] = electron[electron_cone], ELECTRON_MASS
        for muon, pt in zip(muons[i], track_pt[i], strict=True):
            muon["tracks"], muon["track_pt"], muon["m"] = muon[muon_cone], pt, MUON_MASS
        for jet in jets[i]:
            tested = jet["pt"] < 60 * GeV and abs(jet["eta"]) < 2.4
            jet["passes_jvt"] = (not tested or jet["Jvt"] > 0.2) if old else jet["NNJvtPass"] == 1
        plain.append({"vertexTypes": vertex_types, "electrons": electrons[i], "muons": muons[i], "jets": jets[i]})
    return plain


def slow_is_baseline_electron(electron):
    accepted = electron["pt"] >= 7 * GeV and abs(electron["eta"]) <= 2.47
    return accepted and electron["DFCommonElectronsLHLooseBL"] == 1


def slow_is_signal_electron(electron):
    isolated = electron["topoetcone20"] <= 0.2 * electron["pt"] and electron["tracks"] <= 0.15 * electron["pt"]
    return isolated and electron["DFCommonElectronsLHTight"] == 1


def slow_is_baseline_muon(muon):
    accepted = muon["pt"] >= 6 * GeV and abs(muon["eta"]) <= 2.7
    return accepted and muon["quality"] % 8 in (0, 1) and muon["quality"] // 8 % 2 == 1 and muon["track_pt"] is not None


def slow_is_signal_muon(muon):
    isolated = muon["topoetcone20"] < 0.3 * muon["pt"] and muon["tracks"] < 0.15 * muon["pt"]
    return isolated and abs(muon["eta"]) <= 2.5


def slow_without_overlaps(electrons, muons, jets):
    jets = [jet for jet in jets if not any(slow_distance(jet, m) < 0.4 and slow_is_muon(jet, m) for m in muons)]
    jets = [jet for jet in jets if not any(slow_is_near(electron, jet, INNER) for electron in electrons)]
    hard = [jet for jet in jets if jet["passes_jvt"]]
    electrons = [e for e in electrons if not any(slow_is_near(e, jet, slow_cone(e)) for jet in hard)]
    jets = [
        jet
        for jet in jets
        if slow_first(jet["NumTrkPt500"]) >= 3
        or not any(slow_is_near(muon, jet, INNER) or slow_shares_track(jet, muon) for muon in muons)
    ]
    hard = [jet for jet in jets if jet["passes_jvt"]]
    muons = [
        muon
        for muon in muons
        if not any(slow_is_near(muon, jet, slow_cone(muon)) or slow_shares_track(jet, muon) for jet in hard)
    ]
    return electrons, muons, jets


def slow_first(values):
    return values[0] if values else 0


def slow_cone(lepton):
    return min(0.04 + 10 * GeV / lepton["pt"], 0.4)


def slow_distance(one, other):
    return math.hypot(one["eta"] - other["eta"], slow_turn(one, other))


def slow_is_near(lepton, jet, radius):
    """As AssociationUtils has it, in rapidity."""
    return math.hypot(slow_rapidity(lepton) - slow_rapidity(jet), slow_turn(lepton, jet)) <= radius


def slow_rapidity(x):
    return math.asinh(x["pt"] * math.sinh(x["eta"]) / math.hypot(x["pt"], x["m"]))


def slow_turn(one, other):
    return (one["phi"] - other["phi"] + math.pi) % (2 * math.pi) - math.pi


def slow_shares_track(jet, muon):
    return muon["inDetTrackParticleLink"] in jet["GhostTrack"]


def slow_is_muon(jet, muon):
    """As MuPFJetOverlapTool has it, with its constants."""
    low, high, base = (0.7, 0.85, 15 * GeV) if slow_first(jet["NumTrkPt500"]) < 4 else (0.6, 0.9, 5 * GeV)
    total = slow_first(jet["SumPtTrkPt500"])
    share = muon["track_pt"] / total if total else math.inf
    around = muon["topoetcone40"]
    return around < base or around < base + (30 * GeV - base) / (high - low) * (share - low) or share > high


# ------------------------------------------------------------------------------------------------------------ by chance

positions = {"eta": st.sampled_from([-0.3, 0.0, 0.05, 0.15, 0.35, 2.0]), "phi": st.sampled_from([-3.1, 0.0, 0.1, 3.1])}
momenta = st.sampled_from([8, 15, 25, 30, 40, 70, 200]).map(lambda pt: pt * GeV)
links = st.builds(lambda key, index: {"m_persKey": key, "m_persIndex": index}, st.integers(1, 2), st.integers(0, 2))
electrons = st.fixed_dictionaries({"pt": momenta, **positions, "m": st.just(ELECTRON_MASS)})
muons = st.fixed_dictionaries(
    {
        "pt": momenta,
        **positions,
        "m": st.just(MUON_MASS),
        "topoetcone40": st.sampled_from([1, 6, 14, 20, 40]).map(lambda cone: cone * GeV),
        "inDetTrackParticleLink": links,
        "track_pt": momenta,
    }
)
jets = st.fixed_dictionaries(
    {
        "pt": momenta,
        **positions,
        "m": st.sampled_from([0.0, 5 * GeV, 20 * GeV]),
        "passes_jvt": st.booleans(),
        "GhostTrack": st.lists(links, max_size=3),
        "NumTrkPt500": st.lists(st.integers(0, 5), min_size=1, max_size=2),
        "SumPtTrkPt500": st.lists(st.sampled_from([0, 9, 33, 90]).map(lambda pt: pt * GeV), max_size=2),
    }
)
made_events = st.lists(
    st.tuples(*(st.lists(objects, max_size=3) for objects in (electrons, muons, jets))), min_size=1, max_size=3
)

ONE_LINK = {"m_persKey": 1, "m_persIndex": 0}
AT_ZERO = {"pt": 1.0, "eta": 0.0, "phi": 0.0}
ONE_OF_EACH = (
    AT_ZERO | {"m": ELECTRON_MASS},
    AT_ZERO | {"m": MUON_MASS, "topoetcone40": 1.0, "inDetTrackParticleLink": ONE_LINK, "track_pt": 1.0},
    AT_ZERO | {"m": 0.0, "passes_jvt": True, "GhostTrack": [ONE_LINK], "NumTrkPt500": [1], "SumPtTrkPt500": [1.0]},
)


def events_of(made):
    """Events that are electrons, muons and jets as lists of dictionaries, with a primary vertex."""
    electrons, muons, jets = (
        # An object of each kind says what the columns are, also where no event has one.
        ak.Array([[example], *(event[i] for event in made)], with_name=record)[1:]
        for i, (record, example) in enumerate(zip(("Electron", "Muon", "Jet"), ONE_OF_EACH, strict=True))
    )
    muons["inDetTrackParticle"] = ak.zip({"pt": muons.track_pt})
    jets["NNJvtPass"] = jets.passes_jvt
    vertices = ak.Array([[{"vertexType": 1}, {"vertexType": 3}]] * len(made))
    return ak.zip({"Electrons": electrons, "Muons": muons, "Jets": jets, "PrimaryVertices": vertices}, depth_limit=1)


def survivors(made):
    """Electrons, muons and jets of made events, all of them baseline objects, that survive."""
    events = events_of(made)
    everything = {name: ak.ones_like(events[name].pt, dtype=bool) for name in ("Electrons", "Muons", "Jets")}
    left = susy.without_overlaps(events, everything)
    return [events[name][left[name]] for name in everything]


@pytest.mark.parametrize(
    ("cone", "tracks", "survives"),
    [(10 * GeV, 3, "muon"), (10 * GeV, 4, "jet"), (40 * GeV, 2, "muon"), (40 * GeV, 3, "jet")],
)
def test_of_a_muon_in_a_jet_one_survives(cone, tracks, survives):
    muon = {**ONE_OF_EACH[1], "pt": 20 * GeV, "topoetcone40": cone, "track_pt": 20 * GeV}
    jet = {**ONE_OF_EACH[2], "pt": 50 * GeV, "NumTrkPt500": [tracks], "SumPtTrkPt500": [40 * GeV]}
    _, muons, jets = survivors([([], [muon], [jet])])
    assert (ak.to_list(ak.num(muons)), ak.to_list(ak.num(jets))) == (([1], [0]) if survives == "muon" else ([0], [1]))


@pytest.mark.parametrize(
    ("phi", "jet", "survives"),
    [
        (0.05, {"GhostTrack": []}, False),
        (0.1, {"GhostTrack": []}, True),  # of the cone are 0.09 left
        (0.05, {"GhostTrack": [], "passes_jvt": False}, True),
        (3.0, {}, False),  # its track is in the jet
        (3.0, {"passes_jvt": False}, True),
    ],
)
def test_a_hard_muon_survives_outside_of_jets(phi, jet, survives):
    muon = {**ONE_OF_EACH[1], "pt": 200 * GeV, "phi": phi, "topoetcone40": 40 * GeV, "track_pt": 1 * GeV}
    jet = {**ONE_OF_EACH[2], "pt": 90 * GeV, "NumTrkPt500": [5], "SumPtTrkPt500": [90 * GeV], **jet}
    _, muons, jets = survivors([([], [muon], [jet])])
    assert ak.num(muons).to_list() == [int(survives)]
    assert ak.num(jets).to_list() == [1]


@FEWER
@given(made_events)
def test_overlap_removal_of_made_events_is_that_of_a_loop(made):
    expected = [slow_without_overlaps(*event) for event in made]
    for i, objects in enumerate(survivors(made)):
        assert objects[["pt", "eta", "phi"]].to_list() == [
            [{name: x[name] for name in ("pt", "eta", "phi")} for x in event[i]] for event in expected
        ]


@FEWER
@given(made_events)
def test_what_is_no_baseline_object_removes_nothing(made):
    events = events_of(made)
    wanted = {name: events[name].pt > 25 * GeV for name in ("Electrons", "Muons", "Jets")}
    left = susy.without_overlaps(events, wanted)
    expected = survivors([[[x for x in objects if x["pt"] > 25 * GeV] for objects in event] for event in made])
    for name, objects in zip(wanted, expected, strict=True):
        assert events[name][left[name]].to_list() == objects.to_list()
