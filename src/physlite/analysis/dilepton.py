"""Z bosons in pairs of electrons or muons: a first analysis, to read and to change.

In a script::

    import physlite
    from physlite.analysis import dilepton

    events = physlite.events("DAOD_PHYSLITE.pool.root")
    channels = dilepton.analyse(events)
    dilepton.histogram(channels).plot1d(overlay="channel")

Nothing here loops over events: every line works on all of them at once, and reads the columns that it names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.analysis import electrons, muons
from physlite.units import GeV

if TYPE_CHECKING:
    from hist import Hist

__all__ = ["Channel", "analyse", "dielectron", "dimuon", "histogram"]

MIN_PT = 20 * GeV
MIN_LEADING_PT = 25 * GeV
MAX_ELECTRON_ETA = 2.47
CALORIMETER_GAP = (1.37, 1.52)  # in |eta|, between barrel and endcaps
MAX_MUON_ETA = 2.5
MASS_WINDOW = (66.0, 116.0)  # in GeV


@dataclass(frozen=True)
class Channel:
    """What the selection leaves of one kind of pairs.

    Attributes:
        name: `ee` or `μμ`.
        cutflow: the number of events that pass each step and all steps before it, in order.
        mass: of the selected pair of each event before the mass window, in GeV.
    """

    name: str
    cutflow: dict[str, int]
    mass: NDArray[np.float64]


def analyse(events: ak.Array) -> list[Channel]:
    """Both channels."""
    return [dielectron(events), dimuon(events)]


def dielectron(events: ak.Array) -> Channel:
    """Pairs of electrons of medium likelihood, outside the calorimeter's gap."""
    leptons = events.Electrons
    abs_eta = abs(leptons.eta)
    in_gap = (abs_eta > CALORIMETER_GAP[0]) & (abs_eta < CALORIMETER_GAP[1])
    accepted = (leptons.pt > MIN_PT) & (abs_eta < MAX_ELECTRON_ETA) & ~in_gap
    return _select_pairs("ee", leptons, accepted, electrons.identified(leptons, "Medium"))


def dimuon(events: ak.Array) -> Channel:
    """Pairs of medium muons."""
    leptons = events.Muons
    accepted = (leptons.pt > MIN_PT) & (abs(leptons.eta) < MAX_MUON_ETA)
    return _select_pairs("μμ", leptons, accepted, muons.identified(leptons, "Medium"))


def _select_pairs(name: str, leptons: ak.Array, accepted: ak.Array, identified: ak.Array) -> Channel:
    cutflow = {"all events": len(leptons)}

    leptons, identified = leptons[accepted], identified[accepted]
    cutflow[f"two leptons, pT > {MIN_PT / GeV:g} GeV"] = _count(ak.num(leptons) > 1)

    leptons = leptons[identified]
    cutflow["two identified leptons"] = _count(ak.num(leptons) > 1)

    # Sorted by pT, so that the first pair of an event is its leading one.
    leptons = leptons[ak.argsort(leptons.pt, ascending=False)]
    pairs = ak.combinations(leptons, 2)
    pairs = pairs[pairs["0"].charge != pairs["1"].charge]
    cutflow["opposite charges"] = _count(ak.num(pairs) > 0)

    # From here on one pair an event, and only events that have one.
    pairs = ak.flatten(pairs[:, :1])
    pairs = pairs[pairs["0"].pt > MIN_LEADING_PT]
    cutflow[f"leading pT > {MIN_LEADING_PT / GeV:g} GeV"] = len(pairs)

    mass = ak.to_numpy((pairs["0"] + pairs["1"]).mass) / GeV
    low, high = MASS_WINDOW
    cutflow[f"{low:g} GeV < mass < {high:g} GeV"] = _count((mass > low) & (mass < high))
    return Channel(name, cutflow, mass)


def _count(passed: Any) -> int:
    return int(ak.sum(passed))


def histogram(channels: list[Channel]) -> Hist[Any]:
    """The masses of all channels: axes `channel` and `mass`, in bins of 2 GeV. Histograms of several files add up."""
    import hist

    mass = hist.axis.Regular(30, 60, 120, name="mass", label="Dilepton mass [GeV]")
    masses: Hist[Any] = hist.Hist(hist.axis.StrCategory([c.name for c in channels], name="channel"), mass)
    for channel in channels:
        masses.fill(channel=channel.name, mass=channel.mass)
    return masses
