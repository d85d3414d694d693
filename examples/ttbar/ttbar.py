"""tt̄ with one lepton: from events to histograms of two regions, with systematic variations.

    python examples/ttbar/ttbar.py toys/datasets.yaml histograms.root

Selection, regions, observables and the sizes of variations of jets are those of the Analysis Grand Challenge of
IRIS-HEP for CMS Open Data: https://agc.readthedocs.io, and ttbar_analysis_pipeline.py in
iris-hep/analysis-grand-challenge. Identification, isolation, the decision about pile-up, b-tagging and the overlap of
jets with electrons are those of ATLAS, by the recipes of `physlite.analysis`: so electrons are isolated in the
calorimeter too, muons have enough hits, and jets are asked for pile-up where the decision is made. Files are of release
22 or later.
"""

from __future__ import annotations

import argparse
import functools
import operator
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import awkward as ak
import correctionlib.schemav2 as schema
import hist
import numpy as np
import uproot

import physlite
from physlite.analysis import (
    Cutflow,
    CutflowTable,
    event_weights,
    overlap,
    plots,
    rescaled,
    scaled,
    selected,
    variation_names,
    variations,
)
from physlite.units import GeV, pb

LUMINOSITY = 10.0 / pb  # so that there are more toys than data
REGIONS = {"4j1b": "$H_T$ [GeV]", "4j2b": "$m_{bjj}$ [GeV]"}

ELECTRON = {"pt": 30 * GeV, "abs_eta": 2.1, "identification": "Tight", "isolation": "Loose_VarRad"}
MUON = {"pt": 30 * GeV, "abs_eta": 2.1, "identification": "Medium"}
JET = {"abs_eta": 2.4, "jvt": "FixedEffPt"}
MIN_JET_PT = 30 * GeV  # apart, because it is asked of varied jets

# Toys lack the columns of muons' working points. This is the part of Loose_VarRad that is about tracks, with those
# above 500 MeV.
MAX_MUON_ISOLATION = 0.15

B_JET, B_EFFICIENCY = {"btagging": "DL1dv01_FixedCutBEff_77"}, 0.77

# A jet that is an electron is none; what else is in the standard recipe, toys lack the columns for.
OVERLAPS = [overlap.DeltaR("Jets", "Electrons", 0.2)]

JET_ENERGY_SCALE = 0.03
JET_ENERGY_RESOLUTION = 0.05
B_TAGGING = 0.05  # of the efficiency; Eur. Phys. J. C 79 (2019) 970 has 8 % at low pT to 1 % at high pT


def analysis(events: ak.Array) -> dict[str, Any]:
    """Histograms of events with one lepton and four jets, for `physlite.run`.

    Args:
        events: of a dataset that is named as its process.

    Returns:
        `observables`, sums of generator weights: axes `region`, `process`, `variation`, and `observable`, which is HT
        in 4j1b and the mass of the top candidate in 4j2b, both in GeV. And the `cutflow`.
    """
    process = events.metadata["dataset"]
    histogram = empty(process)
    events, cutflow = with_one_lepton(events)
    for variation in variations(events, JETS, WEIGHTS):
        for region, chosen, observable in regions(variation.events):
            for name, weight in variation.weights(variation.events[chosen]):
                histogram.fill(region, process, name, observable / GeV, weight=weight)
    return {"observables": histogram, "cutflow": cutflow}


def empty(process: str) -> hist.Hist:
    """The histogram to fill."""
    return hist.Hist(
        hist.axis.StrCategory(REGIONS, name="region"),
        hist.axis.StrCategory([process], name="process", growth=True),
        hist.axis.StrCategory(variation_names(JETS, WEIGHTS), name="variation"),
        hist.axis.Regular(28, 50, 750, name="observable", label="observable [GeV]"),
        storage=hist.storage.Weight(),
    )


# ----------------------------------------------------------------------------------------------------------- selection


def with_one_lepton(events: ak.Array) -> tuple[ak.Array, Cutflow]:
    """Events with one electron or one muon, whose jets have the new fields `is_good` and `is_b`; and the cutflow.

    No variation changes these fields: that of a jet's energy leaves its direction, tags are varied by weights, and what
    is known about pile-up is of the pT in the file.
    """
    muons = selected(events.Muons, MUON) & is_isolated(events.Muons)
    good = {"Electrons": selected(events.Electrons, ELECTRON), "Jets": selected(events.Jets, JET)}
    events["Jets", "is_good"] = overlap.remove(events, OVERLAPS, good)["Jets"]
    events["Jets", "is_b"] = selected(events.Jets, B_JET)

    cutflow = Cutflow(event_weights(events))
    cutflow.add("one lepton", ak.sum(good["Electrons"], axis=1) + ak.sum(muons, axis=1) == 1)
    one_lepton = cutflow.passed
    jets = good_jets(events)
    cutflow.add("four jets", ak.num(jets) >= 4)
    cutflow.add("a b-jet", ak.any(jets.is_b, axis=1))
    cutflow.add("two b-jets", ak.sum(jets.is_b, axis=1) >= 2)
    return events[one_lepton], cutflow


def is_isolated(muons: ak.Array) -> ak.Array:
    """Few tracks near, in a cone that shrinks with pT."""
    return muons.ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500 < MAX_MUON_ISOLATION * muons.pt


def good_jets(events: ak.Array) -> ak.Array:
    """Central jets of the hard scatter that are no electrons."""
    return events.Jets[events.Jets.is_good & (events.Jets.pt > MIN_JET_PT)]


def regions(events: ak.Array) -> Iterator[tuple[str, ak.Array, ak.Array]]:
    """Of each region: its name, which events are in it, and their observable in MeV."""
    jets = good_jets(events)
    four_jets = ak.num(jets) >= 4
    tags = ak.sum(jets.is_b, axis=1)
    chosen = four_jets & (tags == 1)
    yield "4j1b", chosen, ak.sum(jets[chosen].pt, axis=1)
    chosen = four_jets & (tags >= 2)
    yield "4j2b", chosen, top_mass(jets[chosen])


def top_mass(jets: ak.Array) -> ak.Array:
    """The mass of the three jets with the largest pT of their sum, one of which is tagged."""
    candidates = ak.combinations(ak.zip({"p4": jets.p4, "is_b": jets.is_b}, depth_limit=2), 3)
    first, second, third = ak.unzip(candidates)
    candidates = (first.p4 + second.p4 + third.p4)[first.is_b | second.is_b | third.is_b]
    best = ak.argmax(candidates.pt, axis=1, keepdims=True)
    return ak.flatten(candidates[best].mass)


# ---------------------------------------------------------------------------------------------------------- variations


def smeared(events: ak.Array) -> dict[str, Any]:
    """Jets whose momenta are measured worse."""
    factor = 1 + JET_ENERGY_RESOLUTION * gaussian(events.EventInfo.eventNumber, events.Jets)
    return {"Jets": rescaled(events.Jets, factor)}


def gaussian(event_number: ak.Array, jets: ak.Array) -> ak.Array:
    """A random number for each jet, of mean 0 and width 1: for the same jet always the same, in whatever chunk."""
    inputs = [schema.Variable(name=name, type="real") for name in ("event", "phi")]
    generator = schema.HashPRNG(nodetype="hashprng", inputs=["event", "phi"], distribution="normal")
    output = schema.Variable(name="value", type="real")
    draw = schema.Correction(name="gaussian", version=1, inputs=inputs, output=output, data=generator).to_evaluator()
    event_number, phi = ak.broadcast_arrays(event_number, jets.phi)
    return draw.evaluate(ak.values_astype(event_number, np.float64), ak.values_astype(phi, np.float64))


def btag_weight(events: ak.Array, scale_factor: float) -> ak.Array:
    """Weights of events for an efficiency SF·ε: SF for each b jet that is tagged, (1 - SF·ε)/(1 - ε) for each other."""
    jets = good_jets(events)
    is_b = jets[jets.HadronConeExclTruthLabelID == 5].is_b
    not_tagged = (1 - scale_factor * B_EFFICIENCY) / (1 - B_EFFICIENCY)
    return ak.prod(ak.where(is_b, scale_factor, not_tagged), axis=1)


# As physlite.analysis.variations takes them: what changes jets, and the factors of the weight of an event.
JETS = {
    "JES_up": {"Jets": lambda jets: rescaled(jets, 1 + JET_ENERGY_SCALE)},
    "JES_down": {"Jets": lambda jets: rescaled(jets, 1 - JET_ENERGY_SCALE)},
    "JER_up": smeared,
}
WEIGHTS = {
    "generator": event_weights,
    "b-tagging": {
        "nominal": lambda _: 1.0,
        "btag_up": lambda events: btag_weight(events, 1 + B_TAGGING),
        "btag_down": lambda events: btag_weight(events, 1 - B_TAGGING),
    },
}


# ------------------------------------------------------------------------------------------------------------- results


def together(expected: Mapping[str, Any]) -> hist.Hist:
    """One histogram of all processes, of what was made of each."""
    return functools.reduce(operator.add, (value["observables"] for value in expected.values()))


def write(histogram: hist.Hist, path: Path) -> None:
    """A ROOT file with a TH1 for each region, process and variation: `4j2b_ttbar` and `4j2b_ttbar_JES_up`."""
    with uproot.recreate(path) as file:
        for region in REGIONS:
            kept = of_region(histogram, region)
            for process in kept.axes["process"]:
                for variation in kept.axes["variation"]:
                    name = f"{region}_{process}" + ("" if variation == "nominal" else f"_{variation}")
                    file[name] = kept[process, variation, :]


def draw(histogram: hist.Hist, folder: Path) -> None:
    """A plot of the processes in each region, as `4j2b.png` and `4j2b.pdf`."""
    for region in REGIONS:
        processes = of_region(histogram, region)[:, "nominal", :]
        plots.stack(simulation=processes, label=region, luminosity=LUMINOSITY, energy=13.0, out=folder / region)


def of_region(histogram: hist.Hist, region: str) -> hist.Hist:
    """HT from 150 to 550 GeV, in bins of 50 GeV, or masses from 100 to 350 GeV, in bins of 25 GeV."""
    bins = {"4j1b": slice(150j, 550j, hist.rebin(2)), "4j2b": slice(100j, 350j)}[region]
    kept = histogram[region, :, :, bins]
    kept.axes["observable"].label = REGIONS[region]
    return kept


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("datasets", help="a YAML file, as make_toys.py writes it")
    parser.add_argument("histograms", type=Path, help="the ROOT file to write; plots go beside it")
    options = parser.parse_args()
    path = options.histograms
    result = physlite.run(analysis, options.datasets)
    expected = scaled(result.by_dataset, LUMINOSITY)
    write(together(expected), path)
    draw(together(expected), path.parent)
    print(CutflowTable({process: value["cutflow"] for process, value in expected.items()}))
    result.report.show()
