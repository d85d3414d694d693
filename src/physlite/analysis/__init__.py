"""What a physicist asks of events: selections, overlap removal, weights, good runs, variations, plots."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from physlite.lazily import looked_up

if TYPE_CHECKING:
    from physlite.analysis import btagging, dilepton, electrons, jets, muons, overlap, photons, plots, taus
    from physlite.analysis.bands import Band, band
    from physlite.analysis.cutflow import Cutflow, CutflowTable
    from physlite.analysis.definitionfiles import definitions
    from physlite.analysis.eventinfo import is_simulation
    from physlite.analysis.goodruns import GoodRuns
    from physlite.analysis.listing import working_points
    from physlite.analysis.luminosity import LumiBlocks, Luminosity
    from physlite.analysis.pileup import PileupReweighting, data_run_number, pileup_weight
    from physlite.analysis.scalefactors import ScaleFactors, event_product
    from physlite.analysis.selecting import selected
    from physlite.analysis.systematics import Variation, rescaled, variation_names, variations
    from physlite.analysis.weights import event_weights, scale_of, scaled

__all__ = [
    "Band",
    "Cutflow",
    "CutflowTable",
    "GoodRuns",
    "LumiBlocks",
    "Luminosity",
    "PileupReweighting",
    "ScaleFactors",
    "Variation",
    "band",
    "btagging",
    "data_run_number",
    "definitions",
    "dilepton",
    "electrons",
    "event_product",
    "event_weights",
    "is_simulation",
    "jets",
    "muons",
    "overlap",
    "photons",
    "pileup_weight",
    "plots",
    "rescaled",
    "scale_of",
    "scaled",
    "selected",
    "taus",
    "variation_names",
    "variations",
    "working_points",
]

# Looked up on first use: nobody pays for what is not used.
_HOME = {
    "Band": "physlite.analysis.bands",
    "Cutflow": "physlite.analysis.cutflow",
    "CutflowTable": "physlite.analysis.cutflow",
    "GoodRuns": "physlite.analysis.goodruns",
    "LumiBlocks": "physlite.analysis.luminosity",
    "Luminosity": "physlite.analysis.luminosity",
    "PileupReweighting": "physlite.analysis.pileup",
    "ScaleFactors": "physlite.analysis.scalefactors",
    "Variation": "physlite.analysis.systematics",
    "band": "physlite.analysis.bands",
    "data_run_number": "physlite.analysis.pileup",
    "definitions": "physlite.analysis.definitionfiles",
    "event_product": "physlite.analysis.scalefactors",
    "event_weights": "physlite.analysis.weights",
    "is_simulation": "physlite.analysis.eventinfo",
    "pileup_weight": "physlite.analysis.pileup",
    "rescaled": "physlite.analysis.systematics",
    "scale_of": "physlite.analysis.weights",
    "scaled": "physlite.analysis.weights",
    "selected": "physlite.analysis.selecting",
    "variation_names": "physlite.analysis.systematics",
    "variations": "physlite.analysis.systematics",
    "working_points": "physlite.analysis.listing",
}
_MODULES = frozenset({"btagging", "dilepton", "electrons", "jets", "muons", "overlap", "photons", "plots", "taus"})

_look_up = looked_up(__name__, _HOME)


def __getattr__(name: str) -> Any:
    return importlib.import_module(f"physlite.analysis.{name}") if name in _MODULES else _look_up(name)


def __dir__() -> list[str]:
    return sorted(__all__)
