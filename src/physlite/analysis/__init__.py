"""What a physicist asks of events."""

from __future__ import annotations

from typing import TYPE_CHECKING

from physlite.lazily import looked_up

if TYPE_CHECKING:
    from physlite.analysis.cutflow import Cutflow, CutflowTable
    from physlite.analysis.goodruns import GoodRuns
    from physlite.analysis.luminosity import Luminosity
    from physlite.analysis.pileup import PileupReweighting, data_run_number, pileup_weight
    from physlite.analysis.scalefactors import ScaleFactors, event_product
    from physlite.analysis.weights import event_weights, scale_of, scaled

__all__ = [
    "Cutflow",
    "CutflowTable",
    "GoodRuns",
    "Luminosity",
    "PileupReweighting",
    "ScaleFactors",
    "data_run_number",
    "event_product",
    "event_weights",
    "pileup_weight",
    "scale_of",
    "scaled",
]

# Looked up on first use: nobody pays for what is not used.
_HOME = {
    "Cutflow": "physlite.analysis.cutflow",
    "CutflowTable": "physlite.analysis.cutflow",
    "GoodRuns": "physlite.analysis.goodruns",
    "Luminosity": "physlite.analysis.luminosity",
    "PileupReweighting": "physlite.analysis.pileup",
    "ScaleFactors": "physlite.analysis.scalefactors",
    "data_run_number": "physlite.analysis.pileup",
    "event_product": "physlite.analysis.scalefactors",
    "event_weights": "physlite.analysis.weights",
    "pileup_weight": "physlite.analysis.pileup",
    "scale_of": "physlite.analysis.weights",
    "scaled": "physlite.analysis.weights",
}

__getattr__ = looked_up(__name__, _HOME)


def __dir__() -> list[str]:
    return sorted(__all__)
