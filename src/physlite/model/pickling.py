"""Objects in a pickle: those with all their fields as what they are, and only data that the file does not have as such.

Objects name themselves by their own event and link, so that their columns need not travel: they are read where they
are used. Objects of which somebody chose fields are data.
"""

from __future__ import annotations

from dataclasses import dataclass

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.model.merging import MergedObjects
from physlite.model.naming import short_class
from physlite.model.objects import EVENT, HIDDEN, LINK, shown, split_event
from physlite.model.placing import Links, Runs, covering
from physlite.model.source import SOURCE, Reduced, Source
from physlite.model.structure import map_records

__all__ = ["reduce_objects"]


@dataclass(frozen=True)
class _References:
    """Objects without the columns that the file has.

    Attributes:
        source: where they are.
        data: their structure, with what the file does not have, their events and their own links.
        fields: the names of all fields, in order.
        left_out: those of them that the file has.
        collections: of what these objects are; of one class.
    """

    source: Source
    data: ak.Array
    fields: tuple[str, ...]
    left_out: frozenset[str]
    collections: tuple[str, ...]

    def restore(self) -> ak.Array:
        """The objects, whose columns are read when they are used."""
        layout = map_records(self.data.layout, self._of_objects)
        return ak.Array(layout, attrs={**self.data.attrs, SOURCE: self.source})

    def _of_objects(self, layout: Content) -> Content:
        event, link = (_numbers(layout, name) for name in HIDDEN)
        keys, indices = (link >> 32).astype(np.uint32), link.astype(np.uint32)
        source = covering(self.source, event, "objects", "pickle them")
        links = Links(source, Runs(event), keys, indices)
        known = source.store.schema.links.keys
        used = {known[name]: name for name in self.collections if known[name] in keys}
        class_name = short_class(source.store.schema.collections[self.collections[0]].class_name)
        objects = MergedObjects(source, class_name, list(self.collections), list(used.values()))
        targets = links.targets(objects, used, _never)
        contents = [
            ak.contents.IndexedArray.simplified(targets.index, targets.content.content(name))
            if name in self.left_out
            else layout.content(name)[: len(layout)]
            for name in self.fields
        ]
        return ak.contents.RecordArray(contents, list(self.fields), len(layout), parameters=layout.parameters)


def _never(links: Links, key: int, name: str) -> None:
    """Own links are never wrong."""


def _numbers(layout: Content, name: str) -> NDArray[np.int64]:
    return np.asarray(ak.to_numpy(layout.content(name)[: len(layout)]), dtype=np.int64)


def reduce_objects(array: ak.Array, source: Source) -> Reduced:
    """What objects of a file pickle as. A file that does not reopen, as one of bytes, is left behind."""
    reopens = source.store.source.reopens
    found = _references(array, source) if reopens else None
    if found is not None:
        return (_References.restore, (found,))
    layout = array.layout if reopens else _without_hidden(array.layout)
    data = ak.Array(layout, behavior=array._behavior, attrs=_without_source(array))  # noqa: SLF001
    return (_data, (data, source if reopens else None))


def _without_hidden(layout: Content) -> Content:
    """Objects that will never know their file again need not know their place in it."""
    if not set(HIDDEN) & set(layout.fields):
        return layout
    return ak.with_name(layout[shown(layout.fields)], layout.purelist_parameter("__record__"), highlevel=False)


def _references(array: ak.Array, source: Source) -> _References | None:
    """Objects as references, or None where they are data, or of several classes or files."""
    records = _records(array.layout)
    if records is None or not {EVENT, LINK} <= set(records.fields):
        return None
    lazy = [name for name in shown(records.fields) if not records.content(name).is_all_materialized]
    if not lazy:
        return None
    kept = [name for name in records.fields if name not in lazy]
    data = ak.Array(ak.to_packed(array.layout[kept], highlevel=False), attrs=_without_source(array))
    event, link = (ak.to_numpy(ak.flatten(ak.drop_none(data[name], axis=None), axis=None)) for name in HIDDEN)
    if len(event) and any(split_event(int(e))[0] != source.token for e in (event.min(), event.max())):
        return None
    collections = _collections(records, lazy, np.unique(link >> 32).tolist(), source)
    if collections is None:
        return None
    data = ak.with_name(data, records.parameter("__record__"))
    return _References(source, data, tuple(records.fields), frozenset(lazy), tuple(collections))


def _records(layout: Content) -> Content | None:
    """The records that a layout holds in lists and options."""
    while not layout.is_record:
        if layout.is_union or layout.is_leaf:
            return None
        layout = layout.content
    return layout


def _collections(records: Content, lazy: list[str], keys: list[int], source: Source) -> list[str] | None:
    """The collections of which objects have these records, with at least the fields that they have in the file."""
    schema = source.store.schema
    record = records.parameter("__record__")
    named = {key: name for name, key in schema.links.keys.items() if key}
    if not set(keys) <= named.keys():
        return None
    alike = [c.name for c in schema.collections.values() if c.is_list and c.record == record]
    single = [named[key] for key in keys] or alike
    candidates = [[name] for name in (single if len(single) == 1 or not keys else [])]
    candidates += [
        of_class
        for class_name in dict.fromkeys(short_class(schema.collections[name].class_name) for name in alike)
        if {named[key] for key in keys} <= set(of_class := schema.links.collections_of(class_name))
    ]
    return next((names for names in candidates if _fits(source, names, records, lazy)), None)


def _fits(source: Source, names: list[str], records: Content, lazy: list[str]) -> bool:
    """Whether records have at least the fields of these collections, and those to be left out are of their types."""
    class_name = short_class(source.store.schema.collections[names[0]].class_name)
    form = MergedObjects(source, class_name, names, []).form
    return set(form.fields) <= set(records.fields) and all(
        name in form.fields and form.content(name).type == records.content(name).form.type for name in lazy
    )


def _data(array: ak.Array, source: Source | None) -> ak.Array:
    """Objects that are data by now, with the file that their links lead into."""
    return array if source is None else ak.Array(array, attrs={**array.attrs, SOURCE: source})


def _without_source(array: ak.Array) -> dict[str, object]:
    return {key: value for key, value in array.attrs.items() if key != SOURCE}
