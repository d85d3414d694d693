"""Columns of an RNTuple: pages to streams, streams to columns.

Which elements of a list's items are wanted is known when its offsets are read. Where a range of entries begins and ends
with clusters it is known before, so that all is fetched at once; otherwise once for each level of lists.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.formats.encoding import Fixed, ListOf, Maybe, Node, OneOf, Primitive, RecordOf, Size, Text, value_number
from physlite.formats.manifest import PLACES, Manifest, StreamPages
from physlite.storage import ByteSource, Range

__all__ = ["NtupleReader"]

Buffers = list[NDArray[Any]]
# A column, and the number of its part.
_Key = tuple[int, int]

# What the values of a part are, where they are not those of the column itself.
_OFFSETS, _OPTIONS, _SIZES, _ALTERNATIVES, _PLACES = "offsets", "options", "sizes", _core.ALTERNATIVES, PLACES


# Elements in as many bytes need no second look; and how much more than is stored there may be. Pages compress to a
# thousandth at best, and columns that are constant have one page for all of them.
_ROOM = 1 << 29
_MOST_BYTES = 8
_MOST_REPEATED = 1 << 14


class _Part(NamedTuple):
    """One buffer of a column: its stream, and the part whose items its elements are, or -1."""

    stream: int
    parent: int
    factor: int
    code: str  # of its values: a type, or one of the above
    alternative: int  # which of its parent's, when that has several
    is_list: bool  # it holds offsets of items; options are lists of one or none
    counts: bool  # it is stored as where items end
    value: int  # the type of its values for the core
    is_chosen: bool  # it is in an alternative, or in lists that are
    is_special: bool  # more is done to what the core decodes


def _part(stream: int, parent: int, factor: int, code: str, alternative: int, is_chosen: bool) -> _Part:
    is_list = code in (_OFFSETS, _OPTIONS)
    counts = is_list or code == _SIZES
    value = "i8" if counts or code == _PLACES else "i1" if code == _ALTERNATIVES else code
    is_special = code in (_SIZES, _ALTERNATIVES)
    number = value_number(value)
    return _Part(stream, parent, factor, code, alternative, is_list, counts, number, is_chosen, is_special)


class _Wanted(NamedTuple):
    """Elements `start` ≤ i < `stop` of a part of a column."""

    column: int
    number: int
    part: _Part
    start: int
    stop: int


class NtupleReader:
    """Reads columns of one ntuple; errors are those of `ColumnReader`."""

    def __init__(self, manifest: Manifest, source: ByteSource, threads: int, clock: NDArray[np.int64]) -> None:
        self.manifest = manifest
        self.source = source
        self.threads = threads
        self._clock = clock
        self._pages = cast("StreamPages", manifest.streams)  # readers are made for manifests that have them
        self._first_stream = len(manifest.named)
        self._is_all_stored = bool((self._pages.kind >= 0).all())
        self._known_parts: dict[int, tuple[_Part, ...]] = {}

    @functools.cached_property
    def _tables(self) -> _core.StreamTables:
        manifest, pages = self.manifest, self._pages
        streams = manifest.columns[self._first_stream :]
        return _core.StreamTables(
            pages.kinds, pages.kind, pages.elements, pages.checksum, pages.base, manifest.page_first_entry,
            manifest.page_offset, manifest.page_size, pages.starts,
            np.array([s.first_page for s in streams], dtype=np.int64),
            np.array([s.pages for s in streams], dtype=np.int64),
        )  # fmt: skip

    def each(self, columns: Sequence[int], start: int, stop: int) -> Generator[Buffers]:
        """The decoded buffers of columns for entries `start` ≤ i < `stop`, in order, while others are decoded."""
        found: dict[_Key, NDArray[Any]] = {}
        wanted = self._known(columns, start, stop)
        placed = set(wanted)
        parts = sum(len(self._parts(column)) for column in set(columns))
        while len(placed) < parts:
            found.update(zip(wanted, self._decode(list(wanted.values())), strict=True))
            wanted = {key: item for one in wanted.values() for key, item in self._items(one, found, placed)}
            placed.update(wanted)
        rebased: dict[int, NDArray[Any]] = {}
        with closing(self._decode(list(wanted.values()))) as decoded:
            arriving = zip(wanted, decoded, strict=True)
            for column in columns:
                arrays = []
                for i in range(len(self._parts(column))):
                    while (column, i) not in found:
                        key, array = next(arriving)
                        found[key] = array
                    arrays.append(found[column, i])
                yield self._finished(column, arrays, rebased)

    # --------------------------------------------------------------------------------------------------------- what

    def _parts(self, column: int) -> tuple[_Part, ...]:
        """The parts of a column, depth first, as its buffers."""
        if column not in self._known_parts:
            self._known_parts[column] = self._find_parts(column)
        return self._known_parts[column]

    def _find_parts(self, column: int) -> tuple[_Part, ...]:
        members = iter(self.manifest.columns[column].members)
        parts: list[_Part] = []

        def walk(node: Node, parent: int, factor: int, alternative: int = 0) -> None:
            def add(code: str) -> int:
                is_chosen = parent >= 0 and (parts[parent].code == _PLACES or parts[parent].is_chosen)
                parts.append(_part(next(members), parent, factor, code, alternative, is_chosen))
                return len(parts) - 1

            if isinstance(node, ListOf):
                walk(node.item, add(_OFFSETS), 1)
            elif isinstance(node, Maybe):
                walk(node.item, add(_OPTIONS), 1)
            elif isinstance(node, Text):
                walk(Primitive("u1"), add(_OFFSETS), 1)
            elif isinstance(node, OneOf):
                add(_ALTERNATIVES)
                places = add(_PLACES)
                for i, item in enumerate(node.items):
                    walk(item, places, 1, i)
            elif isinstance(node, Fixed):
                walk(node.item, parent, factor * node.number, alternative)
            elif isinstance(node, RecordOf):
                for _, member in node.fields:
                    walk(member, parent, factor, alternative)
            elif isinstance(node, Size):
                add(_SIZES)
            elif isinstance(node, Primitive):
                add(node.code)

        walk(self.manifest.require_encoding(column).node, -1, 1)
        return tuple(parts)

    def _starts(self, part: _Part) -> NDArray[np.int64]:
        """With which element each cluster begins, and behind the last."""
        return cast("NDArray[np.int64]", self._pages.starts[part.stream - self._first_stream])

    def _known(self, columns: Sequence[int], start: int, stop: int) -> dict[_Key, _Wanted]:
        """What is wanted of all parts of which that is known without reading.

        Where entries begin and end with clusters, that is all but what is in alternatives.
        """
        clusters = self.manifest.clusters
        first, last = clusters.searchsorted((start, stop)).tolist()
        starts = self._pages.starts
        at_clusters = first < len(clusters) and clusters[first] == start and clusters[last] == stop
        begin, end = (starts[:, first].tolist(), starts[:, last].tolist()) if at_clusters else ([], [])
        out: dict[_Key, _Wanted] = {}
        for column in columns:
            for i, part in enumerate(self._parts(column)):
                if part.parent < 0:
                    out[column, i] = _Wanted(column, i, part, start * part.factor, stop * part.factor)
                elif at_clusters and not part.is_chosen:
                    stream = part.stream - self._first_stream
                    out[column, i] = _Wanted(column, i, part, begin[stream], end[stream])
        return out

    def _opens(self, one: _Wanted, placed: set[_Key]) -> bool:
        """Whether it has to be read to know what is wanted of its items."""
        if not (one.part.is_list or one.part.code == _PLACES):
            return False
        return any(
            p.parent == one.number and (one.column, i) not in placed for i, p in enumerate(self._parts(one.column))
        )

    def _items(
        self, one: _Wanted, found: dict[_Key, NDArray[Any]], placed: set[_Key]
    ) -> Iterator[tuple[_Key, _Wanted]]:
        """What is wanted of the items of lists and alternatives that are read now."""
        if not self._opens(one, placed):
            return
        if one.part.code == _PLACES:
            yield from self._chosen(one, found)
            return
        offsets = found[one.column, one.number]
        first, last = int(offsets[0]), int(offsets[-1])
        for i, item in enumerate(self._parts(one.column)):
            if item.parent == one.number:
                if last * item.factor > self._starts(item)[-1]:
                    raise CorruptDataError(self._damage(one.column, "lists of items that are not there"))
                yield (one.column, i), _Wanted(one.column, i, item, first * item.factor, last * item.factor)

    def _chosen(self, one: _Wanted, found: dict[_Key, NDArray[Any]]) -> Iterator[tuple[_Key, _Wanted]]:
        """The items of alternatives, from the first to the last that is chosen; counts the places from the first on."""
        tags, places = found[one.column, one.number - 1], found[one.column, one.number]
        items = [(i, item) for i, item in enumerate(self._parts(one.column)) if item.parent == one.number]
        if len(tags) and tags.max() > max(item.alternative for _, item in items):
            raise CorruptDataError(self._damage(one.column, "alternatives that its type does not have"))
        elements = np.arange(one.start, one.stop)
        clusters = self._starts(one.part).searchsorted(elements, side="right") - 1
        places = places.copy()
        for alternative in {item.alternative: None for _, item in items}:
            its = np.flatnonzero(tags == alternative)
            first = last = 0
            members = [(i, item) for i, item in items if item.alternative == alternative]
            if len(its):
                # Counted from the beginning of each cluster, in items of the alternative.
                lead = members[0][1]
                places[its] += self._starts(lead)[clusters[its]] // lead.factor
                first, last = int(places[its].min()), int(places[its].max()) + 1
                places[its] -= first
            for i, item in members:
                if last * item.factor > self._starts(item)[-1]:
                    raise CorruptDataError(self._damage(one.column, "variants with values that are not there"))
                yield (one.column, i), _Wanted(one.column, i, item, first * item.factor, last * item.factor)
        found[one.column, one.number] = places

    # ------------------------------------------------------------------------------------------------------- reading

    def _decode(self, wanted: list[_Wanted]) -> Generator[NDArray[Any]]:
        """Their arrays, one after the other; one that was decoded may be that of several."""
        first = self._first_stream
        plan = self._tables.plan(
            [(w.part.stream - first, w.start, w.stop, w.part.value, w.part.is_list, w.part.counts) for w in wanted]
        )
        ranges = list(map(Range, plan.offset, plan.size))
        self._require_room(plan.total, ranges)
        arrays: list[NDArray[Any]] = []
        try:
            decoded = plan.decode(self.source.fetch(ranges) if ranges else [], self.threads, self._clock)
            for one, number in zip(wanted, plan.which, strict=True):
                if number == len(arrays):
                    arrays.append(next(decoded))
                array = arrays[number]
                yield self._values(one, plan, number, array) if one.part.is_special else array
        except MemoryError:
            msg = f"{self.source.name}: no memory for {plan.total:,} elements: read fewer columns or entries at a time"
            raise MemoryError(msg) from None
        except (_core.CorruptData, _core.Unsupported) as error:
            raise self._name_error(error, wanted, plan) from None

    def _values(self, one: _Wanted, plan: _core.StreamPlan, request: int, array: NDArray[Any]) -> NDArray[Any]:
        if one.part.code == _SIZES:
            return self._sizes(one, array)
        if one.part.code == _ALTERNATIVES and not self._is_all_stored:
            return self._without_values(plan.pages(request), plan.elements(request)[0], array)
        return array

    def _finished(self, column: int, arrays: Buffers, rebased: dict[int, NDArray[Any]]) -> Buffers:
        """The buffers of a column, whose offsets begin with 0; `rebased` are those that columns have in common."""
        parts = self._parts(column)
        for i, item in enumerate(parts):
            if item.parent >= 0 and parts[item.parent].is_list:
                offsets = arrays[item.parent]
                if len(arrays[i]) - item.is_list != (offsets[-1] - offsets[0]) * item.factor:
                    beyond = offsets[-1] * item.factor > self._starts(item)[-1]
                    what = "lists of items that are not there" if beyond else "lists that do not fit their items"
                    raise CorruptDataError(self._damage(column, what))
        for i, part in enumerate(parts):
            if part.is_list and arrays[i][0]:
                offsets = arrays[i]
                if id(offsets) not in rebased:
                    rebased[id(offsets)] = offsets - offsets[0]
                arrays[i] = rebased[id(offsets)]
            if part.code == _OPTIONS:
                arrays[i] = self._index(column, arrays[i])
        return arrays

    def _without_values(self, pages: tuple[int, int], start: int, tags: NDArray[np.int8]) -> NDArray[np.int8]:
        """Variants that are not stored, zeros to the core, have no value."""
        tags = tags.copy()
        low, high = pages
        for page in (np.flatnonzero(self._pages.kind[low:high] < 0) + low).tolist():
            first = int(self.manifest.page_first_entry[page]) - start
            tags[max(first, 0) : max(first + int(self._pages.elements[page]), 0)] = -1
        return tags

    def _require_room(self, elements: int, ranges: list[Range]) -> None:
        """Equal pages are stored once, so that few bytes can be many elements; not any number of them."""
        claimed = elements * _MOST_BYTES
        if claimed <= _ROOM:
            return
        stored = sum({r.offset: r.size for r in ranges}.values())
        if claimed > _ROOM + _MOST_REPEATED * stored:
            msg = (
                f"{self.source.name}: {claimed / 1e9:.1f} GB of {stored / 1e6:.1f} MB that are stored: read fewer "
                "columns or entries at a time; if they are as few as that already, the file is damaged"
            )
            raise CorruptDataError(msg)

    def _index(self, column: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which item each option is, or -1."""
        sizes = np.diff(offsets)
        if len(sizes) and sizes.max() > 1:
            raise CorruptDataError(self._damage(column, "options of several items"))
        return np.where(sizes == 1, offsets[:-1], -1)

    def _sizes(self, one: _Wanted, ends: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Numbers of objects from where they end, counted from the beginning of each cluster."""
        starts = self._starts(one.part)
        sizes = np.diff(ends)
        inside = starts[(starts > one.start) & (starts < one.stop)] - one.start
        sizes[inside] = ends[1:][inside]
        if len(sizes) and (sizes.min() < 0 or sizes.max() >= 1 << 32):
            raise CorruptDataError(self._damage(one.column, "numbers of objects that cannot be"))
        return sizes.astype(np.uint32)

    def _damage(self, column: int, what: str) -> str:
        return f"{self.source.name}: column {self.manifest.columns[column].name} has {what}; copy the file again"

    def _name_error(self, error: Exception, wanted: list[_Wanted], plan: _core.StreamPlan) -> Exception:
        """The core's error, with the names of things."""
        if len(error.args) != 3:  # noqa: PLR2004  # not about a page
            return CorruptDataError(f"{self.source.name}: {error}")
        what, which, page = error.args
        one = wanted[plan.which.index(which)]
        info = self.manifest.columns[one.part.stream]
        page = min(plan.pages(which)[0] + page, info.first_page + info.pages - 1)
        first = int(self.manifest.page_first_entry[page]) if info.pages else 0
        cluster = int(self._starts(one.part).searchsorted(first, side="right")) - 1
        cluster = max(min(cluster, len(self.manifest.clusters) - 2), 0)
        begin, end = self.manifest.clusters[cluster : cluster + 2].tolist()
        where = (
            f"{self.source.name}: column {self.manifest.columns[one.column].name}, cluster {cluster}, page "
            f"{page - info.first_page} (entries {begin} to {end})"
        )
        if isinstance(error, _core.Unsupported):
            return UnsupportedFormatError(f"{where}: not supported: {what}")
        return CorruptDataError(f"{where}: {what}; the file is damaged, copy it again, or leave out these entries")
