"""Lazy events: an Awkward Array over a file, whose buffers are read when they are used."""

from __future__ import annotations

import functools
import threading
import weakref
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Literal

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.exceptions import UnreadableColumnError
from physlite.model import behaviors as _behaviors  # noqa: F401  # registers what objects can do
from physlite.model.collecting import without_cycle_collection
from physlite.model.naming import Collection
from physlite.model.objects import HIDDEN, LINK, event_ids, file_token, own_links
from physlite.model.source import SOURCE, Reduced, wanted_field
from physlite.model.store import ColumnStore

__all__ = ["EventSource", "OnBadLink"]

Buffer = NDArray[Any]
OnBadLink = Literal["raise", "none"]


class EventSource:
    """Entries `start` ≤ i < `stop` of a file as events.

    Arrays made from it carry it in a transient attribute: it knows which of their layouts are still the columns of the
    file, reads those alone, and lets them pickle as a reference to the file instead of as data. It refers to them
    weakly, so that events are freed with their last array.
    """

    def __init__(
        self, store: ColumnStore | Callable[[], ColumnStore], start: int, stop: int, on_bad_link: OnBadLink = "raise"
    ) -> None:
        self._store = store
        self.start = start
        self.stop = stop
        self.on_bad_link = on_bad_link
        self._lock = threading.RLock()
        self._offsets: dict[str, tuple[Buffer, str]] = {}
        self._columns: dict[int, list[Buffer]] = {}
        self._layouts: dict[int, tuple[weakref.ref[ak.contents.Content], Collection | None]] = {}

    @functools.cached_property
    def store(self) -> ColumnStore:
        """The columns; their file is opened when they are needed first."""
        return self._store() if callable(self._store) else self._store

    # ------------------------------------------------------------------------------------------------- the array

    def events(self) -> ak.Array:
        """The events of this source."""
        with without_cycle_collection():
            array = ak.from_buffers(
                self.store.schema.form, self.stop - self.start, _Container(self), attrs={SOURCE: self}
            )
        known: list[tuple[ak.contents.Content, Collection | None]] = [(array.layout, None)]
        for name, content in zip(array.layout.fields, array.layout.contents, strict=True):
            known.append((content, self.store.schema.collections[name]))
        with self._lock:
            self._layouts = {i: entry for i, entry in self._layouts.items() if entry[0]() is not None}
            self._layouts.update({id(layout): (weakref.ref(layout), c) for layout, c in known})
        return array

    def _is_events(self, layout: ak.contents.Content) -> bool:
        reference, collection = self._layouts.get(id(layout), (None, None))
        return reference is not None and collection is None and reference() is layout

    def _collection(self, layout: ak.contents.Content) -> Collection | None:
        """The collection whose objects this layout holds as they are in the file."""
        reference, collection = self._layouts.get(id(layout), (None, None))
        return collection if reference is not None and reference() is layout else None

    @property
    def buffers(self) -> Mapping[str, Callable[[], Buffer]]:
        """The buffers of all columns, as functions that read them."""
        return _Container(self)

    def of_range(self, start: int, stop: int) -> EventSource:
        """Other entries of the same file."""
        return EventSource(self._store, start, stop, self.on_bad_link)

    @functools.cached_property
    def token(self) -> int:
        """The number by which objects know their file."""
        manifest = self.store.manifest
        return file_token(manifest.uuid, manifest.file_bytes)

    # ----------------------------------------------------------------------------------------------- what is asked

    def select(self, layout: ak.contents.Content, where: Any) -> ak.Array | None:
        """`array[where]` where it can be read better than by cutting the array, else None.

        A field of a collection is read at once, with the list structure of its own column, also of chosen events. A
        range of events reads the pages of that range only.
        """
        if self._is_events(layout):
            if isinstance(where, slice) and where.step in (None, 1):
                start, stop, _ = where.indices(self.stop - self.start)
                return self.of_range(self.start + start, self.start + max(start, stop)).events()
            return None
        chosen = layout.is_indexed and not layout.is_option
        collection = self._collection(layout.content if chosen else layout)
        if collection is None or not collection.is_list:
            return None
        if isinstance(where, str) and where in collection.fields:
            column = ak.Array(self.layout(collection.fields[where]))
            return column[np.asarray(layout.index)] if chosen else column
        return None

    def link_column(self, layout: ak.contents.Content, field: str) -> ak.contents.Content | None:
        """The column of a field of all objects of a collection, where this layout is these; else None."""
        collection = self._collection(layout)
        if collection is None or collection.whole is not None or field not in collection.fields:
            return None
        return self.layout(collection.fields[field])

    # ------------------------------------------------------------------------------------------------------ reading

    def column(self, column: int) -> list[Buffer]:
        """The decoded buffers of a column, read once in the life of these events."""
        with self._lock:
            if column not in self._columns:
                self._columns[column] = self.store.buffers([column], self.start, self.stop)[0]
            return self._columns[column]

    def layout(self, column: int) -> ak.contents.Content:
        """A column by itself, one entry an event."""
        return self.store.manifest.require_encoding(column).layout(self.column(column))

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
        has, should = (int(o[event + 1] - o[event]) for o in (offsets, known[0]))
        msg = (
            f"{self.store.name}: column {self.store.manifest.columns[column].name} has {has} objects in event "
            f"{self.start + event} where {known[1]} has {should}: it was not stored for all of them and can only be "
            "used alone, as events.X.field or with File.arrays"
        )
        raise UnreadableColumnError(msg)

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

    def object_column(self, name: str, field: str) -> ak.contents.Content:
        """A field of the objects of a collection in all events, behind one another."""
        if field in HIDDEN:
            return ak.contents.NumpyArray(self.own(name, field))
        column = self.store.schema.collections[name].fields[field]
        self.collection_offsets(name)  # those that the column has to agree with
        buffers = [self.column_buffer(column, number) for number in range(len(self.column(column)))]
        return self.store.manifest.require_encoding(column).layout(buffers).content

    def size_of(self, name: str) -> int:
        """How many objects a collection has in all events."""
        return int(self.collection_offsets(name)[-1])

    def objects_form(self, name: str) -> ak.forms.Form:
        """The form of the objects of a collection, without the lists."""
        return self.store.schema.objects_form(name)

    def own(self, name: str, field: str) -> Buffer:
        """What the objects of a collection know of themselves: their events, or the links that name them."""
        collection = self.store.schema.collections[name]
        offsets = (
            self.collection_offsets(name)
            if collection.is_list
            else np.arange(self.stop - self.start + 1, dtype=np.int64)
        )
        if field == LINK:
            return own_links(self.store.schema.links.keys[name], offsets)
        return event_ids(self.token, self.start, np.diff(offsets))

    def _column_for_offsets(self, collection: Collection) -> int:
        """A column that is stored for all objects; where none is known to be, and sizes are not stored, any column."""
        columns = [*self.store.complete_columns(collection.name)]
        if not columns and collection.size_column is None:
            columns = [*collection.fields.values()]
        for column in columns:
            if column in self._columns:
                return column
        wanted = collection.fields.get(wanted_field())
        if wanted in columns:
            return wanted
        if collection.size_column is not None:
            columns.append(collection.size_column)
        return min(columns, key=self.store.stored_bytes)

    # ----------------------------------------------------------------------------------------------------- pickling

    def reduce(self, layout: ak.contents.Content) -> Reduced | None:
        """What an array of this layout pickles as, or None when it is data by now."""
        if self._is_events(layout):
            return _rebuild, (self, None)
        if layout.is_indexed and not layout.is_option and self._is_events(layout.content):
            return _rebuild_chosen, (self, np.asarray(layout.index))
        collection = self._collection(layout)
        if collection is not None:
            return _rebuild, (self, collection.name)
        if layout.is_record and any(self._collection(content) for content in layout.contents):
            return _rebuild_record, (self, self._parts(layout), layout.parameters)
        return None

    def _parts(self, record: ak.contents.Content) -> dict[str, str | ak.Array]:
        """The fields of a record of collections: the names of those that are in the file, and the data of others."""
        parts: dict[str, str | ak.Array] = {}
        for name, content in zip(record.fields, record.contents, strict=True):
            collection = self._collection(content)
            parts[name] = ak.Array(content) if collection is None else collection.name
        return parts

    def __reduce__(self) -> tuple[type[EventSource], tuple[Any, int, int, OnBadLink]]:
        opener = self._store if callable(self._store) else self._store.opener()
        return (EventSource, (opener, self.start, self.stop, self.on_bad_link))

    def __repr__(self) -> str:
        return f"<events {self.start} to {self.stop}>"


def _rebuild(source: EventSource, collection: str | None) -> ak.Array:
    events = source.events()
    return events if collection is None else events[collection]


def _rebuild_chosen(source: EventSource, index: NDArray[np.int64]) -> ak.Array:
    return source.events()[index]


def _rebuild_record(source: EventSource, parts: dict[str, str | ak.Array], parameters: dict[str, Any]) -> ak.Array:
    events = source.events()
    contents = [events.layout.content(part) if isinstance(part, str) else part.layout for part in parts.values()]
    record = ak.contents.RecordArray(contents, list(parts), length=len(events), parameters=parameters)
    return ak.Array(record, attrs=events.attrs)


class _Container(Mapping[str, Callable[[], Buffer]]):
    """The buffers of all columns as functions that read them, by form key and attribute."""

    def __init__(self, source: EventSource) -> None:
        self._source = source

    def __getitem__(self, key: str) -> Callable[[], Buffer]:
        form_key = key.rpartition("-")[0]
        if form_key.startswith("#"):
            column, _, number = form_key[1:].partition("@")
            return partial(self._source.column_buffer, int(column), int(number))
        name, hidden, field = form_key.partition("@")
        return partial(self._source.own, name, field) if hidden else partial(self._source.collection_offsets, name)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError
