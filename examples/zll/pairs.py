"""The analysis: pairs of electrons and of muons, their mass, and whether the trigger saw them.

Everything is done for all events at once, and reads the columns that it names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import awkward as ak
import hist
import numpy as np
from parts import part_of
from periods import OTHER, PERIODS, period_of

from physlite.analysis import Cutflow, GoodRuns, data_run_number, event_weights, selected
from physlite.units import GeV

__all__ = ["CHANNELS", "analysis", "is_drawn_as_data"]

ELECTRON = {"pt": 20 * GeV, "abs_eta": 2.47, "not_abs_eta": [1.37, 1.52], "identification": "Medium"}
MUON = {"pt": 20 * GeV, "abs_eta": 2.5, "identification": "Medium"}
MIN_LEADING_PT = 27 * GeV  # above the thresholds of the triggers
WINDOW = (66.0, 116.0)  # of the mass, in GeV
Z_MASS, PEAK = 91.1876, 10.0  # tags and probes are in pairs as close to the Z boson as this, in GeV


class Channel(NamedTuple):
    """A kind of leptons, which of them are good, and what the list of datasets calls one of them."""

    collection: str
    good: Mapping[str, Any]
    lepton: str


CHANNELS = {
    "ee": Channel("Electrons", ELECTRON, "electron"),
    "μμ": Channel("Muons", MUON, "muon"),
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
        `cutflow` of each channel; and weighted histograms: `mass`, `period`, and `probes`, which are leptons beside one
        that fired the trigger, and which of them it fired on.
    """
    events = part_of(events)
    told = events.metadata
    weight = np.ones(len(events)) if is_drawn_as_data(told) else event_weights(events)
    is_good = GoodRuns.open(told["good_runs"]).passed(events) if "good_runs" in told else np.ones(len(events), bool)
    mass = hist.Hist(CHANNEL, MASS, storage=hist.storage.Weight())
    period = hist.Hist(CHANNEL, PERIOD, storage=hist.storage.Weight())
    probes = hist.Hist(CHANNEL, PASSED, PT, storage=hist.storage.Weight())
    cutflows = {}
    for name, channel in CHANNELS.items():
        leptons = leading_two(events[channel.collection], channel.good)
        masses, steps = pairs(leptons)
        cutflow = cutflows[name] = Cutflow(weight)
        cutflow.add("good runs", is_good)
        for step, is_passed in steps.items():
            cutflow.add(step, is_passed)
        passed = cutflow.passed
        mass.fill(name, masses[passed], weight=weight[passed])
        period.fill(name, period_of(data_run_number(events[passed])), weight=weight[passed])
        trigger = told.get(f"{channel.lepton}_trigger")
        if trigger is not None:
            at_peak = passed & (abs(masses - Z_MASS) < PEAK)
            fired = leptons[at_peak].matched(trigger)
            fill_probes(probes, name, leptons[at_peak], fired, weight[at_peak])
    return {"cutflow": cutflows, "mass": mass, "period": period, "probes": probes}


def is_drawn_as_data(told: Mapping[str, Any]) -> bool:
    """Whether a dataset is counted and drawn as data: one that has no cross-section in its metadata."""
    return "cross_section" not in told


def leading_two(leptons: ak.Array, good: Mapping[str, Any]) -> ak.Array:
    """Of each event the two good leptons of the largest momentum."""
    leptons = leptons[selected(leptons, good)]
    return leptons[ak.argsort(leptons.pt, ascending=False)][:, :2]


def pairs(leptons: ak.Array) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The mass of the two leptons of each event in GeV, nan where there are fewer, and what each event passes."""
    first, second = ak.unzip(ak.combinations(leptons, 2))  # one pair an event, or none

    def of_pair(values: ak.Array, otherwise: float) -> np.ndarray:
        return ak.to_numpy(ak.fill_none(ak.firsts(values), otherwise))

    mass = of_pair((first + second).mass / GeV, np.nan)
    return mass, {
        "two good leptons": ak.to_numpy(ak.num(leptons) == 2),
        "opposite charges": of_pair(first.charge != second.charge, otherwise=False),
        f"leading pT ≥ {MIN_LEADING_PT / GeV:g} GeV": of_pair(first.pt >= MIN_LEADING_PT, otherwise=False),
        f"{WINDOW[0]:g} < mass < {WINDOW[1]:g} GeV": (mass > WINDOW[0]) & (mass < WINDOW[1]),
    }


def fill_probes(probes: hist.Hist, name: str, pairs: ak.Array, fired: ak.Array, weight: np.ndarray) -> None:
    """Fills each lepton whose partner is a tag, one that fired the trigger above its threshold.

    The partner alone fires the trigger, so that the event would be there without the probe: the probe is not biased.
    """
    pt = ak.to_numpy(pairs.pt).reshape(-1, 2)
    fired = ak.to_numpy(fired).reshape(-1, 2)
    tags = fired & (pt >= MIN_LEADING_PT)
    for tag, probe in ((0, 1), (1, 0)):
        chosen = tags[:, tag]
        probes.fill(name, fired[chosen, probe], pt[chosen, probe] / GeV, weight=weight[chosen])
