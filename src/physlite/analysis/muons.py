"""Muons: quality, isolation and the way to the primary vertex, as masks.

Each function gives one bool for each muon, whatever was selected before; what cannot be compared fails.
"""

from __future__ import annotations

from typing import Any

import awkward as ak

from physlite.analysis.columns import Needs, available, columns_of, decided
from physlite.analysis.impact import d0_significance, prompt, z0_sin_theta
from physlite.analysis.isolation import Limit, needs_of
from physlite.analysis.isolation import isolated as _isolated
from physlite.exceptions import WorkingPointWarning
from physlite.model.source import source_of
from physlite.warning import warn

__all__ = [
    "IDENTIFICATION",
    "ISOLATION",
    "d0_significance",
    "identified",
    "isolated",
    "prompt",
    "working_points",
    "z0_sin_theta",
]

# xAOD::Muon::Quality, the best first, in the lower three bits of `quality`.
IDENTIFICATION = {"Tight": 0, "Medium": 1, "Loose": 2, "VeryLoose": 3}
_QUALITY_BITS = 0b111
# xAOD::Muon_v1::passesIDCuts, a bit of the same column. Those of passesHighPtCuts are not set in PHYSLITE.
_PASSES_ID_CUTS = 0b1000
# Of so many medium muons some are tight, where tightness is stored: most are.
_ENOUGH = 10
_NEEDS: dict[str, Needs] = dict.fromkeys(IDENTIFICATION, (("quality",),))

# Which tracks count.
_TRACKS = ("Nonprompt_All_MaxWeightTTVA", "TightTTVA")
_VARIABLE, _FIXED = "ptvarcone30_{tracks}_pt1000", "ptcone20_{tracks}_pt1000"
_FLOW, _FIXED_FLOW = "ptvarcone30_{tracks}_pt500", "ptcone20_{tracks}_pt500"

# IsolationSelectionTool::addMuonWP, the same in releases 21.2 and 24 but for the names of the columns.
ISOLATION: dict[str, tuple[Limit, ...]] = {
    "HighPtTrackOnly": (Limit(_FIXED, constant=1250.0),),
    "Loose_VarRad": (Limit(_VARIABLE, 0.15), Limit("topoetcone20", 0.30)),
    "Tight_VarRad": (Limit(_VARIABLE, 0.04), Limit("topoetcone20", 0.15)),
    "TightTrackOnly_VarRad": (Limit(_VARIABLE, 0.06),),
    "Loose_FixedRad": (Limit(_VARIABLE, 0.15, at_high_pt=_FIXED), Limit("topoetcone20", 0.30)),
    "Tight_FixedRad": (Limit(_VARIABLE, 0.04, at_high_pt=_FIXED), Limit("topoetcone20", 0.15)),
    "TightTrackOnly_FixedRad": (Limit(_VARIABLE, 0.06, at_high_pt=_FIXED),),
    "PflowLoose_VarRad": (Limit(_FLOW, 0.16, with_neutral=True),),
    "PflowTight_VarRad": (Limit(_FLOW, 0.045, with_neutral=True),),
    "PflowLoose_FixedRad": (Limit(_FLOW, 0.16, at_high_pt=_FIXED_FLOW, with_neutral=True),),
    "PflowTight_FixedRad": (Limit(_FLOW, 0.045, at_high_pt=_FIXED_FLOW, with_neutral=True),),
}


def identified(muons: ak.Array, working_point: str) -> Any:
    """Which muons have a quality at least as good, and pass the cuts on hits of the inner detector.

    Both are bits of the column `quality`, as Athena's MuonSelectionTool
    (PhysicsAnalysis/MuonID/MuonSelectorTools) asks for both. The working points are described in "Muon reconstruction
    and identification efficiency in ATLAS using the full Run 2 pp collision data set", Eur. Phys. J. C 81 (2021) 578.
    Its working points for high and for low pT need what PHYSLITE stores in part only; they are not here.

    Two more cuts of that tool are not applied. One is abs(eta) < 2.7 by default: ask for it beside this. The other,
    passedMuonCuts, is of types and authors; muons of at least loose quality pass it by how that is defined, of those
    that are VeryLoose not all do.

    In derivations of Run 3 no muon may be Tight: the tool answers so where it is not told to count hits of the New
    Small Wheel, and `quality` keeps what it answered. That is warned of.

    Args:
        muons: in any selection of them.
        working_point: a name in `IDENTIFICATION`.

    Returns:
        One bool for each muon.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store `quality`.
    """
    (column,) = columns_of(muons, "identification", working_point, _NEEDS, "Muon")
    quality = muons[column]
    level = quality & _QUALITY_BITS
    if working_point == "Tight":
        _warn_if_none_is_tight(muons, level)
    return decided((level <= IDENTIFICATION[working_point]) & ((quality & _PASSES_ID_CUTS) != 0))


def _warn_if_none_is_tight(muons: ak.Array, level: ak.Array) -> None:
    tight, medium = (ak.sum(level == IDENTIFICATION[name], axis=None) for name in ("Tight", "Medium"))
    if medium >= _ENOUGH and not tight:
        source = source_of(muons)
        warn(
            f"{source.store.name + ': ' if source is not None else ''}no muon is Tight, though many are Medium: "
            "derivations of Run 3 can be without it (MuonSelectionTool::passTight); ask for Medium",
            WorkingPointWarning,
        )


def isolated(muons: ak.Array, working_point: str) -> Any:
    """Which muons pass a working point of the isolation.

    The limits are those of IsolationSelectionTool.cxx, see `physlite.analysis.isolation`.

    Args:
        muons: in any selection of them.
        working_point: a name in `ISOLATION`.

    Returns:
        One bool for each muon.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store a variable that it compares.
    """
    return _isolated(muons, working_point, ISOLATION, _TRACKS, "Muon")


def working_points(muons: ak.Array) -> dict[str, list[str]]:
    """The working points whose columns these muons have; no column is read for it."""
    return {
        "identification": available(muons, _NEEDS),
        "isolation": available(muons, needs_of(ISOLATION, _TRACKS)),
    }
