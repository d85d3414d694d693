"""Systematic variations, against a loop over objects in Python; what is read and called for them."""

import collections
import itertools
import math

import awkward as ak
import hist
import numpy as np
import pytest
from awkward.errors import FieldNotFoundError
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.analysis import Cutflow, event_weights, rescaled, variation_names, variations
from physlite.exceptions import AnalysisError, ColumnNotFoundError
from physlite.units import GeV
from support import data
from support.compare import assert_same
from support.examples import FEWER
from support.recording import RecordingSource, baskets


def jets_and_met(events):
    """Jets get 5 percent more, and what that adds is missing on the other side."""
    pt = events.Jets.pt * 1.05
    gained = ak.sum((pt - events.Jets.pt) * np.cos(events.Jets.phi), axis=1)
    return {"Jets": {"pt": pt}, "MET_Core_AnalysisMET": {"mpx": events.MET_Core_AnalysisMET.mpx - gained}}


OBJECTS = {
    "JET_JES__1up": {"Jets": lambda jets: rescaled(jets, 1.02)},
    "JET_JES__1down": {"Jets": lambda jets: rescaled(jets, 0.98)},
    "EG_SCALE__1up": {"Electrons": lambda electrons: {"pt": electrons.pt + 500 * (1 + abs(electrons.eta))}},
    "LEPTONS__1up": {
        "Electrons": lambda electrons: {"pt": electrons.pt * 1.5},
        "Muons": lambda muons: {"pt": muons.pt / 1.5},
    },
    "MET_SOFT__1up": jets_and_met,
}


@pytest.fixture(scope="module", params=data.parameters((*data.REAL_TTREES, data.RNTUPLE)))
def events(request):
    return physlite.open(data.path_of(request.param)).events()


@pytest.fixture(scope="module")
def little():
    return physlite.events(data.path_of(data.R21))


@pytest.fixture
def some():
    return physlite.events(data.path_of(data.R22))


# ----------------------------------------------------------------------------------------------- which variations come


def test_the_nominal_events_come_first_and_are_those_that_were_given(some):
    found = list(variations(some, OBJECTS))
    assert [name for name, _ in found] == ["nominal", *OBJECTS]
    assert found[0].events.layout is some.layout


def test_what_is_done_to_events_of_one_variation_is_not_done_to_others(some):
    before = some.Jets.pt.to_list()
    shifts = {"up": {"Jets": lambda jets: rescaled(jets, 4.0)}, "down": {"Jets": lambda jets: rescaled(jets, 0.5)}}
    for (_, events), factor in zip(variations(some, shifts), (1, 4, 0.5), strict=True):
        assert events.Jets.pt.to_list() == [[factor * pt for pt in event] for event in before]
        events["Jets", "pt"] = 2 * events.Jets.pt
        events["Jets", "is_new"] = events.Jets.pt > 0
        assert events.Jets.pt.to_list() == [[2 * factor * pt for pt in event] for event in before]
    assert some.Jets.pt.to_list() == before
    assert "is_new" not in some.Jets.fields


def test_only_those_that_are_asked_for(some):
    weights = {"pileup": {"nominal": len, "PRW__1up": len}}
    assert variation_names(OBJECTS, weights) == ["nominal", *OBJECTS, "PRW__1up"]
    assert variation_names(OBJECTS, weights, only="JET_*") == ["nominal", "JET_JES__1up", "JET_JES__1down"]
    assert variation_names(OBJECTS, weights, only=["PRW*", "MET_SOFT__1up"]) == ["nominal", "PRW__1up", "MET_SOFT__1up"]
    assert variation_names(OBJECTS, weights, only="nominal") == ["nominal"]
    found = list(variations(some, OBJECTS, weights, only=["*JES*", "PRW*"]))
    assert [name for name, _ in found] == ["nominal", "JET_JES__1up", "JET_JES__1down"]
    assert [[label for label, _ in v.weights(some)] for v in found] == [
        ["nominal", "PRW__1up"],
        ["JET_JES__1up"],
        ["JET_JES__1down"],
    ]
    with pytest.raises(ColumnNotFoundError, match=r"no variation matches 'JET_JE__1up'; nearest: JET_JES__1up"):
        variations(some, OBJECTS, only="JET_JE__1up")


# ----------------------------------------------------------------------------------------------------- what they give


def slow(event, name):
    """pt of the jets, electrons and muons of an event, and the missing momentum, under a variation."""
    jets, electrons, muons = ([dict(o) for o in event[kind]] for kind in ("Jets", "Electrons", "Muons"))
    mpx = [term["mpx"] for term in event["MET_Core_AnalysisMET"]]
    single = np.float32
    for jet in jets:
        factor = {"JET_JES__1up": 1.02, "JET_JES__1down": 0.98, "MET_SOFT__1up": 1.05}.get(name, 1)
        new = single(jet["pt"]) * single(factor)
        if name == "MET_SOFT__1up":
            gained = single(new - single(jet["pt"])) * np.cos(single(jet["phi"]))
            mpx = [value - gained for value in mpx]
        jet["pt"] = new
    for electron in electrons:
        if name == "EG_SCALE__1up":
            electron["pt"] = single(electron["pt"]) + single(500) * (single(1) + abs(single(electron["eta"])))
        if name == "LEPTONS__1up":
            electron["pt"] = single(electron["pt"]) * single(1.5)
    for muon in muons:
        if name == "LEPTONS__1up":
            muon["pt"] = single(muon["pt"]) / single(1.5)
    return {
        kind: [o["pt"] for o in objects] for kind, objects in zip("jem", (jets, electrons, muons), strict=True)
    }, mpx


def test_as_a_loop_over_objects(events):
    wanted = {"Jets": ["pt", "phi"], "Electrons": ["pt", "eta"], "Muons": ["pt"], "MET_Core_AnalysisMET": ["mpx"]}
    columns = {kind: events[kind][fields].to_list() for kind, fields in wanted.items()}
    one_by_one = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    for name, varied in variations(events, OBJECTS):
        expected = [slow(event, name) for event in one_by_one]
        for kind, short in (("Jets", "j"), ("Electrons", "e"), ("Muons", "m")):
            assert varied[kind].pt.to_list() == [each[short] for each, _ in expected]
        for found, (_, mpx) in zip(varied.MET_Core_AnalysisMET.mpx.to_list(), expected, strict=True):
            assert found == pytest.approx(mpx, rel=1e-3, abs=1)  # a sum in single precision


SHIFTS = st.lists(st.floats(width=32, allow_nan=True, allow_infinity=True), min_size=1, max_size=7)


@FEWER
@given(shifts=SHIFTS, start=st.integers(0, 40), number=st.integers(0, 6), cut=st.floats(0, 100))
def test_any_shifts(little, shifts, start, number, cut):
    """Of some events, each jet by the next of some numbers; counted above a threshold that NaN is not above."""
    events = little[start : start + number]
    before = events.Jets.pt.to_list()
    cycle = itertools.cycle(shifts)
    expected = [[np.float32(pt) + np.float32(next(cycle)) for pt in event] for event in before]

    def shifted(jets):
        n = int(ak.sum(ak.num(jets)))
        return {"pt": jets.pt + ak.unflatten(np.resize(np.asarray(shifts, dtype=np.float32), n), ak.num(jets))}

    (_, nominal), (_, varied) = variations(events, {"shift": {"Jets": shifted}})
    assert [list(map(repr, pts)) for pts in varied.Jets.pt] == [list(map(repr, pts)) for pts in expected]
    chosen = varied.Jets[varied.Jets.pt > cut * GeV]
    assert ak.num(chosen).to_list() == [sum(pt > cut * GeV for pt in pts) for pts in expected]
    assert nominal.Jets.pt.to_list() == before


@pytest.mark.parametrize("choose", [lambda e: e[:0], lambda e: e[ak.num(e.Jets) < 0]], ids=["range", "mask"])
def test_no_events(some, choose):
    none = choose(some)
    for name, varied in variations(none, OBJECTS):
        assert len(varied) == len(varied.Jets.pt) == 0, name
        assert len(varied.METAssoc_AnalysisMET.jet.pt) == 0


def test_a_selection_before_or_after(events):
    number = ak.num(events.Jets)
    pairs = zip(variations(events[number > 3], OBJECTS), variations(events, OBJECTS), strict=True)
    for (name, before), (_, after) in pairs:
        for kind in ("Jets", "Electrons", "Muons"):
            assert_same(before[kind].pt, after[number > 3][kind].pt, name)


def test_momenta_are_rescaled_as_they_are_stored(events):
    for objects in (events.Jets, events.TruthElectrons, events.Photons):
        changed = rescaled(objects, 3.0)
        assert changed.keys() == {"pt", "m", "px", "py", "pz", "e"} & set(objects.fields)
        for name, values in changed.items():
            assert_same(values, objects[name] * 3.0)
    by_event = ak.local_index(events.Jets.pt, axis=0)
    assert_same(rescaled(events.Jets, by_event)["pt"], events.Jets.pt * by_event)


# -------------------------------------------------------------------------------------------- what is read and called


@pytest.mark.parametrize(
    "choose", [lambda e: e, lambda e: e[[7, 5, 3]], lambda e: e[4:30]], ids=["all", "some", "range"]
)
@pytest.mark.parametrize("name", [data.R24, data.RNTUPLE])
def test_nothing_is_read_again(name, choose):
    source = RecordingSource(data.path_of(name))
    file = physlite.open(source, cache_bytes=0)
    events = choose(file.events())
    source.take()
    read = {}
    for variation, varied in variations(events, OBJECTS, only="JET*"):
        jets = varied.Jets[varied.Jets.pt > 30 * GeV]
        ak.sum(jets.eta)
        read[variation] = source.take()
    span = {"start": 4, "stop": 30} if len(events) == 26 else {}
    assert read["nominal"] == baskets(file.manifest, "AnalysisJetsAuxDyn.pt", "AnalysisJetsAuxDyn.eta", **span)
    assert read["JET_JES__1up"] == baskets(file.manifest, "AnalysisJetsAuxDyn.m", **span)  # which it changes
    assert read["JET_JES__1down"] == []


def test_other_collections_are_not_touched(some):
    """What is made of them is made once, before the loop."""
    calls = collections.Counter()

    def counted(name):
        def function(objects):
            calls[name] += 1
            return {"pt": objects.pt * 2}

        return function

    objects = {f"{kind}__1up": {kind: counted(kind)} for kind in ("Jets", "Electrons")}
    electrons = some.Electrons[some.Electrons.pt > 10 * GeV]
    first = ak.firsts(electrons)
    for name, varied in variations(some, objects, only="Jets*"):
        distance = varied.Jets.deltaR(first)
        assert ak.num(distance, axis=0) == len(some), name
        assert varied.Electrons.layout is some.Electrons.layout
        assert varied.Muons.layout is some.Muons.layout
    assert calls == {"Jets": 1}


def test_variations_are_made_when_their_turn_comes(some):
    def fails(jets):
        raise RuntimeError("asked for")

    found = iter(variations(some, {"first": {"Jets": lambda jets: {"pt": jets.pt}}, "second": {"Jets": fails}}))
    assert [next(found).name, next(found).name] == ["nominal", "first"]
    with pytest.raises(RuntimeError, match="asked for"):
        next(found)


# ------------------------------------------------------------------------------------------------------------- weights


def test_weights_of_events(some):
    """All of the nominal events, and of varied ones the nominal weight of these."""
    calls = collections.Counter()

    def factor(name, value):
        def function(events):
            calls[name] += 1
            return value * (1 + ak.num(events.Jets[events.Jets.pt > 30 * GeV]))

        return function

    weights = {
        "generator": factor("generator", 3.0),
        "pileup": {"nominal": factor("pileup", 1.0), "PRW__1up": factor("up", 1.25)},
        "btag": {
            "nominal": factor("btag", 0.5),
            "FT_B__1up": factor("b up", 0.75),
            "JET_JES__1up": factor("b with jes", 7.0),
        },
    }
    found = {}
    for variation in variations(some, OBJECTS, weights, only=["*__1up"]):
        selected = variation.events[ak.num(variation.events.Electrons) > 0]
        for label, weight in variation.weights(selected):
            number = [sum(pt > 30 * GeV for pt in event) for event in selected.Jets.pt.to_list()]
            factors = {"PRW__1up": (3, 1.25, 0.5), "FT_B__1up": (3, 1, 0.75), "JET_JES__1up": (3, 1, 7)}
            expected = [math.prod(f * (1 + n) for f in factors.get(label, (3, 1, 0.5))) for n in number]
            assert ak.to_list(weight) == expected
            found.setdefault(variation.name, []).append(label)
    up = [name for name in OBJECTS if name.endswith("up")]
    assert found == {"nominal": ["nominal", "PRW__1up", "FT_B__1up"], **{name: [name] for name in up}}
    passes = 1 + len(up)
    assert calls == {"generator": passes, "pileup": passes, "btag": passes - 1, "up": 1, "b up": 1, "b with jes": 1}


def test_without_weights_events_count_once(some):
    names = hist.axis.StrCategory(variation_names(OBJECTS), name="variation", overflow=False)
    masses = hist.Hist(names, hist.axis.Integer(0, 20, name="jets"))
    for variation in variations(some, OBJECTS):
        for label, weight in variation.weights(variation.events):
            assert weight.tolist() == [1.0] * len(some)
            assert Cutflow(weight)["all events"].weights == len(some)
            masses.fill(label, ak.num(variation.events.Jets), weight=weight)
    assert masses.values(flow=True).sum(axis=1).tolist() == [len(some)] * (1 + len(OBJECTS))


# -------------------------------------------------------------------------------------------------------------- errors


def test_what_is_wrong_is_told(some):
    with pytest.raises(TypeError, match=r"'up' returns for 'Jets' Array: it has to be a mapping, values by field, as"):
        list(variations(some, {"up": {"Jets": lambda jets: jets.pt * 2}}))
    with pytest.raises(TypeError, match=r"'up' returns Array: it has to be a mapping, fields by collection, as"):
        list(variations(some, {"up": lambda events: events.Jets.pt}))
    with pytest.raises(ValueError, match="called 'nominal'"):
        variations(some, {"nominal": {}})
    with pytest.raises(ValueError, match="factor 'pileup' of the weight has variations, but nothing for 'nominal'"):
        variations(some, {}, {"pileup": {"PRW__1up": len}})
    with pytest.raises(
        ValueError, match=r"^variation 'up', Jets\.pt: 2 values for 2 events do not fit the objects of 100"
    ):
        list(variations(some, {"up": {"Jets": lambda jets: {"pt": [1.0, 2.0]}}}))


def of_jets(function):
    return {"up": {"Jets": function}}


@pytest.mark.parametrize(
    ("objects", "kind", "said"),
    [
        (of_jets(lambda jets: {"ptt": jets.pt}), FieldNotFoundError, r"'up', Jets: no field 'ptt'; nearest: pt$"),
        (of_jets(lambda jets: {"new": jets.pt}), FieldNotFoundError, r"no field 'new'; a new field is given to the"),
        (of_jets(lambda jets: {"mass": 2 * jets.m}), FieldNotFoundError, r"no field 'mass', which is computed from"),
        (lambda events: {"Jets": {"ptt": events.Jets.pt}}, FieldNotFoundError, r"Jets: no field 'ptt'; nearest: pt$"),
        ({"up": {"Jetz": lambda jets: {}}}, FieldNotFoundError, r"'up': no collection 'Jetz' .*; nearest: Jets$"),
        (lambda events: {"Jetz": {"pt": 1.0}}, FieldNotFoundError, r"'up': no collection 'Jetz' .*; nearest: Jets$"),
        (of_jets(lambda jets: {}), ValueError, r"'up', Jets changes nothing: give it new values, as \{'pt': …\}, or"),
        (lambda events: {}, ValueError, r"'up' changes nothing: give it new values, as \{'Jets': \{'pt': …\}\}, or"),
        ({"up": {}}, ValueError, r"'up' changes nothing: give it new values, as \{'Jets': …\}, or leave it out$"),
        (
            of_jets(lambda jets: {"pt": None}),
            TypeError,
            r"'up', Jets\.pt: new values are an array or .*, not None$",
        ),
        (of_jets(lambda jets: {"pt": "1"}), TypeError, r"'up', Jets\.pt: new values are an array or .*, not str$"),
        (of_jets(1.05), TypeError, r"'up', Jets: a function of the collection is expected, not 1\.05$"),
        (
            {"up": 1.05},
            TypeError,
            r"'up': a mapping of collections to functions is .*, or a function, not 1\.05$",
        ),
        (None, TypeError, r"variations of objects are a mapping of their names, \{\} for none, not None$"),
    ],
)
def test_variations_that_would_change_nothing_or_are_none(some, objects, kind, said):
    with pytest.raises(kind, match=said) as raised:
        list(variations(some, {"up": objects} if callable(objects) else objects))
    assert "\n" not in str(raised.value)


def test_what_has_no_momentum_is_not_rescaled(some):
    for objects in (some.Jets.pt, some.EventInfo, 2.0, None):
        with pytest.raises(TypeError, match=r"^momenta of objects are rescaled, as in rescaled\(jets, 1\.05\), not "):
            rescaled(objects, 1.05)
    for factor in ("1.05", None, [1.05]):
        with pytest.raises(TypeError, match=r"^the factor of rescaled is a number, or an array of numbers, not "):
            rescaled(some.Jets, factor)


def test_functions_that_fail_are_named(some):
    """The error is the one that it was; a run tells of both in one line."""
    for objects, weights, where in (
        (of_jets(lambda jets: {"pt": jets.ptt}), {}, "in variation 'up', Jets"),
        ({"up": lambda events: {"Jets": {"pt": events.Jets.ptt}}}, {}, "in variation 'up'"),
        ({}, {"tag": lambda events: events.Jets.ptt}, "in the factor 'tag' of the weight, 'nominal'"),
        ({}, {"tag": {"nominal": lambda _: 1, "up": lambda e: e.Jets.ptt}}, "in the factor 'tag' of the weight, 'up'"),
    ):

        def analysis(events, objects=objects, weights=weights):
            weights = (
                {"tag": weights["tag"] | {"nominal": lambda _: 1.0}}
                if isinstance(weights.get("tag"), dict)
                else weights
            )
            return [list(each.weights(each.events)) for each in variations(events, objects, weights)]

        with pytest.raises(AttributeError, match="no field named 'ptt' of Jets; nearest: pt") as raised:
            analysis(some)
        assert raised.value.__notes__ == [where]
        with pytest.raises(AnalysisError) as failed:
            physlite.run(analysis, str(data.path_of(data.R22)), workers=0)
        assert str(failed.value).endswith(f"AttributeError: no field named 'ptt' of Jets; nearest: pt ({where})")


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        (None, r"^the factors of the weight are a mapping of their names, \{\} for none, not None$"),
        (
            {"gen": 1.0},
            r"^the factor 'gen' of the weight: a function of events is expected, or .*, not 1\.0$",
        ),
        ({"gen": np.ones(3)}, r"^the factor 'gen' of the weight: a function of events is expected, .* not ndarray$"),
        ({"gen": {"nominal": 2}}, r"^the factor 'gen' of the weight, 'nominal': a function of .* expected, not 2$"),
    ],
)
def test_factors_are_functions(some, weights, said):
    for call in (lambda: variation_names({}, weights), lambda: variations(some, {}, weights)):
        with pytest.raises(TypeError, match=said):
            call()


@pytest.mark.parametrize(
    ("function", "kind", "said"),
    [
        (lambda events: np.ones(3), ValueError, "3 numbers for 100 events: give one for each event, or one for all"),
        (lambda events: np.ones((len(events), 2)), ValueError, "100 x 2 numbers for 100 events: give one"),
        (lambda events: events.Jets.pt, ValueError, "a list for each event, where a number is expected: reduce it, as"),
        (lambda events: [[1.0], [1.0, 2.0]], TypeError, "a number for each event is expected, not list"),
        (lambda events: events, TypeError, "a number for each event is expected, not EventsArray"),
        (lambda events: None, TypeError, "a number for each event is expected, not None"),
        (lambda events: "1", TypeError, "a number for each event is expected, not str"),
        (lambda events: ak.firsts(events.Muons.pt), ValueError, "None for some events: give them a number, as"),
        (
            lambda events: np.where(ak.num(events.Jets) > 6, np.nan, 1.0),
            ValueError,
            r"nan for \d+ of 100 events: ",
        ),
        (lambda events: np.where(ak.num(events.Jets) > 6, -np.inf, 1.0), ValueError, r"-inf for \d+ of 100 events: "),
    ],
)
def test_weights_are_one_number_an_event(some, function, kind, said):
    for weights, label in (({"gen": function}, "nominal"), ({"gen": {"nominal": lambda _: 1, "up": function}}, "up")):
        (variation,) = variations(some, {}, weights)
        with pytest.raises(kind, match=rf"^the factor 'gen' of the weight, '{label}': {said}") as raised:
            list(variation.weights(some))
        assert "\n" not in str(raised.value)


def test_one_number_for_all_events_and_none_for_events_that_are_none(some):
    (variation,) = variations(some, {}, {"lumi": lambda _: 2, "gen": event_weights})
    ((_, weights),) = variation.weights(some)
    assert weights.tolist() == (2 * event_weights(some)).tolist()
    ((_, weights),) = variation.weights(some[:0])
    assert weights.tolist() == []
    (variation,) = variations(some, {}, {"lumi": lambda _: 2})
    assert next(variation.weights(some))[1].tolist() == [2.0] * len(some)
    masked = ak.mask(some, np.arange(len(some)) % 2 == 0)
    (variation,) = variations(masked, {}, {"gen": event_weights, "more": lambda e: e.EventInfo.mcEventWeights[:, 0]})
    ((_, found),) = variation.weights(masked)
    assert ak.is_none(ak.Array(found)).to_list() == [i % 2 == 1 for i in range(len(some))]


def test_events_of_several_files():
    """Of which some store other columns."""
    both = ak.concatenate([physlite.events(data.path_of(name)) for name in (data.R22, data.R21)])
    for objects in (of_jets(lambda jets: {"pt": jets.pt}), {"up": lambda events: {"Jets": {"pt": events.Jets.pt}}}):
        with pytest.raises(ValueError, match=r"^variation 'up', Jets, of events from several files .*: vary them"):
            list(variations(both, objects))
