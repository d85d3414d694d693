"""Photons: identification, isolation, quality, cleaning and conversions, as masks.

Each function gives one bool for each photon, whatever was selected before; what cannot be compared fails.
"""

from __future__ import annotations

from typing import Any

import awkward as ak
import numpy as np

from physlite.analysis.columns import available, decided, flagged, flags, not_stored, require
from physlite.analysis.egamma import AUTHORS, authored, cluster_eta, good_quality
from physlite.analysis.isolation import Limit, needs_of
from physlite.analysis.isolation import isolated as _isolated
from physlite.model.follow import require_source

__all__ = [
    "AUTHORS",
    "CLEANING",
    "CONVERSION_TYPES",
    "IDENTIFICATION",
    "ISOLATION",
    "authored",
    "clean",
    "cluster_eta",
    "conversion_type",
    "converted",
    "good_quality",
    "identified",
    "isolated",
    "working_points",
]

# The columns are made by PhysicsAnalysis/DerivationFramework/DerivationFrameworkEGamma (EGammaCommonConfig.py).
IDENTIFICATION = {
    "Loose": "DFCommonPhotonsIsEMLoose",
    "Medium": "DFCommonPhotonsIsEMMedium",
    "Tight": "DFCommonPhotonsIsEMTight",
    "TightPtIncl": "DFCommonPhotonsIsEMTightPtIncl",  # not tuned in bins of pT; release 21.2 only
}

# Against clusters of noisy cells; NoTime keeps photons that come late.
CLEANING = {"Cleaning": "DFCommonPhotonsCleaning", "CleaningNoTime": "DFCommonPhotonsCleaningNoTime"}

# IsolationSelectionTool::addPhotonWP, the same in releases 21.2 and 24.
_CONE40 = Limit("topoetcone40", 0.022, 2450.0)
ISOLATION: dict[str, tuple[Limit, ...]] = {
    "FixedCutLoose": (Limit("topoetcone20", 0.065), Limit("ptcone20", 0.05)),
    "FixedCutTight": (_CONE40, Limit("ptcone20", 0.05)),
    "TightCaloOnly": (_CONE40,),
}
_TRACKS = ("",)  # the choice of tracks has no name

# xAOD::EgammaParameters::ConversionType: one or two tracks, with hits in silicon or without.
CONVERSION_TYPES = {
    "unconverted": 0,
    "singleSi": 1,
    "singleTRT": 2,
    "doubleSi": 3,
    "doubleTRT": 4,
    "doubleSiTRT": 5,
}
_CONVERSIONS = "GSFConversionVertices"


def identified(photons: ak.Array, working_point: str) -> Any:
    """Which photons pass a working point of the identification, by cuts on the shape of the shower.

    The flags are stored; see "Measurement of the photon identification efficiencies with the ATLAS detector using LHC
    Run 2 data collected in 2015 and 2016", Eur. Phys. J. C 79 (2019) 205.

    Args:
        photons: in any selection of them.
        working_point: a name in `IDENTIFICATION`.

    Returns:
        One bool for each photon.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store its flag.
    """
    return flagged(photons, "identification", working_point, IDENTIFICATION, "Photon")


def isolated(photons: ak.Array, working_point: str) -> Any:
    """Which photons pass a working point of the isolation.

    The limits are those of IsolationSelectionTool.cxx, see `physlite.analysis.isolation`.

    Args:
        photons: in any selection of them.
        working_point: a name in `ISOLATION`.

    Returns:
        One bool for each photon.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store a variable that it compares.
    """
    return _isolated(photons, working_point, ISOLATION, _TRACKS, "Photon")


def clean(photons: ak.Array, working_point: str = "Cleaning") -> Any:
    """Which photons are no clusters of noisy cells.

    As Athena's PhotonAnalysisConfig.py (PhysicsAnalysis/Algorithms/EgammaAnalysisAlgorithms).

    Args:
        photons: in any selection of them.
        working_point: a name in `CLEANING`.

    Returns:
        One bool for each photon.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store its flag.
    """
    return flagged(photons, "cleaning", working_point, CLEANING, "Photon")


def conversion_type(photons: ak.Array) -> Any:
    """How each photon has converted, a number in `CONVERSION_TYPES`.

    By the tracks of its first vertex and their hits in the pixel detector and the strips, as
    xAOD::EgammaHelpers::conversionType in Event/xAOD/xAODEgamma (Root/PhotonxAODHelpers.cxx).

    Args:
        photons: in any selection of them.

    Returns:
        An integer for each photon; that of unconverted ones where there is no photon.

    Raises:
        ColumnNotFoundError: the file does not store the vertices of conversions.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    if _CONVERSIONS not in require_source(photons).store.schema.collections:
        raise not_stored(photons, (_CONVERSIONS,), "the type of conversions", "leave conversions out", "Event")
    tracks = photons.vertex.trackParticles
    hits = ak.values_astype(tracks.numberOfPixelHits, np.int64) + tracks.numberOfSCTHits
    first, second = (ak.firsts(hits[..., number : number + 1], axis=-1) for number in (0, 1))
    # In arithmetic: ak.is_none and ak.where make lists of events that are missing.
    one, two = (decided(track >= 0) for track in (first, second))
    in_silicon, other_in_silicon = (decided(track > 0) for track in (first, second))
    found = {
        "singleSi": in_silicon & ~two,
        "singleTRT": one & ~in_silicon & ~two,
        "doubleSi": in_silicon & other_in_silicon,
        "doubleTRT": two & ~in_silicon & ~other_in_silicon,
        "doubleSiTRT": two & (in_silicon ^ other_in_silicon),
    }
    return sum(CONVERSION_TYPES[name] * mask for name, mask in found.items())


def converted(photons: ak.Array) -> Any:
    """Which photons have converted into electrons in the inner detector: those with a vertex, whatever tracks it has.

    As xAOD::EgammaHelpers::isConvertedPhoton in Event/xAOD/xAODEgamma (Root/PhotonxAODHelpers.cxx). Its option
    `excludeTRT` of later releases, for Run 3, is not here: by it conversions without hits in silicon are none where
    abs(eta) is at most 0.8.

    Args:
        photons: in any selection of them.

    Returns:
        One bool for each photon.

    Raises:
        ColumnNotFoundError: the file does not store `vertexLinks`.
    """
    column = require(photons, ("vertexLinks",), "whether photons are converted", "leave it out")
    return decided(ak.num(photons[column]["m_persKey"], axis=-1) > 0)


def working_points(photons: ak.Array) -> dict[str, list[str]]:
    """The working points whose columns these photons have; no column is read for it."""
    return {
        "identification": available(photons, flags(IDENTIFICATION)),
        "isolation": available(photons, needs_of(ISOLATION, _TRACKS)),
        "cleaning": available(photons, flags(CLEANING)),
    }
