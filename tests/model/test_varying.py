"""Events with other values of some fields: the values are there by whatever way one comes to the objects."""

import itertools
import pickle

import awkward as ak
import numpy as np
import pytest
from awkward.errors import FieldNotFoundError
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import CorruptDataError
from physlite.model.varying import varied
from support import data
from support.compare import assert_same
from support.examples import FEWER
from support.recording import RecordingSource, baskets

FILES = (*data.REAL_TTREES, data.RNTUPLE)


@pytest.fixture(scope="module", params=data.parameters(FILES))
def events(request):
    return physlite.open(data.path_of(request.param)).events()


@pytest.fixture
def some():
    return physlite.events(data.path_of(data.R22))


def _again(x):
    return pickle.loads(pickle.dumps(x))  # noqa: S301


def numbered(objects, by=1000.0):
    """Values that no two objects share, in double precision."""
    return ak.local_index(objects.eta) + by * (ak.local_index(objects.eta, axis=0) + 1)


def places(objects):
    """Of each object the event and the link that name it, one after the other."""
    flat = (ak.flatten(ak.drop_none(objects[name], axis=None), axis=None).to_list() for name in ("_event", "_link"))
    return list(zip(*flat, strict=True))


def by_place(objects, field):
    """The values of a field, by the places of the objects."""
    values = ak.flatten(ak.drop_none(objects[field], axis=None), axis=None).to_list()
    return dict(zip(places(objects), values, strict=True))


def jagged(lists, dtype):
    flat = np.asarray(list(itertools.chain(*lists)), dtype=dtype)
    return ak.unflatten(flat, np.asarray([len(each) for each in lists], dtype=np.int64))


# ---------------------------------------------------------------------------------------------------------- the objects


def test_only_what_was_asked_for_is_changed(events):
    changed = varied(events, {"Jets": {"pt": events.Jets.pt * 2, "flag": events.Jets.eta > 0}})
    assert_same(changed.Jets.pt, events.Jets.pt * 2)
    assert_same(changed.Jets.flag, events.Jets.eta > 0)
    assert_same(changed.Jets.eta, events.Jets.eta)
    assert_same(changed.Electrons.pt, events.Electrons.pt)
    assert set(changed.fields) == set(events.fields)  # older versions of Awkward put what has changed last
    assert set(changed.Jets.fields) == {*events.Jets.fields, "flag"}
    assert changed.metadata == events.metadata
    assert "flag" not in events.Jets.fields
    assert not ak.array_equal(changed.Jets.pt, events.Jets.pt)


def test_vectors_follow_the_new_values(events):
    jets = varied(events, {"Jets": {"pt": events.Jets.pt * 2, "m": events.Jets.m * 2}}).Jets
    assert np.allclose(ak.flatten(jets.p4.energy), 2 * ak.flatten(events.Jets.p4.energy), rtol=1e-6)
    assert np.allclose(ak.flatten(jets.px), 2 * ak.flatten(events.Jets.px), rtol=1e-6)


SELECTIONS = {
    "mask": lambda x, number: x[number > 3],
    "range": lambda x, _: x[3:17],
    "picked": lambda x, _: x[[5, 1, -1]],
    "backwards": lambda x, _: x[::-2],
    "masked": lambda x, number: ak.mask(x, number > 3),
    "none": lambda x, _: x[:0],
    "all left out": lambda x, number: x[number < 0],
}


@pytest.mark.parametrize("choose", SELECTIONS.values(), ids=SELECTIONS)
@pytest.mark.parametrize("name", [data.R22, data.RNTUPLE])
def test_before_and_after_a_selection_is_the_same(name, choose):
    events = physlite.events(data.path_of(name))
    number = ak.num(events.Jets)
    pt = numbered(events.Jets)
    after = choose(varied(events, {"Jets": {"pt": pt}, "Muons": {"pt": events.Muons.pt + 1}}), number)
    chosen = choose(events, number)
    before = varied(chosen, {"Jets": {"pt": choose(pt, number)}, "Muons": {"pt": chosen.Muons.pt + 1}})
    assert_same(before.Jets.pt, choose(pt, number))
    for collection, field in itertools.product(("Jets", "Muons", "Electrons"), ("pt", "eta")):
        assert_same(before[collection, field], after[collection, field])
    assert_same(before.METAssoc_AnalysisMET.jet.pt, after.METAssoc_AnalysisMET.jet.pt)


def test_a_number_for_each_event_or_for_all_is_that_of_its_objects(events):
    factors = ak.local_index(events.Jets.eta, axis=0) * 1.5
    changed = varied(events, {"Jets": {"event": factors, "all": 3.0}})
    assert_same(changed.Jets.event, factors + 0 * ak.local_index(events.Jets.eta))
    assert ak.all(changed.Jets["all"] == 3, axis=None)


def test_collections_of_users_can_be_changed(some):
    some["MET"] = ak.zip({"px": some.MET_Core_AnalysisMET.mpx[:, 0], "py": some.MET_Core_AnalysisMET.mpy[:, 0]})
    changed = varied(some, {"MET": {"px": some.MET.px + 1}})
    assert_same(changed.MET.px, some.MET.px + 1)
    assert_same(changed.MET.py, some.MET.py)


def test_changes_come_on_top_of_each_other(events):
    once = varied(events, {"Jets": {"pt": events.Jets.pt * 2, "a": 1.0}})
    twice = varied(once, {"Jets": {"pt": once.Jets.pt * 2, "b": 2.0}})
    assert_same(twice.Jets.pt, events.Jets.pt * 4)
    linked = twice.METAssoc_AnalysisMET.jet
    assert_same(linked.pt, events.METAssoc_AnalysisMET.jet.pt * 4)
    assert {"a", "b"} <= set(linked.fields)
    assert "a" not in events.METAssoc_AnalysisMET.jet.fields


@pytest.mark.parametrize("name", [data.R21, data.R24])
def test_triggers_still_work(name):
    events = physlite.events(data.path_of(name))
    changed = varied(events, {"Electrons": {"pt": events.Electrons.pt * 2}})
    chain = events.trigger.names()[0]
    assert_same(changed.trigger.passed(chain), events.trigger.passed(chain))


def test_matched_objects_are_changed(some):
    chain = "HLT_e26_lhtight_nod0_ivarloose"
    changed = varied(some, {"Electrons": {"pt": numbered(some.Electrons)}})
    assert_same(changed.Electrons.matched(chain), some.Electrons.matched(chain))
    known = by_place(changed.Electrons, "pt")
    found = by_place(changed.trigger.matched(chain), "pt")
    assert len(found) > 10
    assert all(known[place] == pt for place, pt in found.items())


# ------------------------------------------------------------------------------------------------------------- links


def test_links_from_changed_objects_lead_where_they_did(events):
    changed = varied(events, {"Electrons": {"pt": events.Electrons.pt * 2}})
    electrons = changed.Electrons[changed.Electrons.pt > 20_000]
    same = events.Electrons[events.Electrons.pt > 10_000]
    assert_same(electrons.trackParticles.z0, same.trackParticles.z0)


def test_links_to_changed_objects_give_the_new_values(events):
    changed = varied(events, {"Jets": {"pt": numbered(events.Jets), "new": -numbered(events.Jets)}})
    known = by_place(changed.Jets, "pt")
    jets = changed.METAssoc_AnalysisMET.jet
    assert by_place(jets, "pt") == {place: known[place] for place in places(jets)}
    assert by_place(jets, "new") == {place: -known[place] for place in places(jets)}
    assert_same(jets.eta, events.METAssoc_AnalysisMET.jet.eta)
    assert_same(events.METAssoc_AnalysisMET.jet.pt, events.METAssoc_AnalysisMET.follow("jetLink").pt)
    assert ak.count(jets.pt) > 0


def test_links_to_objects_of_several_classes_give_the_new_values(events):
    changed = varied(events, {name: {"pt": numbered(events[name])} for name in ("Electrons", "Muons")})
    known = {**by_place(changed.Electrons, "pt"), **by_place(changed.Muons, "pt")}
    before, after = (by_place(e.METAssoc_AnalysisMET.objects, "pt") for e in (events, changed))
    assert after == {place: known.get(place, pt) for place, pt in before.items()}
    assert after.keys() & known.keys()


def test_objects_that_were_not_changed_are_as_in_the_file(events):
    """Of chosen objects that have a name of their own; new fields are None for the others."""
    events = events[:]
    events["Hard"] = events.Jets[events.Jets.pt > 40_000]
    changed = varied(events, {"Hard": {"pt": numbered(events.Hard), "new": 1}})
    known = by_place(changed.Hard, "pt")
    before, after = (by_place(e.METAssoc_AnalysisMET.jet, "pt") for e in (events, changed))
    assert after == {place: known.get(place, pt) for place, pt in before.items()}
    new = changed.METAssoc_AnalysisMET.jet.new
    assert ak.count(new) == sum(place in known for place in after) < len(after)
    assert_same(changed.Jets.pt, events.Jets.pt)


@pytest.mark.parametrize("name", [data.R21, data.R22])
def test_objects_of_several_collections(name):
    """Parents are truth particles of one collection or another."""
    events = physlite.events(data.path_of(name))
    events["Parents"] = ak.flatten(events.TruthElectrons.parents, axis=2)
    assert len({link >> 32 for _, link in places(events.Parents)}) > 1
    changed = varied(events, {"Parents": {"px": events.Parents.px * 2}})
    assert_same(changed.TruthElectrons.parents.px, events.TruthElectrons.parents.px * 2)
    assert_same(changed.TruthElectrons.parents.py, events.TruthElectrons.parents.py)


def test_a_single_event_leads_to_the_new_values(events):
    changed = varied(events, {"Jets": {"pt": numbered(events.Jets)}})
    number = int(ak.argmax(ak.num(events.Jets)))
    one = changed[number]
    assert_same(one.METAssoc_AnalysisMET.jet.pt, changed.METAssoc_AnalysisMET.jet.pt[number])


# ------------------------------------------------------------------------------------------------------------- pickles


@pytest.mark.parametrize(
    "make",
    [
        lambda e: e,
        lambda e: e[4:9],
        lambda e: e[ak.num(e.Jets) > 3],
        lambda e: ak.mask(e, ak.num(e.Jets) > 3),
        lambda e: e[["METAssoc_AnalysisMET", "Jets"]],
    ],
    ids=["all", "range", "chosen", "masked", "two"],
)
@pytest.mark.parametrize("name", [data.R21, data.RNTUPLE])
def test_changed_events_pickle(name, make):
    events = physlite.events(data.path_of(name))
    changed = make(varied(events, {"Jets": {"pt": numbered(events.Jets), "new": events.Jets.eta > 0}}))
    again = _again(_again(changed))
    for field in ("pt", "new", "eta"):
        assert_same(again.Jets[field], changed.Jets[field])
    assert_same(again.METAssoc_AnalysisMET.jet.pt, changed.METAssoc_AnalysisMET.jet.pt)
    assert_same(again.METAssoc_AnalysisMET.jet.new, changed.METAssoc_AnalysisMET.jet.new)


def test_a_pickle_has_nothing_that_the_file_has():
    file = physlite.open(data.path_of(data.SAMPLE), cache_bytes=0)
    events = file.events()
    changed = varied(events, {"Jets": {"pt": events.Jets.pt * 2}})
    before = file.source.stats.bytes
    dumped = pickle.dumps(changed[ak.num(events.Electrons) > 1])
    assert file.source.stats.bytes - before < 50_000
    assert len(dumped) < 10_000 + 40 * ak.count(events.Jets.pt)


@pytest.mark.parametrize(
    "make",
    [
        lambda e: e.METAssoc_AnalysisMET.jet,
        lambda e: e.METAssoc_AnalysisMET.objects,
        lambda e: e.Electrons,
        lambda e: e.Jets[e.Jets.pt > 30_000],
    ],
    ids=["jets", "objects", "electrons", "chosen"],
)
@pytest.mark.parametrize("name", [data.R21, data.R24])
def test_objects_of_changed_events_pickle(name, make):
    events = physlite.events(data.path_of(name))
    changed = varied(events, {"Jets": {"pt": events.Jets.pt * 2}, "Electrons": {"pt": numbered(events.Electrons)}})
    for _ in range(2):  # what the nominal ones are known by does not matter
        objects = make(changed)
        assert_same(_again(objects).pt, objects.pt)
        nominal = make(events)
        assert_same(_again(nominal).pt, nominal.pt)


def test_changed_objects_among_nominal_events_pickle(some):
    changed = varied(some, {"Jets": {"pt": numbered(some.Jets)}})
    some["Linked"] = changed.METAssoc_AnalysisMET.jet
    again = _again(some)
    assert_same(again.Linked.pt, changed.METAssoc_AnalysisMET.jet.pt)
    assert_same(again.Linked.eta, some.METAssoc_AnalysisMET.jet.eta)
    assert_same(again.METAssoc_AnalysisMET.jet.pt, some.METAssoc_AnalysisMET.jet.pt)


# ------------------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("name", [data.R24, data.SAMPLE, data.RNTUPLE])
@pytest.mark.parametrize("choose", [lambda e: e, lambda e: e[[5, 2, 3]]], ids=["all", "chosen"])
def test_columns_are_read_once_for_all(name, choose):
    source = RecordingSource(data.path_of(name))
    file = physlite.open(source, cache_bytes=0)
    events = choose(file.events())
    source.take()
    changed = varied(events, {"Jets": {"pt": events.Jets.pt * 2}})
    assert source.take() == baskets(file.manifest, "AnalysisJetsAuxDyn.pt")
    assert ak.sum(changed.Jets.eta) is not None
    assert source.take() == baskets(file.manifest, "AnalysisJetsAuxDyn.eta")
    assert ak.sum(events.Jets.eta) == ak.sum(changed.Jets.eta)
    assert ak.sum(changed.Jets.pt) != ak.sum(events.Jets.pt)
    assert source.take() == []
    assert_same(changed.Electrons.pt, events.Electrons.pt)
    assert source.take() == baskets(file.manifest, "AnalysisElectronsAuxDyn.pt")


# -------------------------------------------------------------------------------------------------------------- errors


def test_what_is_not_there_cannot_be_changed(some):
    with pytest.raises(FieldNotFoundError, match=r"no field 'Jet' of Events; nearest: Jets"):
        varied(some, {"Jet": {"pt": 1.0}})


def test_values_have_to_fit(some):
    jets = some.Jets
    with pytest.raises(ValueError, match=r"^Jets\.pt: \d+ values for 100 events do not fit the objects of 100"):
        varied(some, {"Jets": {"pt": jets[jets.pt > 30_000].pt}})


def test_a_damaged_file_is_not_taken_for_wrong_values():
    path = data.path_of(data.SAMPLE)
    content = bytearray(path.read_bytes())
    with physlite.open(path) as file:
        for name in file.columns:
            if name.startswith("AnalysisJets"):
                for r in baskets(file.manifest, name):
                    content[r.offset + r.size // 2 : r.offset + r.size] = b"\xff" * (r.size - r.size // 2)
    events = physlite.events(bytes(content))
    with pytest.raises(CorruptDataError, match="AnalysisJets"):
        varied(events, {"Jets": {"new": ak.local_index(events.Electrons.pt, axis=0)}})


def test_numbers_have_no_fields(some):
    some["n_jets"] = ak.num(some.Jets)
    with pytest.raises(ValueError, match="n_jets: these are no objects of one class with fields: vary collections"):
        varied(some, {"n_jets": {"pt": 1.0}})


def test_events_without_a_file_cannot_be_varied(some):
    with pytest.raises(ValueError, match="do not know their file"):
        varied(ak.Array(some.layout), {"Jets": {"pt": 1.0}})


def test_events_that_are_there_twice(some):
    """A link leads to one value only."""
    twice = some[[3, 5, 3]]
    same = varied(twice, {"Jets": {"pt": twice.Jets.pt * 2}})
    assert_same(same.METAssoc_AnalysisMET.jet.pt, twice.METAssoc_AnalysisMET.jet.pt * 2)
    other = varied(twice, {"Jets": {"pt": twice.Jets.pt * ak.Array([2, 2, 3])}})
    assert_same(other.Jets.pt, twice.Jets.pt * ak.Array([2, 2, 3]))
    with pytest.raises(ValueError, match=r"Jets\.pt: objects that are twice .* different values"):
        ak.materialize(other.METAssoc_AnalysisMET.jet.pt)


def test_values_that_are_no_number_are_the_same_twice(some):
    twice = varied(some[[3, 3]], {"Jets": {"pt": np.nan}})
    assert np.isnan(ak.flatten(ak.drop_none(twice.METAssoc_AnalysisMET.jet.pt), axis=None)).to_numpy().all()


def test_no_fields_change_nothing(some):
    assert pickle.dumps(varied(some, {"Jets": {}})) == pickle.dumps(some)


# ------------------------------------------------------------------------------------------------------- random changes

NUMBERS = st.floats(width=32, allow_nan=True, allow_infinity=True)


@FEWER
@given(random=st.data())
def test_any_values_of_any_objects(random):
    """What is chosen of the objects, and what they get; links lead to that, or to what is in the file."""
    events = physlite.events(data.path_of(data.R21))
    chosen = random.draw(st.lists(st.integers(0, len(events) - 1), max_size=6, unique=True), label="events")
    events = events[np.asarray(chosen, dtype=np.int64)]
    keep = [random.draw(st.lists(st.booleans(), min_size=n, max_size=n)) for n in ak.num(events.Jets).to_list()]
    events["Kept"] = events.Jets[jagged(keep, bool)]
    new = [random.draw(st.lists(NUMBERS, min_size=n, max_size=n)) for n in ak.num(events.Kept).to_list()]
    values = jagged(new, np.float32)
    changed = varied(events, {"Kept": {"pt": values}})
    assert_same(changed.Kept.pt, values)
    known = by_place(changed.Kept, "pt")
    before, after = (by_place(e.METAssoc_AnalysisMET.jet, "pt") for e in (events, changed))
    assert {place: repr(pt) for place, pt in after.items()} == {
        place: repr(known.get(place, pt)) for place, pt in before.items()
    }
