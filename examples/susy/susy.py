"""Baseline and signal objects of a search for supersymmetry, and the overlap removal between them.

    python examples/susy/susy.py DAOD_PHYSLITE.pool.root

Cuts and steps are those of analysis_example.py in nikoladze/physlite_experiments, which follow SUSYTools and
AssociationUtils of Athena. Different are medium muons (as in SUSYTools_Default.conf), signal objects, which have passed
the overlap removal here, and names of columns that are others in other releases. What ghost association compares are
keys and indices of links, there indices alone; distances to jets are in rapidity, as in AssociationUtils, there in
pseudorapidity, save in the first step.

By hand is what the recipes of `physlite.analysis` have otherwise, or not at all: whether a jet is a muon, the pile-up
decision as it is stored, isolation of muons by the tracks that release 21.2 took, and muons whose track is in a jet.
"""

from __future__ import annotations

import argparse

import awkward as ak

import physlite
from physlite.analysis import electrons, overlap, selected
from physlite.units import GeV

# Objects as physlite.analysis.selected takes them. LooseBL asks for a hit in the innermost layer.
BASELINE_ELECTRON = {"pt": 7 * GeV, "abs_eta": 2.47, "identification": "LooseBL"}
BASELINE_MUON = {"pt": 6 * GeV, "abs_eta": 2.7, "identification": "Medium"}
BASELINE_JET = {"pt": 20 * GeV}

# Each removes jets that are a lepton, then leptons within 0.04 + 10 GeV/pT, at most 0.4, of a jet.
OVERLAPS = {
    "Electrons": overlap.ElectronJet(outer=overlap.SlidingCone()),
    "Muons": overlap.MuonJet(outer=overlap.SlidingCone()),
}

# Flags of the objects of each collection.
Flags = dict[str, ak.Array]


def analysis(events: ak.Array) -> dict[str, dict[str, int]]:
    """Numbers of objects after each step, for `physlite.run`."""
    events = events[ak.any(events.PrimaryVertices.vertexType == 1, axis=1)]
    baseline = {
        "Electrons": selected(events.Electrons, BASELINE_ELECTRON),
        "Muons": selected(events.Muons, BASELINE_MUON) & ~ak.is_none(events.Muons.inDetTrackParticle, axis=1),
        "Jets": selected(events.Jets, BASELINE_JET),
    }
    passed = without_overlaps(events, baseline)
    signal = {
        "Electrons": passed["Electrons"] & is_signal_electron(events.Electrons),
        "Muons": passed["Muons"] & is_signal_muon(events.Muons),
        "Jets": passed["Jets"] & is_signal_jet(events.Jets),
    }
    return {"baseline": count(baseline), "passOR": count(passed), "signal": count(signal)}


def count(flags: Flags) -> dict[str, int]:
    """How many objects there are of each kind."""
    return {name.lower(): int(ak.sum(chosen)) for name, chosen in flags.items()}


# ------------------------------------------------------------------------------------------------------ signal objects


def is_signal_electron(candidates: ak.Array) -> ak.Array:
    """Tight and loosely isolated electrons; release 21.2 stores what FCLoose needs."""
    isolation = "FCLoose" if "FCLoose" in electrons.working_points(candidates)["isolation"] else "Loose_VarRad"
    return selected(candidates, {"identification": "Tight", "isolation": isolation})


def is_signal_muon(muons: ak.Array) -> ak.Array:
    """Central muons, isolated as by Loose_VarRad; before release 22 all tracks count that come from the vertex."""
    new = "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000"
    tracks = muons[new if new in muons.fields else "ptvarcone30"]
    isolated = (muons.topoetcone20 < 0.3 * muons.pt) & (tracks < 0.15 * muons.pt)
    return isolated & selected(muons, {"abs_eta": 2.5})


def is_signal_jet(jets: ak.Array) -> ak.Array:
    """Jets of the hard scatter."""
    return passes_jvt(jets) & selected(jets, {"abs_eta": 4.5})


def passes_jvt(jets: ak.Array) -> ak.Array:
    """Whether jets are of the hard scatter: by the stored decision, before release 22 by the tagger's score."""
    if "NNJvtPass" in jets.fields:
        return jets.NNJvtPass == 1
    tested = (jets.pt < 60 * GeV) & (abs(jets.eta) < 2.4)
    return ~tested | (jets.Jvt > 0.2)


# ----------------------------------------------------------------------------------------------------- overlap removal


def without_overlaps(events: ak.Array, baseline: Flags) -> Flags:
    """What survives. What was removed removes nothing any more, nor are leptons removed by jets of pile-up."""
    hard = passes_jvt(events.Jets)
    left = baseline | {"Jets": baseline["Jets"] & ~is_a_muon(events.Jets, events.Muons[baseline["Muons"]])}
    for leptons, step in OVERLAPS.items():
        left["Jets"] = overlap.remove(events, [step], left)["Jets"]
        left[leptons] = overlap.remove(events, [step], left | {"Jets": left["Jets"] & hard})[leptons]
    in_jet = is_of_tracks(events.Muons, events.Jets[left["Jets"] & hard])
    return left | {"Muons": left["Muons"] & ~in_jet}


def is_of_tracks(muons: ak.Array, jets: ak.Array) -> ak.Array:
    """Whether the track of a muon is one of those that were clustered with a jet."""
    tracks, ghosts = muons.inDetTrackParticleLink[:, :, None], ak.flatten(jets.GhostTrack, axis=2)[:, None, :]
    same = (tracks.m_persKey == ghosts.m_persKey) & (tracks.m_persIndex == ghosts.m_persIndex)
    return ak.any(same, axis=2)


def is_a_muon(jets: ak.Array, muons: ak.Array) -> ak.Array:
    """Whether a jet is nothing but a muon within 0.4 (MuPFJetOverlapTool.cxx)."""
    near = jets[:, :, None].deltaR(muons[:, None, :]) < 0.4
    track = muons.inDetTrackParticle.pt[:, None, :]
    around = muons.topoetcone40[:, None, :]
    tracks = of_first_vertex(jets.SumPtTrkPt500)[:, :, None]

    def quiet_or_alone(low: float, high: float, base: float) -> ak.Array:
        slope = (30 * GeV - base) / (high - low)
        return (
            (around < base)
            | ((around - base) * tracks < slope * (track - low * tracks))
            | (track > high * tracks)
        )  # fmt: skip

    few = of_first_vertex(jets.NumTrkPt500)[:, :, None] < 4
    alike = ak.where(few, quiet_or_alone(0.7, 0.85, 15 * GeV), quiet_or_alone(0.6, 0.9, 5 * GeV))
    return ak.any(near & alike, axis=2)


def of_first_vertex(sums: ak.Array) -> ak.Array:
    """Sums over tracks of the first of the vertices, which is the primary one."""
    return ak.fill_none(ak.firsts(sums, axis=2), 0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", help="of events")
    options = parser.parse_args()
    result = physlite.run(analysis, options.files, workers=0)
    if result.value is None:
        parser.error("there are no events in these files")
    for step, counts in result.value.items():
        print(f"{step:10}" + "".join(f"{number:8} {name}" for name, number in counts.items()))
    print(result.report.summary)
