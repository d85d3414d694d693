"""Events with other values of some fields, as systematic variations have them; links lead to these values too."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import PhysliteError
from physlite.model.joining import join, merged_form
from physlite.model.naming import record_of_class
from physlite.model.objects import EVENT, HIDDEN, LINK, shown
from physlite.model.schema import Schema
from physlite.model.source import SOURCE, source_of
from physlite.model.structure import map_records, record_in

__all__ = ["NOTHING_CHANGED", "Changes", "Container", "Overlay", "varied"]

_INDEX_BITS = 32


def varied(events: ak.Array, changes: Mapping[str, Mapping[str, Any]], variation: str = "") -> ak.Array:
    """Events in which fields of collections have other values, or are new; all else is that of the events.

    What was read of the events is not read again, and what was not read yet is read once for both.

    Args:
        events: of a file, chosen or not; their collections can have been changed.
        changes: new values by collection and field: an array in the structure of the collection, one with a number for
            each event, or a number.
        variation: what this is called, for messages.

    Raises:
        FieldNotFoundError: there is no such collection.
        ValueError: the array does not know its file, or the values do not fit the objects.
    """
    source = source_of(events)
    if source is None:
        msg = "these events do not know their file any more: vary them before they are made anew"
        raise ValueError(msg)
    where = f"variation {variation!r}, " if variation else ""
    out = copy.copy(events)
    for name, fields in changes.items():
        if record_in(events[name].layout) is None:
            msg = f"{where}{name}: these are no objects of one class with fields: vary collections"
            raise ValueError(msg)
        for field, values in fields.items():
            try:
                out[name, field] = values
            except PhysliteError:  # of the file
                raise
            except ValueError as error:
                msg = (
                    f"{where}{name}.{field}: {ak.count(values, axis=None)} values for {len(values)} events do not fit "
                    f"the objects of {len(events)} events: give one for each object, for each event, or for all"
                )
                raise ValueError(msg) from error
    changed = {name: [*fields] for name, fields in changes.items() if fields}
    out.attrs = {**events.attrs, SOURCE: source.varied(_targets(out, changed))}
    return out


def _targets(events: ak.Array, changed: Mapping[str, list[str]]) -> dict[str, list[Changes]]:
    """What has changed of objects that links can lead to, by the collections of the file that they are of."""
    source = source_of(events)
    found: dict[str, list[Changes]] = {}
    for name, fields in changed.items():
        objects = events[name]
        record = record_in(objects.layout)
        if source is None or record is None or not set(HIDDEN) <= set(record.fields):
            continue
        changes = Changes(ak.Array(objects[[*fields, *HIDDEN]].layout))
        for collection in source.known_objects(record)[0] or (name,):
            known = source.store.schema.collections.get(collection)
            if known is not None and known.is_list:
                found.setdefault(collection, []).append(changes)
    return found


class Container(NamedTuple):
    """The objects of a collection in some entries of a file.

    Attributes:
        key: of links to them.
        first_event: `EVENT` of objects of the first entry.
        offsets: where the objects of each entry begin.
    """

    key: int
    first_event: int
    offsets: NDArray[np.int64]


class Changes:
    """New values of some fields of objects.

    Args:
        objects: records in any structure, with these fields, and with those by which objects know their place.
    """

    def __init__(self, objects: ak.Array) -> None:
        self._objects = objects
        self.fields = frozenset(shown(objects.layout.fields))

    @functools.cached_property
    def _flat(self) -> Content:
        """The objects behind one another."""
        found: list[Content] = []

        def note(record: Content) -> Content:
            found.append(ak.contents.RecordArray(record.contents, record.fields, len(record)))
            return record

        map_records(ak.materialize(self._objects.layout, highlevel=False), note)
        return ak.concatenate(found, highlevel=False)

    def form_of(self, field: str) -> ak.forms.Form:
        """The form of the new values of a field."""
        record = record_in(self._objects.layout)
        assert record is not None  # noqa: S101  # as `varied` has made sure
        return record.content(field).form

    def over(self, column: Content | int, field: str, container: Container) -> Content:
        """A column of all objects of a container, or just their number, with the new values at their places."""
        flat = self._flat
        event, link = (np.asarray(ak.to_numpy(flat.content(hidden))) for hidden in (EVENT, LINK))
        entry = event - container.first_event
        here = (entry >= 0) & (entry < len(container.offsets) - 1) & (link >> _INDEX_BITS == container.key)
        places = container.offsets[entry[here]] + (link[here] & ((1 << _INDEX_BITS) - 1))
        length = column if isinstance(column, int) else len(column)
        index = np.arange(length, dtype=np.int64)
        index[places] = length + np.flatnonzero(here)
        joined = ak.Array(join([column, flat.content(field)]))
        return ak.to_packed(joined[index], highlevel=False)

    def __reduce__(self) -> tuple[type[Changes], tuple[ak.Array]]:
        return (Changes, (ak.Array(self._flat),))


class Overlay:
    """What has changed of the collections of a file; earlier changes come first."""

    def __init__(self, changed: Mapping[str, tuple[Changes, ...]]) -> None:
        self._changed = changed
        self._forms: dict[str, ak.forms.Form] = {}
        self._merged: dict[tuple[str, tuple[str, ...]], ak.forms.Form] = {}

    def __bool__(self) -> bool:
        return bool(self._changed)

    def with_changes(self, changed: Mapping[str, list[Changes]]) -> Overlay:
        """The same, and more changes."""
        together = {name: (*self._changed.get(name, ()), *more) for name, more in changed.items()}
        return Overlay({**self._changed, **together})

    def fields(self, name: str) -> frozenset[str]:
        """The fields of a collection that have new values."""
        return frozenset[str]().union(*(changes.fields for changes in self._changed.get(name, ())))

    def objects_form(self, schema: Schema, name: str) -> ak.forms.Form:
        """As `Schema.objects_form`."""
        stored = schema.objects_form(name)
        if name not in self._changed:
            return stored
        if name not in self._forms:
            forms = dict(zip(stored.fields, stored.contents, strict=True))
            for changes in self._changed[name]:
                for field in sorted(changes.fields):
                    before = forms[field].length_zero_array(highlevel=False) if field in forms else 0
                    new = changes.form_of(field).length_zero_array(highlevel=False)
                    forms[field] = join([before, new]).form
            self._forms[name] = ak.forms.RecordForm(list(forms.values()), list(forms), parameters=stored.parameters)
        return self._forms[name]

    def merged_form(self, schema: Schema, class_name: str, names: tuple[str, ...]) -> ak.forms.Form:
        """As `Schema.merged_form`."""
        if not any(name in self._changed for name in names):
            return schema.merged_form(class_name, names)
        if (class_name, names) not in self._merged:
            record = schema.collections[names[0]].record if names else record_of_class(class_name)
            forms = {name: self.objects_form(schema, name) for name in names}
            self._merged[class_name, names] = merged_form(forms, record)
        return self._merged[class_name, names]

    def over(self, name: str, field: str, column: Content | int, container: Callable[[], Container]) -> Content | int:
        """As `Changes.over`, with all changes of a field of a collection."""
        for changes in self._changed.get(name, ()):
            if field in changes.fields:
                column = changes.over(column, field, container())
        return column

    def __reduce__(self) -> tuple[type[Overlay], tuple[Mapping[str, tuple[Changes, ...]]]]:
        return (Overlay, (dict(self._changed),))


NOTHING_CHANGED = Overlay({})
