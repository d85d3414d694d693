"""The pages of an RNTuple's columns, put together as the streams that columns of the manifest consist of.

A stream is one array: the offsets of lists, or values. It is stored in a column of the ntuple, or where a field has
several representations in one of them for each cluster; of fields that were added later the first elements are not
stored at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.formats.manifest import PLACES, ManifestColumn, PageKind, StreamPages

__all__ = ["NtupleColumn", "NtuplePages", "Stream", "StreamTables"]


class NtupleColumn(NamedTuple):
    """A column as the ntuple describes it."""

    type: int
    bits: int
    field: int
    representation: int
    low: float
    high: float


@dataclass(slots=True)
class Stream:
    """One array of a column: `parent` is the stream of the lists that its elements are in, or None."""

    columns: tuple[int, ...]  # one, or one for each representation
    code: str
    parent: Stream | None
    factor: int
    child: Stream | None = None  # of lists: what their items begin with
    child_factor: int = 1


class StreamTables(NamedTuple):
    """What the manifest takes of all streams: their rows, and their pages, those of each stream together.

    `faults` has what is wrong with those that cannot be read, by their id(); then the rest is for nothing.
    """

    faults: dict[int, str]
    rows: tuple[ManifestColumn, ...]
    first: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    pages: StreamPages


class _Fault(Exception):  # noqa: N818  # never leaves this module
    """What is wrong with a stream."""


_MOST = 1 << 60  # elements; the core's limit
_NOT_STORED = -1
_CHECKSUM_BYTES = 8


class NtuplePages:
    """The pages of all columns, ordered by column, then by cluster."""

    def __init__(self, lists: list[Any], columns: Sequence[NtupleColumn], most: int) -> None:
        """`most`: bytes of the largest page that is one record of the file."""
        self._columns = columns
        self._most = most
        number = len(columns)
        clusters = sum(len(pages["clusters"]) for pages in lists)

        def joined(key: str, kind: Any) -> NDArray[Any]:
            return np.concatenate([np.empty(0, kind), *(pages[key] for pages in lists)])

        self._begin = joined("first_element", np.int64).reshape(clusters, number)  # of each column in each cluster
        self._compression = joined("compression", np.uint32).reshape(clusters, number)
        counts = np.concatenate([np.empty(0, np.int64), *(np.diff(pages["first_page"]) for pages in lists)])
        column = np.repeat(np.tile(np.arange(number), clusters), counts)
        cluster = np.repeat(np.repeat(np.arange(clusters), number), counts)
        order = np.argsort(column, kind="stable")
        self._column = column[order]
        self._cluster = cluster[order]
        self._elements = joined("elements", np.int64)[order]
        self._checksum = joined("has_checksum", np.uint8)[order].astype(np.bool_)
        self._offset = joined("offset", np.int64)[order]
        self._size = joined("bytes", np.int64)[order] + np.where(self._checksum, _CHECKSUM_BYTES, 0)
        # Where the pages of each column in each cluster begin among all, and how many elements they have.
        self._counts = counts.reshape(clusters, number)
        by_column = self._counts.T.ravel()
        ends = np.cumsum(by_column)
        groups = np.concatenate(([0], ends)).astype(np.int64)
        total = np.concatenate(([0], np.cumsum(self._elements)))
        self._first_page = groups[:-1].reshape(number, clusters)
        self._last_page = groups[1:].reshape(number, clusters)
        self._sum = (total[groups[1:]] - total[groups[:-1]]).reshape(number, clusters)
        before = np.repeat(total[groups[:-1]] - self._begin.T.ravel(), by_column)
        self._first = total[:-1] - before

    def of(self, streams: Sequence[Stream], clusters: NDArray[np.int64]) -> StreamTables:
        """The tables of streams; `clusters` are the first entries, and the number of entries."""
        faults: dict[int, str] = {}
        starts, plain = self._all_starts(streams, clusters, faults)
        number = len(streams)
        pages = np.zeros(number, dtype=np.int64)
        first_page = np.zeros(number, dtype=np.int64)
        # Those of a single column that is there from the beginning, all at once.
        column = np.array([s.columns[0] for s in streams], dtype=np.int64)[plain]
        begin = self._first_page[column, 0] if len(clusters) > 1 else np.zeros(len(column), dtype=np.int64)
        end = self._last_page[column, -1] if len(clusters) > 1 else begin
        pages[plain] = end - begin
        first_page[plain] = np.cumsum(end - begin) - (end - begin)
        total = int((end - begin).sum())
        others: list[int] = []
        absent: list[tuple[int, int, int]] = []  # first element, elements, cluster
        for i in np.flatnonzero(~plain).tolist():
            first_page[i] = total + len(others)
            try:
                others += self._stream_pages(streams[i], starts[i], absent)
            except _Fault as fault:
                faults[id(streams[i])] = str(fault)
            pages[i] = total + len(others) - first_page[i]
        at = np.concatenate(
            [np.repeat(begin - first_page[plain], end - begin) + np.arange(total), np.array(others, dtype=np.int64)]
        )
        missing = np.array(absent, dtype=np.int64).reshape(-1, 3)

        def taken(stored: NDArray[Any], not_stored: Any) -> NDArray[Any]:
            if absent:
                stored = np.concatenate([stored, np.broadcast_to(not_stored, len(absent)).astype(stored.dtype)])
            chosen: NDArray[Any] = stored[at]
            return chosen

        offset, size, checksum = taken(self._offset, 0), taken(self._size, 0), taken(self._checksum, False)
        elements, cluster = taken(self._elements, missing[:, 1]), taken(self._cluster, missing[:, 2])
        kinds, kind = self._kinds(taken(self._column, _NOT_STORED))
        bits = np.array([k.bits for k in kinds] + [0], dtype=np.int64)[kind]  # the last for those not stored
        sums = [np.concatenate(([0], np.cumsum(x))) for x in (elements * bits, size)]
        for page in np.flatnonzero(size > self._most).tolist():
            stream = streams[np.flatnonzero((first_page <= page) & (page < first_page + pages))[0]]
            faults[id(stream)] = f"a page of {size[page]} bytes is more than one record of the file, which is not read"
        return StreamTables(
            faults,
            self._rows(streams, first_page, pages, *sums),
            taken(self._first, missing[:, 0]),
            offset,
            size,
            StreamPages(kinds, kind, elements, checksum, _bases(streams, starts, first_page, pages, cluster), starts),
        )

    def _kinds(self, columns: NDArray[np.int64]) -> tuple[tuple[PageKind, ...], NDArray[np.int32]]:
        """How the pages of columns are stored: the kinds, and which of them each page is of."""
        kinds: dict[tuple[int, int, float, float], int] = {}
        number = np.full(len(self._columns) + 1, _NOT_STORED, dtype=np.int32)
        used = np.unique(columns[columns >= 0])
        number[used] = [
            kinds.setdefault((c[0], c[1], c[4], c[5]), len(kinds))
            for c in map(self._columns.__getitem__, used.tolist())
        ]
        return tuple(map(PageKind._make, kinds)), number[columns]

    def _all_starts(
        self, streams: Sequence[Stream], clusters: NDArray[np.int64], faults: dict[int, str]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """With which element each stream begins in each cluster, and whether it is a column without gaps."""
        column = np.array([s.columns[0] for s in streams], dtype=np.int64)
        begin, count = self._begin.T[column], self._sum[column]
        there = ((begin >= 0) & (begin <= _MOST)).all(axis=1)
        there &= np.array([len(s.columns) == 1 for s in streams], dtype=np.bool_)
        starts = np.zeros((len(streams), len(clusters)), dtype=np.int64)
        if len(clusters) > 1:
            starts[:, :-1] = np.where(there[:, None], begin, 0)
            starts[:, -1] = np.where(there, begin[:, -1] + count[:, -1], 0)
        top = np.array([s.parent is None for s in streams], dtype=np.bool_)
        factor = np.array([s.factor for s in streams], dtype=np.int64)
        for i in np.flatnonzero(top & (factor > _MOST // max(int(clusters[-1]), 1))).tolist():
            faults[id(streams[i])] = f"{clusters[-1]} entries of {factor[i]} items each: no file has as many"
            factor[i] = 1
        starts[top] = clusters * factor[top, None]
        # Members that were added later have as many elements as those beside them.
        beside = {id(s.parent): i for i, s in enumerate(streams) if there[i]}
        for i in np.flatnonzero(~there & ~top).tolist():
            stream = streams[i]
            known = beside.get(id(stream.parent)) if stream.parent and stream.parent.code != PLACES else None
            if known is None:
                starts[i] = self._starts(stream, len(clusters) - 1, faults)
            else:
                starts[i] = starts[known] // factor[known] * factor[i]
        plain = there & (begin == starts[:, :-1]).all(axis=1) & (begin + count == starts[:, 1:]).all(axis=1)
        return starts, plain

    def _rows(
        self, streams: Sequence[Stream], first_page: NDArray[np.int64], pages: NDArray[np.int64],
        bits: NDArray[np.int64], size: NDArray[np.int64],
    ) -> tuple[ManifestColumn, ...]:  # fmt: skip
        """The rows of streams; `bits` and `size` are sums over all pages before each."""
        last = first_page + pages
        uncompressed = ((bits[last] - bits[first_page]) // 8).tolist()
        compressed = (size[last] - size[first_page]).tolist()
        for i, stream in enumerate(streams):
            if stream.code == PLACES:
                uncompressed[i] = compressed[i] = 0
        numbers = zip(streams, first_page.tolist(), pages.tolist(), uncompressed, compressed, strict=True)
        settings = self._compression[-1].tolist() if len(self._compression) else [0] * len(self._columns)
        return tuple(
            ManifestColumn("", "", "", "", s.code, "", (), settings[s.columns[0]], whole, stored, first, number)
            for s, first, number, whole, stored in numbers
        )

    def _primary(self, stream: Stream, cluster: int) -> int | None:
        """The column whose pages hold a stream in a cluster; None where there is none yet."""
        found = [c for c in stream.columns if 0 <= self._begin[cluster, c] < _core.NOT_YET]
        if len(found) > 1:
            msg = f"cluster {cluster} has it in two representations: the file is damaged"
            raise _Fault(msg)
        if found and self._begin[cluster, found[0]] > _MOST:
            msg = f"cluster {cluster} begins with element {self._begin[cluster, found[0]]} of it: no file has as many"
            raise _Fault(msg)
        return found[0] if found else None

    def _starts(self, stream: Stream, clusters: int, faults: dict[int, str]) -> NDArray[np.int64]:
        """The same for a stream of items that is not there from the beginning, or in one column."""
        out = [0]
        for cluster in range(clusters):
            try:
                column = self._primary(stream, cluster)
            except _Fault as fault:
                faults[id(stream)] = str(fault)
                column = None
            if column is not None:
                out[-1] = int(self._begin[cluster, column])
            out.append(out[-1] + (0 if column is None else int(self._sum[column, cluster])))
        return np.array(out, dtype=np.int64)

    def _stream_pages(self, stream: Stream, starts: NDArray[np.int64], absent: list[tuple[int, int, int]]) -> list[int]:
        """The pages of a stream; what is not stored is noted in `absent`, which counts on behind all pages."""
        out: list[int] = []
        for cluster, (start, stop) in enumerate(pairwise(starts.tolist())):
            column = self._primary(stream, cluster)
            begin = stop if column is None else int(self._begin[cluster, column])
            end = begin if column is None else begin + int(self._sum[column, cluster])
            if not start <= begin <= end == stop:
                msg = (
                    f"cluster {cluster} has elements {begin} to {end} of it, where it should have {start} to {stop}: "
                    "the file is damaged, or was put together wrongly"
                )
                raise _Fault(msg)
            if begin > start:  # of a field that was added later
                out.append(len(self._offset) + len(absent))
                absent.append((start, begin - start, cluster))
            if column is not None:
                out += range(int(self._first_page[column, cluster]), int(self._last_page[column, cluster]))
        return out


def _bases(
    streams: Sequence[Stream], starts: NDArray[np.int64], first_page: NDArray[np.int64], pages: NDArray[np.int64],
    cluster: NDArray[np.int64],
) -> NDArray[np.int64]:  # fmt: skip
    """For each page of offsets what they count from: with which item its cluster begins."""
    base = np.zeros(len(cluster), dtype=np.int64)
    position = {id(stream): i for i, stream in enumerate(streams)}
    of_lists = [(i, s) for i, s in enumerate(streams) if s.child is not None]
    lists = np.array([i for i, _ in of_lists], dtype=np.int64)
    items = np.array([position[id(s.child)] for _, s in of_lists], dtype=np.int64)
    factors = np.array([s.child_factor for _, s in of_lists], dtype=np.int64)
    counts = pages[lists]
    of_list = np.repeat(first_page[lists] - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
    base[of_list] = starts[np.repeat(items, counts), cluster[of_list]] // np.repeat(factors, counts)
    return base
