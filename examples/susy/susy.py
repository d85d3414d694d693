"""Baseline and signal objects of a search for supersymmetry, and the overlap removal between them.

    python examples/susy/susy.py DAOD_PHYSLITE.pool.root

Cuts and steps are those of analysis_example.py in nikoladze/physlite_experiments, which follow SUSYTools and
AssociationUtils of Athena. Different are medium muons (as in SUSYTools_Default.conf), signal objects, which have passed
the overlap removal here, and names of columns that are others in other releases. What ghost association compares are
keys and indices of links, there indices alone.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import awkward as ak
import numpy as np

import physlite
from physlite.units import GeV

# xAOD::Muon::quality(): the lower three bits are 0 for tight, 1 for medium; then one for the cuts on the inner track.
QUALITY_BITS, MEDIUM, PASSES_ID_CUTS = 0b111, 1, 0b1000


class Objects(NamedTuple):
    """What is left of the collections of events."""

    electrons: ak.Array
    muons: ak.Array
    jets: ak.Array

    def count(self) -> dict[str, int]:
        """How many there are."""
        return {name: int(ak.sum(ak.num(objects))) for name, objects in self._asdict().items()}


def analysis(events: ak.Array) -> dict[str, dict[str, int]]:
    """Numbers of objects after each step, for `physlite.run`."""
    events = events[ak.any(events.PrimaryVertices.vertexType == 1, axis=1)]
    baseline = Objects(
        events.Electrons[is_baseline_electron(events.Electrons)],
        events.Muons[is_baseline_muon(events.Muons)],
        events.Jets[is_baseline_jet(events.Jets)],
    )
    passed = without_overlaps(*baseline)
    signal = Objects(
        passed.electrons[is_signal_electron(passed.electrons)],
        passed.muons[is_signal_muon(passed.muons)],
        passed.jets[is_signal_jet(passed.jets)],
    )
    return {"baseline": baseline.count(), "passOR": passed.count(), "signal": signal.count()}


def first_of(objects: ak.Array, *names: str) -> ak.Array:
    """The first of these columns that is in the file."""
    return objects[next((name for name in names if name in objects.fields), names[0])]


# ------------------------------------------------------------------------------------------------------------- objects


def is_baseline_electron(electrons: ak.Array) -> ak.Array:
    """Loose electrons with a hit in the innermost layer."""
    accepted = (electrons.pt > 7 * GeV) & (abs(electrons.eta) < 2.47)
    return accepted & (electrons.DFCommonElectronsLHLooseBL == 1)


def is_signal_electron(electrons: ak.Array) -> ak.Array:
    """Tight and isolated electrons."""
    tracks = first_of(
        electrons, "ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000", "ptvarcone20_TightTTVA_pt1000"
    )
    isolated = (electrons.topoetcone20 < 0.2 * electrons.pt) & (tracks < 0.15 * electrons.pt)
    return isolated & (electrons.DFCommonElectronsLHTight == 1)


def is_baseline_muon(muons: ak.Array) -> ak.Array:
    """Medium muons with a track in the inner detector."""
    accepted = (muons.pt > 6 * GeV) & (abs(muons.eta) < 2.7)
    identified = ((muons.quality & QUALITY_BITS) <= MEDIUM) & ((muons.quality & PASSES_ID_CUTS) != 0)
    return accepted & identified & ~ak.is_none(muons.inDetTrackParticle, axis=1)


def is_signal_muon(muons: ak.Array) -> ak.Array:
    """Central and isolated muons."""
    tracks = first_of(muons, "ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt1000", "ptvarcone30")
    isolated = (muons.topoetcone20 < 0.3 * muons.pt) & (tracks < 0.15 * muons.pt)
    return isolated & (abs(muons.eta) < 2.5)


def is_baseline_jet(jets: ak.Array) -> ak.Array:
    """Jets of 20 GeV."""
    return jets.pt >= 20 * GeV


def is_signal_jet(jets: ak.Array) -> ak.Array:
    """Jets of the hard scatter."""
    return passes_jvt(jets) & (abs(jets.eta) < 4.5)


def passes_jvt(jets: ak.Array) -> ak.Array:
    """Whether jets are of the hard scatter: by the stored decision, before release 22 by the tagger's score."""
    if "NNJvtPass" in jets.fields:
        return jets.NNJvtPass == 1
    tested = (jets.pt < 60 * GeV) & (abs(jets.eta) < 2.4)
    return ~tested | (jets.Jvt > 0.2)


# ----------------------------------------------------------------------------------------------------- overlap removal


def without_overlaps(electrons: ak.Array, muons: ak.Array, jets: ak.Array) -> Objects:
    """What survives: whatever was removed in a step removes nothing in the next."""
    jets = jets[~ak.any((distance(jets, muons) < 0.4) & is_muon_as_jet(jets, muons), axis=2)]
    jets = jets[~ak.any(distance(jets, electrons) < 0.2, axis=2)]

    hard = jets[passes_jvt(jets)]
    electrons = electrons[~ak.any(distance(electrons, hard) < sliding_cone(electrons), axis=2)]

    few_tracks = of_first_vertex(jets.NumTrkPt500) < 3
    shared = is_same_track(jets.GhostTrack[:, :, None], muons.inDetTrackParticleLink[:, None, :, None])
    jets = jets[~(few_tracks & ak.any((distance(jets, muons) < 0.2) | shared, axis=2))]

    hard = jets[passes_jvt(jets)]
    shared = is_same_track(hard.GhostTrack[:, None], muons.inDetTrackParticleLink[:, :, None, None])
    muons = muons[~ak.any((distance(muons, hard) < sliding_cone(muons)) | shared, axis=2)]
    return Objects(electrons, muons, jets)


def distance(objects: ak.Array, others: ak.Array) -> ak.Array:
    """ΔR of each object to each of the others."""
    return objects[:, :, None].deltaR(others[:, None, :])


def sliding_cone(leptons: ak.Array) -> ak.Array:
    """A cone that shrinks with pT (DeltaRMatcher.cxx)."""
    return np.minimum(0.04 + 10 * GeV / leptons.pt, 0.4)[:, :, None]


def of_first_vertex(sums: ak.Array) -> ak.Array:
    """Sums over tracks of the first of the vertices, which is the primary one."""
    return ak.fill_none(ak.firsts(sums, axis=2), 0)


def is_same_track(ghosts: ak.Array, tracks: ak.Array) -> ak.Array:
    """For each jet and each muon: whether the track of the muon is one of those that were clustered with the jet."""
    return ak.any((ghosts.m_persKey == tracks.m_persKey) & (ghosts.m_persIndex == tracks.m_persIndex), axis=3)


def is_muon_as_jet(jets: ak.Array, muons: ak.Array) -> ak.Array:
    """For each jet and each muon: whether the jet would be that muon, were they near (MuPFJetOverlapTool.cxx)."""
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
    return ak.where(few, quiet_or_alone(0.7, 0.85, 15 * GeV), quiet_or_alone(0.6, 0.9, 5 * GeV))


if __name__ == "__main__":
    result = physlite.run(analysis, sys.argv[1:], workers=0)
    for step, counts in result.value.items():
        print(f"{step:10}" + "".join(f"{number:8} {name}" for name, number in counts.items()))
    print(result.report.summary)
