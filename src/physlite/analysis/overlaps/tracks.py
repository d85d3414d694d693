"""Steps that go by shared tracks.

Links are compared as they are stored: two that are the same name the same track, which need not be read for that.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.overlaps.candidates import Candidates
from physlite.analysis.overlaps.cones import remove_one_by_one
from physlite.analysis.overlaps.flat import places
from physlite.analysis.overlaps.pairs import check_radii, near, pairs
from physlite.analysis.overlaps.removal import Removal

__all__ = ["ElectronMuon", "SharedTrackElectrons"]

# xAOD::EgammaParameters::AuthorElectron and AuthorAmbiguous, Event/xAOD/xAODEgamma/xAODEgamma/EgammaDefs.h.
_AUTHOR_ELECTRON, _AUTHOR_AMBIGUOUS = 0x1, 0x10

# xAOD::Muon_v1::CaloTagged.
_CALO_TAGGED = 3


@dataclass(frozen=True)
class SharedTrackElectrons:
    """Removes all but one of the electrons that have the same track.

    `EleEleOverlapTool` of AssociationUtils (Root/EleEleOverlapTool.cxx): electrons are tested in their order against
    the others that are left. An ambiguous one goes for one that is not, else the one of lower pT; of equal pT none
    goes. The tool's option to compare clusters needs `egammaClusters.phi_sampl`, which PHYSLITE does not have.
    """

    @property
    def collections(self) -> tuple[str, ...]:
        """Electrons."""
        return ("Electrons",)

    def apply(self, removal: Removal) -> None:
        """Removes electrons."""
        electrons = removal["Electrons"]
        offsets, links = electrons.lists("trackParticleLinks")
        track, has_track = _first(offsets, places(links))
        first, second = found = pairs(electrons, electrons, firsts=electrons.surviving & has_track)
        shared = (first != second) & has_track[second] & (track[first] == track[second])
        first, second = found = found.where(shared)
        author = electrons.numbers("author")
        ambiguous, sure = author == _AUTHOR_AMBIGUOUS, author == _AUTHOR_ELECTRON
        worse = ambiguous[first] & sure[second]
        better = sure[first] & ambiguous[second]
        worse |= ~better & (electrons.pt[first] < electrons.pt[second])
        remove_one_by_one(electrons, found.where(worse))


@dataclass(frozen=True)
class ElectronMuon:
    """Removes calorimeter-tagged muons that share their track with an electron, then electrons that do with a muon.

    `EleMuSharedTrkOverlapTool` of AssociationUtils (Root/EleMuSharedTrkOverlapTool.cxx). The track of an electron is
    the one that its first track was refitted from. Electrons and muons without a track share none.

    Attributes:
        remove_calo_muons: whether the muons are removed.
        radius: electrons are removed within this distance of a muon as well; None: by tracks alone.
    """

    remove_calo_muons: bool = True
    radius: float | None = None

    def __post_init__(self) -> None:
        if self.radius is not None:
            check_radii(self, "radius")

    @property
    def collections(self) -> tuple[str, ...]:
        """Electrons and muons."""
        return ("Electrons", "Muons")

    def apply(self, removal: Removal) -> None:
        """Removes muons and electrons."""
        electrons, muons = removal["Electrons"], removal["Muons"]
        first, second = found = pairs(electrons, muons)
        track = _original_track(electrons)[first]
        shared = found.where((track != 0) & (track == muons.links("inDetTrackParticleLink")[second]))
        if self.remove_calo_muons:
            muons.remove(shared.second[muons.numbers("muonType")[shared.second] == _CALO_TAGGED])
        electrons.remove(shared.first[muons.surviving[shared.second]])
        if self.radius is not None:
            electrons.remove(near(electrons, muons, self.radius).first)


def _original_track(electrons: Candidates) -> NDArray[np.int64]:
    instead = "leave out ElectronMuon, or take DeltaR('Electrons', 'Muons', 0.01) in its place"
    offsets, links = electrons.lists("trackParticles", "originalTrackParticle", instead=instead)
    return _first(offsets, places(links))[0]


def _first(offsets: NDArray[np.int64], values: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The first of each list, 0 where it is empty; and whether it has one."""
    there = offsets[1:] > offsets[:-1]
    first = np.zeros(len(there), dtype=np.int64)
    first[there] = values[offsets[:-1][there]]
    return first, there
