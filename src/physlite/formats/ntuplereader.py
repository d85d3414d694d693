"""Columns of an RNTuple: pages to streams, streams to columns.

Which elements of a list's items are wanted is known when its offsets are read. Where a range of entries begins and ends
with clusters it is known before, so that all is fetched at once; otherwise once for each level of lists.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.formats.encoding import Fixed, ListOf, Maybe, Node, OneOf, Primitive, RecordOf, Size, Text, value_number
from physlite.formats.manifest import PLACES, Manifest, ManifestColumn, StreamPages
from physlite.storage import ByteSource, Range

__all__ = ["NtupleReader"]

Buffers = list[NDArray[Any]]

# What the values of a part are, where they are not those of the column itself.
_OFFSETS, _OPTIONS, _SIZES, _ALTERNATIVES, _PLACES = "offsets", "options", "sizes", "alternatives", PLACES


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


def _part(stream: int, parent: int, factor: int, code: str, alternative: int) -> _Part:
    is_list = code in (_OFFSETS, _OPTIONS)
    counts = is_list or code == _SIZES
    value = "i8" if counts or code == _PLACES else "i1" if code == _ALTERNATIVES else code
    return _Part(stream, parent, factor, code, alternative, is_list, counts, value_number(value))


class _Wanted(NamedTuple):
    """Elements `start` ≤ i < `stop` of a part of a column."""

    column: int
    number: int
    part: _Part
    start: int
    stop: int


class _Request(NamedTuple):
    """What the core takes: pages `low` ≤ i < `high`, and of their elements `start` ≤ i < `stop`."""

    low: int
    high: int
    value: int
    start: int
    stop: int
    is_list: bool
    lead: int | None  # what comes before them


class NtupleReader:
    """Reads columns of one ntuple; errors are those of `ColumnReader`."""

    def __init__(self, manifest: Manifest, source: ByteSource, threads: int, clock: NDArray[np.int64]) -> None:
        self.manifest = manifest
        self.source = source
        self.threads = threads
        self._clock = clock
        self._pages = cast("StreamPages", manifest.streams)  # readers are made for manifests that have them
        self._first_stream = len(manifest.named)
        pages = self._pages
        self._tables = _core.PageTables(
            pages.kinds, pages.kind, pages.elements, pages.checksum, pages.base, manifest.page_first_entry
        )
        self._is_all_stored = bool((pages.kind >= 0).all())
        self._known_parts: dict[int, tuple[_Part, ...]] = {}

    def buffers(self, columns: Sequence[int], start: int, stop: int) -> list[Buffers]:
        """The decoded buffers of columns for entries `start` ≤ i < `stop`."""
        found: dict[tuple[int, int], NDArray[Any]] = {}
        wanted = [
            _Wanted(column, i, part, start * part.factor, stop * part.factor)
            for column in dict.fromkeys(columns)
            for i, part in enumerate(self._parts(column))
            if part.parent < 0
        ]
        while wanted:
            wanted += list(self._at_clusters(wanted))
            for one, array in zip(wanted, self._decode(wanted), strict=True):
                found[one.column, one.number] = array
            wanted = [item for one in wanted for item in self._items(one, found)]
        for column in dict.fromkeys(columns):
            for i, part in enumerate(self._parts(column)):
                array = found[column, i]
                if part.is_list and array[0]:
                    found[column, i] = array = array - array[0]
                if part.code == _OPTIONS:
                    found[column, i] = self._index(column, array)
        return [[found[column, i] for i in range(len(self._parts(column)))] for column in columns]

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
                parts.append(_part(next(members), parent, factor, code, alternative))
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

    def _its_pages(self, part: _Part) -> tuple[ManifestColumn, NDArray[np.int64]]:
        """The row of a part's stream, and the first elements of its pages."""
        info = self.manifest.columns[part.stream]
        return info, self.manifest.page_first_entry[info.first_page : info.first_page + info.pages]

    def _at_clusters(self, wanted: list[_Wanted]) -> Iterator[_Wanted]:
        """The items of lists that begin and end with clusters, and so on inwards."""
        queue = [one for one in wanted if one.part.is_list]
        while queue:
            one = queue.pop()
            starts = self._starts(one.part)
            first, last = starts.searchsorted((one.start, one.stop)).tolist()
            if first == len(starts) or last == len(starts) or starts[first] != one.start or starts[last] != one.stop:
                continue
            # Of clusters without elements the first is found: the items before it are the same.
            for i, item in enumerate(self._parts(one.column)):
                if item.parent == one.number:
                    its = self._starts(item)
                    found = _Wanted(one.column, i, item, int(its[first]), int(its[last]))
                    if item.is_list:
                        queue.append(found)
                    yield found

    def _items(self, one: _Wanted, found: dict[tuple[int, int], NDArray[Any]]) -> Iterator[_Wanted]:
        """What is wanted of the items of lists and alternatives that are known now."""
        if one.part.code == _PLACES:
            yield from self._chosen(one, found)
        if not one.part.is_list:
            return
        offsets = found[one.column, one.number]
        first, last = int(offsets[0]), int(offsets[-1])
        for i, item in enumerate(self._parts(one.column)):
            if item.parent != one.number:
                continue
            known = found.get((one.column, i))
            if last * item.factor > self._starts(item)[-1]:
                raise CorruptDataError(self._damage(one.column, "lists of items that are not there"))
            if known is None:
                yield _Wanted(one.column, i, item, first * item.factor, last * item.factor)
            elif len(known) - item.is_list != (last - first) * item.factor:
                raise CorruptDataError(self._damage(one.column, "lists that do not fit their items"))

    def _chosen(self, one: _Wanted, found: dict[tuple[int, int], NDArray[Any]]) -> Iterator[_Wanted]:
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
                yield _Wanted(one.column, i, item, first * item.factor, last * item.factor)
        found[one.column, one.number] = places

    # ------------------------------------------------------------------------------------------------------- reading

    def _decode(self, wanted: list[_Wanted]) -> list[NDArray[Any]]:
        """Their arrays. What several columns have in common, as the offsets of a collection's, is decoded once."""
        requests: list[_Request] = []
        ranges: list[Range] = []
        known: dict[tuple[Any, ...], int] = {}
        which = []
        for one in wanted:
            request, offset, size = self._request(one)
            span = slice(request.low, request.high)
            tables = self._pages
            pages = (tables.kind[span], tables.elements[span], tables.checksum[span], tables.base[span], offset, size)
            # The same bytes can be other elements of another stream: what counts is which elements of the pages.
            first = int(self.manifest.page_first_entry[request.low]) if request.high > request.low else request.start
            _, _, value, start, stop, is_list, lead = request
            key = (*(x.tobytes() for x in pages), value, start - first, stop - first, is_list, lead)
            number = known.setdefault(key, len(requests))
            which.append(number)
            if number == len(requests):
                requests.append(request)
                ranges += map(Range, offset.tolist(), size.tolist())
        self._require_room(requests, ranges)
        try:
            arrays = _core.decode_ntuple(
                self._tables, requests, self.source.fetch(ranges) if ranges else [], self.threads, self._clock
            )
        except MemoryError:
            number = sum(r.stop - r.start for r in requests)
            msg = f"{self.source.name}: no memory for {number:,} elements: read fewer columns or entries at a time"
            raise MemoryError(msg) from None
        except (_core.CorruptData, _core.Unsupported) as error:
            raise self._name_error(error, [wanted[which.index(i)] for i in range(len(requests))], requests) from None
        return [
            self._finished(one, requests[number], arrays[number]) for one, number in zip(wanted, which, strict=True)
        ]

    def _finished(self, one: _Wanted, request: _Request, array: NDArray[Any]) -> NDArray[Any]:
        """The array of a part; the one that was decoded may be that of several parts."""
        if one.part.code == _SIZES:
            return self._sizes(one, array)
        if one.part.code == _ALTERNATIVES and not self._is_all_stored:
            return self._without_values(request, array)
        return array

    def _without_values(self, request: _Request, tags: NDArray[np.int8]) -> NDArray[np.int8]:
        """Variants that are not stored, zeros to the core, have no value."""
        tags = tags.copy()
        for page in (np.flatnonzero(self._pages.kind[request.low : request.high] < 0) + request.low).tolist():
            first = int(self.manifest.page_first_entry[page])
            tags[max(first - request.start, 0) : max(first + int(self._pages.elements[page]) - request.start, 0)] = -1
        return tags

    def _require_room(self, requests: list[_Request], ranges: list[Range]) -> None:
        """Equal pages are stored once, so that few bytes can be many elements; not any number of them."""
        claimed = sum((r.stop - r.start) * _MOST_BYTES for r in requests)
        if claimed <= _ROOM:
            return
        stored = sum({r.offset: r.size for r in ranges}.values())
        if claimed > _ROOM + _MOST_REPEATED * stored:
            msg = (
                f"{self.source.name}: {claimed / 1e9:.1f} GB of {stored / 1e6:.1f} MB that are stored: read fewer "
                "columns or entries at a time; if they are as few as that already, the file is damaged"
            )
            raise CorruptDataError(msg)

    def _request(self, one: _Wanted) -> tuple[_Request, NDArray[np.int64], NDArray[np.int64]]:
        """What the core is asked for, and where the pages lie."""
        part, start, stop = one.part, one.start, one.stop
        info, first = self._its_pages(part)
        lead = None
        if part.counts:
            start, lead = self._lead(part, one)
        low = high = info.first_page
        if stop > start:
            low += max(int(first.searchsorted(start, side="right")) - 1, 0)
            high += int(first.searchsorted(stop))
        offset, size = self.manifest.page_offset[low:high], self.manifest.page_size[low:high]
        if self._is_all_stored:
            return _Request(low, high, part.value, start, stop, part.is_list, lead), offset, size
        stored = self._pages.kind[low:high] >= 0
        if not stored.all():
            offset, size = offset[stored], size[stored]
        return _Request(low, high, part.value, start, stop, part.is_list, lead), offset, size

    def _lead(self, part: _Part, one: _Wanted) -> tuple[int, int | None]:
        """From which element on offsets are read, and what comes before them: a list begins where the last one ends."""
        if one.start == one.stop:
            return one.start, 0
        starts = self._starts(part)
        if starts[int(starts.searchsorted(one.start, side="right")) - 1] != one.start:
            return one.start - 1, None
        if not part.is_list:
            return one.start, 0
        info, first = self._its_pages(part)
        page = int(first.searchsorted(one.start, side="right")) - 1
        return one.start, int(self._pages.base[info.first_page + page])

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

    def _name_error(self, error: Exception, wanted: list[_Wanted], requests: list[_Request]) -> Exception:
        """The core's error, with the names of things."""
        if len(error.args) != 3:  # noqa: PLR2004  # not about a page
            return CorruptDataError(f"{self.source.name}: {error}")
        what, which, page = error.args
        one = wanted[which]
        info = self.manifest.columns[one.part.stream]
        page = min(requests[which].low + page, info.first_page + info.pages - 1)
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
