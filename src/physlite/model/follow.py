"""Following element links: from the objects that hold them to records of the objects that they name.

Objects know their event and their own place (the fields `EVENT` and `LINK`), so that links can be followed after any
selection: an array need not have one item an event any more.
"""

from __future__ import annotations

import itertools
import warnings
from collections import ChainMap
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import BadLinkError, UnknownLinkWarning
from physlite.model.merging import MergedObjects
from physlite.model.naming import short_class
from physlite.model.objects import EVENT, LINK, SOURCE, first_event_id, split_event

if TYPE_CHECKING:
    from physlite.model.events import EventSource
    from physlite.model.links import Target

__all__ = ["follow", "follow_links", "of_record"]

Integers = NDArray[Any]
_Leaf = Callable[[Integers, Integers, Integers], Content]

# Classes that are bases of others: links typed so can point to objects of any of these.
_BASES = ("IParticle", "Egamma")

# Key of the buffer that says where targets are.
_INDEX = "@"

# More keys than a field of links ever has: then only those count that lead into the file.
_MANY_KEYS = 32


def follow(objects: ak.Array | ak.Record, field: str) -> Any:
    """The targets of a link field; see `AuxElementArray.follow`."""
    if isinstance(objects, ak.Record):
        return of_record(objects, lambda array: follow(array, field))
    record = objects.layout.purelist_parameter("__record__") or ""
    pairs = objects[[field, EVENT]]
    return _follow_pairs(objects, pairs.layout, field, record)


def follow_links(objects: ak.Array, keys: ak.Array, indices: ak.Array, field: str) -> ak.Array:
    """The targets of links made up for objects, one each: `keys` and `indices` in their structure.

    `field` is a link field of theirs that stands for the kind of target.
    """
    record = objects.layout.purelist_parameter("__record__") or ""
    links = ak.zip({"m_persKey": keys, "m_persIndex": indices})
    pairs = ak.zip({field: links, EVENT: objects[EVENT]}, depth_limit=objects.ndim)
    return _follow_pairs(objects, ak.to_layout(pairs), field, record)


def of_record(record: ak.Record, function: Callable[[ak.Array], Any]) -> Any:
    """What a function of arrays gives for one object."""
    layout = record.layout
    array = ak.Array(layout.array[layout.at : layout.at + 1], attrs=record.attrs)
    return function(array)[0]


def _follow_pairs(objects: ak.Array, pairs: Content, field: str, record: str) -> ak.Array:
    source: EventSource | None = objects.attrs.get(SOURCE)
    if source is None:
        msg = f"the links of {record or 'these objects'} cannot be followed: the array does not know its file any more"
        raise ValueError(msg)
    pairs = ak.materialize(pairs, highlevel=False)
    resolver = _Resolver(source, record, field, lambda: _collections_of(source, objects))
    return ak.Array(_map_objects(pairs, field, resolver), attrs=objects.attrs)


def _collections_of(source: EventSource, objects: ak.Array) -> str:
    """The collections that objects are of, for messages."""
    names = {key: name for name, key in source.store.schema.links.keys.items()}
    own = np.unique(ak.to_numpy(ak.flatten(ak.drop_none(objects[LINK], axis=None), axis=None)) >> 32)
    return "/".join(names.get(int(key), f"key {key}") for key in own) or "objects"


def _covering(source: EventSource, event: Integers) -> EventSource:
    """The source itself, or one of the same file with all the events that objects are of."""
    if len(event) == 0:
        return source
    (token, low), (other, high) = split_event(int(event.min())), split_event(int(event.max()))
    if token != source.token or other != source.token:
        msg = (
            f"links of objects from several files in one array ({source.store.name} and others): follow them before "
            "the arrays are concatenated"
        )
        raise ValueError(msg)
    if source.start <= low and high < source.stop:
        return source
    return source.of_range(min(low, source.start), max(high + 1, source.stop))


# --------------------------------------------------------------------------------------------------------- structure


def _map_structure(layout: Content, inner: Callable[[Content], Content]) -> Content:
    """Applies `inner` to what a list, an option, a union or an indexed array holds, and puts the same around it."""
    if layout.is_regular:
        return ak.contents.RegularArray(inner(layout.content[: len(layout) * layout.size]), layout.size, len(layout))
    if layout.is_list:
        lists = layout.to_ListOffsetArray64(True)
        return ak.contents.ListOffsetArray(lists.offsets, inner(lists.content[: int(lists.offsets[-1])]))
    if layout.is_option:
        valid = ~np.asarray(layout.mask_as_bool(valid_when=False))
        index = np.where(valid, np.cumsum(valid) - 1, -1)
        return ak.contents.IndexedOptionArray.simplified(ak.index.Index64(index), inner(layout.project()))
    if layout.is_union:
        tags = np.asarray(layout.tags)
        index = np.zeros(len(tags), dtype=np.int64)
        contents = []
        for tag in range(len(layout.contents)):
            chosen = tags == tag
            index[chosen] = np.arange(np.count_nonzero(chosen))
            contents.append(inner(layout.project(tag)))
        return ak.contents.UnionArray.simplified(ak.index.Index8(tags), ak.index.Index64(index), contents)
    if layout.is_indexed:
        return inner(layout.project())
    msg = f"not objects with element links, but {layout.form.type}"
    raise TypeError(msg)


def _map_objects(layout: Content, field: str, leaf: _Leaf) -> Content:
    if not layout.is_record:
        return _map_structure(layout, lambda content: _map_objects(content, field, leaf))
    event = ak.to_numpy(layout.content(EVENT)[: len(layout)])
    return _map_links(layout.content(field)[: len(layout)], event, leaf)


def _map_links(layout: Content, event: Integers, leaf: _Leaf) -> Content:
    if layout.is_record:
        key, index = (ak.to_numpy(layout.content(name)[: len(layout)]) for name in ("m_persKey", "m_persIndex"))
        return leaf(event, key, index)
    if layout.is_list:
        lists = layout.to_ListOffsetArray64(True)
        event = np.repeat(event, np.diff(np.asarray(lists.offsets)))
    elif layout.is_option:
        event = event[~np.asarray(layout.mask_as_bool(valid_when=False))]
    elif layout.is_union:
        msg = "links of several kinds in one field"
        raise TypeError(msg)
    return _map_structure(layout, lambda content: _map_links(content, event, leaf))


# ---------------------------------------------------------------------------------------------------------- resolving


class _Links(NamedTuple):
    """Flat links: the events they are of, their indices, and for each collection which of them lead there."""

    source: EventSource
    event: Integers
    indices: Integers
    by_collection: list[tuple[str, NDArray[np.bool_]]]

    @property
    def number(self) -> int:
        return len(self.event)

    @property
    def used(self) -> list[str]:
        return [name for name, _ in self.by_collection]


class _Resolver:
    """Flat arrays of events, keys and indices to records of the targets."""

    def __init__(self, source: EventSource, record: str, field: str, whose: Callable[[], str]) -> None:
        self._source = source
        self._field = field
        self._whose = whose
        self._table = source.store.schema.links
        self._declared = self._table.declared_target(record, field)

    def __call__(self, event: Integers, key: Integers, index: Integers) -> Content:
        links = _Links(_covering(self._source, event), event, index, self._by_collection(key))
        groups = self._groups(links.used)
        if len(groups) > 1:
            return self._union(links, groups)
        ((class_name, names),) = groups.items()
        objects = MergedObjects(links.source, class_name, names, links.used)
        form = ak.forms.IndexedOptionForm("i64", objects.form, form_key=_INDEX)
        # Where the targets lie is found out when one of their columns is read: it tells how many there are as well.
        index_buffer: Any = {f"{_INDEX}-index": lambda: self._positions(links, objects)}
        buffers: ChainMap[str, Any] = ChainMap(index_buffer, objects.buffers)  # type: ignore[arg-type]  # only read
        return ak.from_buffers(form, len(key), buffers, highlevel=False)

    def _union(self, links: _Links, groups: dict[str, list[str]]) -> Content:
        tags = np.zeros(links.number, dtype=np.int8)
        index = np.full(links.number, -1, dtype=np.int64)
        contents = []
        for tag, (class_name, names) in enumerate(groups.items()):
            objects = MergedObjects(links.source, class_name, names, links.used)
            position = self._positions(links, objects)
            tags[position >= 0] = tag
            index = np.where(position >= 0, position, index)
            contents.append(ak.from_buffers(objects.form, objects.length, objects.buffers, highlevel=False))
        valid = index >= 0
        union = ak.contents.UnionArray(ak.index.Index8(tags[valid]), ak.index.Index64(index[valid]), contents)
        outer = np.where(valid, np.cumsum(valid) - 1, -1)
        return ak.contents.IndexedOptionArray.simplified(ak.index.Index64(outer), union)

    def _positions(self, links: _Links, objects: MergedObjects) -> NDArray[np.int64]:
        """Where the targets are among objects; -1 for links to none of them."""
        entry = links.event - first_event_id(links.source.token, links.source.start)
        position: NDArray[np.int64] | None = None
        for name, chosen in links.by_collection:
            begin = objects.begins.get(name)
            if begin is None:
                continue
            if chosen.all():  # as a rule: then nothing has to be picked out
                return self._positions_in(links.source, name, entry, links.indices, begin)
            if position is None:
                position = np.full(links.number, -1, dtype=np.int64)
            position[chosen] = self._positions_in(links.source, name, entry[chosen], links.indices[chosen], begin)
        return np.full(links.number, -1, dtype=np.int64) if position is None else position

    def _positions_in(
        self, source: EventSource, name: str, entry: NDArray[np.int64], index: Integers, begin: int
    ) -> NDArray[np.int64]:
        """The same for links that all lead into one collection. Works in place: fresh memory takes most of the time."""
        offsets = source.collection_offsets(name)
        at: NDArray[np.int64] = offsets.take(entry)
        at += index
        entry += 1
        bad = at >= offsets.take(entry)
        if begin:
            at += begin
        if bad.any():
            entry -= 1
            self._bad(source, name, entry, index, bad)
            at[bad] = -1
        return at

    def _by_collection(self, key: Integers) -> list[tuple[str, NDArray[np.bool_]]]:
        """The collections that are linked to, and which of the links are to them."""
        out = []
        rest = key != 0
        for number in itertools.count():
            if number == _MANY_KEYS:
                rest &= np.isin(key, self._table.stored_keys)
            if not rest.any():
                break
            first = int(key[rest.argmax()])
            chosen = key == first
            rest &= ~chosen
            target = self._target(first)
            if target is not None and target.collection is not None:
                out.append((target.collection, chosen))
        return out

    def _target(self, key: int) -> Target | None:
        found = self._source.store.link_target(key)
        if found is None and self._source.store.is_first_unknown_key(key):
            warnings.warn(
                f"{self._source.store.name}: links {self._whose()}.{self._field} have the key {key}, which belongs to "
                "no container that is known here: they come out as None, as do other links with unknown keys",
                UnknownLinkWarning,
                stacklevel=2,
            )
        return found

    def _bad(self, source: EventSource, name: str, entry: Integers, index: Integers, bad: NDArray[np.bool_]) -> None:
        source.require_sizes(name)
        link = f"{self._whose()}.{self._field}"
        if source.on_bad_link == "none":
            source.store.bad_links[link] += int(np.count_nonzero(bad))
            return
        i = int(bad.argmax())
        offsets = source.collection_offsets(name)
        size = int(offsets[entry[i] + 1] - offsets[entry[i]])
        msg = (
            f"{source.store.name}: link {link}, event {source.start + int(entry[i])}: index {int(index[i])} of {name}, "
            f"which has {size} objects there; leave out the event, or take such links as None with "
            "events(on_bad_link='none')"
        )
        raise BadLinkError(msg)

    def _groups(self, used: list[str]) -> dict[str, list[str]]:
        """The collections that are linked to, by class, in the file's order.

        Where none is, all that objects of the declared class can be in: their fields are there, without objects.
        """
        collections = self._source.store.schema.collections
        groups: dict[str, list[str]] = {}
        for name, collection in collections.items():
            if name in used:
                groups.setdefault(short_class(collection.class_name), []).append(name)
        if groups:
            return groups
        declared = self._declared if self._declared not in _BASES else "IParticle"
        return {declared: self._table.collections_of(declared)}
