"""Objects of one class from several collections as one array, whose columns are read and joined when they are used."""

from __future__ import annotations

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

__all__ = ["merged_form", "merged_objects"]


def merged_objects(
    source: EventSource, class_name: str, names: list[str], used: set[str]
) -> tuple[Content, dict[str, int]]:
    """The objects of the `used` ones among collections of a class, behind one another, and where each begins.

    The records have the fields of all the collections, also of those not used: a field that one of them lacks is of
    option type, and one that has different types in them is left out. Of a class without collections in the file there
    are no objects; they have no fields.
    """
    if len(names) == 1:
        return source.objects(names[0]), {names[0]: 0}
    begins: dict[str, int] = {}
    total = 0
    for name in names:
        begins[name] = total
        if name in used:
            total += int(source.collection_offsets(name)[-1])
    form = source.store.schema.merged_form(class_name, tuple(names))
    return ak.from_buffers(form, total, _Columns(source, names, used), highlevel=False), begins


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
    """Columns behind one another, with None for objects without this column. Equal forms give an equal form."""
    present = [part for part in parts if not isinstance(part, int)]
    filled = [part for part in present if len(part)]
    if len(filled) == 1 and all(part.form == filled[0].form for part in present):
        joined = filled[0]
    else:
        joined = ak.to_packed(ak.concatenate(present, highlevel=False), highlevel=False)
    if len(present) == len(parts):
        return joined
    index = []
    at = 0
    for part in parts:
        if isinstance(part, int):
            index.append(np.full(part, -1, dtype=np.int64))
        else:
            index.append(np.arange(at, at + len(part), dtype=np.int64))
            at += len(part)
    return ak.contents.IndexedOptionArray(ak.index.Index64(np.concatenate(index)), joined)


class _Columns(Mapping[str, Callable[[], NDArray[Any]]]):
    """The buffers of joined columns as functions that make them, by form key and attribute."""

    def __init__(self, source: EventSource, names: list[str], used: set[str]) -> None:
        self._source = source
        self._names = names
        self._used = used
        self._made: dict[str, Mapping[str, NDArray[Any]]] = {}

    def __getitem__(self, key: str) -> Callable[[], NDArray[Any]]:
        return partial(self._buffer, key)

    def _buffer(self, key: str) -> NDArray[Any]:
        field = key.partition("@")[0]
        if not self._names:
            return np.zeros(0, dtype=np.int64 if field in HIDDEN else np.float32)
        if field not in self._made:
            joined = _join([self._part(name, field) for name in self._names])
            _, _, buffers = ak.to_buffers(joined, form_key=f"{field}@{{id}}", backend="cpu")
            self._made[field] = buffers
        return self._made[field][key]

    def _part(self, name: str, field: str) -> Content | int:
        if name not in self._used:  # without reading anything
            return _part_of(self._source.objects_form(name).length_zero_array(highlevel=False), field)
        part = _part_of(self._source.objects(name), field)
        return part if isinstance(part, int) else ak.materialize(part, highlevel=False)

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def __len__(self) -> int:
        raise NotImplementedError
