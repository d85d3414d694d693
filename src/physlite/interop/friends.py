"""Friends: columns of events from elsewhere, found by run and event number.

What ROOT calls a friend tree, without its condition that both are in the same order: a file or table has some of the
events, in any order, and its columns become an optional field of the events. So one can add to PHYSLITE what it lacks:
calibrated momenta, the output of a neural network, or collections of another derivation, as the notebook
notebooks/optional_daod_content.ipynb of github.com/nikoladze/physlite_experiments does.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Mapping, Sequence
from typing import Any, cast

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import FriendError, NoFriendWarning
from physlite.interop.given import require_events
from physlite.interop.keys import KEYS, counts_of, field_of, key_of
from physlite.interop.rowfiles import Where, open_rows
from physlite.interop.rows import MemoryRows, Rows
from physlite.interop.rowtables import records_of
from physlite.model.objects import LINK
from physlite.warning import warn

__all__ = ["Friend"]

_INDEX = 0xFFFFFFFF  # of the number in which objects know their place


class Friend:
    """Columns of events, from a file or a table.

    Nothing is read before it is used: the keys with the first events, once in a process; other columns when somebody
    takes them, and of these only the rows from the first to the last one that the events need. Friends pickle as the
    name of their file, or with their table.

    Args:
        where: a ROOT file with a tree or an RNTuple, or a Parquet file: a path, a pattern, a URL, or a list of these,
            whose rows follow one another. Of a DAOD_PHYSLITE file, or of a DAOD_PHYS, the events with their
            collections. Or a table: an Awkward Array of records, a data frame, a table of Arrow, or a mapping of names
            to arrays.
        tree: the tree or RNTuple of a ROOT file; needed where there are several.
        on: what names an event: fields of `EventInfo`, or of the events, that are columns of the friend too; or a
            mapping of these fields to columns of the friend, where they have other names.

    Raises:
        TypeError, ValueError: what is given is no table.
    """

    def __init__(
        self, where: Any, *, tree: str | None = None, on: str | Sequence[str] | Mapping[str, str] = KEYS
    ) -> None:
        names = [on] if isinstance(on, str) else on
        self._on = dict(names) if isinstance(names, Mapping) else {name: name for name in names}
        if not self._on:
            msg = "on= is empty: say which fields name an event"
            raise ValueError(msg)
        self._tree = tree
        self._where = where if _is_file(where) else records_of(where)
        self._is_told = False

    @property
    def fields(self) -> list[str]:
        """The names of its columns, save for those that cannot be read."""
        return list(self._rows.fields)

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return self._rows.name

    def __len__(self) -> int:
        return self._rows.length

    def of(self, events: ak.Array) -> ak.Array:
        """Its columns for some events: a record for each, None where it has none.

        `events["Calib"] = friend.of(events)` makes them a field of the events. Links of objects that a friend has can
        be followed in what `of` returns, not in a field of other events.

        Args:
            events: of a file, chosen, masked or not; or any records with the keys.

        Raises:
            TypeError: these are no events.
            ColumnNotFoundError: the events or the friend lack a key.
            UnreadableColumnError: the friend has a key that cannot be read.
            FriendError: it has one of these events several times, or keys that are no integers.
            OSError, CorruptDataError: as `physlite.open`.

        Warns:
            NoFriendWarning: it has none of these events, since it is of other runs (or whatever is the first key).
        """
        require_events(events)
        rows = self._find(events)
        wanted = rows[rows >= 0]
        length = self._rows.length
        start, stop = (int(wanted.min()), int(wanted.max()) + 1) if len(wanted) else (0, 0)
        if stop - start > length // 2:  # in another order, as it seems: other events will need the same rows
            start, stop = 0, length
        records = self._rows.record(start, stop)
        index = ak.index.Index64(np.where(rows >= 0, rows - start, -1))
        return ak.Array(ak.contents.IndexedOptionArray.simplified(index, records.layout), attrs=records.attrs)

    def of_objects(self, events: ak.Array, collection: str, column: str) -> ak.Array:
        """A column that has a list for each event, an item for each object of a collection.

        `events["Electrons", "score"] = friend.of_objects(events, "Electrons", "el_score")` makes it a field of the
        objects, None where the friend does not have their event. The lists have to be as long as the collection, and
        in its order: take them before objects are chosen or sorted.

        Args:
            events: as for `of`.
            collection: of the events.
            column: of the friend; `collection.field` of one that has collections itself.

        Raises:
            TypeError, ColumnNotFoundError, OSError, CorruptDataError: as `of`, or there is no such column.
            UnreadableColumnError: it is there, but cannot be read; then it is not among `fields`.
            FriendError: as `of`, a list that is of another length than the collection, or objects that are in another
                order than in their file; the message names the event.
        """
        self._rows.require(column)
        values = field_of(self.of(events), column, self.name)
        objects = events[collection]
        if values.ndim < 2:  # noqa: PLR2004  # no lists
            msg = f"{self.name}: column {column} has no lists, but {values.type.content}: take it with .of(events)"
            raise FriendError(msg)
        masked = _missing(objects)
        there = ~_missing(values) & ~masked
        counts = counts_of(objects)
        self._require_same(events, np.where(there, counts_of(values), counts), counts, collection, column)
        self._require_order(events, objects, there, collection, column)
        belongs = np.repeat(there, counts)
        index = ak.index.Index64(np.where(belongs, np.cumsum(belongs) - 1, -1))
        flat = ak.to_layout(ak.flatten(ak.drop_none(values[there], axis=0), axis=1))
        offsets = ak.index.Index64(np.concatenate([[0], np.cumsum(counts)]))
        lists = ak.contents.ListOffsetArray(offsets, ak.contents.IndexedOptionArray.simplified(index, flat))
        if not ak.to_layout(objects).is_option:
            return ak.Array(lists)
        places = ak.index.Index64(np.where(masked, -1, np.arange(len(counts))))
        return ak.Array(ak.contents.IndexedOptionArray.simplified(places, lists))

    @property
    def _rows(self) -> Rows:
        return self._memory if isinstance(self._where, ak.Array) else open_rows(cast("Where", self._where), self._tree)

    @functools.cached_property
    def _memory(self) -> Rows:
        return MemoryRows("the friend", self._where)

    def _find(self, events: ak.Array) -> NDArray[np.int64]:
        """The row of each event; -1 for events that it does not have."""
        keys = [key_of(events, name, "the events") for name in self._on]
        there = np.logical_and.reduce([known for _, known in keys])
        rows, last = self._rows.index(tuple(self._on.values())).find([numbers for numbers, _ in keys], there)
        repeated = np.flatnonzero(rows != last)
        if len(repeated):
            at = int(repeated[0])
            msg = (
                f"{self.name}: {self._named(events, at)} is in rows {rows[at]} and {last[at]}, and a friend has an "
                "event once: leave one out, or tell them apart with another key, on="
            )
            raise FriendError(msg)
        if there.any() and not (rows >= 0).any():
            self._tell_of_strangers(events, keys[0][0][there])
        return rows

    def _tell_of_strangers(self, events: ak.Array, numbers: NDArray[np.uint64]) -> None:
        """Warns, once, of events that it has nothing of because no first key, as the run, is the same.

        Where only the others differ, it may be a friend of some of the events.
        """
        name, column = next(iter(self._on.items()))
        own = self._rows.index(tuple(self._on.values())).first_key
        if self._is_told or len(own) == 0 or np.isin(numbers, own).any():
            return
        self._is_told = True
        warn(
            f"{self.name}: it has none of {len(events)} events: their {name} is {numbers[0]} or others, its {column} "
            f"{own[0]} or others: is it of other events, or are its keys others, on=?",
            NoFriendWarning,
        )

    def _named(self, events: ak.Array, at: int) -> str:
        """An event in words."""
        return ", ".join(f"{name} {field_of(events, name, 'the events')[at]}" for name in self._on)

    def _require_same(
        self, events: ak.Array, has: NDArray[np.int64], should: NDArray[np.int64], collection: str, column: str
    ) -> None:
        different = np.flatnonzero(has != should)
        if len(different):
            at = int(different[0])
            msg = (
                f"{self.name}: {column} has {has[at]} values and {collection} {should[at]} objects in "
                f"{self._named(events, at)}: take it for the collection that it was made of, before objects are chosen"
            )
            raise FriendError(msg)

    def _require_order(
        self, events: ak.Array, objects: ak.Array, there: NDArray[np.bool_], collection: str, column: str
    ) -> None:
        """Raises FriendError where objects, as far as they know their place in the file, are in another one."""
        if LINK not in ak.fields(objects):
            return
        own = ak.fill_none(objects[LINK], -1, axis=-1)
        moved = (own >= 0) & ((own & _INDEX) != ak.local_index(own, axis=1))
        found = np.flatnonzero(ak.to_numpy(ak.fill_none(ak.any(moved, axis=1), value=False)) & there)
        if len(found):
            msg = (
                f"{self.name}: {column} is in the order of the file, and {collection} are in another one in "
                f"{self._named(events, int(found[0]))}: take it before objects are sorted"
            )
            raise FriendError(msg)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_again, (self._where, self._tree, self._on))

    def __repr__(self) -> str:
        what = f"{len(self._where)} rows" if isinstance(self._where, ak.Array) else repr(self._where)
        return f"<Friend {what} on {', '.join(self._on)}>"


def _again(where: Any, tree: str | None, on: Mapping[str, str]) -> Friend:
    return Friend(where, tree=tree, on=on)


def _is_file(where: Any) -> bool:
    paths = where if isinstance(where, list | tuple) else [where]
    return all(isinstance(path, str | os.PathLike) for path in paths)


def _missing(array: ak.Array) -> NDArray[np.bool_]:
    return np.asarray(ak.to_numpy(ak.is_none(array)), dtype=np.bool_)
