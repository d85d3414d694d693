"""Columns of friends are those that a dictionary of runs and events finds, whatever the friend is and its order."""

import pickle
import shutil
import warnings
from decimal import Decimal
from pathlib import Path

import awkward as ak
import numpy as np
import pyarrow.parquet
import pytest
import uproot
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import (
    ColumnNotFoundError,
    CorruptDataError,
    FriendError,
    NoFriendWarning,
    SameFileWarning,
    UnreadableColumnError,
    UnsupportedFormatError,
)
from physlite.interop import Friend
from support import data
from support.compare import assert_same

KEYS = ("runNumber", "eventNumber")


@pytest.fixture(scope="module", params=data.parameters(data.ALL_FILES))
def events(request):
    return physlite.events(data.path_of(request.param))


@pytest.fixture
def sample():
    """Events of one's own: tests give them fields."""
    return physlite.events(data.path_of(data.SAMPLE))


def names_of(events):
    return list(zip(*(ak.to_list(events.EventInfo[key]) for key in KEYS), strict=True))


def columns_of(events, seed=0):
    """Two thirds of the events in another order: their keys, a number, and a list as long as that of the electrons."""
    names = list(dict.fromkeys(names_of(events)))  # a file can hold an event several times
    first = {name: i for i, name in reversed([*enumerate(names_of(events))])}
    random = np.random.default_rng(seed)
    chosen = [names[i] for i in random.permutation(len(names))[: 2 * len(names) // 3]]
    rows = [first[name] for name in chosen]
    return {
        "runNumber": np.array([run for run, _ in chosen], dtype=np.uint32),
        "eventNumber": np.array([event for _, event in chosen], dtype=np.uint64),
        "score": random.normal(size=len(chosen)).astype(np.float32),
        "el_pt": ak.to_packed(events.Electrons.pt[rows] / 3),
    }


def write_tree(path, columns, tree="calib"):
    with uproot.recreate(path) as file:
        file.mktree(tree, {name: ak.type(values).content for name, values in columns.items()})
        file[tree].extend(dict(columns))
    return path


def write_ntuple(path, columns):
    with uproot.recreate(path) as file:
        file.mkrntuple("calib", ak.zip(columns, depth_limit=1))
    return path


def write_parquet(path, columns):
    ak.to_parquet(ak.zip(columns, depth_limit=1), path, row_group_size=7)
    return path


MAKERS = {
    "tree": lambda folder, columns: write_tree(folder / "friend.root", columns),
    "RNTuple": lambda folder, columns: write_ntuple(folder / "friend.root", columns),
    "Parquet": lambda folder, columns: write_parquet(folder / "friend.parquet", columns),
    "mapping": lambda folder, columns: columns,
    "records": lambda folder, columns: ak.zip(columns, depth_limit=1),
    "Arrow": lambda folder, columns: ak.to_arrow_table(ak.zip(columns, depth_limit=1), extensionarray=False),
}


@pytest.mark.parametrize("kind", MAKERS)
def test_friends_of_all_kinds(events, kind, tmp_path):
    columns = columns_of(events)
    friend = Friend(MAKERS[kind](tmp_path, columns))
    found = friend.of(events)
    rows = {name: i for i, name in enumerate(zip(*(columns[key].tolist() for key in KEYS), strict=True))}
    expected = [rows.get(name) for name in names_of(events)]
    assert None in expected
    for field in ("score", "el_pt"):
        values = ak.to_list(columns[field])
        assert ak.to_list(found[field]) == [None if row is None else values[row] for row in expected]
    assert str(ak.type(found.score[:0])).endswith("?float32")


@pytest.mark.parametrize("kind", MAKERS)
def test_objects_of_friends(events, kind, tmp_path):
    columns = columns_of(events)
    friend = Friend(MAKERS[kind](tmp_path, columns))
    named = set(zip(*(columns[key].tolist() for key in KEYS), strict=True))
    found = friend.of_objects(events, "Electrons", "el_pt")
    expected = [
        [pt if name in named else None for pt in pts]
        for name, pts in zip(names_of(events), ak.to_list(events.Electrons.pt / 3), strict=True)
    ]
    assert ak.to_list(found) == expected


def test_a_data_frame_with_its_keys_as_columns_or_as_index(sample):
    pandas = pytest.importorskip("pandas")
    columns = columns_of(sample)
    del columns["el_pt"]
    columns["score"][::5] = np.nan
    frame = pandas.DataFrame({**columns, "label": pandas.array(["b", None, "c"] * 444 + ["a"], dtype="string")})
    expected = Friend(columns).of(sample).score
    assert np.isnan(ak.to_numpy(ak.drop_none(expected))).any()
    for table in (frame, frame.set_index(list(KEYS))):
        found = Friend(table).of(sample)
        assert_same(found.score, expected)
        assert set(ak.to_list(found.label)) == {"a", "b", "c", None}


# ---------------------------------------------------------------------------------------------- as fields of events


def test_fields_stay_with_events_that_are_chosen_sliced_masked_and_pickled(sample, tmp_path):
    friend = Friend(write_tree(tmp_path / "friend.root", columns_of(sample)))
    expected = friend.of(sample).score
    sample["Calib"] = friend.of(sample)
    sample["Electrons", "calibrated"] = friend.of_objects(sample, "Electrons", "el_pt")
    per_electron = sample.Electrons.pt / 3
    mask = sample.EventInfo.eventNumber % 3 == 1
    for chosen in (mask, slice(100, 900), slice(0, 0)):
        some = sample[chosen]
        assert_same(some.Calib.score, expected[chosen])
        assert_same(friend.of(some).score, expected[chosen])
        known = ~ak.is_none(some.Calib.score)
        assert ak.to_list(some.Electrons.calibrated[known]) == ak.to_list(per_electron[chosen][known])
        assert_same(pickle.loads(pickle.dumps(some)).Calib.score, expected[chosen])  # noqa: S301
        assert ak.all(some.Electrons[some.Electrons.pt > 30e3].calibrated > 1e4)
    masked = ak.mask(sample, mask)
    assert ak.to_list(friend.of(masked).score) == ak.to_list(ak.mask(expected, mask))
    sample["Some"] = ak.mask(sample.Electrons, mask)
    some = friend.of_objects(sample, "Some", "el_pt")
    assert ak.to_list(some) == ak.to_list(ak.mask(sample.Electrons.calibrated, mask))
    electrons = friend.of_objects(masked, "Electrons", "el_pt")
    assert ak.to_list(electrons) == ak.to_list(ak.mask(sample.Electrons.calibrated, mask))


def test_fields_stay_under_variations(sample):
    friend = Friend(columns_of(sample))
    expected = friend.of(sample).score
    sample["Calib"] = friend.of(sample)
    variation = {"JET__1up": {"Jets": lambda jets: physlite.analysis.rescaled(jets, 1.02)}}
    _, (name, varied) = physlite.analysis.variations(sample, variation)
    assert name == "JET__1up"
    assert_same(varied.Calib.score, expected)
    assert_same(friend.of(varied[5:99]).score, expected[5:99])


def test_links_of_the_events_stay_what_they_are(sample):
    tracks = ak.to_list(sample.Electrons.trackParticles.z0)
    sample["Calib"] = Friend(columns_of(sample)).of(sample)
    assert ak.to_list(sample.Electrons.trackParticles.z0) == tracks


def test_events_of_another_file(sample):
    """Those of the sample as an RNTuple: the same events."""
    friend = Friend(data.path_of(data.SAMPLE_RNTUPLE))
    some = sample[sample.EventInfo.eventNumber % 7 == 3]
    other = friend.of(some)
    assert ak.to_list(other.Electrons.pt) == ak.to_list(some.Electrons.pt)
    assert ak.to_list(other.Electrons.trackParticles.z0) == ak.to_list(some.Electrons.trackParticles.z0)
    some["Other"] = other
    assert ak.to_list(some.Other.Jets.pt) == ak.to_list(some.Jets.pt)
    assert not hasattr(some.Other, "trigger")
    with pytest.raises(ValueError, match="several files"):
        some.Other.Electrons.trackParticles  # noqa: B018
    assert ak.to_list(friend.of_objects(some, "Jets", "Jets.pt")) == ak.to_list(some.Jets.pt)


def test_events_of_several_files_are_several_friends(sample):
    friend = Friend([data.path_of(data.SAMPLE), data.path_of(data.SAMPLE_RNTUPLE)])
    with pytest.raises(UnsupportedFormatError, match="several files of events are no one friend: make one of each"):
        friend.of(sample)


def test_events_that_were_converted(sample, tmp_path):
    names = {".parquet": None, ".root": "rntuple"}
    for ending, kind in names.items():
        physlite.interop.convert(data.path_of(data.SAMPLE), tmp_path / f"events{ending}", format=kind)
        friend = Friend(tmp_path / f"events{ending}")
        some = sample[500:510]
        assert ak.to_list(friend.of(some).Electrons.trackParticles.z0) == ak.to_list(some.Electrons.trackParticles.z0)


def test_in_runs(sample, tmp_path):
    friend = Friend(write_parquet(tmp_path / "friend.parquet", columns_of(sample)))

    def analysis(events):
        events["Calib"] = friend.of(events)
        events["Electrons", "calibrated"] = friend.of_objects(events, "Electrons", "el_pt")
        known = ak.drop_none(events.Calib.score)
        return {
            "events": len(known),
            "positive": int(ak.sum(known > 0)),
            "electrons": int(ak.count(events.Electrons.calibrated)),
        }

    expected = analysis(physlite.events(data.path_of(data.SAMPLE)))
    assert 0 < expected["positive"] < expected["events"] == 1333
    for i in range(2):
        shutil.copy(data.path_of(data.SAMPLE), tmp_path / f"{i}.sample.root")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SameFileWarning)
        found = physlite.run(analysis, str(tmp_path / "*.sample.root"), workers=2, chunk_size=300).value
    assert found == {name: 2 * value for name, value in expected.items()}


# ------------------------------------------------------------------------------------------------------ what is read


def test_a_column_is_read_when_it_is_used(sample, tmp_path):
    path = write_tree(tmp_path / "friend.root", columns_of(sample))
    with physlite_tree(path) as branch:
        begin, size = branch.member("fBasketSeek")[0], branch.basket_compressed_bytes(0)
    content = bytearray(path.read_bytes())
    content[begin + 60 : begin + size] = bytes(size - 60)
    path.write_bytes(content)
    sample["Calib"] = Friend(path).of(sample)
    some = sample[sample.EventInfo.eventNumber % 2 == 0][10:20]
    assert len(some.Calib.el_pt) == 10
    with pytest.raises(CorruptDataError, match=r"friend\.root: tree calib, column score"):
        some.Calib.score  # noqa: B018


def physlite_tree(path):
    return uproot.open({str(path): "calib/score"})


def test_of_a_friend_in_the_same_order_a_range_is_read(sample, tmp_path):
    """Of the columns only the row group of Parquet that has the range: the others are overwritten."""
    info = sample.EventInfo
    table = pyarrow.table({"run": np.asarray(info.runNumber), "event": np.asarray(info.eventNumber), "x": range(2000)})
    path = tmp_path / "friend.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=500, compression="zstd")
    metadata = pyarrow.parquet.read_metadata(path)
    content = bytearray(path.read_bytes())
    for group in (0, 2, 3):
        column = metadata.row_group(group).column(2)
        begin = column.dictionary_page_offset or column.data_page_offset
        content[begin : begin + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(content)
    friend = Friend(path, on={"runNumber": "run", "eventNumber": "event"})
    assert friend.of(sample[600:900]).x.to_list() == list(range(600, 900))
    with pytest.raises(CorruptDataError, match=r"friend\.parquet: column x cannot be read, the file is damaged"):
        friend.of(sample[400:900]).x  # noqa: B018


def test_keys_are_read_once_for_all_friends_of_a_file(sample, tmp_path):
    path = write_tree(tmp_path / "friend.root", columns_of(sample))
    one, other = Friend(path), pickle.loads(pickle.dumps(Friend(path)))  # noqa: S301
    one.of(sample)
    assert one._rows.index(KEYS) is other._rows.index(KEYS)
    write_tree(path, columns_of(sample, seed=1))
    assert one._rows.index(KEYS) is not other  # written anew, it is another file
    assert_same(one.of(sample).score, Friend(columns_of(sample, seed=1)).of(sample).score)


def test_several_files_follow_one_another(sample, tmp_path):
    columns = columns_of(sample)
    for i, part in enumerate((slice(0, 400), slice(400, 401), slice(401, None))):
        write_tree(tmp_path / f"{i}.root", {name: values[part] for name, values in columns.items()})
    expected = Friend(columns)
    for where in (tmp_path / "*.root", [tmp_path / f"{i}.root" for i in (2, 0, 1)]):
        friend = Friend(where)
        assert len(friend) == 1333
        assert_same(friend.of(sample).score, expected.of(sample).score)
        assert_same(friend.of_objects(sample, "Electrons", "el_pt"), expected.of_objects(sample, "Electrons", "el_pt"))


def test_values_that_are_missing_in_a_friend(sample, tmp_path):
    """Also where they are in some row groups only, and within lists and records."""
    kinds = [
        [1.5, None, 2.5],
        [[1], [None, 2], None],
        [{"a": 1, "b": "x"}, {"a": None, "b": None}, None],
        ["one", None, "three"],
    ]
    events = list(range(1, 10))
    columns = {f"c{i}": [kind[0]] * 3 + kind + [kind[0]] * 3 for i, kind in enumerate(kinds)}
    table = pyarrow.table({"runNumber": [284500] * 9, "eventNumber": events, **columns})
    pyarrow.parquet.write_table(table, tmp_path / "friend.parquet", row_group_size=3)
    longer = pyarrow.concat_tables([table, table]).combine_chunks()
    for friend in (Friend(table), Friend(longer[5:14]), Friend(tmp_path / "friend.parquet")):
        for part in (slice(0, 2), slice(0, 12), slice(2, 5)):
            found = friend.of(sample[part])
            for name, values in columns.items():
                assert ak.to_list(found[name]) == [*values, None, None, None][part]


def test_columns_of_types_that_arrays_do_not_have(sample, tmp_path):
    """Others are read; what is said of one names it."""
    columns = columns_of(sample)
    length = len(columns["score"])
    write_parquet(tmp_path / "plain.parquet", columns)
    table = pyarrow.parquet.read_table(tmp_path / "plain.parquet")
    unknown = {
        "price": pyarrow.array([Decimal("1.5"), None] * length, type=pyarrow.decimal128(5, 2))[:length],
        "prices": pyarrow.array([[Decimal("1.5")], []] * length, type=pyarrow.list_(pyarrow.decimal128(5, 2)))[:length],
        "map": pyarrow.array([[("a", 1)], []] * length, type=pyarrow.map_(pyarrow.string(), pyarrow.int32()))[:length],
    }
    for name, values in unknown.items():
        table = table.append_column(name, values)
    pyarrow.parquet.write_table(table, tmp_path / "friend.parquet")
    friend = Friend(tmp_path / "friend.parquet")
    assert friend.fields == list(columns)
    assert_same(friend.of(sample).score, Friend(columns).of(sample).score)
    assert_same(
        friend.of_objects(sample, "Electrons", "el_pt"), Friend(columns).of_objects(sample, "Electrons", "el_pt")
    )
    message = (
        r"friend\.parquet: column prices cannot be read: Awkward Array does not know list<.*decimal128\(5, 2\)>: write"
    )
    with pytest.raises(UnreadableColumnError, match=message):
        friend.of_objects(sample, "Electrons", "prices")
    with pytest.raises(UnreadableColumnError, match=r"friend\.parquet: column map cannot be read: .* map<string, "):
        Friend(tmp_path / "friend.parquet", on={"runNumber": "map"}).of(sample)
    several = Friend([tmp_path / "plain.parquet", tmp_path / "friend.parquet"])
    with pytest.raises(UnreadableColumnError, match=r"^\S*friend\.parquet: column price "):
        several.of_objects(sample, "Electrons", "price")


def test_branches_that_cannot_be_read(sample):
    """Are no columns; what is said of one names it."""
    friend = Friend(data.path_of(data.R21), tree="CollectionTree", on={"eventNumber": "EventInfoAux.eventNumber"})
    assert "McEventInfo" not in friend.fields
    with pytest.raises(UnreadableColumnError, match=r"mc\.root: .*McEventInfo"):
        friend.of_objects(sample, "Electrons", "McEventInfo")


def test_columns_of_other_types_in_another_file(sample, tmp_path):
    columns = columns_of(sample)
    write_tree(tmp_path / "0.root", columns)
    double = {**columns, "eventNumber": columns["eventNumber"] + 10_000, "score": columns["score"].astype(float)}
    write_tree(tmp_path / "1.root", double)
    friend = Friend(tmp_path / "?.root")
    assert_same(friend.of(sample).score, Friend(columns).of(sample).score)  # the rows are those of the first
    others = ak.zip({key: double[key][:5] for key in KEYS}, depth_limit=1)
    assert ak.to_list(friend.of(others).el_pt) == ak.to_list(double["el_pt"][:5])
    with pytest.raises(UnreadableColumnError, match=r"0\.root and 1 more: column score is float64 in .* float32 else"):
        friend.of(others).score  # noqa: B018


def test_a_tree_by_its_name(sample, tmp_path):
    path = tmp_path / "friend.root"
    columns = columns_of(sample)
    del columns["el_pt"]
    with uproot.recreate(path) as file:
        file["nominal"] = columns
        file["shifted"] = {**columns, "score": columns["score"] + 1}
        file["folder/deep"] = {**columns, "score": columns["score"] + 2}
        file["histogram"] = np.histogram([1.0, 2.0])
    scores = Friend(path, tree="nominal").of(sample).score
    assert ak.all(Friend(path, tree="shifted").of(sample).score == scores + 1)
    assert ak.all(Friend(path, tree="folder/deep").of(sample).score == scores + 2)
    with pytest.raises(ColumnNotFoundError, match="nominal, shifted: say which with tree="):
        Friend(path).of(sample)
    with pytest.raises(ColumnNotFoundError, match="no tree 'nominel'; nearest: nominal"):
        Friend(path, tree="nominel").of(sample)
    for name in ("folder", "histogram"):
        with pytest.raises(ColumnNotFoundError, match=f"no tree '{name}'; there are nominal, shifted"):
            Friend(path, tree=name).of(sample)


# ------------------------------------------------------------------------------------------------------------ errors


def test_an_event_that_a_friend_has_twice(sample):
    columns = columns_of(sample)
    twice = {name: ak.concatenate([values, values[7:8]]) for name, values in columns.items()}
    event = int(columns["eventNumber"][7])
    friend = Friend(twice)
    with pytest.raises(FriendError, match=f"runNumber 284500, eventNumber {event} is in rows 7 and 1333"):
        friend.of(sample)
    others = sample[sample.EventInfo.eventNumber != event]
    assert_same(friend.of(others).score, Friend(columns).of(others).score)


def test_lists_of_other_lengths_than_the_collection(sample):
    columns = columns_of(sample)
    friend = Friend(columns)
    event = int(columns["eventNumber"][np.flatnonzero(ak.num(columns["el_pt"]) > 0)[0]])
    some = sample[sample.EventInfo.eventNumber == event]
    some["Electrons"] = some.Electrons[:, 1:]
    with pytest.raises(FriendError, match=rf"has \d values and Electrons \d objects in .*, eventNumber {event}: take"):
        friend.of_objects(some, "Electrons", "el_pt")
    with pytest.raises(FriendError, match="column score has no lists"):
        friend.of_objects(sample, "Electrons", "score")
    with pytest.raises(ColumnNotFoundError, match=r"no column 'el_bt'; nearest: el_pt"):
        friend.of_objects(sample, "Electrons", "el_bt")


def test_objects_in_another_order_than_in_the_file(sample):
    """The numbers would be those of other objects."""
    friend = Friend(columns_of(sample))
    whole = friend.of_objects(sample, "Electrons", "el_pt")
    sorted_by_eta = ak.copy(sample)
    sorted_by_eta["Electrons"] = sample.Electrons[ak.argsort(sample.Electrons.eta, axis=1)]
    with pytest.raises(
        FriendError, match=r"el_pt is in the order of the file, and Electrons are in another one in runN"
    ):
        friend.of_objects(sorted_by_eta, "Electrons", "el_pt")
    masked = ak.copy(sample)
    masked["Electrons"] = ak.mask(
        sample.Electrons, sample.Electrons.pt > 20_000
    )  # objects that are missing keep places
    assert ak.to_list(friend.of_objects(masked, "Electrons", "el_pt")) == ak.to_list(whole)
    some = sample[::-3]
    assert ak.to_list(friend.of_objects(some, "Electrons", "el_pt")) == ak.to_list(whole[::-3])


def test_keys_that_are_not_there_or_no_integers(sample):
    columns = columns_of(sample)
    with pytest.raises(ColumnNotFoundError, match="the friend: no column 'mcChannelNumber'"):
        Friend(columns, on=(*KEYS, "mcChannelNumber")).of(sample)
    with pytest.raises(ColumnNotFoundError, match="the events: no column 'event'"):
        Friend(columns, on="event").of(sample)
    floats = {**columns, "eventNumber": columns["eventNumber"].astype(float)}
    with pytest.raises(FriendError, match="eventNumber is float64, and a key is an integer"):
        Friend(floats).of(sample)
    with pytest.raises(ValueError, match="on= is empty"):
        Friend(columns, on=())


def test_numbers_that_are_equal_as_floats_only():
    events = ak.Array({"event": np.array([2**53, 2**53 + 1, 2**63 + 1], dtype=np.uint64)})
    friend = Friend({"event": np.array([2**53, 2**53 + 2], dtype=np.int64), "x": [1.5, 2.5]}, on="event")
    assert friend.of(events).x.to_list() == [1.5, None, None]


def test_event_numbers_in_columns_with_a_sign():
    """As of programs that know no other integers."""
    events = ak.Array({"event": np.array([2**64 - 1, 7], dtype=np.uint64)})
    friend = Friend({"event": np.array([-1, 7], dtype=np.int64), "x": [1.5, 2.5]}, on="event")
    assert friend.of(events).x.to_list() == [1.5, 2.5]


@pytest.mark.parametrize("kind", ["table", "file", "events"])
def test_a_friend_of_other_events_is_told_of(kind, sample, tmp_path):
    columns = columns_of(sample[:10])
    where = columns | {"runNumber": columns["runNumber"] + 1}
    if kind == "file":
        where = write_tree(tmp_path / "friend.root", where)
    elif kind == "events":
        where = data.path_of(data.R24)
    friend = Friend(where)
    with pytest.warns(NoFriendWarning, match="has none of 2000 events: their runNumber is 284500 or others") as caught:
        found = friend.of(sample)
    assert ak.all(ak.is_none(found))
    assert [Path(warning.filename) for warning in caught] == [Path(__file__)]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        friend.of(sample[:10])  # it has been said


def test_friends_that_are_not_told_of(sample, recwarn):
    """They have one event, or there are none to have."""
    columns = {name: values[:1] for name, values in columns_of(sample).items()}
    assert ak.sum(~ak.is_none(Friend(columns).of(sample))) == 1
    assert len(Friend(columns).of(sample[:0])) == 0
    Friend({name: values[:0] for name, values in columns.items()}).of(sample)
    others = columns_of(sample)
    others["eventNumber"] = others["eventNumber"] + 1_000_000
    assert ak.all(ak.is_none(Friend(others).of(sample)))  # others of the same run
    assert not recwarn.list


def test_what_is_no_table(tmp_path):
    with pytest.raises(TypeError, match="something of type int is no table"):
        Friend(7)
    with pytest.raises(TypeError, match="something of type Series is no table"):
        Friend(pytest.importorskip("pandas").Series([1, 2]))
    with pytest.raises(TypeError, match="give one of records"):
        Friend(ak.Array([1, 2]))
    with pytest.raises(ValueError, match="a 2, b 1"):
        Friend({"a": [1, 2], "b": [3]})
    with pytest.raises(FileNotFoundError, match="no such file"):
        len(Friend(tmp_path / "nothing.root"))
    Path(tmp_path / "text.root").write_text("nothing")
    with pytest.raises(CorruptDataError, match="not a ROOT file"):
        len(Friend(tmp_path / "text.root"))
    Path(tmp_path / "text.csv").write_text("runNumber,eventNumber\n1,2\n")
    with pytest.raises(
        UnsupportedFormatError, match=r"text\.csv: neither ROOT nor Parquet: .*Friend\(pandas\.read_csv"
    ):
        len(Friend(tmp_path / "text.csv"))
    with uproot.recreate(tmp_path / "histogram.root") as file:
        file["histogram"] = np.histogram([1.0, 2.0])
    with pytest.raises(ColumnNotFoundError, match=r"no tree on top: name one in a folder, as tree='folder/name'"):
        len(Friend(tmp_path / "histogram.root"))


# ------------------------------------------------------------------------------------- against a slow dictionary join

SMALL = st.integers(0, 3)
LARGE = st.sampled_from([0, 2**53, 2**53 + 1, 2**63 - 1])
NAMES = st.lists(st.tuples(SMALL, LARGE, st.none() | SMALL), max_size=8)
TYPES = st.sampled_from([np.int64, np.uint64])


@pytest.mark.filterwarnings("ignore::physlite.exceptions.NoFriendWarning")
@given(events=NAMES, rows=NAMES, kinds=st.tuples(TYPES, TYPES), random=st.randoms(use_true_random=False))
def test_any_keys(events, rows, kinds, random):
    on = ("run", "event", "channel")
    array = ak.zip(
        {
            "run": np.array([name[0] for name in events], dtype=np.uint32),
            "event": np.array([name[1] for name in events], dtype=kinds[0]),
            "channel": ak.values_astype(ak.Array([name[2] for name in events]), np.int32),
        },
        depth_limit=1,
    )
    lists = [[random.random() for _ in range(random.randrange(3))] for _ in rows]
    friend = Friend(
        {
            "run": np.array([name[0] for name in rows], dtype=np.int64),
            "event": np.array([name[1] for name in rows], dtype=kinds[1]),
            "channel": ak.values_astype(ak.Array([name[2] for name in rows]), np.int16),
            "lists": ak.values_astype(ak.Array([*lists, [1.0]])[:-1], np.float64),
        },
        on=on,
    )
    known = {}
    for row, name in enumerate(rows):
        if None not in name:
            known.setdefault(name, []).append(row)
    found = [known.get(name, []) for name in events]
    if any(len(those) > 1 for those in found):
        first = next(i for i, those in enumerate(found) if len(those) > 1)
        with pytest.raises(FriendError) as error:
            friend.of(array)
        assert f"event {events[first][1]}, " in str(error.value)
        assert f" in rows {found[first][0]} and {found[first][-1]}," in str(error.value)
        return
    expected = [lists[those[0]] if those else None for those in found]
    assert ak.to_list(friend.of(array).lists) == expected
    array["Objects"] = ak.zip(
        {"x": ak.Array([[0.0] * len("ab" if values is None else values) for values in expected] + [[1.0]])[:-1]}
    )
    objects = friend.of_objects(array, "Objects", "lists")
    assert ak.to_list(objects) == [values if values is not None else [None, None] for values in expected]
