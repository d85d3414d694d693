"""Tables have what a loop over events and objects would put into them."""

import math

import awkward as ak
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

import physlite
from physlite.exceptions import ColumnNotFoundError
from physlite.interop import Friend, to_arrow, to_pandas
from support import data
from support.made_objects import jagged


@pytest.fixture(scope="module", params=data.parameters(data.ALL_FILES))
def events(request):
    return physlite.events(data.path_of(request.param))[:500]


@pytest.fixture(scope="module")
def sample():
    return physlite.events(data.path_of(data.SAMPLE))


EVENT_FIELDS = ["runNumber", "eventNumber", "averageInteractionsPerCrossing"]


def slow_rows_of_events(events, number):
    """A dictionary for each event, of its fields and of its first electrons."""
    rows = []
    for i in range(len(events)):
        row = {field: events.EventInfo[field][i] for field in EVENT_FIELDS}
        for place in range(number):
            for field in ("pt", "charge"):
                values = events.Electrons[field][i]
                row[f"Electrons_{place}_{field}"] = values[place] if place < len(values) else None
        rows.append(row)
    return rows


def slow_rows_of_objects(events):
    return [
        {
            **{field: events.EventInfo[field][i] for field in EVENT_FIELDS},
            "index": place,
            "Electrons_pt": events.Electrons.pt[i][place],
            "Electrons_charge": events.Electrons.charge[i][place],
        }
        for i in range(len(events))
        for place in range(len(events.Electrons.pt[i]))
    ]


COLUMNS = ["averageInteractionsPerCrossing", "Electrons.pt", "Electrons.charge"]


def test_rows_of_events(events):
    some = events[:60]
    expected = slow_rows_of_events(some, 3)
    table = to_arrow(some, COLUMNS, first=3)
    assert sorted(table.column_names) == sorted(expected[0])
    assert [{name: row[name] for name in expected[0]} for row in table.to_pylist()] == expected


def test_rows_of_objects(events):
    some = events[:60]
    expected = slow_rows_of_objects(some)
    assert len(expected) > 10
    table = to_arrow(some, COLUMNS, rows="objects")
    assert table.column_names == list(expected[0])
    assert table.to_pylist() == expected


def test_types_are_kept_and_only_what_can_be_missing_is_nullable(events):
    table = to_arrow(events, COLUMNS, first=1)
    types = {field.name: (field.type, field.nullable) for field in table.schema}
    charge = ak.flatten(events.Electrons.charge).layout.dtype
    assert types == {
        "runNumber": (pa.uint32(), False),
        "eventNumber": (pa.uint64(), False),
        "averageInteractionsPerCrossing": (pa.float32(), False),
        "Electrons_0_pt": (pa.float32(), True),
        "Electrons_0_charge": (pa.from_numpy_dtype(charge), True),
    }
    assert table.schema == to_arrow(events[:0], COLUMNS, first=1).schema
    lists = to_arrow(events, ["Electrons.pt"])
    assert lists["Electrons_pt"].to_pylist() == ak.to_list(events.Electrons.pt)
    assert not to_arrow(events, ["Electrons.pt"], rows="objects").schema.field("Electrons_pt").nullable


def test_columns_are_not_copied(sample):
    values = sample.EventInfo.averageInteractionsPerCrossing
    (chunk,) = to_arrow(sample, ["averageInteractionsPerCrossing"])["averageInteractionsPerCrossing"].chunks
    assert chunk.buffers()[1].address == np.asarray(values).ctypes.data
    frame = to_pandas(sample, ["averageInteractionsPerCrossing"])
    assert np.shares_memory(frame["averageInteractionsPerCrossing"].to_numpy(), np.asarray(values))


def test_a_data_frame(events):
    pandas = pytest.importorskip("pandas")
    frame = to_pandas(events, COLUMNS, first=2)
    assert frame["eventNumber"].dtype == np.uint64
    assert frame["averageInteractionsPerCrossing"].dtype == np.float32
    assert frame["Electrons_1_pt"].dtype == pandas.ArrowDtype(pa.float32())
    assert frame["Electrons_1_pt"].isna().sum() == ak.sum(ak.num(events.Electrons) < 2)
    assert frame["Electrons_0_pt"].sum() == pytest.approx(ak.sum(events.Electrons.pt[:, :1]), rel=1e-6)
    objects = to_pandas(events, COLUMNS, rows="objects")
    assert objects["Electrons_pt"].dtype == np.float32
    assert len(to_pandas(events[:0], COLUMNS, rows="objects")) == 0


def test_what_objects_and_links_give(sample):
    table = to_arrow(sample, ["Electrons.p4.mass", "Electrons.trackParticles.z0"], rows="objects")
    assert table["Electrons_p4_mass"].to_pylist() == ak.to_list(ak.flatten(sample.Electrons.p4.mass))
    expected = ak.to_list(ak.flatten(sample.Electrons.trackParticles.z0))
    assert table["Electrons_trackParticles_z0"].to_pylist() == expected
    links = to_arrow(sample[:9], ["Muons.inDetTrackParticleLink"], first=1)["Muons_0_inDetTrackParticleLink"]
    expected = ak.to_list(ak.pad_none(sample[:9].Muons.inDetTrackParticleLink, 1, clip=True)[:, 0])
    assert links.to_pylist() == expected


def test_chosen_and_sorted_objects_and_names_of_ones_own(sample):
    some = sample[10:500]
    jets = some.Jets[some.Jets.pt > 30e3]
    some["Good"] = jets[ak.argsort(jets.pt, ascending=False)]
    pairs = ak.combinations(some.Good, 2)
    both = {"pair.mass": (pairs["0"] + pairs["1"]).mass, "mu": "averageInteractionsPerCrossing"}
    table = to_arrow(some, both, rows="objects", keys=())
    assert table.column_names == ["mu", "index", "pair_mass"]
    assert table["pair_mass"].to_pylist() == ak.to_list(ak.flatten(both["pair.mass"]))
    leading = to_arrow(some, ["Good.pt", "Electrons.pt"], first={"Good": 2})
    assert leading.column_names == ["runNumber", "eventNumber", "Good_0_pt", "Good_1_pt", "Electrons_pt"]
    assert leading["Good_0_pt"].to_pylist() == ak.to_list(ak.max(some.Good.pt, axis=1))


def test_masked_events(sample):
    some = ak.mask(sample[:50], sample[:50].EventInfo.eventNumber % 2 == 0)
    table = to_arrow(some, ["Electrons.pt"], first=1)
    assert table["eventNumber"].to_pylist() == ak.to_list(some.EventInfo.eventNumber)
    assert table["Electrons_0_pt"].to_pylist() == ak.to_list(ak.firsts(some.Electrons.pt))
    objects = to_arrow(some, ["Electrons.pt"], rows="objects")
    assert objects["Electrons_pt"].to_pylist() == ak.to_list(ak.flatten(some.Electrons.pt))
    assert None not in objects["eventNumber"].to_pylist()


def test_a_table_comes_back_as_a_friend(sample):
    """What somebody adds to a data frame becomes a field of the events it was made of, chosen or not."""
    frame = to_pandas(sample[sample.EventInfo.eventNumber % 3 > 0], ["Electrons.pt"], first=1)
    frame["score"] = frame["Electrons_0_pt"] / 2
    found = Friend(frame.sample(frac=1, random_state=1)).of(sample)
    expected = ak.firsts(sample.Electrons.pt) / 2
    known = np.asarray(sample.EventInfo.eventNumber % 3 > 0)
    assert ak.to_list(found.score[known]) == ak.to_list(expected[known])
    assert ak.all(ak.is_none(found.score[~known]))
    part = Friend(to_pandas(sample, ["Electrons.pt"], first=1)[100:300]).of(sample)["Electrons_0_pt"]
    assert ak.to_list(part) == [None] * 100 + ak.to_list(ak.firsts(sample.Electrons.pt)[100:300]) + [None] * 1700


def test_frames_and_tables_of_a_run(sample):
    def frames(events):
        return to_pandas(events, COLUMNS, first=1)

    def arrays(events):
        return ak.from_arrow(to_arrow(events, COLUMNS, rows="objects"))

    def run(analysis):
        return physlite.run(analysis, data.path_of(data.SAMPLE), workers=0, chunk_size=300).value

    assert run(frames).reset_index(drop=True).equals(frames(sample))
    assert run(arrays).to_list() == arrays(sample).to_list()


@pytest.mark.parametrize(
    "values",
    [
        [1.5, None, 2.5],
        ["x", None, ""],
        [True, None, False],
        [[[1.5, None]], None, [None, []]],
        [{"a": 1, "b": [1, None]}, None, {"a": None, "b": None}],
        [{"a": None}, None],
        [[None], None],
        [None, None],
        [1, "a", None, [2]],
    ],
)
def test_what_is_missing_is_null(values):
    array = ak.Array(values)
    for part in (slice(None), slice(1, None), slice(0, 0)):
        events = ak.zip({"x": array[part]}, depth_limit=1)
        assert to_arrow(events, ["x"], keys=())["x"].to_pylist() == array[part].to_list()


def test_what_makes_no_table(sample):
    for columns, options, message in [
        (
            ["Electrons"],
            {},
            r"Electrons are objects, and no column: name the fields that are wanted, as 'Electrons\.pt'",
        ),
        ({"x": [1, 2]}, {}, "column x has 2 values for 2000 events"),
        (["averageInteractionsPerCrossing"], {"rows": "objects"}, "no column is a list of objects, among runNumber"),
        (["Electrons.pt", "Jets.pt"], {"rows": "objects"}, r"Electrons\.pt has 0 objects and Jets\.pt 7 in event 2"),
        (["Electrons.pt"], {"rows": "objects", "first": 2}, "first= is for rows of events"),
        (["Electrons.pt"], {"rows": "jets"}, "rows='jets': it is 'events' or 'objects'"),
        (["Electrons.pt"], {"first": {"Elektrons": 2}}, "first= names Elektrons, of which no column is a list"),
        ({"Electrons_pt": "mcEventNumber", "Electrons.pt": "Electrons.pt"}, {}, "would both be Electrons_pt"),
    ]:
        with pytest.raises(ValueError, match=message):
            to_arrow(sample, columns, **options)
    with pytest.raises(ColumnNotFoundError, match=r"no column 'Electrons\.bt'; nearest: Electrons\.pt"):
        to_arrow(sample, ["Electrons.bt"])
    with pytest.raises(ColumnNotFoundError, match="no column 'runNumbre'"):
        to_arrow(sample, ["Electrons.pt"], keys=("runNumbre",))


@pytest.mark.parametrize("first", [0, -1, "1", 2.5, True])
def test_how_many_objects_become_columns_is_a_positive_number(sample, first):
    error = ValueError if type(first) is int else TypeError
    for each in (first, {"Electrons": first}):
        with pytest.raises(error, match=rf"^first={first!r} for Electrons: "):
            to_arrow(sample, ["Electrons.pt"], first=each)


def test_a_single_name(sample):
    table = to_arrow(sample, "Electrons.pt", rows="objects", keys="eventNumber")
    assert table.equals(to_arrow(sample, ["Electrons.pt"], rows="objects", keys=["eventNumber"]))


def test_what_are_no_events(sample):
    with physlite.open(data.path_of(data.SAMPLE)) as file:
        for what, message in [
            (file, "something of type File in place of events: give events"),
            (data.path_of(data.SAMPLE), r"something of type \w*Path in place of events"),
            (str(data.path_of(data.SAMPLE)), "something of type str in place of events"),
            (sample.Electrons, "lists of objects in place of events"),
            (sample.Electrons.pt, "values without names in place of events"),
            (sample[0], "a single event in place of events"),
        ]:
            for function in (
                lambda events: to_arrow(events, ["Electrons.pt"]),
                lambda events: to_pandas(events, ["Electrons.pt"]),
                Friend({"runNumber": [1], "eventNumber": [2]}).of,
                lambda events: Friend({"runNumber": [1], "eventNumber": [2]}).of_objects(events, "Electrons", "x"),
            ):
                with pytest.raises(TypeError, match=f"^{message}"):
                    function(what)


# -------------------------------------------------------------------------------------------------- made of anything

FLOATS = st.floats(width=32, allow_nan=True)
EVENTS = st.lists(st.lists(st.tuples(FLOATS, st.integers(-128, 127)), max_size=4), max_size=5)


@given(made=EVENTS, number=st.integers(1, 5))
def test_any_events(made, number):
    array = ak.zip({"run": np.arange(len(made), dtype=np.uint32)}, depth_limit=1)
    array["Objects"] = ak.zip(
        {
            "x": jagged([[x for x, _ in event] for event in made], np.float32, 0),
            "n": jagged([[n for _, n in event] for event in made], np.int8, 0),
        }
    )
    wide = to_arrow(array, ["Objects.x", "Objects.n"], first=number, keys=("run",)).to_pylist()
    expected = [
        {"run": run}
        | {f"Objects_{i}_x": event[i][0] if i < len(event) else None for i in range(number)}
        | {f"Objects_{i}_n": event[i][1] if i < len(event) else None for i in range(number)}
        for run, event in enumerate(made)
    ]
    assert plain(wide) == plain(expected)
    long = to_arrow(array, ["Objects.x", "Objects.n"], rows="objects", keys=("run",)).to_pylist()
    expected = [
        {"run": run, "index": place, "Objects_x": x, "Objects_n": n}
        for run, event in enumerate(made)
        for place, (x, n) in enumerate(event)
    ]
    assert plain(long) == plain(expected)


@given(made=st.lists(st.lists(st.lists(st.integers(0, 9), max_size=3), max_size=3), max_size=6), random=st.data())
def test_any_lists(made, random):
    """In all the ways that lists are stored: as they were made, cut, chosen, and missing on either level."""
    array = ak.zip({"run": np.arange(len(made), dtype=np.uint32)}, depth_limit=1)
    array["x"] = jagged(made, np.int16, 1)
    start = random.draw(st.integers(0, len(made)))
    array = array[start:]
    chosen = random.draw(st.lists(st.integers(0, len(array) - 1), max_size=6)) if len(array) else []
    array = array[np.array(chosen, dtype=np.int64)] if random.draw(st.booleans()) else array
    mask = np.array(random.draw(st.lists(st.booleans(), min_size=len(array), max_size=len(array))), dtype=bool)
    array["events"] = ak.mask(array.x, mask)
    array["objects"] = ak.mask(array.x, ak.num(array.x, axis=2) % 2 == 0)
    array["whole"] = ak.mask(array, ~mask).objects
    names = ["x", "events", "objects", "whole"]
    table = to_arrow(array, names, keys=())
    assert {name: table[name].to_pylist() for name in names} == {name: ak.to_list(array[name]) for name in names}
    wide = to_arrow(array, names, first=2, keys=())
    for name in names:
        for i in range(2):
            expected = [None if values is None or len(values) <= i else values[i] for values in ak.to_list(array[name])]
            assert wide[f"{name}_{i}"].to_pylist() == expected
    for name in names:
        long = to_arrow(array, [name], rows="objects", keys=("run",))
        expected = [
            (run, i, value)
            for run, values in zip(array.run.to_list(), ak.to_list(array[name]), strict=True)
            for i, value in enumerate(values or [])
        ]
        assert list(zip(*(column.to_pylist() for column in long.columns), strict=True)) == expected


def plain(rows):
    """NaNs are equal here."""
    return [
        {name: "NaN" if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}
        for row in rows
    ]


@pytest.mark.parametrize(
    ("columns", "error", "said"),
    [
        (["averageInteractionPerCrossing"], ColumnNotFoundError, "nearest: averageInteractionsPerCrossing"),
        (["AnalysisElectronsAuxDyn.pt"], ColumnNotFoundError, "no column '.*': here it is Electrons.pt$"),
        (["AnalysisElectronsAuxDyn:pt"], ColumnNotFoundError, "no column '.*': here it is Electrons.pt$"),
        (["Electrons"], ValueError, "name the fields that are wanted, as 'Electrons.[a-zA-Z]+'$"),
        ({"w": 1.0}, TypeError, "column w is 1.0: give an array"),
        ({"w": np.float32(1.0)}, TypeError, "column w is .*: give an array"),
    ],
)
def test_what_to_do_is_said(columns, error, said):
    with pytest.raises(error, match=said):
        to_arrow(physlite.events(data.path_of(data.SAMPLE)), columns)


def test_records_without_keys():
    jets = ak.flatten(physlite.events(data.path_of(data.SAMPLE)).Jets)
    with pytest.raises(ColumnNotFoundError, match=r"no column 'runNumber'.*; keys=\(\) leaves out"):
        to_arrow(jets, ["pt"])
    assert to_arrow(jets, ["pt"], keys=()).column_names == ["pt"]
