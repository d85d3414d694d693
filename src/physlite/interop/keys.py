"""Which rows of a table belong to events, by the numbers that name an event."""

from __future__ import annotations

import re
from collections.abc import Sequence

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import ColumnNotFoundError, FriendError
from physlite.formats.filters import nearest
from physlite.model.objects import shown

__all__ = ["KEYS", "KeyIndex", "counts_of", "field_of", "key_of"]

# A column as files name it.
_COLUMN = re.compile(r"(?:Analysis)?(?P<collection>\w+?)Aux(?:Dyn)?:?[.:](?P<field>\w+)$")

KEYS = ("runNumber", "eventNumber")  # what names an event

Numbers = NDArray[np.uint64]


def field_of(records: ak.Array, name: str, whose: str) -> ak.Array:
    """A field of records, or of their `EventInfo`, or `collection.field`.

    Raises:
        ColumnNotFoundError: there is none; the message speaks of `whose` records these are.
    """
    fields = ak.fields(records)
    if name in fields:
        return records[name]
    if "EventInfo" in fields and name in ak.fields(records["EventInfo"]):
        return records["EventInfo"][name]
    first, _, rest = name.partition(".")
    if rest and first in fields:
        if rest in ak.fields(records[first]):
            return records[first][rest]
        fields = [f"{first}.{field}" for field in ak.fields(records[first])]
    elif (found := _COLUMN.match(name)) and found["collection"] in fields:
        msg = f"{whose}: no column {name!r}: here it is {found['collection']}.{found['field']}"
        raise ColumnNotFoundError(msg)
    elif "EventInfo" in fields:  # others than its fields are collections
        fields = shown(ak.fields(records["EventInfo"]))
    msg = f"{whose}: no column {name!r}{nearest(fields, name, f'; there are {len(fields)} others')}"
    raise ColumnNotFoundError(msg)


def counts_of(lists: ak.Array) -> NDArray[np.int64]:
    """How many items each list has; 0 where it is missing."""
    return np.asarray(ak.to_numpy(ak.fill_none(ak.num(lists), 0)), dtype=np.int64)


def key_of(records: ak.Array, name: str, whose: str) -> tuple[Numbers, NDArray[np.bool_]]:
    """The numbers of a key of records, and for each whether it is there.

    Columns of different types name the same event where their numbers are equal, so all become one type. The numbers
    of 64 bits are too large for a common type of NumPy's choice, which would be float64. Negative ones count as what
    their bits are without a sign: some programs have no other type for event numbers.

    Raises:
        ColumnNotFoundError: as `field_of`.
        FriendError: they are no integers, one for each record.
    """
    values = ak.Array(ak.materialize(ak.to_layout(field_of(records, name, whose)), highlevel=False))
    there = ~np.asarray(ak.to_numpy(ak.is_none(values)), dtype=np.bool_)
    layout = ak.to_layout(ak.drop_none(values, axis=0))
    layout = layout.project() if layout.is_indexed else layout
    numbers = np.zeros(len(there), dtype=np.uint64)
    if len(layout) == 0:
        return numbers, there
    if not layout.is_numpy or layout.purelist_depth != 1 or layout.dtype.kind not in "iu":
        msg = (
            f"{whose}: {name} is {values.type.content}, and a key is an integer: convert it, or choose others with on="
        )
        raise FriendError(msg)
    numbers[there] = np.asarray(layout.data).astype(np.uint64)
    return numbers, there


class KeyIndex:
    """The rows of a table by their keys.

    Args:
        keys: one array for each key, with a number for each row.
        there: for each row whether it has all of its keys; others are never found.
    """

    def __init__(self, keys: Sequence[Numbers], there: NDArray[np.bool_]) -> None:
        rows = np.flatnonzero(there)
        codes, number = np.zeros(len(rows), dtype=np.int64), 1
        self._levels: list[tuple[Numbers, NDArray[np.int64]]] = []
        for key in keys:
            known, places = np.unique(key[rows], return_inverse=True)
            pairs = np.arange(len(known), dtype=np.int64)
            if number > 1:  # else one run, as simulated events have, and no need to sort again
                # Both factors are at most the number of rows.
                pairs, places = np.unique(codes * len(known) + places, return_inverse=True)
            codes, number = places, len(pairs)
            self._levels.append((known, pairs))
        self._first, self._last = np.zeros((2, number), dtype=np.int64)
        # Of several with one code, NumPy keeps the last.
        self._first[codes[::-1]] = rows[::-1]
        self._last[codes] = rows

    @property
    def first_key(self) -> Numbers:
        """The different numbers of the first key, in their order."""
        return self._levels[0][0]

    def find(self, keys: Sequence[Numbers], there: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first and the last row of each of some events; -1 for those that have none.

        Args:
            keys: as those of the table, in the same order.
            there: as for the table.
        """
        found = there.copy()
        codes = np.zeros(len(there), dtype=np.int64)
        for key, (known, pairs) in zip(keys, self._levels, strict=True):
            numbers, is_known = _places(known, key)
            codes, is_pair = _places(pairs, codes * len(known) + numbers)
            found &= is_known & is_pair
        if not found.any():
            nothing = np.full(len(there), -1, dtype=np.int64)
            return nothing, nothing
        return np.where(found, self._first[codes], -1), np.where(found, self._last[codes], -1)


def _places(known: NDArray[np.generic], wanted: NDArray[np.generic]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Where numbers are among those that are known, sorted, and whether they are: any place where they are not."""
    if len(known) == 0:
        return np.zeros(len(wanted), dtype=np.int64), np.zeros(len(wanted), dtype=np.bool_)
    places = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return places, known[places] == wanted
