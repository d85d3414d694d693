"""What can be asked of the objects of each file: all that is listed, and nothing else."""

import awkward as ak
import pytest

from physlite import analysis
from physlite.analysis import selecting
from physlite.exceptions import ColumnNotFoundError
from support import data
from support.selections import REAL_FILES, events_of

KIND = {"Electrons": "Electron", "Muons": "Muon", "Photons": "Photon", "TauJets": "TauJet", "Jets": "Jet"}
TABLES = {
    ("Electrons", "isolation"): selecting.electrons.ISOLATION,
    ("Electrons", "identification"): selecting.electrons.IDENTIFICATION,
    ("Muons", "isolation"): selecting.muons.ISOLATION,
    ("Photons", "identification"): selecting.photons.IDENTIFICATION,
    ("TauJets", "identification"): selecting.taus.IDENTIFICATION,
    ("Jets", "jvt"): selecting.jets.JVT,
    ("Jets", "cleaning"): selecting.jets.CLEANING,
    ("Jets", "btagging"): selecting.btagging.WORKING_POINTS,
}


@pytest.mark.parametrize("name", REAL_FILES)
def test_what_is_listed_can_be_asked(name):
    events = events_of(name)
    listed = analysis.working_points(events)
    assert list(listed) == [*KIND, "EventInfo"]
    for point in listed.pop("EventInfo")["cleaning"]:
        assert len(selecting.jets.clean_events(events, point)) == len(events)
    for collection, keys in listed.items():
        assert set(keys) <= set(selecting.KEYS[KIND[collection]])
        for key, points in keys.items():
            for point in points if key != "electron_veto" else points[:1]:
                assert len(analysis.selected(events[collection], {key: point})) == len(events)


@pytest.mark.parametrize("name", REAL_FILES)
def test_what_is_not_listed_cannot_be_asked(name):
    events = events_of(name)
    listed = analysis.working_points(events)
    for (collection, key), table in TABLES.items():
        for point in set(table) - set(listed[collection][key]):
            with pytest.raises(ColumnNotFoundError):
                analysis.selected(events[collection], {key: point})
    for point in set(selecting.jets.EVENT_CLEANING) - set(listed["EventInfo"]["cleaning"]):
        with pytest.raises(ColumnNotFoundError):
            selecting.jets.clean_events(events, point)


def test_the_cleaning_of_events():
    of_events = {name: analysis.working_points(events_of(name))["EventInfo"] for name in (data.R24, data.RNTUPLE)}
    assert of_events == {
        data.R24: {"cleaning": ["LooseBad", "LooseBadLLP"]},
        data.RNTUPLE: {"cleaning": ["LooseBad"]},
    }


def test_of_events_without_some_collections():
    events = events_of(data.R24)
    some = ak.zip({"Muons": events.Muons}, depth_limit=1)
    assert list(analysis.working_points(some)) == ["Muons"]
