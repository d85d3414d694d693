"""tt̄ with one lepton: from events to histograms of two regions, with systematic variations.

    python examples/ttbar/ttbar.py toys/datasets.yaml histograms.root

Selection, regions, observables and the sizes of variations of jets are those of the Analysis Grand Challenge of
IRIS-HEP for CMS Open Data: https://agc.readthedocs.io, and ttbar_analysis_pipeline.py in
iris-hep/analysis-grand-challenge. Identification, isolation and b-tagging are those of ATLAS. Files are of release 22
or later.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import awkward as ak
import correctionlib.schemav2 as schema
import hist
import numpy as np
import uproot

import physlite
from physlite.units import GeV

LUMINOSITY = 10.0  # 1/pb; so that there are more toys than data
MIN_PT = 30 * GeV  # of leptons and jets
MAX_LEPTON_ETA = 2.1
MAX_JET_ETA = 2.4
LEPTON_IN_JET = 0.2  # a jet that is nearer to an electron is that electron (AssociationUtils, EleJetOverlapTool.cxx)

# xAOD::Muon::quality(): the lower three bits are 0 for tight, 1 for medium.
QUALITY_BITS, MEDIUM = 0b111, 1

# In a cone that shrinks with pT, by pT: the part of FixedCutLoose that is about tracks
# (IsolationSelection, IsolationSelectionTool.cxx).
MAX_ISOLATION = 0.15

# DL1dv01 at an efficiency of 77 %, as iris-hep/agc-physlite has it (main_code.ipynb); the score is a logarithm.
CHARM_FRACTION, MIN_SCORE, B_EFFICIENCY = 0.018, 2.456, 0.77

JET_ENERGY_SCALE = 0.03
JET_ENERGY_RESOLUTION = 0.05
B_TAGGING = 0.05  # of the efficiency; Eur. Phys. J. C 79 (2019) 970 has 8 % at low pT to 1 % at high pT


def analysis(events: ak.Array) -> hist.Hist:
    """Histograms of events with one lepton and four jets, for `physlite.run`.

    Args:
        events: of a dataset that is named as its process.

    Returns:
        Sums of generator weights: axes `region`, `process`, `variation`, and `observable`, which is HT in 4j1b and the
        mass of the top candidate in 4j2b, both in GeV.
    """
    process = events.metadata["dataset"]
    histogram = empty(process)
    events, jets = with_one_lepton(events)
    weight = events.EventInfo.mcEventWeights[:, 0]
    for variation, factor in jet_variations(events, jets).items():
        for region, chosen, chosen_jets, observable in regions(scaled(jets, factor)):
            for name, tag_weight in btag_variations(variation, chosen_jets):
                histogram.fill(
                    region=region,
                    process=process,
                    variation=name,
                    observable=observable / GeV,
                    weight=weight[chosen] * tag_weight,
                )
    return histogram


def empty(process: str) -> hist.Hist:
    """The histogram to fill."""
    return hist.Hist(
        hist.axis.StrCategory(["4j1b", "4j2b"], name="region"),
        hist.axis.StrCategory([process], name="process", growth=True),
        hist.axis.StrCategory([], name="variation", growth=True),
        hist.axis.Regular(28, 50, 750, name="observable", label="observable [GeV]"),
        storage=hist.storage.Weight(),
    )


# ----------------------------------------------------------------------------------------------------------- selection


def with_one_lepton(events: ak.Array) -> tuple[ak.Array, ak.Array]:
    """Events with one electron or one muon, and their jets."""
    electrons, muons = good_electrons(events.Electrons), good_muons(events.Muons)
    one_lepton = ak.num(electrons) + ak.num(muons) == 1
    events = events[one_lepton]
    return events, good_jets(events.Jets, electrons[one_lepton])


def good_electrons(electrons: ak.Array) -> ak.Array:
    """Tight and loosely isolated electrons."""
    good = (electrons.pt > MIN_PT) & (abs(electrons.eta) < MAX_LEPTON_ETA)
    in_cone = electrons.ptvarcone30_Nonprompt_All_MaxWeightTTVALooseCone_pt1000
    isolated = in_cone < MAX_ISOLATION * electrons.pt
    return electrons[good & (electrons.DFCommonElectronsLHTight == 1) & isolated]


def good_muons(muons: ak.Array) -> ak.Array:
    """Medium and loosely isolated muons."""
    good = (muons.pt > MIN_PT) & (abs(muons.eta) < MAX_LEPTON_ETA)
    isolated = muons.ptvarcone30_Nonprompt_All_MaxWeightTTVA_pt500 < MAX_ISOLATION * muons.pt
    return muons[good & ((muons.quality & QUALITY_BITS) <= MEDIUM) & isolated]


def good_jets(jets: ak.Array, electrons: ak.Array) -> ak.Array:
    """Central jets of the hard scatter that are no electrons, of any pT, with their tag as a new field `is_b`."""
    jets = jets[(abs(jets.eta) < MAX_JET_ETA) & (jets.NNJvtPass == 1)]
    near = jets[:, :, None].deltaR(electrons[:, None, :]) < LEPTON_IN_JET
    jets = jets[~ak.any(near, axis=2)]
    tagger = jets.btagging
    odds = tagger.DL1dv01_pb / (CHARM_FRACTION * tagger.DL1dv01_pc + (1 - CHARM_FRACTION) * tagger.DL1dv01_pu)
    jets = jets[["pt", "eta", "phi", "m", "HadronConeExclTruthLabelID"]]
    jets["is_b"] = ak.fill_none(odds > np.exp(MIN_SCORE), False)
    return jets


def regions(jets: ak.Array) -> Iterator[tuple[str, ak.Array, ak.Array, ak.Array]]:
    """Of each region: its name, which events are in it, their jets, and the observable in MeV."""
    jets = jets[jets.pt > MIN_PT]
    four_jets = ak.num(jets) >= 4
    tags = ak.sum(jets.is_b, axis=1)
    chosen = four_jets & (tags == 1)
    yield "4j1b", chosen, jets[chosen], ak.sum(jets[chosen].pt, axis=1)
    chosen = four_jets & (tags >= 2)
    yield "4j2b", chosen, jets[chosen], top_mass(jets[chosen])


def top_mass(jets: ak.Array) -> ak.Array:
    """The mass of the three jets with the largest pT of their sum, one of which is tagged."""
    candidates = ak.combinations(ak.zip({"p4": jets.p4, "is_b": jets.is_b}, depth_limit=2), 3)
    first, second, third = ak.unzip(candidates)
    candidates = (first.p4 + second.p4 + third.p4)[first.is_b | second.is_b | third.is_b]
    best = ak.argmax(candidates.pt, axis=1, keepdims=True)
    return ak.flatten(candidates[best].mass)


# ---------------------------------------------------------------------------------------------------------- variations


def jet_variations(events: ak.Array, jets: ak.Array) -> dict[str, Any]:
    """What the momenta of jets are multiplied by, in each variation."""
    return {
        "nominal": 1.0,
        "JES_up": 1 + JET_ENERGY_SCALE,
        "JES_down": 1 - JET_ENERGY_SCALE,
        "JER_up": 1 + JET_ENERGY_RESOLUTION * gaussian(events.EventInfo.eventNumber, jets),
    }


def scaled(jets: ak.Array, factor: Any) -> ak.Array:
    """Jets with other momenta."""
    return ak.with_field(ak.with_field(jets, jets.pt * factor, "pt"), jets.m * factor, "m")


def gaussian(event_number: ak.Array, jets: ak.Array) -> ak.Array:
    """A random number for each jet, of mean 0 and width 1: for the same jet always the same, in whatever chunk."""
    inputs = [schema.Variable(name=name, type="real") for name in ("event", "phi")]
    generator = schema.HashPRNG(nodetype="hashprng", inputs=["event", "phi"], distribution="normal")
    output = schema.Variable(name="value", type="real")
    draw = schema.Correction(name="gaussian", version=1, inputs=inputs, output=output, data=generator).to_evaluator()
    event_number, phi = ak.broadcast_arrays(event_number, jets.phi)
    return draw.evaluate(ak.values_astype(event_number, np.float64), ak.values_astype(phi, np.float64))


def btag_variations(variation: str, jets: ak.Array) -> Iterator[tuple[str, Any]]:
    """Names and weights of the events: jets are varied, or their tags, not both."""
    yield variation, 1.0
    if variation == "nominal":
        for direction, shift in {"up": B_TAGGING, "down": -B_TAGGING}.items():
            yield f"btag_{direction}", btag_weight(jets, 1 + shift)


def btag_weight(jets: ak.Array, scale_factor: float) -> ak.Array:
    """Weights of events for an efficiency SF·ε: SF for each b jet that is tagged, (1 - SF·ε)/(1 - ε) for each other."""
    is_b = jets[jets.HadronConeExclTruthLabelID == 5].is_b
    not_tagged = (1 - scale_factor * B_EFFICIENCY) / (1 - B_EFFICIENCY)
    return ak.prod(ak.where(is_b, scale_factor, not_tagged), axis=1)


# ------------------------------------------------------------------------------------------------------------- results


def normalised(result: physlite.Result) -> hist.Hist:
    """One histogram of all processes: events that are expected in the luminosity."""
    parts = [
        dataset.value * (dataset.metadata["cross_section"] * LUMINOSITY / dataset.sum_of_weights)
        for dataset in result.by_dataset.values()
    ]
    return sum(parts[1:], start=parts[0])


def write(histogram: hist.Hist, path: str) -> None:
    """A ROOT file with a TH1 for each region, process and variation: `4j2b_ttbar` and `4j2b_ttbar_JES_up`.

    Kept are HT from 150 to 550 GeV, in bins of 50 GeV, and masses from 100 to 350 GeV, in bins of 25 GeV.
    """
    kept = {"4j1b": slice(150j, 550j, hist.rebin(2)), "4j2b": slice(100j, 350j)}
    with uproot.recreate(path) as file:
        for region, bins in kept.items():
            for process in histogram.axes["process"]:
                for variation in histogram.axes["variation"]:
                    name = f"{region}_{process}" + ("" if variation == "nominal" else f"_{variation}")
                    file[name] = histogram[region, process, variation, bins]


if __name__ == "__main__":
    datasets, path = sys.argv[1:]
    result = physlite.run(analysis, datasets)
    expected = normalised(result)
    write(expected, path)
    for process in expected.axes["process"]:
        yields = [f"{expected[region, process, 'nominal', sum].value:8.1f} in {region}" for region in ("4j1b", "4j2b")]
        print(f"{process:12}{' '.join(yields)}")
    result.report.show()
