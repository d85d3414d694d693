"""Following element links: from the objects that hold them to records of the objects that they name.

Objects know their event and their own place (the fields `EVENT` and `LINK`), so that links can be followed after any
selection: an array need not have one item an event any more.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import awkward as ak
import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import BadLinkError, UnknownLinkWarning
from physlite.model.merging import merged_objects
from physlite.model.naming import short_class
from physlite.model.objects import EVENT, LINK, SOURCE, split_event

if TYPE_CHECKING:
    from physlite.model.events import EventSource
    from physlite.model.links import Target

__all__ = ["follow", "follow_links", "of_record"]

Integers = NDArray[Any]
_Leaf = Callable[[Integers, Integers, Integers], Content]

# Classes that are bases of others: links typed so can point to objects of any of these.
_BASES = ("IParticle", "Egamma")

# More keys than a collection of links ever has: then they are counted first.
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
    source = _covering(source, pairs)
    resolver = _Resolver(source, record, field, lambda: _collections_of(source, objects))
    layout = _map_objects(pairs, field, resolver)
    return ak.Array(layout, attrs={**objects.attrs, SOURCE: source})


def _collections_of(source: EventSource, objects: ak.Array) -> str:
    """The collections that objects are of, for messages."""
    names = {key: name for name, key in source.store.schema.links.keys.items()}
    own = np.unique(ak.to_numpy(ak.flatten(ak.drop_none(objects[LINK], axis=None), axis=None)) >> 32)
    return "/".join(names.get(int(key), f"key {key}") for key in own) or "objects"


def _covering(source: EventSource, pairs: Content) -> EventSource:
    """The source itself, or one of the same file with all the events that objects are of."""
    events = ak.to_numpy(ak.flatten(ak.drop_none(ak.Array(pairs)[EVENT], axis=None), axis=None))
    if len(events) == 0:
        return source
    first, last = int(events.min()), int(events.max())
    token, low = split_event(first)
    other, high = split_event(last)
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
    msg = f"no objects with links: {layout.form.type}"
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


class _Resolver:
    """Flat arrays of events, keys and indices to records of the targets."""

    def __init__(self, source: EventSource, record: str, field: str, whose: Callable[[], str]) -> None:
        self._source = source
        self._field = field
        self._whose = whose
        self._table = source.store.schema.links
        self._declared = self._table.declared_target(record, field)

    def __call__(self, event: Integers, key: Integers, index: Integers) -> Content:
        entry = split_event(event)[1] - self._source.start
        position = np.full(len(key), -1, dtype=np.int64)
        which: dict[str, NDArray[np.bool_]] = {}
        for name, chosen in self._by_collection(key):
            every = bool(chosen.all())  # as a rule: then nothing has to be picked out
            entries, indices = (entry, index) if every else (entry[chosen], index[chosen])
            offsets = self._source.collection_offsets(name)
            at = offsets[entries] + indices
            bad = at >= offsets[entries + 1]
            if bad.any():
                self._bad(name, entries, indices, np.diff(offsets)[entries], bad)
                at[bad] = -1
            if every:
                position = at
            else:
                position[chosen] = at
            which[name] = chosen
        return self._targets(position, which)

    def _by_collection(self, key: Integers) -> list[tuple[str, NDArray[np.bool_]]]:
        """The collections that are linked to, and which of the links are to them."""
        out = []
        rest = key != 0
        keys: Sequence[int] | None = None
        for number in range(len(key)):
            if not rest.any():
                break
            if number == _MANY_KEYS:
                # Far more keys than there are containers: numbers of no meaning.
                keys = [int(k) for k in np.unique(key[rest])]
                break
            first = int(key[rest.argmax()])
            chosen = key == first
            rest &= ~chosen
            target = self._target(first)
            if target is not None and target.collection is not None:
                out.append((target.collection, chosen))
        for k in keys or ():
            target = self._target(k)
            if target is not None and target.collection is not None:
                out.append((target.collection, key == k))
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

    def _bad(self, name: str, entry: Integers, index: Integers, size: Integers, bad: NDArray[np.bool_]) -> None:
        source = self._source
        link = f"{self._whose()}.{self._field}"
        if source.on_bad_link == "none":
            source.store.bad_links[link] += int(np.count_nonzero(bad))
            return
        i = int(bad.argmax())
        msg = (
            f"{source.store.name}: link {link}, event {source.start + int(entry[i])}: index {int(index[i])} of {name}, "
            f"which has {int(size[i])} objects there; leave out the event, or take such links as None with "
            "events(on_bad_link='none')"
        )
        raise BadLinkError(msg)

    def _targets(self, position: Integers, which: dict[str, NDArray[np.bool_]]) -> Content:
        """The option-type array of records at flat positions in the collections that the links are to."""
        groups = self._groups(list(which))
        if len(groups) == 1:
            ((class_name, names),) = groups.items()
            content, base = merged_objects(self._source, class_name, names, set(which))
            for name, chosen in which.items():
                if base[name]:
                    position[chosen & (position >= 0)] += base[name]
            return ak.contents.IndexedOptionArray(ak.index.Index64(position), content)
        tags = np.zeros(len(position), dtype=np.int8)
        contents = []
        for tag, (class_name, names) in enumerate(groups.items()):
            content, base = merged_objects(self._source, class_name, names, set(which))
            contents.append(content)
            for name in names:
                if name in which:
                    tags[which[name]] = tag
                    position[which[name] & (position >= 0)] += base[name]
        valid = position >= 0
        union = ak.contents.UnionArray(ak.index.Index8(tags[valid]), ak.index.Index64(position[valid]), contents)
        outer = np.where(valid, np.cumsum(valid) - 1, -1)
        return ak.contents.IndexedOptionArray.simplified(ak.index.Index64(outer), union)

    def _groups(self, used: list[str]) -> dict[str, list[str]]:
        """Collections by class: those that objects of the declared class can be in, and those that links are to.

        The collections of a declared class are all in, whatever the values: events of one file have one type.
        """
        groups: dict[str, list[str]] = {}
        if self._declared and self._declared not in _BASES:
            groups[self._declared] = self._table.collections_of(self._declared)
        for name in used:
            class_name = short_class(self._source.store.schema.collections[name].class_name)
            names = groups.setdefault(class_name, [])
            if name not in names:
                names.append(name)
        return groups or {"IParticle": []}
