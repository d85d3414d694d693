"""Lazy events: an Awkward Array over a file, whose buffers are read when they are used."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, Literal

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite.collecting import without_cycle_collection
from physlite.exceptions import UnreadableColumnError
from physlite.model import behaviors as _behaviors  # noqa: F401  # registers what objects can do
from physlite.model.naming import Collection
from physlite.model.objects import HIDDEN, LINK, event_ids, file_token, first_event_id, own_links, shown
from physlite.model.overlay import NOTHING_CHANGED, Changes, Container, Overlay
from physlite.model.remembered import Remembered
from physlite.model.source import SOURCE, wanted_field
from physlite.model.store import ColumnStore
from physlite.model.structure import record_in
from physlite.named import Named

__all__ = ["EventSource", "OnBadLink"]

Buffer = NDArray[Any]
OnBadLink = Literal["raise", "none"]


class _Objects:
    """Records of objects as they are in the file: the collections that they are of, and all of their fields.

    Two are the same only when they are one object.
    """

    def __init__(self, names: tuple[str, ...], fields: frozenset[str]) -> None:
        self.names = names
        self.fields = fields


class EventSource:
    """Entries `start` ≤ i < `stop` of a file as events.

    Arrays made from it carry it in a transient attribute: it knows which of their layouts are still as in the file. It
    refers to them weakly, so that events are freed with their last array.
    """

    def __init__(
        self,
        store: ColumnStore | Callable[[], ColumnStore],
        start: int,
        stop: int,
        on_bad_link: OnBadLink = "raise",
        given: Mapping[str, Any] = MappingProxyType({}),
        overlay: Overlay = NOTHING_CHANGED,
    ) -> None:
        self._store = store
        self.start = start
        self.stop = stop
        self.on_bad_link = on_bad_link
        self._given = given
        self._overlay = overlay
        self._lock = threading.RLock()
        self._offsets: dict[str, tuple[Buffer, str]] = {}
        self._columns: dict[int, list[Buffer]] = {}
        self._layouts: Remembered[str] = Remembered()
        self._objects: Remembered[tuple[_Objects, str]] = Remembered()

    @property
    def store(self) -> ColumnStore:
        """The columns; their file is opened when they are needed first."""
        if callable(self._store):
            with self._lock:
                if callable(self._store):
                    self._store = self._store()
        return self._store

    @property
    def metadata(self) -> Mapping[str, Any]:
        """Which events these are, and what is known of their dataset."""
        where = {"file": self.store.name, "entry_start": self.start, "entry_stop": self.stop}
        return MappingProxyType(Named("events.metadata", {**self._given, **where}))

    # ------------------------------------------------------------------------------------------------- the array

    def events(self) -> ak.Array:
        """The events of this source."""
        with without_cycle_collection():
            array = ak.from_buffers(
                self.store.schema.form, self.stop - self.start, _Container(self), attrs={SOURCE: self}
            )
        known: list[tuple[ak.contents.Content, str]] = [(array.layout, "")]
        known += zip(array.layout.contents, array.layout.fields, strict=True)
        self._layouts.remember(known)
        return array

    def known(self, layout: ak.contents.Content) -> str | None:
        """The name of the collection that a layout is as it is in the file, "" for the events, or None for others."""
        return self._layouts.find(layout)

    def remember_objects(
        self, record: ak.contents.Content, names: tuple[str, ...], fields: frozenset[str] | None = None
    ) -> None:
        """Notes that records are objects of collections, and which of their fields are as in the file; None: all."""
        objects = _Objects(names, frozenset(record.fields if fields is None else fields))
        self._objects.remember(
            (content, (objects, name))
            for name, content in zip(record.fields, record.contents, strict=True)
            if name in HIDDEN or name in objects.fields
        )

    def known_objects(self, record: ak.contents.Content) -> tuple[tuple[str, ...], set[str]]:
        """The collections that records of objects are of, and the fields that are as in the file; nothing for others.

        Fields can have been added to the records, or been given other values, but none has been left out.
        """
        find = self._objects.find
        found = {name: find(content) for name, content in zip(record.fields, record.contents, strict=True)}
        objects = {what[0] for name in HIDDEN if (what := found.get(name)) is not None and what[1] == name}
        if not set(HIDDEN) <= found.keys() or len(objects) != 1 or not (its := objects.pop()).fields <= found.keys():
            return (), set()
        return its.names, {name for name in shown(record.fields) if found[name] == (its, name)}

    def remember_changed(self, before: ak.contents.Content, after: ak.contents.Content, where: tuple[str, ...]) -> None:
        """Notes that objects are the same as before, save for the field that was given to them."""
        *path, field = where
        old, new = (record_in(layout, path) for layout in (before, after))
        if old is None or new is None:
            return
        names, fields = self.known_objects(old)
        if names:
            self.remember_objects(new, names, frozenset(fields - {field}))

    def _collection(self, layout: ak.contents.Content) -> Collection | None:
        """The collection whose objects this layout holds as they are in the file."""
        known = self.known(layout)
        return self.store.schema.collections[known] if known else None

    @property
    def buffers(self) -> Mapping[str, Callable[[], Buffer]]:
        """The buffers of all columns, as functions that read them."""
        return _Container(self)

    def of_range(self, start: int, stop: int) -> EventSource:
        """Other entries of the same file."""
        source = EventSource(self._store, start, stop, self.on_bad_link, self._given, self._overlay)
        source._objects = self._objects  # they name themselves, whatever the range
        return source

    def varied(self, changed: Mapping[str, list[Changes]]) -> EventSource:
        """The same entries, with other values of some objects where links lead to them; what is read is of both."""
        overlay = self._overlay.with_changes(changed)
        source = EventSource(self.store, self.start, self.stop, self.on_bad_link, self._given, overlay)
        source._lock, source._offsets, source._columns = self._lock, self._offsets, self._columns
        source._layouts, source._objects = self._layouts, self._objects
        return source

    def changed_fields(self, name: str) -> frozenset[str]:
        """The fields of a collection that have other values here than in the file."""
        return self._overlay.fields(name)

    @functools.cached_property
    def token(self) -> int:
        """The number by which objects know their file."""
        return file_token(self.store.identity)

    # ----------------------------------------------------------------------------------------------- what is asked

    def select(self, layout: ak.contents.Content, where: Any) -> ak.Array | None:
        """`array[where]` where it can be read better than by cutting the array, else None.

        A field of a collection is read at once, with the list structure of its own column, also of chosen events. A
        range of events reads the pages of that range only.
        """
        if isinstance(where, slice) and where.step in (None, 1) and layout.is_record:
            return self._range(layout, where)
        if isinstance(where, str):
            self._note_objects(layout, where)
        chosen = layout.is_indexed and not layout.is_option
        collection = self._collection(layout.content if chosen else layout)
        if collection is None or not collection.is_list:
            return None
        if isinstance(where, str) and where in collection.fields:
            column = collection.fields[where]
            values = ak.Array(self.layout(column))
            if self.store.is_incomplete(column, collection.name):
                self.collection_offsets(collection.name)  # which is more: they need not be read for other columns
            self._check_lengths(collection, column, self.column(column)[0])
            return values[np.asarray(layout.index)] if chosen else values
        return None

    def _note_objects(self, layout: ak.contents.Content, name: str) -> None:
        """Remembers the objects of a collection that is taken from events: here begins what is made of them."""
        while not (layout.is_record or layout.is_union or layout.is_leaf):
            layout = layout.content
        if not layout.is_record or name not in layout.fields:
            return
        lists = layout.contents[layout.field_to_index(name)]
        if lists.is_indexed and not lists.is_option:  # events were chosen before they were given a field
            lists = lists.content
        known = self.known(lists)
        if known and lists.is_list and self._objects.find(lists.content.contents[-1]) is None:
            self.remember_objects(lists.content, (known,))

    def _range(self, layout: ak.contents.Content, where: slice) -> ak.Array | None:
        """A range of events, also of those that were given more fields."""
        known = {name: self.known(content) for name, content in zip(layout.fields, layout.contents, strict=True)}
        if self.known(layout) != "" and all(what is None for what in known.values()):
            return None
        start, stop, _ = where.indices(self.stop - self.start)
        stop = max(start, stop)
        source = self.of_range(self.start + start, self.start + stop)
        events = source.events()
        if self.known(layout) == "":
            return events
        contents = [
            content[start:stop] if what is None else (events.layout.content(what) if what else events.layout)
            for what, content in zip(known.values(), layout.contents, strict=True)
        ]
        record = ak.contents.RecordArray(contents, layout.fields, stop - start, parameters=layout.parameters)
        return ak.Array(record, attrs=events.attrs)

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
        name = self.store.manifest.columns[column].name
        msg = (
            f"{self.store.name}: column {name} has {has} objects in event {self.start + event} where {known[1]} has "
            f"{should}: it was not stored for all of them, and nothing says for which; choose other fields, "
            f"events.{collection.name}[[…]], or read it by itself, File.array({name!r})"
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
        column = self.store.schema.collections[name].fields.get(field)
        stored = self.size_of(name) if column is None else self._stored_column(name, column)
        return self._overlay.over(name, field, stored, partial(self._container, name))

    def event_column(self, name: str, field: str) -> ak.contents.Content:
        """A field of a collection, one entry an event, with the values that it has here."""
        collection = self.store.schema.collections[name]
        if field not in self.changed_fields(name):
            return self.layout(collection.fields[field])
        values = self.object_column(name, field)
        if not collection.is_list:
            return values
        return ak.contents.ListOffsetArray(ak.index.Index64(self.collection_offsets(name)), values)

    def _container(self, name: str) -> Container:
        key = self.store.schema.links.keys[name]
        return Container(name, key, first_event_id(self.token, self.start), self._object_offsets(name))

    def _stored_column(self, name: str, column: int) -> ak.contents.Content:
        if not self.store.schema.collections[name].is_list:
            return self.layout(column)
        self.collection_offsets(name)  # those that the column has to agree with
        buffers = [self.column_buffer(column, number) for number in range(len(self.column(column)))]
        return self.store.manifest.require_encoding(column).layout(buffers).content

    def size_of(self, name: str) -> int:
        """How many objects a collection has in all events."""
        return int(self._object_offsets(name)[-1])

    def _object_offsets(self, name: str) -> Buffer:
        """Where each event's objects begin; it is one itself where the collection has no lists."""
        if self.store.schema.collections[name].is_list:
            return self.collection_offsets(name)
        return np.arange(self.stop - self.start + 1, dtype=np.int64)

    def objects_form(self, name: str) -> ak.forms.Form:
        """The form of the objects of a collection, without the lists."""
        return self._overlay.objects_form(self.store.schema, name)

    def merged_form(self, class_name: str, names: tuple[str, ...]) -> ak.forms.Form:
        """The form of objects of a class from several collections as one array."""
        return self._overlay.merged_form(self.store.schema, class_name, names)

    def own(self, name: str, field: str) -> Buffer:
        """What the objects of a collection know of themselves: their events, or the links that name them."""
        offsets = self._object_offsets(name)
        if field == LINK:
            return own_links(self.store.schema.links.keys[name], offsets)
        return event_ids(self.token, self.start, np.diff(offsets))

    def _column_for_offsets(self, collection: Collection) -> int:
        """A column that is stored for all objects; where none is known to be, and sizes are not stored, the largest."""
        columns = [*self.store.complete_columns(collection.name)]
        if not columns and collection.size_column is None:
            columns = self.store.largest_columns(collection.name) or [*collection.fields.values()]
        for column in columns:
            if column in self._columns:
                return column
        wanted = collection.fields.get(wanted_field())
        if wanted in columns:
            return wanted
        if collection.size_column is not None:
            columns.append(collection.size_column)
        return min(columns, key=self.store.stored_bytes)

    def __reduce__(self) -> tuple[type[EventSource], tuple[Any, ...]]:
        store = self._store
        opener = store if callable(store) else store.opener()
        return (EventSource, (opener, self.start, self.stop, self.on_bad_link, dict(self._given), self._overlay))

    def __repr__(self) -> str:
        return f"<events {self.start} to {self.stop}>"


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
