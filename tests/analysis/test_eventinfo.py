"""What is said of events, of some that are masked: values of the others are the same, and theirs are masked too."""

import functools

import awkward as ak
import numpy as np
import pytest

import physlite
from physlite.analysis import GoodRuns, PileupReweighting, data_run_number, event_weights, pileup_weight
from physlite.analysis.luminosity import LumiBlocks
from support import data

RUNS = (284500, 310000)


@functools.cache
def reweighting(channel):
    """With events and data at each μ."""
    blocks = LumiBlocks(np.array([297730, 350000]), np.ones(2, int), np.full(2, 30, np.float32), np.ones(2))
    return PileupReweighting({(channel, run): np.ones(100) for run in RUNS}, blocks)


FUNCTIONS = {
    "data_run_number": lambda events, _: data_run_number(events),
    "event_weights": lambda events, _: event_weights(events),
    "GoodRuns.passed": lambda events, _: GoodRuns([(297730, 1, 9)]).passed(events),
    "pileup_weight": lambda events, _: pileup_weight(events),
    "PileupReweighting.random_run_number": lambda events, channel: reweighting(channel).random_run_number(events),
    "PileupReweighting.weight": lambda events, channel: reweighting(channel).weight(events),
}


def simulation():
    return physlite.events(data.path_of(data.R22))[:12]


def as_data(events):
    """The same, as if the detector had recorded them."""
    out = events[:]
    info = events.EventInfo
    fields = {name: info[name] for name in ("runNumber", "eventNumber", "lumiBlock", "mcChannelNumber")}
    out["EventInfo"] = ak.zip(fields | {"averageInteractionsPerCrossing": info.averageInteractionsPerCrossing})
    return out


def as_both(events):
    """Every other one as if the detector had recorded it."""
    out = events[:]
    out["EventInfo", "eventTypeBitmask"] = np.arange(len(events)) % 2
    return out


KINDS = {"simulation": lambda events: events, "data": as_data, "both": as_both}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
def test_masked_events(function, kind):
    events = kind(simulation())
    (channel,) = set(events.EventInfo.mcChannelNumber.to_list())
    values = function(events, channel)
    assert not isinstance(values, np.ma.MaskedArray)
    for mask in (np.arange(len(events)) % 3 > 0, np.full(len(events), True), np.full(len(events), False)):
        found = function(ak.mask(events, mask), channel)
        assert isinstance(found, np.ma.MaskedArray)
        assert found.dtype == values.dtype
        assert found.tolist() == [value if there else None for value, there in zip(values.tolist(), mask, strict=True)]
