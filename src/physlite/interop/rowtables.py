"""Tables in memory as arrays of records; numbers are not copied."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content

from physlite.interop.rows import RECORD

__all__ = ["records_of"]


def records_of(table: Any) -> ak.Array:
    """A record for each row.

    Args:
        table: an Awkward Array of records, a data frame of pandas (its named indices are columns too), anything that
            Arrow takes for a table, or a mapping of names to arrays.

    Raises:
        TypeError: something else.
        ValueError: the columns are of different lengths.
    """
    if isinstance(table, ak.Array):
        return _records(table)
    if isinstance(table, Mapping):
        columns = {str(name): _column(values) for name, values in table.items()}
    elif (pandas := sys.modules.get("pandas")) is not None and isinstance(table, pandas.DataFrame):
        named = [name for name in table.index.names if name is not None]
        frame = table.reset_index(level=named) if named else table
        columns = {str(name): _column(frame[name]) for name in frame.columns}
    elif hasattr(table, "__arrow_c_stream__"):
        import pyarrow as pa

        try:
            return _records(_from_arrow(pa.table(table)))
        except pa.ArrowInvalid as error:  # a single column, as a series of pandas
            msg = f"something of type {type(table).__name__} is no table ({error}): give a data frame or a mapping"
            raise TypeError(msg) from None
    else:
        msg = f"something of type {type(table).__name__} is no table: give a path, records, a data frame or a mapping"
        raise TypeError(msg)
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        msg = f"columns of different lengths are no table: {', '.join(f'{n} {c}' for n, c in lengths.items())}"
        raise ValueError(msg)
    length = next(iter(lengths.values()), 0)
    record = ak.contents.RecordArray([*columns.values()], [*columns], length, parameters={"__record__": RECORD})
    return ak.Array(record)


def _records(array: ak.Array) -> ak.Array:
    layout = array.layout
    if not ak.fields(array) or layout.purelist_depth != 1:
        msg = f"an array of {layout.form.type} is no table: give one of records, a record for each event"
        raise TypeError(msg)
    if layout.purelist_parameter("__record__") not in (None, "Events"):
        return array
    # Events of others are no events here, whose trigger and metadata they would be taken to have.
    return ak.Array(_named(layout), attrs=array.attrs)


def _named(layout: Content) -> Content:
    if layout.is_record:
        return layout.copy(parameters={**layout.parameters, "__record__": RECORD})
    return layout.copy(content=_named(layout.content))


def _column(values: Any) -> Content:
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(values, pandas.Series):
        if values.dtype.kind in "biuf" and hasattr(values.dtype, "itemsize") and not hasattr(values.dtype, "na_value"):
            return ak.to_layout(values.to_numpy())
        import pyarrow as pa

        return ak.to_layout(_from_arrow(pa.array(values, from_pandas=True)))
    return ak.to_layout(values)


def _from_arrow(data: Any) -> ak.Array:
    """An array of Arrow's table or column.

    Of slices Awkward takes the bits that say what is missing from the beginning, of parts of them too (2.14.0): so all
    rows are taken, into arrays that are no slices.
    """
    return ak.from_arrow(data.take(np.arange(len(data))))
