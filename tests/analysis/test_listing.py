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


@pytest.mark.filterwarnings("ignore::physlite.exceptions.WorkingPointWarning")
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


def test_of_events_of_several_files():
    # Old versions of Awkward read all columns, and one of truth particles cannot be read.
    parts = ["EventInfo", "Electrons", "Muons", "Photons", "TauJets", "Jets"]
    both = ak.concatenate([events_of(name)[parts] for name in (data.R22, data.R24)])
    said = r"^working points, of events from several files in one array \(.*22.*root and others\): list them before the"
    with pytest.raises(ValueError, match=said):
        analysis.working_points(both)
    whole = events_of(data.R22)[parts]
    assert analysis.working_points(ak.concatenate([whole[:3], whole[7:]])) == analysis.working_points(whole)


def test_of_what_are_no_events():
    for given, name in ((events_of(data.R22).Electrons, "Electron"), ({}, "dict")):
        with pytest.raises(
            TypeError, match=rf"^the working points of events are listed, not of {name}: give events as"
        ):
            analysis.working_points(given)


def test_of_a_column_that_only_one_of_several_files_has():
    """Whichever comes first."""
    jets = [events_of(name).Jets for name in (data.R21, data.R22)]
    for both, first in ((jets, "21.2"), (jets[::-1], "22.2")):
        objects = ak.concatenate(both)
        said = (
            rf"^objects of several files in one array \(.*{first}.* and others\): no NNJvtPass of .* not all of these"
        )
        for one_of_them in (objects, objects[ak.num(objects) > 2], ak.firsts(objects), objects[:, :1]):
            with pytest.raises(ColumnNotFoundError, match=said):
                analysis.selected(one_of_them, {"jvt": "FixedEffPt"})
        with pytest.raises(ColumnNotFoundError, match=r"^\S+: no NNJvtPass of Jet, .*; in Jets there is"):
            analysis.selected(jets[0], {"jvt": "FixedEffPt"})


def test_of_one_event_and_one_object():
    events = events_of(data.R21)
    assert analysis.working_points(events[0]) == analysis.working_points(events)
    with pytest.raises(
        ColumnNotFoundError, match=r"no NNJvtPass of Jet, .*; in Jets there is what it takes for Tight, Medium$"
    ):
        selecting.jets.passed_jvt(events.Jets[0, 0], "FixedEffPt")
