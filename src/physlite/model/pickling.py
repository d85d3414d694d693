"""Arrays of events and objects in a pickle: what the file has goes as a reference to it, the rest as data.

What is still as in the file is known by being the very layouts that were made for it; values are never compared. Events
and collections go as positions among the events, objects as their own event and link. The columns of both are read
where they are used. Objects of which somebody chose fields are data.
"""

from __future__ import annotations

import functools
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.model.awkwardbugs import read_indices_before_trimming
from physlite.model.merging import MergedObjects
from physlite.model.naming import short_class
from physlite.model.objects import EVENT, LINK, shown
from physlite.model.placing import Links, Runs, covering
from physlite.model.source import SOURCE, Reduced, Source

__all__ = ["reduce_array"]

# Keys of the buffers that say which objects columns are of.
_AT = "@"

# Where positions among the events are, in a record beside what is data.
_POSITION = "@position"


@dataclass(frozen=True)
class _Records:
    """What became of records.

    Attributes:
        fields: the names of all fields, in order.
        parameters: of the records.
        collections: fields that are collections of the events, and their names there; "" for the events themselves.
        objects: the collections that the objects are of.
        left_out: fields of objects that the file has.
        parts: what became of the other fields, where it is not just data.
        is_tuple: whether the records have no names for their fields.
    """

    fields: tuple[str, ...]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    collections: Mapping[str, str] = field(default_factory=dict)
    objects: tuple[str, ...] = ()
    left_out: frozenset[str] = frozenset()
    parts: Mapping[str, _Spec] = field(default_factory=dict)
    is_tuple: bool = False


# None is data. A tuple is of a union, with an item for each of its contents.
_Spec = _Records | tuple["_Spec", ...] | None


def reduce_array(array: ak.Array, source: Source) -> Reduced:
    """What an array of events or objects pickles as. A file that does not reopen, as one of bytes, is left behind.

    Whole events and whole collections go with their file, whatever it is.
    """
    known = source.known(array.layout)
    if known is not None:
        return (_whole, (source, known, _attrs(array), array._behavior))  # noqa: SLF001
    if not source.store.source.reopens:
        layout = _packed(_without_hidden(array.layout))
        return (_itself, (ak.Array(layout, behavior=array._behavior, attrs=_attrs(array)),))  # noqa: SLF001
    light, spec = _strip(array.layout, source)
    return (_restore, (source, ak.Array(_packed(light)), spec, _attrs(array), array._behavior))  # noqa: SLF001


def _itself(array: ak.Array) -> ak.Array:
    return array


def _packed(layout: Content) -> Content:
    """Nothing but what is in it. Awkward does the same when it pickles, but not where dask-awkward is installed."""
    once = ak.to_packed(layout, highlevel=False)
    return ak.to_packed(once, highlevel=False)  # what was masked has an index now, and drops what is missing


def _attrs(array: ak.Array) -> dict[str, object]:
    # Those that begin so are for this process only, as Awkward has it.
    return {key: value for key, value in array.attrs.items() if not key.startswith("@")}


def _without_hidden(layout: Content) -> Content:
    """Objects that will never know their file again need not know their place in it."""
    if layout.is_record:
        names = shown(layout.fields)
        contents = [_without_hidden(layout.content(name)) for name in names]
        fields = None if layout.is_tuple else names
        return ak.contents.RecordArray(contents, fields, len(layout), parameters=layout.parameters)
    if layout.is_union:
        return layout.copy(contents=[_without_hidden(content) for content in layout.contents])
    return layout if layout.is_leaf else layout.copy(content=_without_hidden(layout.content))


# ------------------------------------------------------------------------------------------------------- going


def _strip(layout: Content, source: Source) -> tuple[Content, _Spec]:
    """A layout without what the file has, and what that was."""
    known = source.known(layout)
    if known is not None:
        record = _Records(("",), collections={"": known})
        return ak.contents.RecordArray([_positions(layout)], [_POSITION], len(layout)), record
    if layout.is_record:
        return _strip_record(layout, source)
    if layout.is_union:
        stripped = [_strip(content, source) for content in layout.contents]
        specs = tuple(spec for _, spec in stripped)
        if not any(specs):
            return layout, None
        return layout.copy(contents=[light for light, _ in stripped]), specs
    if layout.is_leaf:
        return layout, None
    light, spec = _strip(layout.content, source)
    return (layout, None) if spec is None else (layout.copy(content=light), spec)


def _strip_record(layout: Content, source: Source) -> tuple[Content, _Spec]:
    names = tuple(layout.fields)
    contents = dict(zip(names, layout.contents, strict=True))
    collections, positions = _collections(contents, source)
    objects, left_out = source.known_objects(layout)
    kept: dict[str, Content] = {}
    parts: dict[str, _Spec] = {}
    for name, content in contents.items():
        if name in collections or name in left_out:
            continue
        light, spec = _strip(content, source)
        kept[name] = light
        if spec is not None:
            parts[name] = spec
    if not (collections or left_out or parts):
        return layout, None
    if collections:
        kept[_POSITION] = _positions(layout) if positions is None else ak.contents.NumpyArray(positions)
    record = ak.contents.RecordArray(list(kept.values()), list(kept), len(layout))
    left = frozenset(left_out)
    return record, _Records(names, layout.parameters, collections, objects, left, parts, layout.is_tuple)


def _collections(contents: Mapping[str, Content], source: Source) -> tuple[dict[str, str], NDArray[np.int64] | None]:
    """The fields that are collections of the file, and which events they are of; None: of all, in their order.

    Events that were chosen before a field was added have each of their collections chosen, by the same numbers.
    """
    whole = {name: known for name, content in contents.items() if (known := source.known(content)) is not None}
    if whole:
        return whole, None
    chosen: dict[str, str] = {}
    numbers: NDArray[np.int64] | None = None
    for name, content in contents.items():
        if not content.is_indexed or content.is_option or (known := source.known(content.content)) is None:
            continue
        index = np.asarray(content.index)
        if numbers is None:
            numbers = index.astype(np.int64)
        if np.array_equal(numbers, index):
            chosen[name] = known
    return chosen, numbers


def _positions(layout: Content) -> Content:
    return ak.contents.NumpyArray(np.arange(len(layout), dtype=np.int64))


# -------------------------------------------------------------------------------------------------------- coming back


def _whole(source: Source, name: str, attrs: dict[str, object], behavior: Any) -> ak.Array:
    events = source.events()
    found = events[name] if name else events
    return ak.Array(found, attrs={**attrs, **found.attrs}, behavior=behavior)


def _restore(source: Source, data: ak.Array, spec: _Spec, attrs: dict[str, object], behavior: Any) -> ak.Array:
    layout = data.layout if spec is None else _Restoring(source).layout(data.layout, spec)
    return ak.Array(layout, attrs={**attrs, SOURCE: source}, behavior=behavior)


class _Restoring:
    """Puts back what was left out."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._events = source.events()  # made once: arrays refer to its layouts

    def layout(self, layout: Content, spec: _Spec) -> Content:
        """The layout with all of its fields."""
        if spec is None:
            return layout
        if isinstance(spec, tuple) and layout.is_union:
            parts = zip(layout.contents, spec, strict=True)
            return layout.copy(contents=[self.layout(content, its) for content, its in parts])
        if layout.is_option:
            option = layout.to_IndexedOptionArray64()
            return ak.contents.IndexedOptionArray.simplified(option.index, self.layout(option.content, spec))
        if isinstance(spec, tuple) or not layout.is_record:
            return layout.copy(content=self.layout(layout.content, spec))
        length = len(layout)
        kept = {name: layout.content(name)[:length] for name in layout.fields}
        found = {name: self.layout(kept[name], its) for name, its in spec.parts.items()}
        if spec.collections:
            found |= self._collections(np.asarray(ak.to_numpy(kept[_POSITION])), spec.collections)
        if spec.left_out:
            found |= self._objects(kept, spec)
        if "" in spec.collections:
            return found[""]
        contents = [found.get(name, kept.get(name)) for name in spec.fields]
        fields = None if spec.is_tuple else list(spec.fields)
        record = ak.contents.RecordArray(contents, fields, length, parameters=spec.parameters)
        if spec.left_out:
            self._source.remember_objects(record, spec.objects, spec.left_out)
        return record

    def _collections(self, position: NDArray[np.int64], names: Mapping[str, str]) -> dict[str, Content]:
        events = self._events.layout
        layouts = {field: events.content(name) if name else events for field, name in names.items()}
        if np.array_equal(position, np.arange(len(events))):
            return layouts
        index = ak.index.Index64(position)
        return {field: ak.contents.IndexedArray.simplified(index, layout) for field, layout in layouts.items()}

    def _objects(self, kept: Mapping[str, Content], spec: _Records) -> dict[str, Content]:
        event, link = (np.asarray(ak.to_numpy(kept[name]), dtype=np.int64) for name in (EVENT, LINK))
        source = covering(self._source, event, "objects", "pickle them")
        keys = (link >> 32).astype(np.uint32)
        schema = source.store.schema
        used = {schema.links.keys[name]: name for name in spec.objects if schema.links.keys[name] in keys}
        class_name = short_class(schema.collections[spec.objects[0]].class_name)
        objects = MergedObjects(source, class_name, list(spec.objects), list(used.values()))
        links = Links(source, Runs(event), keys, link.astype(np.uint32))
        positions = functools.cache(lambda: links.positions(objects, used, _never))
        return _columns_at(objects, sorted(spec.left_out), positions, len(event))


def _columns_at(
    objects: MergedObjects, names: list[str], positions: Callable[[], NDArray[np.int64]], number: int
) -> dict[str, Content]:
    """Columns of objects, of those at some positions; nothing is read before one is used."""
    read_indices_before_trimming()
    forms: list[ak.forms.Form] = []
    buffers: dict[str, Callable[[], NDArray[Any]]] = {f"{_AT}-index": positions}
    for name in names:
        form = objects.form.content(name)
        if form.is_option:
            forms.append(ak.forms.IndexedOptionForm("i64", form.content, form_key=f"{_AT}{name}"))
            inner = objects.buffers[f"{form.form_key}-index"]
            buffers[f"{_AT}{name}-index"] = functools.partial(_index_of, inner, positions)
        else:
            forms.append(ak.forms.IndexedForm("i64", form, form_key=_AT))
    both: ChainMap[str, Any] = ChainMap(buffers, objects.buffers)  # type: ignore[arg-type]  # only read
    record = ak.from_buffers(ak.forms.RecordForm(forms, names), number, both, highlevel=False)
    return dict(zip(names, record.contents, strict=True))


def _index_of(inner: Callable[[], NDArray[Any]], outer: Callable[[], NDArray[np.int64]]) -> NDArray[Any]:
    return np.asarray(inner())[outer()]


def _never(links: Links, key: int, name: str) -> None:
    """Own links are never wrong."""
