"""Jets: taggers of pile-up and flags, against a loop over single jets."""

import math

import awkward as ak
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import jets
from physlite.exceptions import ColumnNotFoundError, SelectionError
from support import data
from support.examples import FEWER
from support.selections import REAL_FILES, events_of, lists_of, loop, made, numbers, single


@pytest.fixture(scope="module", params=REAL_FILES)
def events(request):
    return events_of(request.param)


def passes(value_passes, pt, eta, low, high):
    """A tagger is asked of jets from 20 to 60 GeV in a range of |eta|; jets that are known to be elsewhere pass."""
    outside = pt < 20_000 or pt > 60_000 or abs(eta) < low or abs(eta) > high
    return value_passes or outside


def slow_jvt(objects, point):
    eta = objects["DetectorEta" if "DetectorEta" in objects.fields else "eta"]
    if point == "FixedEffPt":
        return loop(lambda flag, pt, eta: passes(flag == 1, pt, eta, 0, 2.5), objects.NNJvtPass, objects.pt, eta)
    cut = single({"Tight": 0.5, "Medium": 0.2}[point])

    def passes_jvt(value, pt, eta):
        return passes(value > (-2 if 2.4 < abs(eta) < 2.5 else cut), pt, eta, 0, 2.5)

    return loop(passes_jvt, objects.Jvt, objects.pt, eta)


def slow_fjvt(objects, point):
    cut = single({"Loose": 0.5, "Tight": 0.4, "Tighter": 0.2}[point])
    return loop(
        lambda value, pt, eta: passes(value <= cut, pt, eta, 2.5, 4.5),
        objects.DFCommonJets_fJvt,
        objects.pt,
        objects.DetectorEta,
    )


def test_jvt(events):
    objects = events.Jets
    points = jets.working_points(objects)
    assert points["jvt"] == (["Tight", "Medium"] if "Jvt" in objects.fields else ["FixedEffPt"])
    for point in points["jvt"]:
        assert ak.to_list(jets.passed_jvt(objects, point)) == slow_jvt(objects, point)
    for point in ("Loose", "Tight", "Tighter"):
        assert ak.to_list(jets.passed_fjvt(objects, point)) == slow_fjvt(objects, point)


TYPES = {"pt": "f4", "DetectorEta": "f4", "Jvt": "f4", "NNJvtPass": "i1", "DFCommonJets_fJvt": "f4"}
ETA = numbers(2.4, 2.5, 4.5, -2.4, -2.5, -4.5, 1, 2.45)


@FEWER
@given(
    lists_of(
        pt=numbers(20_000, 60_000, 40_000),
        DetectorEta=ETA,
        Jvt=numbers(0.2, 0.5, -2),
        NNJvtPass=st.integers(0, 1),
        DFCommonJets_fJvt=numbers(0.2, 0.4, 0.5),
    )
)
def test_any_jets(drawn):
    objects = made("Jet", TYPES, drawn)
    for point in jets.JVT:
        assert ak.to_list(jets.passed_jvt(objects, point)) == slow_jvt(objects, point)
    for point in jets.FJVT:
        assert ak.to_list(jets.passed_fjvt(objects, point)) == slow_fjvt(objects, point)


def test_between_two_values_of_eta_any_jvt_passes():
    etas = [2.399, 2.4, 2.401, -2.45, 2.499, 2.5, 2.501]  # 2.4 in single precision is a little more
    jets_at = [{"pt": 30_000, "DetectorEta": eta, "Jvt": -0.1, "NNJvtPass": 0, "DFCommonJets_fJvt": 0} for eta in etas]
    objects = made("Jet", TYPES, [jets_at])
    for point in ("Tight", "Medium"):
        assert ak.to_list(jets.passed_jvt(objects, point)) == [[False, True, True, True, True, False, True]]
    assert ak.to_list(jets.passed_jvt(objects, "FixedEffPt")) == [[False] * 6 + [True]]


def test_what_is_no_number_fails():
    jet = {"pt": 30_000, "DetectorEta": 1, "Jvt": math.nan, "NNJvtPass": 0, "DFCommonJets_fJvt": math.nan}
    forward = jet | {"DetectorEta": 3}
    nowhere = jet | {"DetectorEta": math.nan}
    objects = made("Jet", TYPES, [[jet, forward, nowhere]])
    assert ak.to_list(jets.passed_jvt(objects, "Tight")) == [[False, True, False]]
    assert ak.to_list(jets.passed_fjvt(objects, "Loose")) == [[True, False, False]]


def test_the_pseudorapidity_stands_in_for_that_in_the_detector():
    objects = events_of(data.SAMPLE_RNTUPLE).Jets
    assert "DetectorEta" not in objects.fields
    assert jets.working_points(objects)["jvt"] == ["FixedEffPt", "Tight", "Medium"]
    assert ak.to_list(jets.passed_jvt(objects, "Tight")) == slow_jvt(objects, "Tight")


def test_clean_events(events):
    for point in jets.EVENT_CLEANING:
        column = f"DFCommonJets_eventClean_{point}"
        if column in events.EventInfo.fields:
            expected = [flag == 1 for flag in ak.to_list(events.EventInfo[column])]
            assert ak.to_list(jets.clean_events(events, point)) == expected
            assert ak.to_list(jets.clean_events(events[2:5], point)) == expected[2:5]


def test_clean_jets():
    objects = events_of(data.RNTUPLE).Jets
    for point in ("LooseBad", "TightBad"):
        expected = loop(lambda flag: flag == 1, objects[f"DFCommonJets_jetClean_{point}"])
        assert ak.to_list(jets.clean(objects, point)) == expected


def test_what_is_not_stored():
    events = events_of(data.R21)
    with pytest.raises(ColumnNotFoundError, match=r"NNJvtPass of Jet.*22.2, 24.0, 25.0.*for Tight, Medium"):
        jets.passed_jvt(events.Jets, "FixedEffPt")
    with pytest.raises(ColumnNotFoundError, match=r"jetClean_LooseBad of Jet.*25.0"):
        jets.clean(events.Jets, "LooseBad")
    with pytest.raises(ColumnNotFoundError, match=r"eventClean_LooseBadLLP of EventInfo.*for LooseBad$"):
        jets.clean_events(events_of(data.RNTUPLE), "LooseBadLLP")
    large = events_of(data.RNTUPLE).LargeRJets
    for some, where in ((large, "LargeRJets"), (large[:, :1], "LargeRJets"), (ak.Array(large.layout), "these objects")):
        with pytest.raises(ColumnNotFoundError, match=f"in {where} there is no fjvt at all$"):
            jets.passed_fjvt(some, "Loose")
    for function, objects in (
        (jets.passed_jvt, events.Jets),
        (jets.passed_fjvt, events.Jets),
        (jets.clean, events.Jets),
        (jets.clean_events, events),
    ):
        with pytest.raises(SelectionError, match=r"no .* 'Default' of .*there are"):
            function(objects, "Default")
