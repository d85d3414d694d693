"""Columns of an RNTuple: pages to streams, streams to columns.

Which elements of a list's items are wanted is known when its offsets are read. Where a range of entries begins and ends
with clusters it is known before, so that all is fetched at once; otherwise once for each level of lists.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.exceptions import CorruptDataError, UnsupportedFormatError
from physlite.formats.encoding import Fixed, ListOf, Maybe, Node, Primitive, RecordOf, Size, Text, value_number
from physlite.formats.manifest import Manifest, StreamPages
from physlite.storage import ByteSource, Range

__all__ = ["NtupleReader"]

Buffers = list[NDArray[Any]]


class _Part(NamedTuple):
    """One buffer of a column: its stream, and the part whose lists its elements are in, or -1."""

    stream: int
    parent: int
    factor: int
    code: str  # of its values: a type, "offsets", "options" or "sizes"

    @property
    def is_list(self) -> bool:
        """Whether it holds offsets of items; options are lists of one or none."""
        return self.code in ("offsets", "options")

    @property
    def counts(self) -> bool:
        """Whether it is stored as where items end."""
        return self.is_list or self.code == "sizes"


@dataclass
class _Wanted:
    """A part of a column of which elements `start` ≤ i < `stop` are wanted."""

    column: int
    part: int
    start: int
    stop: int


class NtupleReader:
    """Reads columns of one ntuple; errors are those of `ColumnReader`."""

    def __init__(self, manifest: Manifest, source: ByteSource, threads: int) -> None:
        self.manifest = manifest
        self.source = source
        self.threads = threads
        self._parts = functools.cache(self._find_parts)

    @property
    def _pages(self) -> StreamPages:
        return cast("StreamPages", self.manifest.streams)  # readers are made for manifests that have them

    def buffers(self, columns: Sequence[int], start: int, stop: int) -> list[Buffers]:
        """The decoded buffers of columns for entries `start` ≤ i < `stop`."""
        found: dict[tuple[int, int], NDArray[Any]] = {}
        wanted = [
            _Wanted(column, i, start * part.factor, stop * part.factor)
            for column in dict.fromkeys(columns)
            for i, part in enumerate(self._parts(column))
            if part.parent < 0
        ]
        while wanted:
            wanted += list(self._at_clusters(wanted))
            arrays = self._decode(wanted)
            for one, array in zip(wanted, arrays, strict=True):
                found[one.column, one.part] = array
            wanted = [item for one in wanted for item in self._items(one, found)]
        for (column, i), array in found.items():
            part = self._parts(column)[i]
            if part.is_list and array[0]:
                found[column, i] = array - array[0]
            if part.code == "options":
                found[column, i] = self._index(column, found[column, i])
        return [[found[column, i] for i in range(len(self._parts(column)))] for column in columns]

    # --------------------------------------------------------------------------------------------------------- what

    def _find_parts(self, column: int) -> list[_Part]:
        """The parts of a column, depth first, as its buffers."""
        members = iter(self.manifest.columns[column].members)
        parts: list[_Part] = []

        def walk(node: Node, parent: int, factor: int) -> None:
            if isinstance(node, ListOf | Maybe):
                parts.append(_Part(next(members), parent, factor, "offsets" if isinstance(node, ListOf) else "options"))
                walk(node.item, len(parts) - 1, 1)
            elif isinstance(node, Text):
                parts.append(_Part(next(members), parent, factor, "offsets"))
                parts.append(_Part(next(members), len(parts) - 1, 1, "u1"))
            elif isinstance(node, Fixed):
                walk(node.item, parent, factor * node.number)
            elif isinstance(node, RecordOf):
                for _, member in node.fields:
                    walk(member, parent, factor)
            elif isinstance(node, Size):
                parts.append(_Part(next(members), parent, factor, "sizes"))
            elif isinstance(node, Primitive):
                parts.append(_Part(next(members), parent, factor, node.code))

        walk(self.manifest.require_encoding(column).node, -1, 1)
        return parts

    def _row(self, stream: int) -> int:
        """Which row of `StreamPages.starts` a stream has."""
        return stream - len(self.manifest.named)

    def _at_clusters(self, wanted: list[_Wanted]) -> Iterator[_Wanted]:
        """The items of lists that begin and end with clusters, and so on inwards."""
        queue = list(wanted)
        while queue:
            one = queue.pop()
            parts = self._parts(one.column)
            part = parts[one.part]
            if not part.is_list:
                continue
            starts = self._pages.starts[self._row(part.stream)]
            first, last = (int(np.searchsorted(starts, x)) for x in (one.start, one.stop))
            if first == len(starts) or last == len(starts) or starts[first] != one.start or starts[last] != one.stop:
                continue
            # Of clusters without elements the first is found: the items before it are the same.
            for i, item in enumerate(parts):
                if item.parent == one.part:
                    its = self._pages.starts[self._row(item.stream)]
                    found = _Wanted(one.column, i, int(its[first]), int(its[last]))
                    queue.append(found)
                    yield found

    def _items(self, one: _Wanted, found: dict[tuple[int, int], NDArray[Any]]) -> Iterator[_Wanted]:
        """What is wanted of the items of lists whose offsets are known now."""
        parts = self._parts(one.column)
        if not parts[one.part].is_list:
            return
        offsets = found[one.column, one.part]
        first, last = int(offsets[0]), int(offsets[-1])
        for i, item in enumerate(parts):
            if item.parent != one.part:
                continue
            known = found.get((one.column, i))
            if known is None:
                yield _Wanted(one.column, i, first * item.factor, last * item.factor)
            elif len(known) - item.is_list != (last - first) * item.factor:
                name = self.manifest.columns[one.column].name
                msg = f"{self.source.name}: column {name} has lists that do not fit their items; copy the file again"
                raise CorruptDataError(msg)

    # ------------------------------------------------------------------------------------------------------- reading

    def _decode(self, wanted: list[_Wanted]) -> list[NDArray[Any]]:
        pages = self._pages
        requests: list[tuple[int, int, int, int, int, bool, int | None]] = []
        ranges: list[Range] = []
        for one in wanted:
            part = self._parts(one.column)[one.part]
            info = self.manifest.columns[part.stream]
            start, lead = one.start, None
            if part.counts:
                start, lead = self._lead(part, one)
            span = slice(info.first_page, info.first_page + info.pages)
            first = self.manifest.page_first_entry[span]
            low = high = 0
            if one.stop > start:
                low = max(int(np.searchsorted(first, start, side="right")) - 1, 0)
                high = int(np.searchsorted(first, one.stop, side="left"))
            low, high = info.first_page + low, info.first_page + high
            stored = pages.kind[low:high] >= 0
            offset, size = (x[low:high][stored].tolist() for x in (self.manifest.page_offset, self.manifest.page_size))
            ranges += map(Range, offset, size)
            code = "i8" if part.counts else part.code
            requests.append((low, high, value_number(code), start, one.stop, part.is_list, lead))
        fetched = iter(self.source.fetch(ranges) if ranges else [])
        calls = [
            (
                value,
                [self._page(i, fetched, keep_base=ordered) for i in range(low, high)],
                int(self.manifest.page_first_entry[low]) if high > low else start,
                start, stop, ordered, lead,
            )
            for low, high, value, start, stop, ordered, lead in requests
        ]  # fmt: skip
        try:
            arrays = _core.decode_ntuple(calls, self.threads)
        except (_core.CorruptData, _core.Unsupported) as error:
            raise self._name_error(error, wanted, [low for low, *_ in requests]) from None
        return [
            self._sizes(one, array) if self._parts(one.column)[one.part].code == "sizes" else array
            for one, array in zip(wanted, arrays, strict=True)
        ]

    def _page(self, i: int, fetched: Iterator[memoryview], *, keep_base: bool) -> tuple[Any, ...]:
        pages = self._pages
        kind = int(pages.kind[i])
        base = int(pages.base[i]) if keep_base else 0
        if kind < 0:
            return None, int(pages.elements[i]), False, 0, 1, 0.0, 0.0, base
        return next(fetched), int(pages.elements[i]), bool(pages.checksum[i]), *pages.kinds[kind], base

    def _lead(self, part: _Part, one: _Wanted) -> tuple[int, int | None]:
        """From which element on offsets are read, and what comes before them: a list begins where the last one ends."""
        starts = self._pages.starts[self._row(part.stream)]
        cluster = int(np.searchsorted(starts, one.start, side="right")) - 1
        if starts[cluster] != one.start or one.start == one.stop:
            return (one.start, 0) if one.start == one.stop else (one.start - 1, None)
        info = self.manifest.columns[part.stream]
        span = slice(info.first_page, info.first_page + info.pages)
        page = int(np.searchsorted(self.manifest.page_first_entry[span], one.start, side="right")) - 1
        return one.start, int(self._pages.base[info.first_page + page]) if part.is_list else 0

    def _index(self, column: int, offsets: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which item each option is, or -1."""
        sizes = np.diff(offsets)
        if len(sizes) and sizes.max() > 1:
            name = self.manifest.columns[column].name
            msg = f"{self.source.name}: column {name} has options of several items; copy the file again"
            raise CorruptDataError(msg)
        return np.where(sizes == 1, offsets[:-1], -1)

    def _sizes(self, one: _Wanted, ends: NDArray[np.int64]) -> NDArray[np.uint32]:
        """Numbers of objects from where they end, counted from the beginning of each cluster."""
        starts = self._pages.starts[self._row(self._parts(one.column)[one.part].stream)]
        sizes = np.diff(ends)
        inside = starts[(starts > one.start) & (starts < one.stop)] - one.start
        sizes[inside] = ends[1:][inside]
        if len(sizes) and (sizes.min() < 0 or sizes.max() >= 1 << 32):
            name = self.manifest.columns[one.column].name
            msg = f"{self.source.name}: column {name} has numbers of objects that cannot be; copy the file again"
            raise CorruptDataError(msg)
        return sizes.astype(np.uint32)

    def _name_error(self, error: Exception, wanted: list[_Wanted], first_pages: list[int]) -> Exception:
        """The core's error, with the names of things."""
        if len(error.args) != 3:  # noqa: PLR2004  # not about a page
            return CorruptDataError(f"{self.source.name}: {error}")
        what, which, page = error.args
        one = wanted[which]
        stream = self._parts(one.column)[one.part].stream
        info = self.manifest.columns[stream]
        page = min(first_pages[which] + page, info.first_page + info.pages - 1)
        first = int(self.manifest.page_first_entry[page]) if info.pages else 0
        cluster = int(np.searchsorted(self._pages.starts[self._row(stream)], first, side="right")) - 1
        begin, end = self.manifest.clusters[max(cluster, 0) :][:2].tolist()
        where = (
            f"{self.source.name}: column {self.manifest.columns[one.column].name}, cluster {cluster}, page "
            f"{page - info.first_page} (entries {begin} to {end})"
        )
        if isinstance(error, _core.Unsupported):
            return UnsupportedFormatError(f"{where}: not supported: {what}")
        return CorruptDataError(f"{where}: {what}; the file is damaged, copy it again, or leave out these entries")
