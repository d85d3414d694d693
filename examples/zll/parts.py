"""Which events of its files a dataset is to have, as `only` and `decay` in datasets.yaml say; without them all.

Files of ATLAS hold one process each, and data are data. The sample that comes with physlite is one file, in which three
processes are simulated: here it is taken apart.
"""

from __future__ import annotations

import awkward as ak

__all__ = ["part_of"]

ONLY = {"even event numbers": 0, "odd event numbers": 1}
DECAYS = {
    "electrons": lambda events: (ak.num(events.TruthTop) == 0) & (ak.num(events.TruthElectrons) > 0),
    "muons": lambda events: (ak.num(events.TruthTop) == 0) & (ak.num(events.TruthMuons) > 0),
    "top quarks": lambda events: ak.num(events.TruthTop) > 0,
}


def part_of(events: ak.Array) -> ak.Array:
    """The events that their dataset is to have."""
    told = events.metadata
    if "only" in told:
        events = events[events.EventInfo.eventNumber % 2 == ONLY[told["only"]]]
    if "decay" in told:
        events = events[DECAYS[told["decay"]](events)]
    return events
