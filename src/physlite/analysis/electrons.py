"""Electrons: identification, isolation, quality and the way to the primary vertex, as masks.

    good = electrons.identified(events.Electrons, "Tight") & electrons.isolated(events.Electrons, "Tight_VarRad")

Each function gives one bool for each electron, whatever was selected before; what cannot be compared fails.
"""

from __future__ import annotations

from typing import Any

import awkward as ak

from physlite.analysis.columns import available, flagged, flags
from physlite.analysis.egamma import AUTHORS, authored, cluster_eta, good_quality
from physlite.analysis.impact import d0_significance, prompt, z0_sin_theta
from physlite.analysis.isolation import Limit, needs_of
from physlite.analysis.isolation import isolated as _isolated

__all__ = [
    "AUTHORS",
    "CHARGE_IDENTIFICATION",
    "IDENTIFICATION",
    "ISOLATION",
    "authored",
    "charge_identified",
    "cluster_eta",
    "d0_significance",
    "good_quality",
    "identified",
    "isolated",
    "prompt",
    "working_points",
    "z0_sin_theta",
]

# Names are those of Athena's ElectronAnalysisConfig.py, the plain ones for the likelihood; the columns are made by
# PhysicsAnalysis/DerivationFramework/DerivationFrameworkEGamma (EGammaCommonConfig.py).
IDENTIFICATION = {
    "VeryLoose": "DFCommonElectronsLHVeryLoose",
    "Loose": "DFCommonElectronsLHLoose",
    "LooseBL": "DFCommonElectronsLHLooseBL",  # with a hit in the innermost layer
    "Medium": "DFCommonElectronsLHMedium",
    "Tight": "DFCommonElectronsLHTight",
    "LooseDNN": "DFCommonElectronsDNNLoose",
    "MediumDNN": "DFCommonElectronsDNNMedium",
    "TightDNN": "DFCommonElectronsDNNTight",
    "VeryLooseNoCF97DNN": "DFCommonElectronsDNNVeryLooseNoCF97",  # without cuts against wrong charges
    "MediumNoCFDNN": "DFCommonElectronsDNNMediumNoCF",
    "TightNoCFDNN": "DFCommonElectronsDNNTightNoCF",
}

# The identification of the charge by a boosted decision tree.
CHARGE_IDENTIFICATION = {"ECIDS": "DFCommonElectronsECIDS"}

# Which tracks count: by the names of releases 22 and 21.2. PHYSLITE of release 21.2 has sums of TightTTVA instead, in
# which tracks close to the electron are others; no working point of today is made of them.
_TRACKS = ("Nonprompt_All_MaxWeightTTVALooseCone", "TightTTVALooseCone")
_VARIABLE, _FIXED = "ptvarcone30_{tracks}_pt1000", "ptcone20_{tracks}_pt1000"
_FLOW, _FIXED_FLOW = "ptvarcone30_{tracks}_pt500", "ptcone20_{tracks}_pt500"
_OLD = "ptvarcone20_TightTTVA_pt1000"

# IsolationSelectionTool::addElectronWP, of release 24; the last two of release 21.2.
ISOLATION: dict[str, tuple[Limit, ...]] = {
    "HighPtCaloOnly": (Limit("topoetcone20", 0.015, least=3500.0),),
    "Loose_VarRad": (Limit(_VARIABLE, 0.15), Limit("topoetcone20", 0.20)),
    "Tight_VarRad": (Limit(_VARIABLE, 0.06), Limit("topoetcone20", 0.06)),
    "TightTrackOnly_VarRad": (Limit(_VARIABLE, 0.06),),
    "TightTrackOnly_FixedRad": (Limit(_VARIABLE, 0.06, at_high_pt=_FIXED),),
    "PflowLoose": (Limit(_FLOW, 0.16, with_neutral=True),),
    "PflowTight": (Limit(_FLOW, 0.045, with_neutral=True),),
    "PflowLoose_FixedRad": (Limit(_FLOW, 0.16, at_high_pt=_FIXED_FLOW, with_neutral=True),),
    "PflowTight_FixedRad": (Limit(_FLOW, 0.045, at_high_pt=_FIXED_FLOW, with_neutral=True),),
    "FCLoose": (Limit(_OLD, 0.15), Limit("topoetcone20", 0.20)),
    "FCTight": (Limit(_OLD, 0.06), Limit("topoetcone20", 0.06)),
}


def identified(electrons: ak.Array, working_point: str) -> Any:
    """Which electrons pass a working point of the identification, by likelihood or neural network.

    The flags are stored; the likelihood is described in "Electron and photon performance measurements with the ATLAS
    detector using the 2015–2017 LHC proton-proton collision data", JINST 14 (2019) P12006.

    Args:
        electrons: in any selection of them.
        working_point: a name in `IDENTIFICATION`.

    Returns:
        One bool for each electron.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store its flag.
    """
    return flagged(electrons, "identification", working_point, IDENTIFICATION, "Electron")


def isolated(electrons: ak.Array, working_point: str) -> Any:
    """Which electrons pass a working point of the isolation.

    The limits are those of IsolationSelectionTool.cxx, see `physlite.analysis.isolation`. Of the working points that go
    by tracks, files of release 21.2 have FCLoose and FCTight.

    Args:
        electrons: in any selection of them.
        working_point: a name in `ISOLATION`.

    Returns:
        One bool for each electron.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store a variable that it compares.
    """
    return _isolated(electrons, working_point, ISOLATION, _TRACKS, "Electron")


def charge_identified(electrons: ak.Array, working_point: str = "ECIDS") -> Any:
    """Which electrons have a charge that is measured well, by a boosted decision tree.

    Args:
        electrons: in any selection of them.
        working_point: a name in `CHARGE_IDENTIFICATION`.

    Returns:
        One bool for each electron.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store its flag.
    """
    return flagged(electrons, "charge_identification", working_point, CHARGE_IDENTIFICATION, "Electron")


def working_points(electrons: ak.Array) -> dict[str, list[str]]:
    """The working points whose columns these electrons have; no column is read for it."""
    return {
        "identification": available(electrons, flags(IDENTIFICATION)),
        "isolation": available(electrons, needs_of(ISOLATION, _TRACKS)),
        "charge_identification": available(electrons, flags(CHARGE_IDENTIFICATION)),
    }
