"""Following element links: from the objects that hold them to records of the objects that they name.

Objects know their event and their own place (the fields `EVENT` and `LINK`), so that links can be followed after any
selection: an array need not have one item an event any more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite import _core
from physlite.exceptions import BadLinkError, UnknownLinkWarning
from physlite.model.links import Target
from physlite.model.merging import MergedObjects
from physlite.model.naming import PARTICLES
from physlite.model.objects import EVENT, LINK
from physlite.model.placing import Links, Runs, covering
from physlite.model.source import Source, array_of, source_of
from physlite.model.structure import map_records, map_structure
from physlite.model.targets import link_target
from physlite.warning import warn

__all__ = ["follow", "follow_links", "of_record", "require_source"]


# What is done with links.
_Leaf = Callable[[Runs, Content], Content]

# Classes that are bases of others: links typed so can point to objects of any of these.
_BASES = ("IParticle", "Egamma")


def follow(objects: ak.Array | ak.Record, field: str) -> Any:
    """The targets of a link field; see `AuxElementArray.follow`."""
    if isinstance(objects, ak.Record):
        return of_record(objects, lambda array: follow(array, field))
    source = require_source(objects)
    resolver = _Resolver(source, objects, field)
    links = source.link_column(objects.layout, field)
    if links is not None:
        return ak.Array(_map_column(links, resolver, Runs()), attrs=objects.attrs)

    def of_objects(layout: Content) -> Content:
        return _map_links(layout.content(field)[: len(layout)], _events_of(layout), resolver)

    return _map_objects(objects, [field], of_objects)


def follow_links(
    objects: ak.Array,
    fields: list[str],
    choose: Callable[[dict[str, Content]], tuple[NDArray[np.uint32], NDArray[np.uint32]]],
    field: str,
) -> ak.Array:
    """The targets of links that are made up for objects, one each, from some of their fields.

    `choose` gets these fields of objects behind one another, and gives keys and indices; `field` is a link field of
    theirs that stands for the kind of target.
    """
    resolver = _Resolver(require_source(objects), objects, field)

    def of_objects(layout: Content) -> Content:
        keys, indices = choose({name: layout.content(name)[: len(layout)] for name in fields})
        numbers = [ak.contents.NumpyArray(np.asarray(x, dtype=np.uint32)) for x in (keys, indices)]
        links = ak.contents.RecordArray(numbers, ["m_persKey", "m_persIndex"])
        return resolver(Runs(_events_of(layout)), links)

    return _map_objects(objects, fields, of_objects)


def of_record(record: ak.Record, function: Callable[[ak.Array], Any]) -> Any:
    """What a function of arrays gives for one object."""
    return function(array_of(record))[0]


def require_source(objects: ak.Array | ak.Record) -> Source:
    """Where objects come from; raises ValueError when they do not know that any more."""
    source = source_of(objects)
    if source is None or EVENT not in objects.layout.fields:
        msg = "links cannot be followed: the array does not know its file (any more), as one read from Parquet"
        raise ValueError(msg)
    return source


# --------------------------------------------------------------------------------------------------------- structure


def _map_objects(objects: ak.Array, fields: list[str], inner: Callable[[Content], Content]) -> ak.Array:
    """Puts the structure of objects around what `inner` makes of them, behind one another, with these fields."""
    layout = ak.materialize(objects[[*fields, EVENT]].layout, highlevel=False)
    return ak.Array(map_records(layout, inner), attrs=objects.attrs)


def _events_of(layout: Content) -> NDArray[np.int64]:
    events: NDArray[np.int64] = ak.to_numpy(layout.content(EVENT)[: len(layout)])
    return events


def _map_links(layout: Content, event: NDArray[np.int64], leaf: _Leaf) -> Content:
    if layout.is_record:
        return leaf(Runs(event), layout)
    if layout.is_list:
        lists = layout.to_ListOffsetArray64(True)
        offsets = np.asarray(lists.offsets)
        content = lists.content[: int(offsets[-1])]
        if content.is_record:
            return ak.contents.ListOffsetArray(lists.offsets, leaf(Runs(event, offsets), content))
        event = np.repeat(event, np.diff(offsets))
        return ak.contents.ListOffsetArray(lists.offsets, _map_links(content, event, leaf))
    if layout.is_option:
        event = event[~np.asarray(layout.mask_as_bool(valid_when=False))]
    elif layout.is_union:
        msg = "links of several kinds in one field"
        raise TypeError(msg)
    return map_structure(layout, lambda content: _map_links(content, event, leaf))


def _map_column(layout: Content, leaf: _Leaf, runs: Runs) -> Content:
    """The same for a whole column of a file: its lists, the outermost of events, tell what events links are of."""
    if layout.is_record:
        return leaf(runs, layout)
    if not layout.is_list:
        msg = f"no element links, but {layout.form.type}"
        raise TypeError(msg)
    own = np.asarray(layout.offsets)
    groups = runs.offsets
    if groups is not None and runs.groups is not None:
        groups = groups[runs.groups]
    runs = Runs(offsets=own, groups=groups)
    return ak.contents.ListOffsetArray(layout.offsets, _map_column(layout.content, leaf, runs))


# ---------------------------------------------------------------------------------------------------------- resolving


def _member(links: Content, name: str) -> NDArray[np.uint32]:
    content = links.contents[links.field_to_index(name)]
    values = content.data if content.is_numpy else ak.to_numpy(content)
    return np.ascontiguousarray(np.asarray(values)[: len(links)], dtype=np.uint32)


class _Resolver:
    """Flat arrays of events, keys and indices to records of the targets."""

    def __init__(self, source: Source, objects: ak.Array, field: str) -> None:
        self._source = source
        self._objects = objects
        self._field = field
        self._table = source.store.schema.links
        record = objects.layout.purelist_parameter("__record__") or ""
        self._declared = self._table.declared_target(record, field)

    def __call__(self, runs: Runs, layout: Content) -> Content:
        keys, indices = (_member(layout, name) for name in ("m_persKey", "m_persIndex"))
        source = self._source
        if runs.events is not None:
            source = covering(source, runs.events, "links of objects", "follow them")
        links = Links(source, runs, keys, indices)
        used = self._collections(keys)
        names_used = list(used.values())
        groups = self._groups(names_used)
        if len(groups) > 1:
            return self._union(links, groups, used)
        ((class_name, names),) = groups.items()
        objects = MergedObjects(source, class_name, names, names_used)
        return links.targets(objects, used, self._bad)

    def _union(self, links: Links, groups: dict[str, list[str]], used: dict[int, str]) -> Content:
        tags = np.zeros(len(links.keys), dtype=np.int8)
        index = np.full(len(links.keys), -1, dtype=np.int64)
        contents = []
        for tag, (class_name, names) in enumerate(groups.items()):
            objects = MergedObjects(links.source, class_name, names, list(used.values()))
            position = links.positions(objects, used, self._bad)
            tags[position >= 0] = tag
            index = np.where(position >= 0, position, index)
            content = ak.from_buffers(objects.form, objects.length, objects.buffers, highlevel=False)
            links.source.remember_objects(content, objects.names, objects.stored)
            contents.append(content)
        valid = index >= 0
        records = {content.parameter("__record__") for content in contents}
        record = "IParticle" if records <= set(PARTICLES) else "AuxElement"  # what they have in common
        union = ak.contents.UnionArray(
            ak.index.Index8(tags[valid]), ak.index.Index64(index[valid]), contents, parameters={"__record__": record}
        )
        outer = np.where(valid, np.cumsum(valid) - 1, -1)
        return ak.contents.IndexedOptionArray.simplified(ak.index.Index64(outer), union)

    def _collections(self, keys: NDArray[np.uint32]) -> dict[int, str]:
        """The collections that are linked to, by key."""
        targets = {key: self._target(key) for key in _core.distinct_keys(keys)}
        return {key: t.collection for key, t in targets.items() if t is not None and t.collection is not None}

    def _target(self, key: int) -> Target | None:
        found = link_target(self._source.store, key)
        if found is None and self._source.store.is_first_unknown_key(key):
            warn(
                f"{self._source.store.name}: links {self._whose()}.{self._field} have the key {key}, which belongs to "
                "no container that is known here: they come out as None, as do other links with unknown keys",
                UnknownLinkWarning,
            )
        return found

    def _bad(self, links: Links, key: int, name: str) -> None:
        source = links.source
        entries = links.runs.entries(links.first, len(links.keys))
        sizes = np.diff(source.collection_offsets(name))[entries]
        bad = np.flatnonzero((links.keys == key) & (links.indices >= sizes))
        link = f"{self._whose()}.{self._field}"
        if source.on_bad_link == "none":
            rows = (source.start + entries[bad], np.full(len(bad), key), links.indices[bad])
            source.store.note_bad_links(link, np.stack(rows, axis=1).astype(np.int64))
            return
        i = int(bad[0])
        msg = (
            f"{source.store.name}: link {link}, event {source.start + int(entries[i])}: index {int(links.indices[i])} "
            f"of {name}, which has {int(sizes[i])} objects there; leave out the event, or take such links as None with "
            "events(on_bad_link='none')"
        )
        raise BadLinkError(msg)

    def _whose(self) -> str:
        """The collections that the objects are of."""
        names = {key: name for name, key in self._table.keys.items()}
        if LINK not in self._objects.layout.fields:
            return "objects"
        own = np.unique(ak.to_numpy(ak.flatten(ak.drop_none(self._objects[LINK], axis=None), axis=None)) >> 32)
        return "/".join(names.get(int(key), f"key {key}") for key in own) or "objects"

    def _groups(self, used: list[str]) -> dict[str, list[str]]:
        """The classes that are linked to, or the declared one, each with all collections of it, in the file's order.

        All of them, so that the fields of the targets do not depend on the events that are looked at.
        """
        classes = self._table.classes_of(used)
        declared = self._declared if self._declared not in _BASES else "IParticle"
        return {name: self._table.collections_of(name) for name in classes or [declared]}
