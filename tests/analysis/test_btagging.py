"""b-tagging: discriminants and working points, against a loop over single jets."""

import math

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from physlite.analysis import btagging
from physlite.exceptions import ColumnNotFoundError, SelectionError
from support import data
from support.examples import FEWER
from support.selections import NAN, REAL_FILES, events_of, lists_of, loop, made, numbers

# The probabilities of these taggers, and how the background is put together.
FRACTIONS = {"DL1r": (0.018, 0.0), "DL1dv01": (0.018, 0.0), "GN2v01": (0.2, 0.01)}
RELEASES = {data.R21: ["DL1r"], data.RNTUPLE: ["DL1dv01", "GN2v01"]}


def slow_discriminant(tagger, p_b, p_c, p_u, p_tau):
    f_c, f_tau = FRACTIONS[tagger]
    if any(not p >= 0 for p in (p_b, p_c, p_u, p_tau if f_tau else 0)):
        return NAN
    background = f_c * p_c + f_tau * (p_tau if f_tau else 0) + (1 - f_c - f_tau) * p_u
    if background == 0:
        return math.inf if p_b else NAN
    return math.log(p_b / background) if p_b else -math.inf


def columns_of(objects, holder, tagger):
    names = ["pb", "pc", "pu", "ptau" if FRACTIONS[tagger][1] else "pu"]
    return [objects.eta, *(holder[f"{tagger}_{name}"] for name in names)]


def check(objects, holder, tagger):
    columns = columns_of(objects, holder, tagger)
    slow = loop(lambda _eta, *p: slow_discriminant(tagger, *p), *columns)
    found = btagging.discriminant(objects, tagger)
    np.testing.assert_allclose(ak.flatten(found), ak.flatten(ak.Array(slow)), rtol=1e-9, atol=1e-9)
    cuts = {name: tagged for name, tagged in btagging.WORKING_POINTS.items() if tagged[0] == tagger}
    for name, (_, point) in cuts.items():
        cut = btagging.TAGGERS[tagger].cuts[point]
        expected = loop(lambda eta, d, cut=cut: abs(eta) <= 2.5 and d >= cut, objects.eta, found)
        assert ak.to_list(btagging.tagged(objects, name)) == expected
    assert cuts


def test_the_values_of_working_points():
    cuts = {name: btagging.TAGGERS[tagger].cuts[point] for name, (tagger, point) in btagging.WORKING_POINTS.items()}
    assert cuts == {
        "DL1r_FixedCutBEff_77": 2.195,
        "DL1r_FixedCutBEff_85": 0.665,
        "DL1dv01_FixedCutBEff_77": 2.456,
        "DL1dv01_FixedCutBEff_85": 0.948,
        "GN2v01_FixedCutBEff_65": 2.669,
        "GN2v01_FixedCutBEff_70": 1.892,
        "GN2v01_FixedCutBEff_77": 0.844,
        "GN2v01_FixedCutBEff_85": -0.378,
        "GN2v01_FixedCutBEff_90": -1.340,
    }


@pytest.mark.parametrize("name", REAL_FILES)
def test_taggers_of_each_file(name):
    objects = events_of(name).Jets
    there = RELEASES.get(name, ["DL1dv01"])
    points = btagging.working_points(objects)["btagging"]
    assert {point.split("_")[0] for point in points} == set(there)
    for tagger in there:
        check(objects, objects.btagging, tagger)


def test_of_a_selection():
    objects = events_of(data.RNTUPLE).Jets
    every = btagging.tagged(objects, "GN2v01_FixedCutBEff_77")
    hard = objects.pt > 50_000
    assert ak.to_list(btagging.tagged(objects[hard], "GN2v01_FixedCutBEff_77")) == ak.to_list(every[hard])
    leading = btagging.tagged(ak.firsts(objects), "GN2v01_FixedCutBEff_77")
    assert ak.to_list(leading) == ak.to_list(ak.fill_none(ak.firsts(every), value=False))


def test_b_jets_are_tagged_most():
    objects = events_of(data.RNTUPLE).Jets
    label = objects.HadronConeExclTruthLabelID
    central = (objects.pt > 20_000) & (abs(objects.eta) < 2.5)
    for point, efficiency in ((65, 0.65), (77, 0.77), (90, 0.90)):
        tagged = btagging.tagged(objects, f"GN2v01_FixedCutBEff_{point}")
        rates = {quark: ak.mean(tagged[central & (label == quark)]) for quark in (0, 4, 5)}
        assert rates[0] < rates[4] < rates[5]
        assert rates[5] == pytest.approx(efficiency, abs=0.08)


PROBABILITY = st.sampled_from([0.0, 0.25, 0.5, 1.0, -1.0, NAN])
TYPES = {"eta": "f4", **{f"GN2v01_{name}": "f4" for name in ("pb", "pc", "pu", "ptau")}}


@FEWER
@given(
    lists_of(
        eta=numbers(2.5, -2.5),
        **dict.fromkeys(list(TYPES)[1:], PROBABILITY),
    )
)
def test_any_jets(drawn):
    objects = made("Jet", TYPES, drawn)  # their own probabilities, as in later releases
    check(objects, objects, "GN2v01")


def test_the_edges():
    jet = {"GN2v01_pb": 1, "GN2v01_pc": 0.25, "GN2v01_pu": 0.25, "GN2v01_ptau": 0.25}
    cases = [
        (jet | {"eta": -2.5}, True),
        (jet | {"eta": 2.51}, False),
        (jet | {"eta": NAN}, False),
        (jet | {"eta": 0, "GN2v01_pu": -1}, False),
        (jet | {"eta": 0, "GN2v01_ptau": NAN}, False),
        (jet | {"eta": 0, "GN2v01_pb": 0}, False),
        (jet | {"eta": 0, "GN2v01_pc": 0, "GN2v01_pu": 0, "GN2v01_ptau": 0}, True),
    ]
    objects = made("Jet", TYPES, [[each for each, _ in cases]])
    assert ak.to_list(btagging.tagged(objects, "GN2v01_FixedCutBEff_85")) == [[passes for _, passes in cases]]


def test_at_exactly_the_cut_a_jet_is_tagged():
    objects = events_of(data.R24).Jets[:5]
    central = abs(objects.eta) <= 2.5
    for value in ak.flatten(btagging.discriminant(objects, "DL1dv01")[central]).to_list():
        at = btagging.discriminant(objects, "DL1dv01") == value
        assert ak.all(btagging.above(objects, "DL1dv01", value)[at & central])
        assert not ak.any(btagging.above(objects, "DL1dv01", np.nextafter(value, np.inf))[at & central])


def test_a_value_of_ones_own():
    objects = events_of(data.R24).Jets
    discriminant = btagging.discriminant(objects, "DL1dv01")
    expected = (discriminant > 2) & (abs(objects.eta) <= 2.5)
    assert ak.to_list(btagging.above(objects, "DL1dv01", 2)) == ak.to_list(expected)


def test_what_is_not_there():
    objects = events_of(data.R24).Jets
    with pytest.raises(ColumnNotFoundError, match=r"GN2v01_pb of BTagging.*25.0.*DL1dv01"):
        btagging.tagged(objects, "GN2v01_FixedCutBEff_77")
    with pytest.raises(SelectionError, match="no tagger 'MV2c10' of Jet; there are DL1r"):
        btagging.discriminant(objects, "MV2c10")
    with pytest.raises(SelectionError, match="no working point 'GN2v01_77' of b-tagging"):
        btagging.tagged(objects, "GN2v01_77")
    with pytest.raises(SelectionError, match=r"no working point \['a'\] of b-tagging"):
        btagging.tagged(objects, ["a"])
    with pytest.raises(SelectionError, match=r"no tagger \['a'\] of Jet"):
        btagging.discriminant(objects, ["a"])
