"""The pages of an RNTuple's columns, put together as the streams that columns of the manifest consist of.

A stream is one array: the offsets of lists, or values. It is stored in a column of the ntuple, or where a field has
several representations in one of them for each cluster; of fields that were added later the first elements are not
stored at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.formats.manifest import PLACES, ManifestColumn, PageKind, StreamPages

__all__ = ["NtuplePages", "PageKinds", "StreamTables", "Streams"]


@dataclass(frozen=True)
class PageKinds:
    """How the pages of an ntuple's columns are stored: the kinds, and which of them those of each column are."""

    kinds: tuple[PageKind, ...]
    of_column: NDArray[np.int32]

    @classmethod
    def of(cls, kinds: Sequence[tuple[int, int, float, float]], of_column: NDArray[np.int32]) -> Self:
        """The kinds that the core gives."""
        return cls(tuple(map(PageKind._make, kinds)), of_column)


@dataclass(frozen=True)
class Streams:
    """The arrays that columns consist of, those of a column one after the other.

    Attributes:
        codes: what their elements are.
        column: which column of the ntuple has them, or the first that has.
        representations: all of these, where there are several.
        parent: the stream of the lists that their elements are in; -1 for none.
        factor: how many elements there are for each item of these, or each entry.
        child: of lists, the stream that their items begin with; -1 for others.
        child_factor: how many elements of that there are for each item.
    """

    codes: list[str]
    column: NDArray[np.int64]
    representations: Mapping[int, tuple[int, ...]]
    parent: NDArray[np.int64]
    factor: NDArray[np.int64]
    child: NDArray[np.int64]
    child_factor: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.codes)

    def columns(self, stream: int) -> tuple[int, ...]:
        """The columns that hold a stream."""
        return self.representations.get(stream) or (int(self.column[stream]),)

    def only(self, chosen: NDArray[np.int64]) -> Streams:
        """These streams, in order; with each all of its column."""
        number = np.full(len(self) + 1, -1, dtype=np.int64)  # -1, the last, stays -1
        number[chosen] = np.arange(len(chosen))
        return Streams(
            [self.codes[i] for i in chosen.tolist()],
            self.column[chosen],
            {int(number[i]): columns for i, columns in self.representations.items() if number[i] >= 0},
            number[self.parent[chosen]],
            self.factor[chosen],
            number[self.child[chosen]],
            self.child_factor[chosen],
        )


class StreamTables(NamedTuple):
    """What the manifest takes of all streams: their rows, and their pages, those of each stream together.

    `faults` has what is wrong with those that cannot be read, by their number; then the rest is for nothing.
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

    def __init__(self, lists: list[Any], kinds: PageKinds, most: int) -> None:
        """`most`: bytes of the largest page that is one record of the file."""
        self._kinds = kinds
        self._most = most
        number = len(kinds.of_column)
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

    def of(self, streams: Streams, clusters: NDArray[np.int64]) -> StreamTables:
        """The tables of streams; `clusters` are the first entries, and the number of entries."""
        faults: dict[int, str] = {}
        starts, plain = self._all_starts(streams, clusters, faults)
        number = len(streams)
        pages = np.zeros(number, dtype=np.int64)
        first_page = np.zeros(number, dtype=np.int64)
        # Those of a single column that is there from the beginning, all at once.
        column = streams.column[plain]
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
                others += self._stream_pages(streams.columns(i), starts[i], absent)
            except _Fault as fault:
                faults[i] = str(fault)
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
        kind = np.append(self._kinds.of_column, np.int32(_NOT_STORED))[taken(self._column, _NOT_STORED)]
        bits = np.array([k.bits for k in self._kinds.kinds] + [0], dtype=np.int64)[kind]  # the last: not stored
        sums = [np.concatenate(([0], np.cumsum(x))) for x in (elements * bits, size)]
        too_large = np.flatnonzero(size > self._most)
        if len(too_large):
            order = np.argsort(first_page, kind="stable")
            its_stream = np.repeat(order, pages[order])[too_large]
            for stream, page in zip(its_stream.tolist(), too_large.tolist(), strict=True):
                faults[stream] = f"a page of {size[page]} bytes is more than one record of the file, which is not read"
        return StreamTables(
            faults,
            self._rows(streams, first_page, pages, *sums),
            taken(self._first, missing[:, 0]),
            offset,
            size,
            StreamPages(
                self._kinds.kinds, kind, elements, checksum, _bases(streams, starts, first_page, pages, cluster), starts
            ),
        )

    def _all_starts(
        self, streams: Streams, clusters: NDArray[np.int64], faults: dict[int, str]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """With which element each stream begins in each cluster, and whether it is a column without gaps."""
        begin, count = self._begin.T[streams.column], self._sum[streams.column]
        there: NDArray[np.bool_] = np.all((begin >= 0) & (begin <= _MOST), axis=1)
        there[list(streams.representations)] = False
        starts = np.zeros((len(streams), len(clusters)), dtype=np.int64)
        if len(clusters) > 1:
            starts[:, :-1] = np.where(there[:, None], begin, 0)
            starts[:, -1] = np.where(there, begin[:, -1] + count[:, -1], 0)
        top = streams.parent < 0
        factor = streams.factor.copy()
        for i in np.flatnonzero(top & (factor > _MOST // max(int(clusters[-1]), 1))).tolist():
            faults[i] = f"{clusters[-1]} entries of {factor[i]} items each: no file has as many"
            factor[i] = 1
        starts[top] = clusters * factor[top, None]
        # Members that were added later have as many elements as those beside them.
        others = np.flatnonzero(~there & ~top).tolist()
        beside = (
            dict(zip(streams.parent[there].tolist(), np.flatnonzero(there).tolist(), strict=True)) if others else {}
        )
        for i in others:
            parent = int(streams.parent[i])
            known = beside.get(parent) if streams.codes[parent] != PLACES else None
            if known is None:
                starts[i] = self._starts(streams.columns(i), len(clusters) - 1, i, faults)
            else:
                starts[i] = starts[known] // factor[known] * factor[i]
        plain = there & (begin == starts[:, :-1]).all(axis=1) & (begin + count == starts[:, 1:]).all(axis=1)
        return starts, plain

    def _rows(
        self, streams: Streams, first_page: NDArray[np.int64], pages: NDArray[np.int64], bits: NDArray[np.int64],
        size: NDArray[np.int64],
    ) -> tuple[ManifestColumn, ...]:  # fmt: skip
        """The rows of streams; `bits` and `size` are sums over all pages before each."""
        last = first_page + pages
        uncompressed = ((bits[last] - bits[first_page]) // 8).tolist()
        compressed = (size[last] - size[first_page]).tolist()
        for i, code in enumerate(streams.codes):
            if code == PLACES:
                uncompressed[i] = compressed[i] = 0
        settings = [0] * len(streams)
        if len(self._compression):
            settings = self._compression[-1, streams.column].tolist()
        nothing = repeat("")
        each = zip(
            nothing, nothing, nothing, nothing, streams.codes, nothing, repeat(()), settings, uncompressed, compressed,
            first_page.tolist(), pages.tolist(), strict=False,
        )  # fmt: skip
        return tuple(map(ManifestColumn._make, each))

    def _primary(self, columns: tuple[int, ...], cluster: int) -> int | None:
        """The column whose pages hold a stream in a cluster; None where there is none yet."""
        found = [c for c in columns if 0 <= self._begin[cluster, c] < _core.NOT_YET]
        if len(found) > 1:
            msg = f"cluster {cluster} has it in two representations: the file is damaged"
            raise _Fault(msg)
        if found and self._begin[cluster, found[0]] > _MOST:
            msg = f"cluster {cluster} begins with element {self._begin[cluster, found[0]]} of it: no file has as many"
            raise _Fault(msg)
        return found[0] if found else None

    def _starts(
        self, columns: tuple[int, ...], clusters: int, stream: int, faults: dict[int, str]
    ) -> NDArray[np.int64]:
        """The same for a stream of items that is not there from the beginning, or in one column."""
        out = [0]
        for cluster in range(clusters):
            try:
                column = self._primary(columns, cluster)
            except _Fault as fault:
                faults[stream] = str(fault)
                column = None
            if column is not None:
                out[-1] = int(self._begin[cluster, column])
            out.append(out[-1] + (0 if column is None else int(self._sum[column, cluster])))
        return np.array(out, dtype=np.int64)

    def _stream_pages(
        self, columns: tuple[int, ...], starts: NDArray[np.int64], absent: list[tuple[int, int, int]]
    ) -> list[int]:
        """The pages of a stream; what is not stored is noted in `absent`, which counts on behind all pages."""
        out: list[int] = []
        for cluster, (start, stop) in enumerate(pairwise(starts.tolist())):
            column = self._primary(columns, cluster)
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
    streams: Streams, starts: NDArray[np.int64], first_page: NDArray[np.int64], pages: NDArray[np.int64],
    cluster: NDArray[np.int64],
) -> NDArray[np.int64]:  # fmt: skip
    """For each page of offsets what they count from: with which item its cluster begins."""
    base = np.zeros(len(cluster), dtype=np.int64)
    lists = np.flatnonzero(streams.child >= 0)
    items, factors = streams.child[lists], streams.child_factor[lists]
    counts = pages[lists]
    of_list = np.repeat(first_page[lists] - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
    base[of_list] = starts[np.repeat(items, counts), cluster[of_list]] // np.repeat(factors, counts)
    return base
