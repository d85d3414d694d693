"""Overlap removal of one event after the other, in plain Python, as the description of the tools has it.

An event is a dictionary of lists of objects, an object a dictionary of its columns. Links are (key, index).
"""

from __future__ import annotations

import math

import numpy as np

from physlite.analysis import overlap

MASSES = {"Electrons": 0.51099891, "Muons": 105.658367, "Photons": 0.0}
CALO_TAGGED, COMBINED = 3, 0
PRIMARY = 1


def removed_by(events, steps, selected, b_jets=None):
    """For each event and collection the number of the step that removed each object, or -1."""
    found = {name: [] for name in selected}
    for i, event in enumerate(events):
        state = _Event(event, {name: masks[i] for name, masks in selected.items()}, b_jets and b_jets[i])
        for number, step in enumerate(steps):
            state.number = number
            RULES[type(step)](step, state)
        for name, lists in found.items():
            lists.append([thing.removed_by for thing in state.things[name]])
    return found


class _Thing:
    def __init__(self, collection, columns, is_selected):
        self.columns = columns
        self.is_selected = is_selected
        self.removed_by = -1
        self.pt, self.eta, self.phi = columns["pt"], columns["eta"], columns["phi"]
        self.mass = MASSES[collection] if collection in MASSES else columns["m"]

    @property
    def survives(self):
        return self.is_selected and self.removed_by < 0

    @property
    def is_rejected(self):
        return self.is_selected and self.removed_by >= 0

    @property
    def rapidity(self):
        if self.mass == 0:
            return self.eta
        pz = self.pt * math.sinh(self.eta)
        e = math.sqrt((self.pt * math.cosh(self.eta)) ** 2 + self.mass * abs(self.mass))
        return 0.5 * math.log((e + pz) / (e - pz))


class _Event:
    def __init__(self, event, selected, b_jets):
        self.things = {
            name: [_Thing(name, columns, mask) for columns, mask in zip(event[name], masks, strict=True)]
            for name, masks in selected.items()
        }
        self.vertices = [vertex["vertexType"] for vertex in event["PrimaryVertices"]]
        for jet, is_b in zip(self.things.get("Jets", []), b_jets or [], strict=bool(b_jets)):
            jet.columns = {**jet.columns, "is_b": is_b}
        self.number = -1

    def __getitem__(self, name):
        return self.things[name]

    def remove(self, thing):
        if thing.removed_by < 0:
            thing.removed_by = self.number


def is_b(jet):
    return jet.columns.get("is_b", False)


def in_delta_r(a, b, radius):
    d_phi = abs(math.remainder(a.phi - b.phi, 2 * math.pi))
    if d_phi > radius:
        return False
    d_y = abs(a.rapidity - b.rapidity)
    if d_y > radius:
        return False
    return not d_y * d_y + d_phi * d_phi > radius * radius


def in_cone(lepton, other, radius):
    if isinstance(radius, overlap.SlidingCone):
        sliding = radius.constant + radius.per_pt / lepton.pt if lepton.pt else math.inf
        return in_delta_r(lepton, other, min(sliding, radius.largest))
    return in_delta_r(lepton, other, float(np.float32(radius)))


def delta_r(step, event):
    for test in event[step.remove]:
        if not test.survives:
            continue
        for other in event[step.around]:
            if other.survives and test is not other and in_cone(test, other, step.radius):
                event.remove(test)
                break


def electron_jet(step, event):
    electrons, jets = event["Electrons"], event["Jets"]
    for electron in electrons:
        for jet in jets:
            if not (electron.survives and jet.survives):
                continue
            if is_b(jet) and electron.pt < step.max_pt_at_b_jets:
                continue
            if step.min_pt_ratio is not None and quotient(electron.pt, jet.pt) < step.min_pt_ratio:
                continue
            if in_cone(electron, jet, step.inner):
                event.remove(jet)
    for jet in jets:
        for electron in electrons:
            if electron.survives and jet.survives and in_cone(electron, jet, step.outer):
                event.remove(electron)


def quotient(a, b):
    with np.errstate(all="ignore"):
        return np.float32(a) / np.float32(b)


def tau_jet(step, event):
    taus, jets = event["TauJets"], event["Jets"]
    for tau in taus:
        for jet in jets:
            if tau.survives and jet.survives and not is_b(jet) and in_cone(tau, jet, step.radius):
                event.remove(jet)
    for jet in jets:
        for tau in taus:
            if tau.survives and jet.survives and in_cone(tau, jet, step.radius):
                event.remove(tau)


def is_valid(link):
    return link is not None and link[0] != 0


def muon_jet(step, event):
    muons, jets = event["Muons"], event["Jets"]
    vertex = event.vertices.index(PRIMARY) if PRIMARY in event.vertices else None
    for muon in muons:
        for jet in jets:
            if not (muon.survives and jet.survives) or is_b(jet):
                continue
            if vertex is None:
                assert step.allow_no_vertex
            elif has_many_tracks(step, muon, jet, vertex):
                continue
            if in_cone(muon, jet, step.inner) or (step.ghosts and is_ghost(muon, jet)):
                event.remove(jet)
    for jet in jets:
        for muon in muons:
            if muon.survives and jet.survives and in_cone(muon, jet, step.outer):
                event.remove(muon)


def has_many_tracks(step, muon, jet, vertex):
    if jet.columns["NumTrkPt500"][vertex] < step.min_tracks:
        return False
    if not step.compare_pt:
        return True
    of_tracks = jet.columns["SumPtTrkPt500"][vertex]
    little = quotient(muon.pt, jet.pt) < np.float32(step.pt_ratio)
    if not of_tracks < np.finfo(np.float32).tiny:
        little = little or quotient(muon.pt, of_tracks) < np.float32(step.track_pt_ratio)
    return bool(little)


def is_ghost(muon, jet):
    track = muon.columns["inDetTrackParticleLink"]
    return is_valid(track) and track in jet.columns["GhostTrack"]


def shared_track_electrons(step, event):
    for electron in event["Electrons"]:
        if not electron.survives:
            continue
        for other in event["Electrons"]:
            if other is electron or not other.survives:
                continue
            tracks, others = electron.columns["trackParticleLinks"], other.columns["trackParticleLinks"]
            if tracks and others and same_target(tracks[0], others[0]) and is_worse(electron, other):
                event.remove(electron)
                break


def same_target(a, b):
    return a == b if is_valid(a) and is_valid(b) else not is_valid(a) and not is_valid(b)


def is_worse(electron, other):
    authors = electron.columns["author"], other.columns["author"]
    if authors == (16, 1):
        return True
    return authors != (1, 16) and electron.pt < other.pt


def electron_muon(step, event):
    electrons, muons = event["Electrons"], event["Muons"]
    if step.remove_calo_muons:
        for electron in electrons:
            for muon in muons:
                is_calo = muon.columns["muonType"] == CALO_TAGGED
                if electron.survives and muon.survives and is_calo and share_track(electron, muon):
                    event.remove(muon)
    for muon in muons:
        for electron in electrons:
            if not (muon.survives and electron.survives):
                continue
            if share_track(electron, muon) or (step.radius is not None and in_cone(electron, muon, step.radius)):
                event.remove(electron)


def share_track(electron, muon):
    track = electron.columns["originalTrack"]
    return is_valid(track) and track == muon.columns["inDetTrackParticleLink"]


def tau_loose_electron(step, event):
    for electron in event["Electrons"]:
        for tau in event["TauJets"]:
            loose = electron.columns[step.identification]
            if not electron.is_rejected and loose and tau.survives and in_cone(electron, tau, step.radius):
                event.remove(tau)


def tau_loose_muon(step, event):
    for muon in event["Muons"]:
        if muon.is_rejected or muon.pt < np.float32(step.min_muon_pt):
            continue
        for tau in event["TauJets"]:
            if tau.pt > np.float32(step.min_tau_pt) and muon.columns["muonType"] != COMBINED:
                continue
            if tau.survives and in_cone(muon, tau, step.radius):
                event.remove(tau)


RULES = {
    overlap.DeltaR: delta_r,
    overlap.ElectronJet: electron_jet,
    overlap.ElectronMuon: electron_muon,
    overlap.MuonJet: muon_jet,
    overlap.SharedTrackElectrons: shared_track_electrons,
    overlap.TauJet: tau_jet,
    overlap.TauLooseElectron: tau_loose_electron,
    overlap.TauLooseMuon: tau_loose_muon,
}
