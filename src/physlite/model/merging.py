"""Objects of one class from several collections as one array, whose columns are read and joined when they are used."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.model.objects import HIDDEN

if TYPE_CHECKING:
    from physlite.model.events import EventSource

__all__ = ["MergedObjects", "merged_form"]


class MergedObjects:
    """The objects of the `used` ones among collections of a class, behind one another, read when they are needed.

    The records have the fields of all the collections: one that some of them lack is of option type, and one that has
    different types in them is left out. Of a class without collections in the file there are no objects; they have no
    fields.
    """

    def __init__(self, source: EventSource, class_name: str, names: list[str], used: list[str]) -> None:
        self._source = source
        self._used = [name for name in names if name in used]
        if len(names) == 1:
            self.form = source.objects_form(names[0])
            self.buffers = source.buffers
        else:
            self.form = source.store.schema.merged_form(class_name, tuple(names))
            self.buffers = _Columns(source, self.form, self._used)

    @functools.cached_property
    def begins(self) -> dict[str, int]:
        """Where the objects of each collection begin."""
        begins = np.cumsum([0, *map(self._source.size_of, self._used[:-1])])
        return dict(zip(self._used, begins.tolist(), strict=False))

    @property
    def length(self) -> int:
        """Number of objects."""
        return sum(map(self._source.size_of, self._used))


def merged_form(forms: Mapping[str, ak.forms.Form], record: str) -> ak.forms.Form:
    """The form of objects of several collections as one array, by their own forms; form keys are `<field>@<number>`."""
    empty = {name: form.length_zero_array(highlevel=False) for name, form in forms.items()}
    fields = dict.fromkeys(field for objects in empty.values() for field in objects.fields)
    joined = {field: _join([_part_of(objects, field) for objects in empty.values()]) for field in fields}
    columns = {
        field: content.form_with_key(f"{field}@{{id}}")
        for field, content in joined.items()
        if not (content.is_union or (content.is_option and content.content.is_union))
    } or _bare_fields(record)
    return ak.forms.RecordForm(list(columns.values()), list(columns), parameters={"__record__": record})


def _bare_fields(record: str) -> dict[str, ak.forms.Form]:
    """The fields of objects that are not there: what all particles have, so that an expression of it can be made."""
    names = ("pt", "eta", "phi", "m") if record == "IParticle" else ()
    forms: dict[str, ak.forms.Form] = {n: ak.forms.NumpyForm("float32", form_key=f"{n}@0") for n in names}
    return forms | {n: ak.forms.NumpyForm("int64", form_key=f"{n}@0") for n in HIDDEN}


def _part_of(objects: Content, field: str) -> Content | int:
    """A column of objects; where they have no such column, their number."""
    return objects.content(field)[: len(objects)] if field in objects.fields else len(objects)


def _join(parts: list[Content | int]) -> Content:
    """Columns behind one another, with None for objects without this column."""
    present = [part for part in parts if not isinstance(part, int)]
    joined = ak.to_packed(ak.concatenate(present, highlevel=False), highlevel=False)
    if len(present) == len(parts):
        return joined
    return _with_gaps(parts, joined)


def _with_gaps(parts: list[Content | int], joined: Content) -> Content:
    """`joined` is the parts that are no mere numbers of objects without a value."""
    index = []
    at = 0
    for part in parts:
        if isinstance(part, int):
            index.append(np.full(part, -1, dtype=np.int64))
        else:
            index.append(np.arange(at, at + len(part), dtype=np.int64))
            at += len(part)
    return ak.contents.IndexedOptionArray(ak.index.Index64(np.concatenate([np.empty(0, np.int64), *index])), joined)


class _Columns(Mapping[str, Callable[[], NDArray[Any]]]):
    """The buffers of joined columns as functions that make them, by form key and attribute."""

    def __init__(self, source: EventSource, form: ak.forms.Form, used: list[str]) -> None:
        self._source = source
        self._form = form
        self._used = used
        self._made: dict[str, Mapping[str, NDArray[Any]]] = {}

    def __getitem__(self, key: str) -> Callable[[], NDArray[Any]]:
        return partial(self._buffer, key)

    def _buffer(self, key: str) -> NDArray[Any]:
        field = key.partition("@")[0]
        if field not in self._made:
            _, _, buffers = ak.to_buffers(self._column(field), form_key=f"{field}@{{id}}", backend="cpu")
            self._made[field] = buffers
        return self._made[field][key]

    def _column(self, field: str) -> Content:
        """A joined column, of the form that all collections together give it."""
        form = self._form.content(field)
        parts = [self._part(name, field) for name in self._used]
        present = [part for part in parts if not isinstance(part, int)]
        plain = form.content if form.is_option else form
        if len(present) == 1 and present[0].form.type == plain.type:
            joined = present[0]
        else:
            joined = _join([*present, plain.length_zero_array(highlevel=False)])
        return _with_gaps(parts, joined) if form.is_option else joined

    def _part(self, name: str, field: str) -> Content | int:
        known = self._source.objects_form(name).fields
        return self._source.object_column(name, field) if field in known else self._source.size_of(name)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError
