"""b-jets: the discriminants of the taggers that PHYSLITE stores, and their working points.

Not all working points that ATLAS calibrates are here: the cut values come from public sources, each is named beside it.
`above` takes a value of your own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import awkward as ak
import numpy as np

from physlite.analysis.columns import decided, kind_of, not_stored, there_is
from physlite.exceptions import SelectionError
from physlite.formats.filters import nearest
from physlite.model.edm import double

__all__ = ["TAGGERS", "WORKING_POINTS", "Tagger", "above", "discriminant", "tagged", "working_points"]

# Jets are tagged where there are tracks: MaxEta of BTaggingSelectionTool.cxx. The lowest pT is the user's choice, as in
# FTagAnalysisConfig.py of PhysicsAnalysis/Algorithms/FTagAnalysisAlgorithms.
MAX_ETA = 2.5


class Tagger(NamedTuple):
    """A tagger of jets.

    Attributes:
        f_c: how much of the background in its discriminant is of charm.
        f_tau: how much is of taus.
        cuts: the lowest values of the discriminant of b-jets, by the name of the working point.
    """

    f_c: float
    f_tau: float
    cuts: Mapping[str, float]


# Fractions and cut values are in calibration files that are not public. These are from code that is: where no other is
# named, the skimming of derivations in packages of Athena's PhysicsAnalysis/DerivationFramework.
TAGGERS = {
    # Release 21.2: share/EXOT8.py of DerivationFrameworkExotics; share/JETM12.py of DerivationFrameworkJetEtMiss, which
    # has the cut of 85 % without naming it.
    "DL1r": Tagger(0.018, 0.0, {"FixedCutBEff_77": 2.195, "FixedCutBEff_85": 0.665}),
    # Release 22: main_code.ipynb of the repository iris-hep/agc-physlite on GitHub (77 %); python/JETM12.py of
    # DerivationFrameworkJetEtMiss, as before (85 %).
    "DL1dv01": Tagger(0.018, 0.0, {"FixedCutBEff_77": 2.456, "FixedCutBEff_85": 0.948}),
    # Release 25: python/HIGG9D1.py of DerivationFrameworkHiggs (77 %), python/STDM17.py of
    # DerivationFrameworkStandardModel (85 %). The others: explore_mxaod.py of the repository hshaddix/Plotting on
    # GitHub, which has these two as well.
    "GN2v01": Tagger(
        0.2,
        0.01,
        {
            "FixedCutBEff_65": 2.669,
            "FixedCutBEff_70": 1.892,
            "FixedCutBEff_77": 0.844,
            "FixedCutBEff_85": -0.378,
            "FixedCutBEff_90": -1.340,
        },
    ),
}

# As they are called in Athena's configuration: the tagger, and the efficiency for b-jets in per cent.
WORKING_POINTS = {f"{name}_{point}": (name, point) for name, tagger in TAGGERS.items() for point in tagger.cuts}


def discriminant(jets: ak.Array, tagger: str) -> Any:
    """The logarithm of how much likelier a jet is one of a b quark than of others.

    log(p_b / (f_c p_c + f_τ p_τ + (1 - f_c - f_τ) p_u)), as BTaggingSelectionTool::getTaggerWeight in
    PhysicsAnalysis/JetTagging/JetTagPerformanceCalibration/xAODBTaggingEfficiency.

    Args:
        jets: in any selection of them.
        tagger: a name in `TAGGERS`.

    Returns:
        Numbers in double precision; NaN for jets without probabilities, or with some that are none.

    Raises:
        SelectionError: no such tagger.
        ColumnNotFoundError: the file does not store its probabilities.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    if not isinstance(tagger, str) or tagger not in TAGGERS:
        msg = f"no tagger {tagger!r} of {kind_of(jets)}; there are {', '.join(TAGGERS)}"
        raise SelectionError(msg)
    holder = _holder(jets, tagger)
    if holder is None:
        instead = ", ".join(_stored_taggers(jets)) or "none"
        raise not_stored(
            jets, (f"{tagger}_pb",), f"tagger {tagger}", there_is(jets, f"what it takes for {instead}"), "BTagging"
        )
    f_c, f_tau, _ = TAGGERS[tagger]
    p_b, p_c, p_u = (double(holder[f"{tagger}_{quark}"]) for quark in ("pb", "pc", "pu"))
    p_tau = double(holder[f"{tagger}_ptau"]) if f_tau else 0.0
    background = f_c * p_c + f_tau * p_tau + (1 - f_c - f_tau) * p_u
    probable = (p_b >= 0) & (p_c >= 0) & (p_u >= 0) & (p_tau >= 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.log(ak.where(probable, p_b, np.nan) / background)
    return ak.fill_none(value, np.nan, axis=-1)


def tagged(jets: ak.Array, working_point: str) -> Any:
    """Which jets are b-jets at a working point; none beyond abs(eta) = 2.5.

    Args:
        jets: in any selection of them.
        working_point: a name in `WORKING_POINTS`, as `GN2v01_FixedCutBEff_77`.

    Returns:
        One bool for each jet.

    Raises:
        SelectionError: no such working point.
        ColumnNotFoundError: the file does not store the probabilities of its tagger.
        ValueError: the array does not know its file, or holds objects of several files.
    """
    if not isinstance(working_point, str) or working_point not in WORKING_POINTS:
        near = nearest(list(WORKING_POINTS), str(working_point))
        msg = f"no working point {working_point!r} of b-tagging{near}; there are {', '.join(WORKING_POINTS)}"
        raise SelectionError(msg)
    tagger, point = WORKING_POINTS[working_point]
    return above(jets, tagger, TAGGERS[tagger].cuts[point])


def above(jets: ak.Array, tagger: str, cut: float) -> Any:
    """Which jets have a discriminant of at least a value of your own; none beyond abs(eta) = 2.5.

    At exactly the value they pass, as in BTaggingSelectionTool.cxx. Other than there, a discriminant that is not a
    number fails.

    Args:
        jets: in any selection of them.
        tagger: a name in `TAGGERS`.
        cut: the value.

    Returns:
        One bool for each jet.

    Raises:
        SelectionError, ColumnNotFoundError, ValueError: as `discriminant`.
    """
    return decided((abs(jets["eta"]) <= MAX_ETA) & (discriminant(jets, tagger) >= cut))


def working_points(jets: ak.Array) -> dict[str, list[str]]:
    """The working points whose tagger these jets have; only links are read for it."""
    there = _stored_taggers(jets)
    return {"btagging": [name for name, (tagger, _) in WORKING_POINTS.items() if tagger in there]}


def _stored_taggers(jets: ak.Array) -> list[str]:
    return [name for name in TAGGERS if _holder(jets, name) is not None]


def _holder(jets: ak.Array, tagger: str) -> Any:
    """What has the probabilities: the jets, or the objects that they link to."""
    for objects in (jets, jets.btagging if "btaggingLink" in ak.fields(jets) else jets):
        if f"{tagger}_pb" in ak.fields(objects):
            return objects
    return None
