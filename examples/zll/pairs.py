"""The analysis: pairs of electrons and of muons, their mass, and whether the trigger saw them.

Everything is done for all events at once, and reads the columns that it names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import awkward as ak
import hist
import numpy as np
from parts import part_of
from periods import OTHER, PERIODS, period_of

from physlite.analysis import electrons, muons
from physlite.units import GeV

__all__ = ["CHANNELS", "analysis"]

MIN_PT = 20 * GeV
MIN_LEADING_PT = 27 * GeV  # above the thresholds of the triggers
WINDOW = (66.0, 116.0)  # of the mass, in GeV
Z_MASS, PEAK = 91.1876, 10.0  # tags and probes are in pairs as close to the Z boson as this, in GeV
MAX_ETA = {"Electrons": 2.47, "Muons": 2.5}
GAP = (1.37, 1.52)  # in |eta|, between barrel and endcaps of the calorimeter


def good_electrons(candidates: ak.Array) -> ak.Array:
    """Whether each electron is of medium likelihood, in acceptance and outside the gap."""
    eta = abs(candidates.eta)
    inside = (eta < MAX_ETA["Electrons"]) & ~((eta > GAP[0]) & (eta < GAP[1]))
    return (candidates.pt > MIN_PT) & inside & electrons.identified(candidates, "Medium")


def good_muons(candidates: ak.Array) -> ak.Array:
    """Whether each muon is medium and in acceptance."""
    inside = abs(candidates.eta) < MAX_ETA["Muons"]
    return (candidates.pt > MIN_PT) & inside & muons.identified(candidates, "Medium")


class Channel(NamedTuple):
    """A kind of leptons, which of them are good, and what the list of datasets calls one of them."""

    collection: str
    good: Callable[[ak.Array], ak.Array]
    lepton: str


CHANNELS = {
    "ee": Channel("Electrons", good_electrons, "electron"),
    "μμ": Channel("Muons", good_muons, "muon"),
}

# The axes of all histograms.
CHANNEL = hist.axis.StrCategory(list(CHANNELS), name="channel")
MASS = hist.axis.Regular(100, *WINDOW, name="mass", label=r"$m_{\ell\ell}$ [GeV]")
PERIOD = hist.axis.StrCategory([*PERIODS, OTHER], name="period", label="Period")
PASSED = hist.axis.Boolean(name="passed")
PT = hist.axis.Variable([20, 23, 26, 29, 32, 36, 40, 45, 50, 60, 80], name="pt", label=r"Probe $p_{\mathrm{T}}$ [GeV]")


def analysis(events: ak.Array) -> dict[str, Any]:
    """What comes of some events: it adds up with what comes of others.

    Returns:
        `cutflow`: for each channel the sums of weights after each step; `mass`, `period`: weighted histograms;
        `probes`: counts of leptons beside one that fired the trigger, and which of them it fired on.
    """
    events = part_of(events)
    weight = weights(events)
    mass = hist.Hist(CHANNEL, MASS, storage=hist.storage.Weight())
    period = hist.Hist(CHANNEL, PERIOD, storage=hist.storage.Weight())
    probes = hist.Hist(CHANNEL, PASSED, PT, storage=hist.storage.Int64())
    cutflow = {}
    for name, channel in CHANNELS.items():
        leptons = leading_two(events[channel.collection], channel.good)
        masses, steps = selected(leptons)
        passed = np.logical_and.reduce(list(steps.values()))
        sums = np.logical_and.accumulate(list(steps.values())) @ weight
        cutflow[name] = dict(zip(steps, sums.tolist(), strict=True))
        mass.fill(name, masses[passed], weight=weight[passed])
        period.fill(name, period_of(run_numbers(events[passed])), weight=weight[passed])
        trigger = events.metadata.get(f"{channel.lepton}_trigger")
        if trigger is not None:
            pairs = leptons[passed & (abs(masses - Z_MASS) < PEAK)]
            fill_probes(probes, name, pairs, pairs.matched(trigger))
    return {"cutflow": cutflow, "mass": mass, "period": period, "probes": probes}


def weights(events: ak.Array) -> np.ndarray:
    """The generator's weight of each event; 1 for data, which are datasets without a cross section."""
    if "cross_section" not in events.metadata:
        return np.ones(len(events))
    return ak.to_numpy(events.EventInfo.mcEventWeights[:, 0]).astype(np.float64)


def run_numbers(events: ak.Array) -> np.ndarray:
    """The run of each event, of simulation that which it was given to."""
    info = events.EventInfo
    return ak.to_numpy(info.RandomRunNumber if "RandomRunNumber" in info.fields else info.runNumber)


def leading_two(leptons: ak.Array, good: Callable[[ak.Array], ak.Array]) -> ak.Array:
    """Of each event the two good leptons of the largest momentum."""
    leptons = leptons[good(leptons)]
    return leptons[ak.argsort(leptons.pt, ascending=False)][:, :2]


def selected(leptons: ak.Array) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The mass of the two leptons of each event in GeV, nan where there are fewer, and what each event passes."""
    first, second = ak.unzip(ak.combinations(leptons, 2))  # one pair an event, or none

    def of_pair(values: ak.Array, otherwise: float) -> np.ndarray:
        return ak.to_numpy(ak.fill_none(ak.firsts(values), otherwise))

    mass = of_pair((first + second).mass / GeV, np.nan)
    return mass, {
        "all events": np.ones(len(leptons), bool),
        f"two leptons, pT > {MIN_PT / GeV:g} GeV": ak.to_numpy(ak.num(leptons) == 2),
        "opposite charges": of_pair(first.charge != second.charge, otherwise=False),
        f"leading pT > {MIN_LEADING_PT / GeV:g} GeV": of_pair(first.pt > MIN_LEADING_PT, otherwise=False),
        f"{WINDOW[0]:g} < mass < {WINDOW[1]:g} GeV": (mass > WINDOW[0]) & (mass < WINDOW[1]),
    }


def fill_probes(probes: hist.Hist, name: str, pairs: ak.Array, fired: ak.Array) -> None:
    """Fills each lepton whose partner is a tag, one that fired the trigger above its threshold.

    The partner alone fires the trigger, so that the event would be there without the probe: the probe is not biased.
    """
    pt = ak.to_numpy(pairs.pt).reshape(-1, 2)
    fired = ak.to_numpy(fired).reshape(-1, 2)
    tags = fired & (pt > MIN_LEADING_PT)
    for tag, probe in ((0, 1), (1, 0)):
        chosen = tags[:, tag]
        probes.fill(name, fired[chosen, probe], pt[chosen, probe] / GeV)
