"""Trigger menus, decisions and matched objects, beside those found one at a time: `support.slow_trigger`."""

import functools
import gc
import json
import pickle
import struct
import weakref

import awkward as ak
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import (
    ColumnNotFoundError,
    CorruptDataError,
    PhysliteError,
    TriggerNotFoundError,
    UnsupportedFormatError,
)
from physlite.model.store import ColumnStore
from physlite.model.trigger import TriggerSummary
from physlite.model.triggermatching import matched_objects
from physlite.model.triggermenu import trigger_menus
from support import slow_links, slow_trigger
from support.data import R21, R22, R24, SAMPLE, TREE_ONLY, path_of
from support.patching import with_page
from support.recording import RecordingSource, baskets
from support.rootfiles import stored_basket

WITH_MENU = (R21, R22, R24, SAMPLE)
STAGES = {"before prescale": "tbp", "after prescale": "tap", "after veto": "tav"}

MU26 = "HLT_mu26_ivarmedium"
E26 = "HLT_e26_lhtight_nod0_ivarloose"


@functools.cache
def events_of(name):
    return physlite.events(path_of(name))


def fails(kind, call, *words):
    """The error that a call raises, which is one line with these words in it."""
    with pytest.raises(kind) as caught:
        call()
    message = str(caught.value)
    assert isinstance(caught.value, PhysliteError)
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


# --------------------------------------------------------------------------------------------------------- decisions


@pytest.mark.parametrize(
    ("name", "chains", "items"), [(R21, 4241, 495), (R22, 4309, 502), (R24, 1679, 361)], ids=["21", "22", "24"]
)
def test_names(name, chains, items):
    trigger = events_of(name).trigger
    slow_chains, slow_items = slow_trigger.menu(name)
    assert trigger.names() == sorted(slow_chains)
    assert trigger.items() == sorted(slow_items)
    assert (len(trigger.names()), len(trigger.items())) == (chains, items)
    assert all(chain.startswith("HLT_") for chain in trigger.names())
    assert all(item.startswith("L1_") for item in trigger.items())


def test_known_counts():
    trigger = events_of(R21).trigger
    assert ak.sum(trigger.passed(MU26)) == 9
    assert ak.sum(trigger.passed(E26)) == 7


@pytest.mark.parametrize("name", WITH_MENU)
def test_decisions_of_all_chains(name):
    trigger = events_of(name).trigger
    summary = {chain.name: chain.passed for chain in trigger.summary()}
    chains, _ = slow_trigger.menu(name)
    assert summary.keys() == chains.keys()
    for chain, bit in chains.items():
        expected = slow_trigger.decisions(name, "efPassedPhysics", bit)
        assert trigger.passed(chain).to_list() == expected, chain
        assert summary[chain] == sum(expected), chain
    assert any(summary.values())


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("name", WITH_MENU)
def test_decisions_of_all_items(name, stage):
    trigger = events_of(name).trigger
    summary = {item.name: item.passed for item in trigger.summary_l1(stage=stage)}
    _, items = slow_trigger.menu(name)
    assert summary.keys() == items.keys()
    for item, bit in items.items():
        expected = slow_trigger.decisions(name, STAGES[stage], bit)
        assert trigger.passed_l1(item, stage).to_list() == expected, item
        assert summary[item] == sum(expected), item


def test_stages_of_l1():
    """In simulation the three are the same."""
    events = events_of(R21)
    bit = slow_trigger.menu(R21)[1]["L1_EM22VHI"]
    words = {"tbp": [[0] * 16] * 40, "tap": [[0] * 16] * 40, "tav": [[0] * 16] * 40}
    for i, name in enumerate(words):
        words[name][i] = [1 << bit % 32 if j == bit // 32 else 0 for j in range(16)]
    words = {name: ak.values_astype(ak.Array(lists), np.uint32) for name, lists in words.items()}
    trigger = ak.with_field(
        events, ak.zip({"smk": events.xTrigDecision.smk} | words, depth_limit=1), "xTrigDecision"
    ).trigger
    for i, stage in enumerate(STAGES):
        assert trigger.passed_l1("L1_EM22VHI", stage).to_list() == [event == i for event in range(40)]
    assert trigger.passed_l1("L1_EM22VHI").to_list() == trigger.passed_l1("L1_EM22VHI", "after veto").to_list()


PATTERNS = {
    "glob": "HLT_mu*",
    "regex": "/^hlt_MU.*ivar/i",
    "names": [MU26, E26],
    "function": lambda name: "xe110" in name,
}


@pytest.mark.parametrize("pattern", PATTERNS.values(), ids=PATTERNS)
def test_any_chain_of_a_pattern(pattern):
    trigger = events_of(R21).trigger
    names = trigger.names(pattern)
    assert len(names) > 1
    assert names == sorted(names)
    expected = np.any([trigger.passed(name).to_numpy() for name in names], axis=0)
    assert trigger.passed(pattern).to_list() == expected.tolist()
    assert sorted(trigger.items("L1_EM2*")) == [n for n in trigger.items() if n.startswith("L1_EM2")]


def test_decisions_follow_the_events():
    events = events_of(R21)
    passed = events.trigger.passed(MU26).to_numpy()
    order = np.random.default_rng(1).permutation(40)
    assert events[5:30].trigger.passed(MU26).to_list() == passed[5:30].tolist()
    assert events[order].trigger.passed(MU26).to_list() == passed[order].tolist()
    assert events[order][3:20:2].trigger.passed(MU26).to_list() == passed[order][3:20:2].tolist()
    assert all(events[passed].trigger.passed(MU26))
    assert events[:0].trigger.passed(MU26).to_list() == []
    copy = pickle.loads(pickle.dumps(events[order]))  # noqa: S301
    assert copy.trigger.passed(MU26).to_list() == passed[order].tolist()
    kept = ak.mask(events, passed)
    assert kept.trigger.passed(MU26).to_list() == [True if p else None for p in passed]
    assert kept.trigger.prescale(MU26).to_list() == [1.0 if p else None for p in passed]
    assert kept.trigger.matched(MU26).pt.to_list() == [
        pt if p else None for pt, p in zip(events.trigger.matched(MU26).pt.to_list(), passed, strict=True)
    ]


def test_the_trigger_of_a_single_event():
    events = events_of(R21)
    for i in (0, int(ak.argmax(events.trigger.passed(MU26)))):
        trigger = events[i].trigger
        assert bool(trigger.passed(MU26)) is bool(events.trigger.passed(MU26)[i])
        assert bool(trigger.passed_l1("L1_EM22VHI")) is bool(events.trigger.passed_l1("L1_EM22VHI")[i])
        assert trigger.prescale(MU26) == 1.0
        assert trigger.matched(MU26).pt.to_list() == events.trigger.matched(MU26).pt.to_list()[i]
        assert trigger.names() == events.trigger.names()


def test_a_name_of_the_other_level():
    trigger = events_of(R21).trigger
    fails(TriggerNotFoundError, lambda: trigger.passed("L1_EM22VHI"), "L1_EM22VHI is an item", "passed_l1")
    fails(TriggerNotFoundError, lambda: trigger.passed_l1(MU26), "is a chain of the HLT", "passed")
    fails(TriggerNotFoundError, lambda: trigger.prescale("HLT_mu*"), "(one name)")


def test_looking_at_events_one_by_one():
    """The columns are read once."""
    source = RecordingSource(path_of(R21))
    with physlite.open(source) as file:
        events = file.events()
        expected = events.trigger.passed(MU26).to_list()
        source.take()
        assert [bool(event.trigger.passed(MU26)) for event in events] == expected
        assert source.take() == []


def test_only_decisions_and_keys_are_read():
    source = RecordingSource(path_of(R21))
    with physlite.open(source) as file:
        trigger = file.events().trigger
        trigger.names()
        source.take()
        trigger.passed(MU26)
        assert source.take() == baskets(file.manifest, "TrigConfKeys", "xTrigDecisionAux.efPassedPhysics")


# --------------------------------------------------------------------------------------------------------- prescales


def test_prescales_of_run_2():
    trigger = events_of(R21).trigger
    menu = slow_trigger.column(R21, "MetaData", "TriggerMenuAux.", "chainNames")[0][0]
    values = slow_trigger.column(R21, "MetaData", "TriggerMenuAux.", "chainPrescales")[0][0]
    assert {c.name: c.prescales for c in trigger.summary()} == {
        name: (value,) for name, value in zip(menu, values, strict=True)
    }
    off = menu[values.index(-1.0)]
    assert trigger.prescale(off).to_list() == [-1.0] * 40
    assert trigger.prescale(MU26).to_list() == [1.0] * 40
    assert trigger.prescale("L1_EM3").to_list() == [1.0] * 40


def test_prescales_of_run_3():
    trigger = events_of(R24).trigger
    assert {c.prescales for c in trigger.summary()} == {(1.0,)}
    assert {c.prescales for c in trigger.summary_l1()} == {(1.0,)}
    assert trigger.prescale("L1_EM3").to_list() == [1.0] * 50


# ------------------------------------------------------------------------------------- menus that no file here has


def vector(*items):
    content = struct.pack(">HI", 9, len(items)) + b"".join(items)
    return struct.pack(">I", 0x40000000 | len(content)) + content


def inner(*items):
    return struct.pack(">I", len(items)) + b"".join(items)


def u4(number):
    return struct.pack(">I", number)


def u2(number):
    return struct.pack(">H", number)


def f4(number):
    return struct.pack(">f", number)


def text(value):
    data = value.encode()
    return (bytes([len(data)]) if len(data) < 255 else b"\xff" + u4(len(data))) + data


def with_metadata(name, columns):
    """A file, opened, whose MetaData tree has other bytes in some columns."""
    file = physlite.open(path_of(name))
    store = file._store
    manifest = store.metadata.manifest
    for column, entry in columns.items():
        manifest = with_page(manifest, column, stored_basket(entry, [0, len(entry)]))
    store.metadata = ColumnStore(store.source, manifest, 1, 0)
    return file


# In the first word behind those of an event: where those of the next event begin, one of the bits that are often set.
BEHIND = 256 * 32 + 9


def run_2_menus(**changed):
    """Three menus: of two super master keys, one of them with two sets of prescales."""
    columns = {
        "smk": vector(u4(7), u4(8), u4(7)),
        "l1psk": vector(u4(70), u4(80), u4(71)),
        "hltpsk": vector(u4(700), u4(800), u4(701)),
        "chainNames": vector(
            inner(text("HLT_a"), text("HLT_b")),
            inner(text("HLT_b"), text("HLT_c")),
            inner(text("HLT_a"), text("HLT_b")),
        ),
        "chainIds": vector(inner(u2(3), u2(40)), inner(u2(3), u2(BEHIND)), inner(u2(3), u2(40))),
        "chainPrescales": vector(inner(f4(1), f4(10)), inner(f4(20), f4(-1)), inner(f4(2), f4(30))),
        "itemNames": vector(inner(text("L1_x")), inner(text("L1_x")), inner(text("L1_x"))),
        "itemCtpIds": vector(inner(u2(5)), inner(u2(6)), inner(u2(5))),
        "itemPrescales": vector(inner(f4(1)), inner(f4(2)), inner(f4(3))),
    }
    return {f"TriggerMenuAux.{name}": entry for name, entry in (columns | changed).items()}


def with_keys(events, smk, l1psk, hltpsk):
    """Events with other keys of the trigger configuration, the same over and over."""
    keys = {"smk": smk, "l1psk": l1psk, "hltpsk": hltpsk}
    columns = {name: np.resize(np.array(values, np.uint32), len(events)) for name, values in keys.items()}
    return ak.with_field(events, ak.zip(columns), "TrigConfKeys")


def test_events_of_several_menus():
    events = with_keys(with_metadata(R21, run_2_menus()).events(), [7, 8, 7], [70, 80, 71], [700, 800, 701])
    trigger = events.trigger
    of_8 = np.arange(40) % 3 == 1
    assert any(np.roll(slow_trigger.decisions(R21, "efPassedPhysics", BEHIND % 32), -1)[of_8])

    def decided(bit, field="efPassedPhysics"):
        return np.array(slow_trigger.decisions(R21, field, bit))

    assert trigger.names() == ["HLT_a", "HLT_b", "HLT_c"]
    assert trigger.passed("HLT_a").to_list() == (decided(3) & ~of_8).tolist()
    assert trigger.passed("HLT_b").to_list() == np.where(of_8, decided(3), decided(40)).tolist()
    assert trigger.passed("HLT_c").to_list() == [False] * 40  # in a word that is not stored
    assert trigger.passed("HLT_*").to_list() == np.where(of_8, decided(3), decided(3) | decided(40)).tolist()
    assert trigger.passed_l1("L1_x").to_list() == np.where(of_8, decided(6, "tav"), decided(5, "tav")).tolist()
    assert events[of_8].trigger.passed("HLT_a").to_list() == [False] * 13
    assert events[of_8].trigger.names() == ["HLT_a", "HLT_b", "HLT_c"]

    assert np.array_equal(trigger.prescale("HLT_a")[:3], [1.0, np.nan, 2.0], equal_nan=True)
    assert trigger.prescale("HLT_b")[:6].to_list() == [10.0, 20.0, 30.0] * 2
    assert trigger.prescale("L1_x")[:3].to_list() == [1.0, 2.0, 3.0]
    assert trigger.summary()[1] == TriggerSummary(
        "HLT_b", (10.0, 20.0, 30.0), int(np.where(of_8, decided(3), decided(40)).sum())
    )


def test_prescales_of_two_menus_with_the_same_key():
    file = with_metadata(R21, run_2_menus(hltpsk=vector(u4(700), u4(700), u4(701))))
    trigger = with_keys(file.events(), [7, 8], [70, 80], [700]).trigger
    assert trigger.prescale("HLT_b")[:4].to_list() == [10.0, 20.0, 10.0, 20.0]


def test_events_without_their_menu():
    events = with_metadata(R21, run_2_menus()).events()
    other = with_keys(events, [7, 7, 9], [70], [700])
    fails(TriggerNotFoundError, lambda: other.trigger.passed("HLT_a"), R21, "super master key 9", "7, 8")
    assert len(other[:2].trigger.passed("HLT_a")) == 2
    other = with_keys(events, [7], [70], [700, 702])
    fails(
        TriggerNotFoundError, lambda: other.trigger.prescale("HLT_a"), R21, "HLT prescale key 702", "of 700, 701 with"
    )
    other_menu = with_keys(events, [8], [70], [700])
    fails(TriggerNotFoundError, lambda: other_menu.trigger.prescale("HLT_b"), R21, "HLT prescale key 700", "of 800")
    assert other.trigger.prescale("L1_x")[:2].to_list() == [1.0, 1.0]
    assert other.trigger.summary()[0].prescales == (1.0,)


def test_keys_of_the_decision_where_there_are_no_others():
    events = physlite.events(path_of(R21))
    others = [name for name in events.fields if name != "TrigConfKeys"]
    bare = ak.with_name(events[others], "Events")
    assert ak.sum(bare.trigger.passed(MU26)) == 9
    assert bare.trigger.summary(MU26) == [TriggerSummary(MU26, (), 9)]
    fails(ColumnNotFoundError, lambda: bare.trigger.prescale(MU26), R21, "TrigConfKeys.hltpsk")
    without = ak.with_name(events[["Muons", "TrigConfKeys"]], "Events")
    fails(ColumnNotFoundError, lambda: without.trigger.passed(MU26), R21, "xTrigDecision.efPassedPhysics")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"chainIds": vector(inner(u2(3)), inner(u2(3), u2(5)), inner())}, "chainIds"),
        ({"chainIds": vector(inner(u2(3), u2(40)))}, "chainIds"),
        ({"smk": vector(u4(7))}, "smk"),
        ({"itemNames": vector(inner(), inner(text("L1_x")), inner(text("L1_x")))}, "itemNames"),
        ({"chainPrescales": vector(inner(), inner(), inner())}, "chainPrescales"),
    ],
    ids=["lengths", "fewer menus", "fewer keys", "no items", "no prescales"],
)
def test_damaged_menus_of_run_2(changed, said):
    events = with_metadata(R21, run_2_menus(**changed)).events()
    fails(CorruptDataError, events.trigger.names, R21, "TriggerMenuAux.", said)


def json_menu(**changed):
    entries = {"HLT_a": {"counter": "2"}, "HLT_b": {"counter": "3"}, "HLT_c": {"counter": "4"}}
    texts = {
        "HLT": json.dumps({"chains": entries}),
        "L1": json.dumps({"items": {"L1_x": {"ctpid": "5"}, "L1_y": {"ctpid": "6"}}}),
        "HLTPS": json.dumps(
            {
                "prescales": {
                    "HLT_a": {"prescale": "2.5", "enabled": "true"},
                    "HLT_b": {"prescale": "4", "enabled": "false"},
                }
            }
        ),
        "L1PS": json.dumps(
            {
                "cutValues": {
                    "L1_x": {"cut": str(0x1000000 - 0xFFFFFF // 10), "enabled": "true"},
                    "L1_y": {"cut": "1", "enabled": "false"},
                }
            }
        ),
    } | changed
    columns = {f"TriggerMenuJson_{kind}Aux.payload": vector(text(payload)) for kind, payload in texts.items()}
    keys = {"HLT": 7, "L1": 7, "HLTPS": 700, "L1PS": 70}
    return columns | {f"TriggerMenuJson_{kind}Aux.key": vector(u4(key)) for kind, key in keys.items()}


def test_prescales_in_json():
    trigger = with_keys(with_metadata(R24, json_menu()).events(), [7], [70], [700]).trigger
    assert set(trigger.prescale("HLT_a").to_list()) == {2.5}
    assert set(trigger.prescale("HLT_b").to_list()) == {-4.0}
    assert np.isnan(trigger.prescale("HLT_c").to_numpy()).all()
    # A prescale of 10 is a cut of 2^24 - (2^24 - 1)/10, in whole numbers.
    assert trigger.prescale("L1_x")[0] == 0xFFFFFF / (0xFFFFFF // 10)
    assert trigger.prescale("L1_y")[0] == -1.0


@pytest.mark.parametrize(
    "damaged",
    [
        "",
        "{",
        "null",
        "[]",
        "{}",
        '{"chains": []}',
        '{"chains": {"HLT_a": {}}}',
        '{"chains": {"HLT_a": {"counter": "many"}}}',
        '{"chains": {"HLT_a": {"counter": null}}}',
        '{"chains": {"HLT_a": {"counter": 1e999}}}',
        '{"chains": {"HLT_a": {"counter": "-1"}}}',
        '{"chains": {"HLT_a": {"counter": "99999999999999999999"}}}',
        '{"chains": {"HLT_a": {"counter": true}}}',
        '{"chains": {"HLT_a": {"counter": 1.5}}}',
        '{"chains": {"HLT_a": {"counter": "1_0"}}}',
        '{"chains": {"HLT_a": {"counter": " 1"}}}',
        '{"chains": {"HLT_a": {"counter": 1}, "HLT_a": {"counter": 2}}}',
        "[" * 100_000,
        '{"chains": {"HLT_a": ' + '{"a":' * 100_000,
    ],
    ids=range(19),
)
def test_damaged_json(damaged):
    events = with_metadata(R24, json_menu(HLT=damaged)).events()
    message = fails(CorruptDataError, events.trigger.names, R24, "TriggerMenuJson_HLTAux.payload", "chains")
    assert len(message) < 500


@pytest.mark.parametrize("prescale", [True, "nan", float("nan"), "inf", "1e999", None, "many"], ids=range(7))
def test_damaged_prescales(prescale):
    damaged = json.dumps({"prescales": {"HLT_a": {"prescale": prescale, "enabled": "true"}}})
    events = with_metadata(R24, json_menu(HLTPS=damaged)).events()
    fails(CorruptDataError, events.trigger.names, R24, "TriggerMenuJson_HLTPSAux.payload")


@pytest.mark.parametrize("cut", ["16777216", "-99999999", "x", "1_0", 1.5, True])
def test_damaged_cuts(cut):
    damaged = json.dumps({"cutValues": {"L1_x": {"cut": cut, "enabled": "true"}}})
    events = with_metadata(R24, json_menu(L1PS=damaged)).events()
    fails(CorruptDataError, events.trigger.names, R24, "TriggerMenuJson_L1PSAux.payload")


def test_menus_are_parsed_once_and_forgotten_with_the_file():
    file = physlite.open(path_of(R21))
    store = file._store
    assert trigger_menus(store) is trigger_menus(store)
    assert file.events().trigger.menus is trigger_menus(store)
    reference = weakref.ref(trigger_menus(store)[2216])
    del file, store
    gc.collect()
    assert reference() is None


# ------------------------------------------------------------------------------------------------------------ errors


def test_unknown_names():
    trigger = events_of(R21).trigger
    for call in (trigger.passed, trigger.names, trigger.prescale, trigger.matched, events_of(R21).Muons.matched):
        message = fails(TriggerNotFoundError, lambda call=call: call("HLT_mu26_ivarmedum"), R21, MU26)
        assert "nearest" in message
    fails(KeyError, lambda: trigger.passed("HLT_mu26_ivarmedum"))
    fails(TriggerNotFoundError, lambda: trigger.passed_l1("L1_EM22VHJ"), "L1_EM22VHI")
    fails(TriggerNotFoundError, lambda: trigger.passed(lambda _: False), "4241")
    fails(TriggerNotFoundError, lambda: trigger.names("/[/"), "not a regular expression")
    with pytest.raises(ValueError, match="'before prescale', 'after prescale', 'after veto'"):
        trigger.passed_l1("L1_EM22VHI", "before veto")


def test_file_without_a_menu():
    events = events_of(TREE_ONLY)
    for call in (events.trigger.names, lambda: events.trigger.passed(E26), lambda: events.trigger.prescale(E26)):
        fails(TriggerNotFoundError, call, TREE_ONLY, "no trigger menu", "no MetaData tree")


def test_events_that_do_not_know_their_file():
    with pytest.raises(ValueError, match="does not know its file"):
        _ = ak.Array(events_of(R21), attrs={}).trigger
    with pytest.raises(ValueError, match="not for lists"):
        _ = ak.unflatten(events_of(R21), 20).trigger


# ----------------------------------------------------------------------------------------------------------- matches


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))),
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 3))),
)
def test_matched_objects(objects, matches):
    large = (1 << 60) + 5  # an event is a large number
    event, key, index = np.array(objects, np.int64).reshape(-1, 3).T
    match_event, match_key, match_index = np.array(matches, np.int64).reshape(-1, 3).T
    found = matched_objects(
        event + large,
        (key << 32) + index,
        match_event + large,
        match_key.astype(np.uint32),
        match_index.astype(np.uint32),
    )
    assert found.tolist() == [o in set(matches) and o[1] != 0 for o in objects]  # key 0: a null link


OBJECTS = ("AnalysisElectrons", "AnalysisMuons", "AnalysisPhotons", "AnalysisTauJets")


def match_columns(name):
    return [column for column in slow_links.link_columns(name) if column.endswith(".TrigMatchedObjects")]


def chain_of(column):
    return "HLT_" + slow_links.container_of(column).partition("HLT_")[2]


def slow_matched(name, column, container):
    """Of each event the places of objects of a container to which the chain of a column was matched."""
    key = slow_links.storegate_key(container, slow_links.CLIDS[slow_links.containers(name)[container]])
    return [{index for legs in event for (k, index) in legs if k == key} for event in slow_links.links(name, column)]


@pytest.mark.parametrize("name", [R21, R22, TREE_ONLY, SAMPLE])
def test_matched_objects_of_all_chains(name):
    events = events_of(name)
    total = 0
    for column in match_columns(name):
        for container in OBJECTS:
            found = events[container.removeprefix("Analysis")].matched(chain_of(column))
            places = [{i for i, matched in enumerate(event) if matched} for event in found.to_list()]
            assert places == slow_matched(name, column, container), (column, container)
            total += sum(map(len, places))
    assert total > 0


def test_matches_are_of_events_that_passed():
    events = events_of(R21)
    matched = ak.any(events.Muons.matched(MU26), axis=1)
    assert ak.sum(matched) == 8
    assert ak.all(events.trigger.passed(MU26)[matched])
    assert (ak.num(events.trigger.matched(MU26)) > 0).to_list() == matched.to_list()


def test_matches_of_selected_objects():
    events = events_of(TREE_ONLY)
    electrons = events.Electrons
    matched = electrons.matched(E26)
    assert ak.sum(matched) > 0
    assert electrons[matched].matched(E26).to_list() == [[True] * n for n in ak.sum(matched, axis=1)]
    order = ak.argsort(electrons.pt, ascending=True)
    assert electrons[order].matched(E26).to_list() == matched[order].to_list()
    flat = ak.flatten(electrons)
    assert flat[::-1].matched(E26).to_list() == ak.flatten(matched)[::-1].to_list()
    assert ak.firsts(electrons).matched(E26).to_list() == ak.firsts(matched).to_list()
    assert (
        ak.mask(electrons, electrons.pt > 20_000).matched(E26).to_list()
        == ak.mask(matched, electrons.pt > 20_000).to_list()
    )
    first, second = ak.unzip(ak.combinations(electrons, 2))
    assert first.matched(E26).to_list() == ak.unzip(ak.combinations(matched, 2))[0].to_list()
    assert second.matched(E26).to_list() == ak.unzip(ak.combinations(matched, 2))[1].to_list()
    i = int(ak.argmax(ak.any(matched, axis=1)))
    assert [electron.matched(E26) for electron in electrons[i]] == matched[i].to_list()
    assert events[i : i + 5][["Electrons"]].Electrons.matched(E26).to_list() == matched[i : i + 5].to_list()
    assert events[60:].Electrons.matched(E26).to_list() == matched[60:].to_list()
    assert electrons[:0].matched(E26).to_list() == []


def test_matched_combinations():
    events = events_of(TREE_ONLY)
    chain = "HLT_e17_lhloose_nod0_mu14"
    column = f"AnalysisTrigMatch_{chain}AuxDyn.TrigMatchedObjects"
    found = events.trigger.matched(chain)
    links = slow_links.links(TREE_ONLY, column)
    assert [[len(legs) for legs in event] for event in found.to_list()] == [[len(x) for x in e] for e in links]
    resolved = slow_links.resolve(TREE_ONLY, column)
    lists = {c.removeprefix("Analysis"): events[c.removeprefix("Analysis")].pt.to_list() for c in OBJECTS}
    expected = [
        [[None if leg is None else lists[leg[0].removeprefix("Analysis")][i][leg[1]] for leg in legs] for legs in event]
        for i, event in enumerate(resolved)
    ]
    assert found.pt.to_list() == expected
    assert events[70:].trigger.matched(chain).pt.to_list() == expected[70:]
    assert events[::-3].trigger.matched(chain).pt.to_list() == expected[::-3]


NEVER_MATCHED = "HLT_2e12_lhloose_nod0_mu10"  # matching was made for it


def test_no_match_in_the_whole_file():
    events = events_of(R21)
    assert not ak.any(events.Muons.matched(NEVER_MATCHED))
    assert ak.num(events.Muons.matched(NEVER_MATCHED)).to_list() == ak.num(events.Muons).to_list()
    assert events.trigger.matched(NEVER_MATCHED).to_list() == [[]] * 40
    assert events.trigger.matched(NEVER_MATCHED).pt.to_list() == [[]] * 40


@pytest.mark.parametrize(("name", "passed"), [(R21, 0), (R22, 100)], ids=["21", "22"])
def test_chains_that_matching_was_not_made_for(name, passed):
    """What such a chain was matched to is unknown, which is not the same as nothing."""
    events = events_of(name)
    chain = {R21: "HLT_2j10", R22: "HLT_e5_etcut"}[name]
    assert ak.sum(events.trigger.passed(chain)) >= passed
    for call in (events.trigger.matched, events.Electrons.matched):
        fails(TriggerNotFoundError, lambda call=call: call(chain), name, chain, "no trigger matching was made")
        fails(TriggerNotFoundError, lambda call=call: call([chain, E26]), name, chain, "no trigger matching was made")
        fails(TriggerNotFoundError, lambda call=call: call("HLT_mu26_ivarmedum"), name, "nearest: HLT_mu26_ivarmedium")
        fails(TriggerNotFoundError, lambda call=call: call([]), "[]")


def test_matched_to_any_of_several_chains():
    events = events_of(TREE_ONLY)
    chains = sorted(chain_of(column) for column in match_columns(TREE_ONLY))
    for objects, part in ((events.Electrons, "lhtight"), (events.Muons, "mu")):
        single = [chain for chain in chains if part in chain]
        expected = functools.reduce(np.logical_or, [objects.matched(chain) for chain in single])
        assert ak.any(expected)
        assert ak.array_equal(objects.matched(f"*{part}*"), expected)
        assert ak.array_equal(objects.matched(single), expected)
        assert ak.array_equal(objects.matched(lambda chain, part=part: part in chain), expected)
    assert ak.array_equal(events.Muons.matched(None), events.Muons.matched(chains))
    fails(TriggerNotFoundError, lambda: events.trigger.matched("HLT_mu*"), "combinations are of one chain")


def test_dots_in_names_of_chains():
    """Branches cannot have them: the lists are named with underscores in their place."""
    events = events_of(TREE_ONLY)
    assert ak.array_equal(events.Muons.matched(MU26.replace("_", ".")), events.Muons.matched(MU26))


def test_what_is_never_matched():
    events = events_of(R21)
    with pytest.raises(TypeError, match=r"events\.trigger\.matched\(chain\) has the matched objects"):
        events.matched(MU26)
    for objects in (events.TruthMuons, events.InDetTrackParticles, events.PrimaryVertices, events.EventInfo):
        with pytest.raises(TypeError, match="reconstructed"):
            objects.matched(MU26)


def test_matches_of_objects_of_several_files():
    """Also where the file that the array knows has no match at all for the chain."""
    muons, others = events_of(R21).Muons, events_of(TREE_ONLY).Muons
    for first, second in ((muons, others), (others, muons)):
        both = ak.Array(ak.concatenate([first, second]), attrs=first.attrs)
        for chain in (MU26, NEVER_MATCHED, "HLT_2j10"):
            with pytest.raises(ValueError, match="several files"):
                both.matched(chain)
    events = ak.Array(ak.concatenate([events_of(R21), events_of(TREE_ONLY)]), attrs=events_of(R21).attrs)
    with pytest.raises(ValueError, match="different collections"):
        events.trigger.matched(NEVER_MATCHED)


def test_navigation_of_run_3():
    events = events_of(R24)
    for call in (events.trigger.matched, events.Muons.matched):
        fails(UnsupportedFormatError, lambda call=call: call("HLT_mu26"), R24, "HLTNav_Summary_DAODSlimmed")
        fails(NotImplementedError, lambda call=call: call("HLT_mu26"))


def test_matches_of_objects_that_do_not_know_their_event():
    muons = events_of(R21).Muons
    with pytest.raises(ValueError, match="do not know their file and event"):
        ak.zip({"pt": muons.pt, "eta": muons.eta}, with_name="Muon").matched(MU26)
