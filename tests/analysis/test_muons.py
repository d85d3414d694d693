"""Muons: each working point, against a loop over single muons."""

import contextlib
import math

import awkward as ak
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import muons
from physlite.exceptions import ColumnNotFoundError, SelectionError, WorkingPointWarning
from support import data
from support.selections import NAN, REAL_FILES, events_of, lists_of, loop, made, numbers, single

MAX_WEIGHT = "Nonprompt_All_MaxWeightTTVA"
COLUMNS = {
    "pt": "f4",
    f"ptvarcone30_{MAX_WEIGHT}_pt1000": "f4",
    f"ptcone20_{MAX_WEIGHT}_pt1000": "f4",
    f"ptvarcone30_{MAX_WEIGHT}_pt500": "f4",
    f"ptcone20_{MAX_WEIGHT}_pt500": "f4",
    "topoetcone20": "f4",
    "neflowisol20": "f4",
}


@pytest.fixture(scope="module", params=REAL_FILES)
def objects(request):
    return events_of(request.param).Muons


def variables(objects):
    """What isolation looks at; NaN for what the file does not have."""
    found = []
    for name in COLUMNS:
        old = name.replace(MAX_WEIGHT, "TightTTVA")
        there = [each for each in (name, old) if each in objects.fields]
        found.append(objects[there[0]] if there else ak.full_like(objects.pt, NAN))
    return found


def is_isolated(point, *values):
    pt, var, fixed, var500, fixed500, calo, neutral = values
    high = pt > 50_000
    track, flow = (fixed, fixed500) if high else (var, var500)
    neutral = neutral if neutral > 0 else 0 * neutral
    return {
        "HighPtTrackOnly": fixed <= 1250,
        "Loose_VarRad": var <= single(0.15 * pt) and calo <= single(0.30 * pt),
        "Tight_VarRad": var <= single(0.04 * pt) and calo <= single(0.15 * pt),
        "TightTrackOnly_VarRad": var <= single(0.06 * pt),
        "Loose_FixedRad": track <= single(0.15 * pt) and calo <= single(0.30 * pt),
        "Tight_FixedRad": track <= single(0.04 * pt) and calo <= single(0.15 * pt),
        "TightTrackOnly_FixedRad": track <= single(0.06 * pt),
        "PflowLoose_VarRad": single(abs(var500) + 0.4 * neutral) <= single(0.16 * pt),
        "PflowTight_VarRad": single(abs(var500) + 0.4 * neutral) <= single(0.045 * pt),
        "PflowLoose_FixedRad": single(abs(flow) + 0.4 * neutral) <= single(0.16 * pt),
        "PflowTight_FixedRad": single(abs(flow) + 0.4 * neutral) <= single(0.045 * pt),
    }[point] and not math.isnan(pt)


def is_identified(point, quality):
    return quality % 8 <= ["Tight", "Medium", "Loose", "VeryLoose"].index(point) and quality // 8 % 2 == 1


@pytest.mark.filterwarnings("ignore::physlite.exceptions.WorkingPointWarning")
def test_quality(objects):
    for point in ("Tight", "Medium", "Loose", "VeryLoose"):
        expected = loop(lambda quality, point=point: is_identified(point, quality), objects.quality)
        assert ak.to_list(muons.identified(objects, point)) == expected


@pytest.mark.parametrize("name", REAL_FILES)
def test_where_none_is_tight_that_is_said(name):
    """Run numbers from 400000 on are of Run 3."""
    events = events_of(name)
    run_3 = ak.all(events.EventInfo.runNumber > 400_000)
    told = pytest.warns(WorkingPointWarning, match=f"{name}: no muon is Tight.* ask for Medium")
    with told if run_3 else contextlib.nullcontext():
        tight = muons.identified(events.Muons, "Tight")
    assert ak.any(tight) != run_3


@pytest.mark.parametrize("number", [9, 10])
def test_few_muons_say_nothing_about_tight(number):
    objects = made("Muon", {"pt": "f4", "quality": "u1"}, [[{"pt": 1.0, "quality": 9}] * number])
    told = pytest.warns(WorkingPointWarning, match="^no muon is Tight")
    with told if number == 10 else contextlib.nullcontext():
        assert not ak.any(muons.identified(objects, "Tight"))


@given(lists_of(quality=st.integers(0, 255), pt=st.just(1.0)), st.sampled_from(list(muons.IDENTIFICATION)))
def test_quality_of_any_muons(drawn, point):
    objects = made("Muon", {"pt": "f4", "quality": "u1"}, drawn)
    expected = loop(lambda quality: is_identified(point, quality), objects.quality)
    assert ak.to_list(muons.identified(objects, point)) == expected


def test_objects_of_another_class():
    electrons = events_of(data.R22).Electrons
    with pytest.raises(SelectionError, match=r"^the isolation of Muon cannot be asked of Electron: "):
        muons.isolated(electrons, "HighPtTrackOnly")
    with pytest.raises(SelectionError, match=r"^the identification of Muon cannot be asked of Electron: "):
        muons.identified(electrons, "Medium")


def test_isolation(objects):
    points = muons.working_points(objects)["isolation"]
    assert {"HighPtTrackOnly", "TightTrackOnly_VarRad", "TightTrackOnly_FixedRad"} <= set(points)
    for point in points:
        expected = loop(lambda *values, point=point: is_isolated(point, *values), *variables(objects))
        assert ak.to_list(muons.isolated(objects, point)) == expected


SUM = numbers(0.04 * 20_000, 0.06 * 60_000, 0.16 * 60_000, 1250)
PT = numbers(20_000, 50_000, 60_000)


@given(lists_of(**{name: PT if name == "pt" else SUM for name in COLUMNS}), st.sampled_from(list(muons.ISOLATION)))
def test_isolation_of_any_muons(drawn, point):
    objects = made("Muon", COLUMNS, drawn)
    expected = loop(lambda *values: bool(is_isolated(point, *values)), *variables(objects))
    assert ak.to_list(muons.isolated(objects, point)) == expected


# What each variable may be of a muon of 30 GeV, and of one of 60 GeV, in MeV.
VAR, FIXED, VAR_500, FIXED_500, CALO, NEUTRAL = list(COLUMNS)[1:]
LIMITS = {
    "HighPtTrackOnly": ({FIXED: 1250}, {FIXED: 1250}),
    "Loose_VarRad": ({VAR: 4500, CALO: 9000}, {VAR: 9000, CALO: 18000}),
    "Tight_VarRad": ({VAR: 1200, CALO: 4500}, {VAR: 2400, CALO: 9000}),
    "TightTrackOnly_VarRad": ({VAR: 1800}, {VAR: 3600}),
    "Loose_FixedRad": ({VAR: 4500, CALO: 9000}, {FIXED: 9000, CALO: 18000}),
    "Tight_FixedRad": ({VAR: 1200, CALO: 4500}, {FIXED: 2400, CALO: 9000}),
    "TightTrackOnly_FixedRad": ({VAR: 1800}, {FIXED: 3600}),
    "PflowLoose_VarRad": ({VAR_500: 4800, NEUTRAL: 12000}, {VAR_500: 9600, NEUTRAL: 24000}),
    "PflowTight_VarRad": ({VAR_500: 1350, NEUTRAL: 3375}, {VAR_500: 2700, NEUTRAL: 6750}),
    "PflowLoose_FixedRad": ({VAR_500: 4800, NEUTRAL: 12000}, {FIXED_500: 9600, NEUTRAL: 24000}),
    "PflowTight_FixedRad": ({VAR_500: 1350, NEUTRAL: 3375}, {FIXED_500: 2700, NEUTRAL: 6750}),
}


@pytest.mark.parametrize("point", muons.ISOLATION)
def test_each_limit(point):
    for pt, limits in zip((30_000, 60_000), LIMITS[point], strict=True):
        for column in (VAR, FIXED, VAR_500, FIXED_500, CALO, NEUTRAL):
            limit = limits.get(column, math.inf)
            values = [limit * 0.999, limit * 1.001] if column in limits else [1e6]
            drawn = [dict.fromkeys(COLUMNS, 0) | {column: value, "pt": pt} for value in values]
            isolated = muons.isolated(made("Muon", COLUMNS, [drawn]), point)
            assert ak.to_list(isolated) == [[value < limit for value in values]]


def test_what_is_not_stored():
    objects = events_of(data.R24).Muons
    with pytest.raises(ColumnNotFoundError, match=r"topoetcone20 of Muon.*21.2, 22.2, 25.0.*PflowTight_VarRad"):
        muons.isolated(objects, "Tight_VarRad")
    with pytest.raises(SelectionError, match=r"no identification 'HighPt' of Muon.*; there are Tight, Medium"):
        muons.identified(objects, "HighPt")
    with pytest.raises(SelectionError, match="no isolation 'Tight' of Muon"):
        muons.isolated(objects, "Tight")
