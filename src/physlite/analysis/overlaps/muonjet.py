"""Muons and jets: by distance, by tracks that belong to both, and by how many tracks a jet has."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.overlaps.candidates import Candidates
from physlite.analysis.overlaps.cones import pt_ratio
from physlite.analysis.overlaps.flat import field_of, lists, numbers, places
from physlite.analysis.overlaps.pairs import Pairs, Radius, check_radii, close, near, pairs, radius_around
from physlite.analysis.overlaps.removal import Removal
from physlite.model.objects import LINK

__all__ = ["MuonJet"]

# xAOD::VxType::PriVtx, Event/xAOD/xAODTracking/xAODTracking/TrackingPrimitives.h.
_PRIMARY = 1

# The lower bits of `LINK`: the place in the container.
_INDEX = (1 << 32) - 1

_INSTEAD = "leave out MuonJet, or take DeltaR('Jets', 'Muons', 0.2) and DeltaR('Muons', 'Jets', 0.4) in its place"

# FLT_MIN: a sum of pT below it is none.
_SMALLEST = np.finfo(np.float32).tiny


@dataclass(frozen=True)
class MuonJet:
    """Removes jets that are muons, then muons in the jets that are left.

    `MuJetOverlapTool` of AssociationUtils (Root/MuJetOverlapTool.cxx, Root/MuJetGhostDRMatcher.cxx). A jet goes when it
    is near a muon, or has the muon's track, unless it is a b-jet or has many tracks from the primary vertex: in the
    order of the file the first one that `events.PrimaryVertices` has.

    Attributes:
        inner: jets are removed within this distance of a muon.
        outer: muons are removed within this distance of a jet; a sliding cone goes by the muon's pT.
        min_tracks: from so many tracks on a jet stays.
        compare_pt: a jet with many tracks stays only if the muon has little of its pT too.
        pt_ratio: what part of the jet's pT is little.
        track_pt_ratio: what part of the pT of the jet's tracks is little.
        ghosts: whether a jet that has the muon's track goes at any distance.
        allow_no_vertex: whether events may lack a primary vertex; then tracks do not save a jet there.
    """

    inner: float = 0.2
    outer: Radius = 0.4
    min_tracks: int = 3
    compare_pt: bool = False
    pt_ratio: float = 0.5
    track_pt_ratio: float = 0.7
    ghosts: bool = True
    allow_no_vertex: bool = False

    def __post_init__(self) -> None:
        check_radii(self, "inner", "outer")

    @property
    def collections(self) -> tuple[str, ...]:
        """Muons and jets."""
        return ("Muons", "Jets")

    def apply(self, removal: Removal) -> None:
        """Removes jets and muons."""
        muons, jets = removal["Muons"], removal["Jets"]
        vertex = _primary_vertex(removal)
        found = pairs(muons, jets)
        if not self.allow_no_vertex:
            _require_vertex(vertex, muons.event[found.first])
        found = found.where(~removal.is_b_jet(found.second))
        found = found.where(~self._stays(muons, jets, found, vertex))
        matched = close(muons, jets, found, radius_around(muons, self.inner))
        jets.remove(found.second[matched])
        if self.ghosts:
            jets.remove(_with_muon_track(muons, jets, found.where(~matched)))
        muons.remove(near(muons, jets, self.outer).first)

    def _stays(self, muons: Candidates, jets: Candidates, found: Pairs, vertex: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Of each pair whether its jet has many tracks, and the muon little of its pT where that matters."""
        first, second = found
        place = vertex[jets.event[second]]
        there = place >= 0
        stays = np.zeros(len(second), dtype=np.bool_)
        tracks = _at_vertex(jets, "NumTrkPt500", second[there], place[there])
        stays[there] = tracks >= self.min_tracks
        if self.compare_pt:
            of_tracks = _at_vertex(jets, "SumPtTrkPt500", second[there], place[there])
            pt = muons.pt[first[there]]
            little = pt_ratio(pt, jets.pt[second[there]]) < np.float32(self.pt_ratio)
            little |= (pt_ratio(pt, of_tracks) < np.float32(self.track_pt_ratio)) & ~(of_tracks < _SMALLEST)
            stays[there] &= little
        return stays


def _primary_vertex(removal: Removal) -> NDArray[np.int64]:
    """Of each event the place in the file of its first primary vertex, which fields of jets go by; -1 without one."""
    offsets, content = lists(field_of(removal.events, "", "PrimaryVertices", "vertexType", instead=_INSTEAD))
    primary = np.flatnonzero(numbers(content) == _PRIMARY)
    event = np.searchsorted(offsets, primary, side="right") - 1
    vertices = removal.events["PrimaryVertices"]
    if LINK in vertices.layout.fields:  # they know it themselves, whatever was chosen of them
        place = numbers(lists(vertices[LINK])[1])[primary] & _INDEX
    else:
        place = primary - offsets[event]
    vertex = np.full(len(offsets) - 1, -1, dtype=np.int64)
    order = np.argsort(place)[::-1]  # the first of an event is written last
    vertex[event[order]] = place[order]
    return vertex


def _require_vertex(vertex: NDArray[np.int64], events: NDArray[np.int64]) -> None:
    without = events[vertex[events] < 0]
    if len(without):
        msg = (
            f"overlap removal: event {int(without[0])} of these has a muon and a jet, and no primary vertex, whose "
            "tracks MuonJet counts: leave out such events, or take MuonJet(allow_no_vertex=True)"
        )
        raise ValueError(msg)


def _at_vertex(jets: Candidates, field: str, which: NDArray[np.int64], place: NDArray[np.int64]) -> NDArray[np.float32]:
    """What a field of jets, which has a number for each vertex, has for one of them."""
    offsets, content = jets.lists(field, instead=_INSTEAD)
    short = place >= np.diff(offsets)[which]
    if np.any(short):
        i = int(np.flatnonzero(short)[0])
        msg = (
            f"overlap removal: Jets.{field} of event {int(jets.event[which[i]])} of these has no number for vertex "
            f"{int(place[i])}, the primary one: leave out that event"
        )
        raise ValueError(msg)
    found: NDArray[np.float32] = numbers(content)[offsets[which] + place]
    return found


def _with_muon_track(muons: Candidates, jets: Candidates, found: Pairs) -> NDArray[np.int64]:
    """The jets of pairs that have the track of the muon among their ghosts."""
    track = muons.links("inDetTrackParticleLink")
    found = found.where(track[found.first] != 0)
    offsets, links = jets.lists("GhostTrack")
    number = np.diff(offsets)[found.second]
    shift = offsets[found.second] - (np.cumsum(number) - number)
    which = np.repeat(shift, number)
    which += np.arange(len(which))
    # There are many more ghosts than those that can be a muon's.
    is_track = places(links[which]) == np.repeat(track[found.first], number)
    with_track: NDArray[np.int64] = np.repeat(found.second, number)[is_track]
    return with_track
