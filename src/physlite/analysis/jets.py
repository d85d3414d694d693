"""Jets: those of the hard collision, and those that are no noise, as masks.

Each function gives one bool for each jet, whatever was selected before; what cannot be compared fails.
"""

from __future__ import annotations

from typing import Any

import awkward as ak

from physlite.analysis.columns import Needs, available, columns_of, decided, flagged, flags
from physlite.analysis.eventinfo import event_info
from physlite.model.edm import double
from physlite.units import GeV

__all__ = [
    "CLEANING",
    "EVENT_CLEANING",
    "FJVT",
    "JVT",
    "clean",
    "clean_events",
    "passed_fjvt",
    "passed_jvt",
    "working_points",
]

# The range in which the taggers are asked: JvtSelectionToolBase.h, and FJvtSelectionTool.cxx for forward jets. It is
# asked for in their select(), in earlier versions in JvtSelectionToolBase::accept().
_MIN_PT, _MAX_PT = 20 * GeV, 60 * GeV
_MAX_ETA = 2.5
_FORWARD_ETA = (2.5, 4.5)

# NNJvtSelectionTool.cxx: of its two working points, FixedEffPt is stored, and TightFwd is not. JvtSelectionTool.cxx:
# lowest values of `Jvt` for jets of particle flow, and another between two values of abs(eta), which are compared in
# double precision.
JVT: dict[str, float | None] = {"FixedEffPt": None, "Tight": 0.5, "Medium": 0.2}
_BORDER_ETA = (2.4, 2.5)
_BORDER_JVT = -2.0
_ETA = ("DetectorEta", "eta")
_JVT_NEEDS: dict[str, Needs] = {name: (("Jvt" if cut else "NNJvtPass",), _ETA) for name, cut in JVT.items()}

# FJvtSelectionTool.cxx: highest values of `DFCommonJets_fJvt`.
FJVT = {"Loose": 0.5, "Tight": 0.4, "Tighter": 0.2}
_FJVT_NEEDS: dict[str, Needs] = dict.fromkeys(FJVT, (("DFCommonJets_fJvt",), _ETA))

# Flags of Athena's PhysicsAnalysis/JetMissingEtID/JetSelectorTools (Root/JetCleaningTool.cxx, EventCleaningTool.cxx).
CLEANING = {"LooseBad": "DFCommonJets_jetClean_LooseBad", "TightBad": "DFCommonJets_jetClean_TightBad"}
EVENT_CLEANING = {
    "LooseBad": "DFCommonJets_eventClean_LooseBad",
    "LooseBadLLP": "DFCommonJets_eventClean_LooseBadLLP",  # for decays away from the collision
}


def passed_jvt(jets: ak.Array, working_point: str) -> Any:
    """Which jets come from the hard collision, by the tracks in them; others than 20 to 60 GeV, abs(eta) ≤ 2.5 pass.

    Release 21.2 stores `Jvt` ("Performance of pile-up mitigation techniques for jets in pp collisions at √s = 8 TeV
    using the ATLAS detector", Eur. Phys. J. C 76 (2016) 581), later ones the decision of a neural network. The range
    is in the pT that the jets have, under a variation the varied one, and in `DetectorEta`, both as in Athena's
    JetJvtEfficiency; in `eta` where that is not stored. Of jets from 2.4 to 2.5, without the ends, JvtSelectionTool.cxx
    asks a `Jvt` above -2, which all have.

    Args:
        jets: in any selection of them.
        working_point: a name in `JVT`; FixedEffPt is that of the neural network.

    Returns:
        One bool for each jet.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store what it needs.
    """
    column, detector = columns_of(jets, "jvt", working_point, _JVT_NEEDS, "Jet")
    cut = JVT[working_point]
    if cut is None:
        passed = jets[column] == 1
    else:
        eta, value = abs(double(jets[detector])), jets[column]
        at_border = (eta > _BORDER_ETA[0]) & (eta < _BORDER_ETA[1])
        passed = (value > cut) | (at_border & (value > _BORDER_JVT))
    return decided(passed | _beyond(jets, detector, 0.0, _MAX_ETA))


def passed_fjvt(jets: ak.Array, working_point: str) -> Any:
    """Which forward jets come from the hard collision; others than 20 to 60 GeV, 2.5 ≤ abs(eta) ≤ 4.5 pass.

    See "Identification and rejection of pile-up jets at high pseudorapidity with the ATLAS detector", Eur. Phys. J. C
    77 (2017) 580. There is no cut on the jets' time here, as there is none by default in FJvtSelectionTool.

    Args:
        jets: in any selection of them.
        working_point: a name in `FJVT`.

    Returns:
        One bool for each jet.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store what it needs.
    """
    column, detector = columns_of(jets, "fjvt", working_point, _FJVT_NEEDS, "Jet")
    return decided((jets[column] <= FJVT[working_point]) | _beyond(jets, detector, *_FORWARD_ETA))


def clean(jets: ak.Array, working_point: str) -> Any:
    """Which jets are neither noise nor from cosmic rays or the beam.

    Files that lack the flags have what it takes for whole events only: `clean_events`.

    Args:
        jets: in any selection of them.
        working_point: a name in `CLEANING`.

    Returns:
        One bool for each jet.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store its flag.
    """
    return flagged(jets, "cleaning", working_point, CLEANING, "Jet")


def clean_events(events: ak.Array, working_point: str) -> Any:
    """Which events have no bad jet, after the overlap with leptons is removed, as the derivation has decided.

    Args:
        events: in any selection of them.
        working_point: a name in `EVENT_CLEANING`.

    Returns:
        One bool for each event.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store its flag, or these are no events.
    """
    return flagged(event_info(events), "event cleaning", working_point, EVENT_CLEANING, "EventInfo")


def working_points(jets: ak.Array) -> dict[str, list[str]]:
    """The working points whose columns these jets have, but for b-tagging; no column is read for it."""
    return {
        "jvt": available(jets, _JVT_NEEDS),
        "fjvt": available(jets, _FJVT_NEEDS),
        "cleaning": available(jets, flags(CLEANING)),
    }


def _beyond(jets: ak.Array, detector: str, low: float, high: float) -> Any:
    """Which jets are certainly not in the range in which a tagger is asked."""
    pt, eta = jets["pt"], abs(jets[detector])
    return (pt < _MIN_PT) | (pt > _MAX_PT) | (eta < low) | (eta > high)
