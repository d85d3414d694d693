"""Hadronic tau decays: identification, veto of electrons, tracks and charge, as masks.

Each function gives one bool for each tau candidate, whatever was selected before; what cannot be compared fails.
Names and cuts are those of Athena's PhysicsAnalysis/TauID/TauAnalysisTools (Root/TauSelectionCuts.cxx).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import awkward as ak
import numpy as np

from physlite.analysis.columns import Needs, available, columns_of, decided, flagged, flags, require

__all__ = [
    "ELECTRON_VETO",
    "IDENTIFICATION",
    "electron_vetoed",
    "identified",
    "n_tracks",
    "with_charge",
    "with_tracks",
    "working_points",
]

# Bits of `isTauFlags`: xAOD::TauJetParameters::IsTauFlag in Event/xAOD/xAODTau (xAODTau/TauDefs.h).
_RNN_BITS = {"RNNVeryLoose": 28, "RNNLoose": 29, "RNNMedium": 30, "RNNTight": 31}

# Of the networks that came later each working point is a column.
_COLUMNS = {
    "DeepSetVeryLoose": "JetDeepSetVeryLoose",
    "DeepSetLoose": "JetDeepSetLoose",
    "DeepSetMedium": "JetDeepSetMedium",
    "DeepSetTight": "JetDeepSetTight",
    "GNTauVeryLoose": "GNTauVL_v0prune",
    "GNTauLoose": "GNTauL_v0prune",
    "GNTauMedium": "GNTauM_v0prune",
    "GNTauTight": "GNTauT_v0prune",
}

IDENTIFICATION: dict[str, Needs] = {**dict.fromkeys(_RNN_BITS, (("isTauFlags",),)), **flags(_COLUMNS)}

# The bits EleRNN of `isTauFlags` are not used: they are all set in release 22 and later, and none before.
ELECTRON_VETO = {"Loose": "EleRNNLoose_v1", "Medium": "EleRNNMedium_v1", "Tight": "EleRNNTight_v1"}

# xAOD::TauJetParameters::TauTrackFlag::classifiedCharged, a bit of the tracks' `flagSet`.
_CHARGED = 1 << 5


def identified(taus: ak.Array, working_point: str) -> Any:
    """Which candidates pass a working point of the identification, against jets.

    RNN is the recurrent network of Run 2 (ATL-PHYS-PUB-2019-033); the others are those that TauSelectionCuts.cxx and
    PHYSLITE have besides.

    Args:
        taus: in any selection of them.
        working_point: a name in `IDENTIFICATION`.

    Returns:
        One bool for each candidate.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store it.
    """
    (column,) = columns_of(taus, "identification", working_point, IDENTIFICATION, "TauJet")
    values = taus[column]
    if working_point in _RNN_BITS:
        values = (values >> np.uint32(_RNN_BITS[working_point])) & np.uint32(1)
    return decided(values == 1)


def electron_vetoed(taus: ak.Array, working_point: str) -> Any:
    """Which candidates are no electrons, by a recurrent network; it is asked of those with one track only.

    Args:
        taus: in any selection of them.
        working_point: a name in `ELECTRON_VETO`.

    Returns:
        One bool for each candidate.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store its flag, or the tracks.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    return flagged(taus, "electron_veto", working_point, ELECTRON_VETO, "TauJet") | decided(n_tracks(taus) != 1)


def n_tracks(taus: ak.Array) -> Any:
    """How many tracks of each candidate are classified as charged particles from the decay.

    As xAOD::TauJet_v3::nTracks in Event/xAOD/xAODTau. Tracks that are not in the file do not count, there as here.

    Args:
        taus: in any selection of them.

    Returns:
        An integer for each candidate; None where there is none.

    Raises:
        ColumnNotFoundError: the file does not store the tracks.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    tracks = taus.tauTracks
    column = require(tracks, ("flagSet",), "the number of tracks of taus", "leave it out", "TauTrack")
    charged = (tracks[column] & np.uint16(_CHARGED)) != 0
    return ak.values_astype(ak.sum(charged, axis=-1), np.int64)


def with_tracks(taus: ak.Array, numbers: int | Iterable[int]) -> Any:
    """Which candidates have one of these numbers of tracks; 1 and 3 are those of most decays.

    Args:
        taus: in any selection of them.
        numbers: of `n_tracks`, or a single one.

    Returns:
        One bool for each candidate.

    Raises:
        ColumnNotFoundError, ValueError: as `n_tracks`.
    """
    number = n_tracks(taus)
    passed = number < 0
    for wanted in numbers if isinstance(numbers, Iterable) else [numbers]:
        passed = passed | (number == wanted)
    return decided(passed)


def with_charge(taus: ak.Array, size: int = 1) -> Any:
    """Which candidates have this charge, of either sign.

    Args:
        taus: in any selection of them.
        size: of the charge.

    Returns:
        One bool for each candidate.

    Raises:
        ColumnNotFoundError: the file does not store `charge`.
    """
    column = require(taus, ("charge",), "the charge of taus", "leave it out")
    return decided(abs(taus[column]) == size)


def working_points(taus: ak.Array) -> dict[str, list[str]]:
    """The working points whose columns these candidates have; no column is read for it."""
    return {
        "identification": available(taus, IDENTIFICATION),
        "electron_veto": available(taus, flags(ELECTRON_VETO)),
    }
