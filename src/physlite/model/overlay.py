"""New values of some fields of objects, laid over the columns of their collections."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.model.joining import join, merged_form
from physlite.model.naming import record_of_class
from physlite.model.objects import EVENT, LINK, shown
from physlite.model.schema import Schema
from physlite.model.structure import map_records, record_in

__all__ = ["NOTHING_CHANGED", "Changes", "Container", "Overlay"]

_INDEX_BITS = 32


class Container(NamedTuple):
    """The objects of a collection in some entries of a file.

    Attributes:
        name: of the collection.
        key: of links to them.
        first_event: `EVENT` of objects of the first entry.
        offsets: where the objects of each entry begin.
    """

    name: str
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
        new = np.flatnonzero(here)
        index[places] = length + new
        values = flat.content(field)
        again = np.flatnonzero(index[places] != length + new)
        _require_same(f"{container.name}.{field}", values[new[again]], values[index[places[again]] - length])
        joined = ak.Array(join([column, values]))
        return ak.to_packed(joined[index], highlevel=False)

    def __reduce__(self) -> tuple[type[Changes], tuple[ak.Array]]:
        return (Changes, (ak.Array(self._flat),))


def _require_same(what: str, one: Content, other: Content) -> None:
    """That objects which are there twice have the same new values."""
    if not ak.array_equal(one, other, equal_nan=True):
        msg = (
            f"{what}: objects that are twice in these events were given different values, and links lead to one of "
            "them only: vary events in which each is once"
        )
        raise ValueError(msg)


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
