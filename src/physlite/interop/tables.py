"""Tables for those who do not work with lists: a row for each event, or for each object.

Machine learning, data frames and databases want columns of numbers. Arrow's tables are what they all read, mostly
without a copy, as `polars.from_arrow` and `pyarrow.parquet.write_table`.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import awkward as ak
import numpy as np

from physlite.exceptions import ColumnNotFoundError
from physlite.interop.given import require_events
from physlite.interop.keys import KEYS, counts_of, field_of
from physlite.interop.masking import masked

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["to_arrow", "to_pandas"]

Rows = Literal["events", "objects"]
# Names of columns, or a single one, or values by name.
Columns = str | Sequence[str] | Mapping[str, Any]
Column = tuple[str, ak.Array]


def to_arrow(
    events: ak.Array,
    columns: Columns,
    *,
    rows: Rows = "events",
    first: int | Mapping[str, int] | None = None,
    keys: str | Sequence[str] = KEYS,
) -> pa.Table:
    """Columns of events as a table of Arrow.

    Types and units are those of the columns, and what is missing is null. Columns of numbers are not copied, where
    nothing can be missing and nothing was chosen. A dot in a name becomes an underscore: `Electrons_pt`.

    Args:
        events: of a file, chosen, with fields that were added; or any records.
        columns: one or several names: `collection.field`, a field of `EventInfo`, a field that was added, or what
            objects and links give, as `Electrons.p4.mass` and `Electrons.trackParticles.z0`; or a mapping of names of
            your own to such names or to arrays.
        rows: "events": a row for each event; lists stay lists, unless `first` is given. "objects": a row for each
            object, with its place in its list as `index`; all columns that are lists have to be as long as each other
            in each event, and numbers of events are repeated.
        first: of lists in rows of events: how many objects become columns of their own, `Electrons_0_pt`,
            `Electrons_1_pt`; null where an event has fewer. A number, or one for each collection.
        keys: the columns that come first, by which rows can be joined with others.

    Raises:
        ColumnNotFoundError: there is no such column.
        TypeError: these are no events, or `first` is no whole number.
        ValueError: a name stands for whole objects, lists have different lengths, or arrays another than the events;
            `first` is less than 1.
        ImportError: pyarrow is not installed.
    """
    require_events(events)
    if rows not in get_args(Rows):
        msg = f"rows={rows!r}: it is {' or '.join(map(repr, get_args(Rows)))}"
        raise ValueError(msg)
    if rows == "objects" and first is not None:
        msg = "first= is for rows of events: rows of objects have all of them"
        raise ValueError(msg)
    named = columns if isinstance(columns, Mapping) else {name: name for name in _names(columns)}
    values = {key: _key(events, key) for key in _names(keys)}
    values |= {name: _values(events, name, what) for name, what in named.items()}
    found = dict(_named(_of_objects(events, values) if rows == "objects" else _of_events(values, first)))
    layouts = [masked(ak.to_layout(ak.materialize(array))) for array in found.values()]
    length = len(layouts[0]) if layouts else 0
    table = ak.to_arrow_table(ak.contents.RecordArray(layouts, [*found], length), extensionarray=False)
    return table.replace_schema_metadata(None)  # which is about Awkward's own types


def to_pandas(
    events: ak.Array,
    columns: Columns,
    *,
    rows: Rows = "events",
    first: int | Mapping[str, int] | None = None,
    keys: str | Sequence[str] = KEYS,
) -> pd.DataFrame:
    """The same as a data frame; arguments and errors are those of `to_arrow`.

    Columns in which nothing can be missing are arrays of NumPy. The others, and texts and lists, are arrays of Arrow,
    since those of NumPy would make floats of integers to tell what is missing.
    """
    import pandas as pd
    import pyarrow as pa

    table = to_arrow(events, columns, rows=rows, first=first, keys=keys)
    arrays: dict[str, Any] = {}
    for field, column in zip(table.schema, table.columns, strict=True):
        plain = not field.nullable and (pa.types.is_primitive(field.type) or pa.types.is_boolean(field.type))
        arrays[field.name] = column.to_numpy() if plain else pd.arrays.ArrowExtensionArray(column)
    return pd.DataFrame(arrays, copy=False)


def _names(given: str | Sequence[str]) -> Sequence[str]:
    return [given] if isinstance(given, str) else given


def _key(events: ak.Array, name: str) -> ak.Array:
    try:
        return _values(events, name, name)
    except ColumnNotFoundError as error:
        msg = f"{error}; keys=() leaves out what rows are joined by"
        raise ColumnNotFoundError(msg) from None


def _values(events: ak.Array, name: str, what: Any) -> ak.Array:
    """The values of a column."""
    found = _looked_up(events, what) if isinstance(what, str) else _array(name, what)
    if len(found) != len(events):
        msg = f"column {name} has {len(found)} values for {len(events)} events: give one, or a list, for each"
        raise ValueError(msg)
    if ak.fields(found) and found.layout.purelist_parameter("__record__") is not None:
        numbers = [field for field in ak.fields(found) if not ak.fields(found[field])]
        example = f"{name}.{(numbers or ak.fields(found))[0]}"
        msg = f"{name} are objects, and no column: name the fields that are wanted, as {example!r}"
        raise ValueError(msg)
    return found


def _array(name: str, what: Any) -> ak.Array:
    if np.isscalar(what):
        msg = f"column {name} is {what!r}: give an array with a value, or a list, for each event"
        raise TypeError(msg)
    return ak.Array(what)


def _looked_up(events: ak.Array, name: str) -> ak.Array:
    try:
        return field_of(events, name, "the events")
    except ColumnNotFoundError:
        found: Any = events
        for part in name.split("."):
            found = getattr(found, part, None)
        if not isinstance(found, ak.Array):
            raise
    return found


def _is_list(values: ak.Array) -> bool:
    return bool(values.ndim > 1)


def _named(columns: Iterator[Column]) -> Iterator[Column]:
    """The columns by the names that they have in tables, each a single time."""
    known: dict[str, str] = {}
    for name, array in columns:
        joined = name.replace(".", "_")
        if joined in known:
            msg = f"{known[joined]} and {name} would both be {joined}: give one of them a name of your own"
            raise ValueError(msg)
        known[joined] = name
        yield joined, array


def _of_events(values: Mapping[str, ak.Array], first: int | Mapping[str, int] | None) -> Iterator[Column]:
    """A row for each event."""
    collections = {name.partition(".")[0] for name, array in values.items() if _is_list(array)}
    if isinstance(first, Mapping) and not collections.issuperset(first):
        msg = f"first= names {', '.join(sorted({*first} - collections))}, of which no column is a list"
        raise ValueError(msg)
    numbers = first if isinstance(first, Mapping) else dict.fromkeys(sorted(collections), first)
    for collection, number in numbers.items():
        if first is not None:
            _require_number(collection, number)
    for name, array in values.items():
        collection, dot, field = name.partition(".")
        number = numbers.get(collection)
        if number is None or not _is_list(array):
            yield name, array
            continue
        for i in range(number):  # ak.pad_none would do, but for lists that are missing: it moves the others (2.14.0)
            yield f"{collection}.{i}{dot}{field}", ak.firsts(array[:, i:])


def _require_number(collection: str, number: Any) -> None:
    """Raises TypeError or ValueError for what is no number of columns."""
    if isinstance(number, bool) or not hasattr(number, "__index__"):
        msg = f"first={number!r} for {collection}: how many objects become columns is a whole number"
        raise TypeError(msg)
    if operator.index(number) < 1:
        msg = f"first={number} for {collection}: it is at least 1; without it lists stay lists"
        raise ValueError(msg)


def _of_objects(events: ak.Array, values: Mapping[str, ak.Array]) -> Iterator[Column]:
    """A row for each object: what is of events first."""
    lists = {name: counts_of(array) for name, array in values.items() if _is_list(array)}
    if not lists:
        msg = f"no column is a list of objects, among {', '.join(values)}: ask for rows='events'"
        raise ValueError(msg)
    (name, counts), *others = lists.items()
    for other, its in others:
        if not np.array_equal(its, counts):
            at = int(np.flatnonzero(its != counts)[0])
            msg = (
                f"{name} has {counts[at]} objects and {other} {its[at]} in event {at} of {len(events)}: a table is of "
                "one collection, ask for others by themselves"
            )
            raise ValueError(msg)
    event = np.repeat(np.arange(len(counts)), counts)
    yield from ((name, array[event]) for name, array in values.items() if name not in lists)
    yield "index", ak.Array(np.arange(len(event)) - np.repeat(np.cumsum(counts) - counts, counts))
    yield from ((name, ak.flatten(values[name], axis=1)) for name in lists)
