"""Steps that go by distances alone, and by b-tagging and pT."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.overlaps.candidates import Candidates
from physlite.analysis.overlaps.pairs import Pairs, Radius, check_radii, near
from physlite.analysis.overlaps.removal import Removal
from physlite.units import GeV

__all__ = ["DeltaR", "ElectronJet", "TauJet", "pt_ratio", "remove_one_by_one"]


@dataclass(frozen=True)
class DeltaR:
    """Removes objects of one collection that are near objects of another.

    `DeltaROverlapTool` of AssociationUtils (Root/DeltaROverlapTool.cxx). The two collections may be the same: then
    objects are tested in their order, and those that were removed do not count for later ones.

    Attributes:
        remove: the collection that loses objects.
        around: the collection that they are near to.
        radius: how near.
    """

    remove: str
    around: str
    radius: float = 0.4

    def __post_init__(self) -> None:
        for name in self.collections:
            if not isinstance(name, str):
                msg = f"two names of collections are expected, as in DeltaR('Jets', 'Photons'), not {name!r:.100}"
                raise TypeError(msg)
        check_radii(self, "radius")

    @property
    def collections(self) -> tuple[str, ...]:
        """Both."""
        return (self.remove, self.around)

    def apply(self, removal: Removal) -> None:
        """Removes objects."""
        objects, others = removal[self.remove], removal[self.around]
        found = near(objects, others, self.radius)
        if objects is others:
            remove_one_by_one(objects, found.where(found.first != found.second))
        else:
            objects.remove(found.first)


def remove_one_by_one(objects: Candidates, found: Pairs) -> None:
    """Removes the first object of each pair whose second one is left, in the order of objects within events."""
    place = found.first - objects.offsets[objects.event[found.first]]
    # As many rounds as an event has objects at most: each decides on one object of all events.
    for number in np.unique(place):
        first, second = found.where(place == number)
        objects.remove(first[objects.surviving[second]])


@dataclass(frozen=True)
class ElectronJet:
    """Removes jets that are electrons, then electrons in the jets that are left.

    `EleJetOverlapTool` of AssociationUtils (Root/EleJetOverlapTool.cxx). An electron of low pT does not remove b-jets.

    Attributes:
        inner: jets are removed within this distance of an electron.
        outer: electrons are removed within this distance of a jet; a sliding cone goes by the electron's pT.
        max_pt_at_b_jets: electrons from this pT on (in MeV) remove b-jets too.
        min_pt_ratio: an electron with less than this part of a jet's pT does not remove it; None: any electron does.
    """

    inner: float = 0.2
    outer: Radius = 0.4
    max_pt_at_b_jets: float = 100 * GeV
    min_pt_ratio: float | None = None

    def __post_init__(self) -> None:
        check_radii(self, "inner", "outer")

    @property
    def collections(self) -> tuple[str, ...]:
        """Electrons and jets."""
        return ("Electrons", "Jets")

    def apply(self, removal: Removal) -> None:
        """Removes jets and electrons."""
        electrons, jets = removal["Electrons"], removal["Jets"]
        found = near(electrons, jets, self.inner)
        kept = removal.is_b_jet(found.second) & (electrons.pt[found.first] < self.max_pt_at_b_jets)
        if self.min_pt_ratio is not None:
            kept |= pt_ratio(electrons.pt[found.first], jets.pt[found.second]) < self.min_pt_ratio
        jets.remove(found.second[~kept])
        electrons.remove(near(electrons, jets, self.outer).first)


def pt_ratio(pt: NDArray[np.float32], whole: NDArray[np.float32]) -> NDArray[np.float64]:
    """What part of `whole` a pT is: as in the tools, a quotient in the precision of the columns, which is single."""
    with np.errstate(all="ignore"):
        return (pt / whole).astype(np.float64)


@dataclass(frozen=True)
class TauJet:
    """Removes jets near taus, save for b-jets, then taus near the jets that are left.

    `TauJetOverlapTool` of AssociationUtils (Root/TauJetOverlapTool.cxx). It is not in the standard recipe, which has
    `DeltaR("Jets", "TauJets", 0.2)`.

    Attributes:
        radius: how near.
    """

    radius: float = 0.2

    def __post_init__(self) -> None:
        check_radii(self, "radius")

    @property
    def collections(self) -> tuple[str, ...]:
        """Taus and jets."""
        return ("TauJets", "Jets")

    def apply(self, removal: Removal) -> None:
        """Removes jets and taus."""
        taus, jets = removal["TauJets"], removal["Jets"]
        found = near(taus, jets, self.radius).second
        jets.remove(found[~removal.is_b_jet(found)])
        taus.remove(near(taus, jets, self.radius).first)
