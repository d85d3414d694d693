"""Lazy events: an Awkward Array over a file, whose buffers are read when they are used."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import CorruptDataError
from physlite.model.behaviors import SOURCE
from physlite.model.naming import Collection
from physlite.model.store import ColumnStore

__all__ = ["EventSource"]

Buffer = NDArray[Any]


class EventSource:
    """Entries `start` ≤ i < `stop` of a file as events.

    Arrays made from it carry it in their attributes: it knows which of their layouts are still the columns of the file,
    reads those alone, and lets them pickle as a reference to the file instead of as data.
    """

    def __init__(self, store: ColumnStore | Callable[[], ColumnStore], start: int, stop: int) -> None:
        self._store = store
        self.start = start
        self.stop = stop
        self._lock = threading.RLock()
        self._offsets: dict[str, tuple[Buffer, str]] = {}
        self._asked: dict[str, str] = {}
        self._columns: dict[int, list[Buffer]] = {}
        self._layout: ak.contents.Content | None = None
        self._collections_by_layout: dict[int, Collection] = {}

    @functools.cached_property
    def store(self) -> ColumnStore:
        """The columns; their file is opened when they are needed first."""
        return self._store() if callable(self._store) else self._store

    # ------------------------------------------------------------------------------------------------- the array

    def events(self) -> ak.Array:
        """The events of this source."""
        array = ak.from_buffers(self.store.schema.form, self.stop - self.start, _Container(self), attrs={SOURCE: self})
        self._layout = array.layout
        # The layouts live as long as this object, so their ids stay theirs.
        for name, content in zip(array.layout.fields, array.layout.contents, strict=True):
            self._collections_by_layout[id(content)] = self.store.schema.collections[name]
        return array

    # ----------------------------------------------------------------------------------------------- what is asked

    def select(self, layout: ak.contents.Content, where: Any) -> ak.Array | None:
        """`array[where]` where it can be read better than by cutting the array, else None.

        A field of a collection is read at once, with the list structure of its own column. A range of events reads the
        pages of that range only.
        """
        if layout is self._layout:
            if isinstance(where, slice) and where.step in (None, 1):
                start, stop, _ = where.indices(self.stop - self.start)
                return EventSource(self.store, self.start + start, self.start + max(start, stop)).events()
            return None
        collection = self._collections_by_layout.get(id(layout))
        if collection is None or not collection.is_list:
            return None
        if isinstance(where, str) and where in collection.fields:
            self._asked[collection.name] = where
            return self._field(collection, where)
        if isinstance(where, list) and where and where[0] in collection.fields:
            self._asked[collection.name] = where[0]
        return None

    def _field(self, collection: Collection, name: str) -> ak.Array:
        column = collection.fields[name]
        return ak.Array(self.store.manifest.require_encoding(column).layout(self.column(column)))

    # ------------------------------------------------------------------------------------------------------ reading

    def column(self, column: int) -> list[Buffer]:
        """The decoded buffers of a column, read once in the life of these events."""
        with self._lock:
            if column not in self._columns:
                self._columns[column] = self.store.buffers([column], self.start, self.stop)[0]
            return self._columns[column]

    def column_buffer(self, column: int, number: int) -> Buffer:
        """One of them. Columns of a collection must agree about the length of its lists."""
        buffers = self.column(column)
        collection = self.store.schema.collection_of.get(column)
        if collection is not None and collection.is_list and number > 0:
            self._check_lengths(collection, column, buffers[0])
        return buffers[number]

    def _check_lengths(self, collection: Collection, column: int, offsets: Buffer) -> None:
        known = self._offsets.get(collection.name)
        if known is None or known[0] is offsets or np.array_equal(known[0], offsets):
            return
        event = int(np.flatnonzero(known[0] != offsets)[0]) - 1
        sizes = [int(o[event + 1] - o[event]) for o in (offsets, known[0])]
        msg = (
            f"{self.store.name}: column {self.store.manifest.columns[column].name} has {sizes[0]} objects in event "
            f"{self.start + event} where {known[1]} has {sizes[1]}: it cannot be used together with the collection, "
            "only alone (File.arrays)"
        )
        raise CorruptDataError(msg)

    def collection_offsets(self, name: str) -> Buffer:
        """Where each event's objects begin in a collection, from a column that is read anyway, or the cheapest one."""
        with self._lock:
            if name not in self._offsets:
                collection = self.store.schema.collections[name]
                column = self._column_for_offsets(collection)
                if column == collection.size_column:
                    sizes = self.column(column)[0]
                    offsets = np.zeros(len(sizes) + 1, dtype=np.int64)
                    np.cumsum(sizes, out=offsets[1:])
                else:
                    offsets = self.column(column)[0]
                self._offsets[name] = offsets, self.store.manifest.columns[column].name
            return self._offsets[name][0]

    def _column_for_offsets(self, collection: Collection) -> int:
        columns = list(collection.fields.values())
        for column in columns:
            if column in self._columns:
                return column
        asked = self._asked.get(collection.name)
        if asked is not None:
            return collection.fields[asked]
        if collection.size_column is not None:
            columns.append(collection.size_column)
        return min(columns, key=self.store.stored_bytes)

    # ----------------------------------------------------------------------------------------------------- pickling

    def reduce(self, layout: ak.contents.Content) -> tuple[Callable[..., Any], tuple[Any, ...]] | None:
        """What an array of this layout pickles as, or None when it is data by now."""
        if layout is self._layout:
            return _rebuild, (self, None, None)
        if layout.is_indexed and not layout.is_option and layout.content is self._layout:
            return _rebuild, (self, None, np.asarray(layout.index))
        collection = self._collections_by_layout.get(id(layout))
        return None if collection is None else (_rebuild, (self, collection.name, None))

    def __reduce__(self) -> tuple[type[EventSource], tuple[Any, int, int]]:
        # Arrays that hold their data carry a source too: where they arrive, they must not open the file for nothing.
        opener = self._store if callable(self._store) else self._store.opener()
        return (EventSource, (opener, self.start, self.stop))

    def __repr__(self) -> str:
        return f"<events {self.start} to {self.stop}>"


def _rebuild(source: EventSource, collection: str | None, index: NDArray[np.int64] | None) -> ak.Array:
    events = source.events()
    if collection is not None:
        return events[collection]
    return events if index is None else events[index]


class _Container(Mapping[str, Callable[[], Buffer]]):
    """The buffers of all columns as functions that read them, by form key and attribute."""

    def __init__(self, source: EventSource) -> None:
        self._source = source

    def __getitem__(self, key: str) -> Callable[[], Buffer]:
        form_key = key.rpartition("-")[0]
        if form_key.startswith("#"):
            column, _, number = form_key[1:].partition("@")
            return partial(self._source.column_buffer, int(column), int(number))
        return partial(self._source.collection_offsets, form_key)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError
