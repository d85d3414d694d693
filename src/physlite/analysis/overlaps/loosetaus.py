"""Taus that are loose electrons or muons: these count although they were not selected."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from physlite.analysis.overlaps.candidates import Candidates
from physlite.analysis.overlaps.pairs import Pairs, check_radii, close, pairs, radius_around
from physlite.analysis.overlaps.removal import Removal
from physlite.units import GeV

__all__ = ["TauLooseElectron", "TauLooseMuon"]

# xAOD::Muon_v1::Combined.
_COMBINED = 0


@dataclass(frozen=True)
class TauLooseElectron:
    """Removes taus near loose electrons, selected or not, save for those that were removed before.

    `TauLooseEleOverlapTool` of AssociationUtils (Root/TauLooseEleOverlapTool.cxx).

    Attributes:
        radius: how near.
        identification: the flag of loose electrons.
    """

    radius: float = 0.2
    identification: str = "DFCommonElectronsLHLoose"

    def __post_init__(self) -> None:
        check_radii(self, "radius")

    @property
    def collections(self) -> tuple[str, ...]:
        """Taus and electrons."""
        return ("TauJets", "Electrons")

    def apply(self, removal: Removal) -> None:
        """Removes taus."""
        taus, electrons = removal["TauJets"], removal["Electrons"]
        loose = _not_removed(electrons) & (electrons.numbers(self.identification) != 0)
        found = pairs(taus, electrons, seconds=loose)
        taus.remove(_near(taus, electrons, found, self.radius))


@dataclass(frozen=True)
class TauLooseMuon:
    """Removes taus near muons, selected or not, save for those that were removed before.

    `TauLooseMuOverlapTool` of AssociationUtils (Root/TauLooseMuOverlapTool.cxx).

    Attributes:
        radius: how near.
        min_muon_pt: in MeV; muons below it do not count.
        min_tau_pt: in MeV; for taus above it only combined muons count.
    """

    radius: float = 0.2
    min_muon_pt: float = 2 * GeV
    min_tau_pt: float = 50 * GeV

    def __post_init__(self) -> None:
        check_radii(self, "radius")

    @property
    def collections(self) -> tuple[str, ...]:
        """Taus and muons."""
        return ("TauJets", "Muons")

    def apply(self, removal: Removal) -> None:
        """Removes taus."""
        taus, muons = removal["TauJets"], removal["Muons"]
        found = pairs(taus, muons, seconds=_not_removed(muons) & ~(muons.pt < np.float32(self.min_muon_pt)))
        combined = muons.numbers("muonType") == _COMBINED
        high = taus.pt > np.float32(self.min_tau_pt)
        found = found.where(combined[found.second] | ~high[found.first])
        taus.remove(_near(taus, muons, found, self.radius))


def _not_removed(leptons: Candidates) -> NDArray[np.bool_]:
    return leptons.surviving | ~leptons.selected


def _near(taus: Candidates, leptons: Candidates, found: Pairs, radius: float) -> NDArray[np.int64]:
    return found.first[close(taus, leptons, found, radius_around(taus, radius))]
