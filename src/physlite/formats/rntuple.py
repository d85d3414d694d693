"""The manifest of an RNTuple: its fields as columns, and the pages of what they are made of.

A field of the top level is a column, and so is each member of the static stores of xAOD, `xTrigDecisionAux:.smk`. The
arrays that a column consists of (offsets of lists, values) are its *streams*; in the manifest they are columns without
a name, the members of the column that they are of, in the order of its encoding. Columns answer to the names that they
have in a tree too. Format: ROOT's "RNTuple Binary Format Specification" 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.collecting import without_cycle_collection
from physlite.exceptions import CorruptDataError
from physlite.formats.encoding import Fixed, ListOf, Maybe, Node, Primitive, RecordOf, Size, Text
from physlite.formats.manifest import HOLDS_NOTHING, STREAMED_WHOLE, Manifest, ManifestColumn, PageKind, StreamPages
from physlite.formats.rootfile import Key, RootFile, naming
from physlite.storage import Range

__all__ = ["read_manifest"]

# Structural roles of fields.
_PLAIN, _COLLECTION, _RECORD = 0, 1, 2
_REPEATED, _PROJECTED = 1, 2  # flags of fields
_RANGE = 2  # flag of columns

# Column types that hold the offsets of lists.
_INDICES = frozenset({0x0E, 0x0F, 0x1A, 0x1B})

_PRIMITIVES = {
    "bool": "b1", "char": "i1", "std::byte": "u1", "float": "f4", "double": "f8",
    **{f"std::int{8 * n}_t": f"i{n}" for n in (1, 2, 4, 8)},
    **{f"std::uint{8 * n}_t": f"u{n}" for n in (1, 2, 4, 8)},
}  # fmt: skip

# An interface of a container, which counts its objects.
_CONTAINER = re.compile(r"DataVector<|xAOD::\w+Container_v\d+$|xAOD::MissingETAssociationMap")
_STORE = re.compile(r"Aux(Dyn)?:$")
_BASE = re.compile(r":_\d+$")

_CARDINALITY = "ROOT::RNTupleCardinality<"
_OPTIONS = ("std::optional<", "std::unique_ptr<")

# No type of xAOD is nested as deep; deeper ones are a file that wants to exhaust the stack.
_DEEPEST = 32


class _Field(NamedTuple):
    parent: int
    role: int
    flags: int
    name: str
    type_name: str
    type_alias: str
    repetitions: int
    source: int


class _Column(NamedTuple):
    type: int
    bits: int
    field: int
    flags: int
    representation: int
    first_element: int
    low: float
    high: float


class _Unreadable(Exception):  # noqa: N818  # never leaves this module
    """A field whose type is not known here."""


def read_manifest(file: RootFile, key: Key) -> Manifest:
    """Reads what describes the ntuple behind `key`; reads no page.

    Raises:
        CorruptDataError: it is damaged.
        UnsupportedFormatError: it has features of the format that are not known here.
    """
    with naming(f"{file.name}, ntuple {key.name}"):
        header, footer, most = _core.ntuple_anchor(file.object(key))
        schema = _core.ntuple_schema(*_envelopes(file, [header, footer], most))
        groups = schema["groups"]
        lists = [
            _core.ntuple_pages(content, clusters, len(schema["columns"]), schema["checksum"])
            for content, (_, _, clusters, _) in zip(
                _envelopes(file, [link for *_, link in groups], most), groups, strict=True
            )
        ]
    clusters = _clusters(file.name, [cluster for pages in lists for cluster in pages["clusters"]])
    with without_cycle_collection():
        return _Ntuple(file, key.name, schema, clusters, lists).manifest()


def _envelopes(file: RootFile, links: Sequence[tuple[int, int, int]], most: int) -> list[bytes]:
    if any(size > most for _, size, _ in links):
        msg = "it is described by more than one record of the file"
        raise _core.Unsupported(msg)
    stored = file.source.fetch([Range(offset, size) for offset, size, _ in links])
    return [_core.envelope(data, uncompressed) for data, (_, _, uncompressed) in zip(stored, links, strict=True)]


def _clusters(name: str, clusters: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """First entries of the clusters, and the number of entries."""
    ends = [0]
    for first, entries in clusters:
        if first != ends[-1] or entries < 0:
            msg = f"{name}: a cluster begins with entry {first}, where {ends[-1]} are before it; copy the file again"
            raise CorruptDataError(msg)
        ends.append(first + entries)
    if ends[-1] >= 1 << 56:
        msg = f"{name}: an ntuple of {ends[-1]} entries; copy the file again"
        raise CorruptDataError(msg)
    return np.array(ends, dtype=np.int64)


@dataclass
class _Stream:
    """One array of a column: `parent` is the stream of the lists that its elements are in, or None."""

    columns: dict[int, int]  # by representation
    code: str
    parent: _Stream | None
    factor: int
    child: _Stream | None = None  # of lists: what their items begin with
    child_factor: int = 1


def _as_in_a_tree(name: str) -> str:
    """`AnalysisElectronsAuxDyn.pt` for `AnalysisElectronsAuxDyn:pt`: programs name columns so."""
    return name.replace(":.", ".").replace(":", ".")


class _Draft(NamedTuple):
    """A column, before its streams have places."""

    name: str
    type_name: str
    encoding: str
    problem: str
    streams: list[_Stream]


class _Ntuple:
    """Fields and pages, to columns and streams."""

    def __init__(self, file: RootFile, name: str, schema: Any, clusters: NDArray[np.int64], lists: list[Any]) -> None:
        self._file = file
        self._name = name
        self._clusters = clusters
        self._fields = [_Field(*f) for f in schema["fields"]]
        self._columns = [_Column(*c) for c in schema["columns"]]
        self._children: list[list[int]] = [[] for _ in self._fields]
        for i, field in enumerate(self._fields):
            if field.parent != i:
                self._children[field.parent].append(i)
        self._columns_of: list[list[int]] = [[] for _ in self._fields]
        for i, column in enumerate(self._columns):
            self._columns_of[column.field].append(i)
        for column, field in schema["aliases"]:
            self._columns_of[field].append(column)
        self._pages = _Pages(file.name, lists, self._columns)

    def manifest(self) -> Manifest:
        """All of it."""
        drafts = [draft for i, field in enumerate(self._fields) if field.parent == i for draft in self._drafts(i)]
        streams = [stream for draft in drafts for stream in draft.streams]
        tables = self._pages.of(streams, self._clusters)
        named = []
        first = 0
        for draft in drafts:
            rows = tables.rows[first : first + len(draft.streams)]
            members = tuple(range(len(drafts) + first, len(drafts) + first + len(rows)))
            first += len(rows)
            named.append(
                ManifestColumn(
                    draft.name, _as_in_a_tree(draft.name), "", draft.type_name, draft.encoding, draft.problem, members,
                    rows[-1].compression if rows else 0, sum(r.uncompressed_bytes for r in rows),
                    sum(r.compressed_bytes for r in rows), 0, 0,
                )
            )  # fmt: skip
        return Manifest(
            format="RNTuple",
            tree=self._name,
            uuid=self._file.uuid,
            file_bytes=self._file.source.size(),
            compression=self._file.compression,
            num_entries=int(self._clusters[-1]),
            clusters=self._clusters,
            columns=(*named, *tables.rows),
            page_first_entry=tables.first,
            page_offset=tables.offset,
            page_size=tables.size,
            streams=tables.pages,
        )

    # ------------------------------------------------------------------------------------------------------- columns

    def _drafts(self, field: int) -> Iterator[_Draft]:
        """The columns that a field of the top level becomes."""
        info = self._fields[field]
        if info.role != _RECORD or not _STORE.search(info.name):
            yield self._draft(field, info.name)
            return
        members = [m for m in self._children[field] if not _BASE.search(self._fields[m].name)]
        for member in members:
            yield self._draft(member, f"{info.name}.{self._fields[member].name}")
        if members:
            yield _Draft(info.name, info.type_name, "", f"{STREAMED_WHOLE}: its members are columns of their own", [])
        else:
            yield self._empty(info, info.name)

    def _draft(self, field: int, name: str) -> _Draft:
        info = self._fields[field]
        streams: list[_Stream] = []
        try:
            node = self._node(field, None, 1, streams, 0)
        except _Unreadable as error:
            return _Draft(name, info.type_name, "", str(error), [])
        if isinstance(node, RecordOf) and not node.fields:
            return self._empty(info, name)
        return _Draft(name, info.type_name, node.text(), "", streams)

    @staticmethod
    def _empty(info: _Field, name: str) -> _Draft:
        return _Draft(name, info.type_name, "", f"{HOLDS_NOTHING}: {info.type_name} has no members of its own", [])

    def _node(self, field: int, parent: _Stream | None, factor: int, streams: list[_Stream], depth: int) -> Node:
        """The encoding of a field; adds its streams."""
        info = self._fields[field]
        if depth > _DEEPEST:
            msg = f"{info.type_name} is nested deeper than {_DEEPEST} levels"
            raise _Unreadable(msg)
        children = self._children[field]
        if info.flags & _REPEATED:
            return self._fixed(field, parent, factor, streams, depth)
        if info.role == _COLLECTION and len(children) == 1:
            return self._list(field, parent, factor, streams, depth)
        if info.role == _RECORD:
            return RecordOf(0, tuple(self._members(field, parent, factor, streams, depth)))
        if info.role == _PLAIN and info.type_name == "std::string":
            offsets = self._stream(field, 0, "i8", parent, factor)
            streams.append(offsets)
            characters = self._stream(field, 1, "u1", offsets, 1)
            streams.append(characters)
            offsets.child = characters
            return Text()
        if info.role == _PLAIN and info.type_name.startswith(_CARDINALITY):
            offsets = self._stream(field, 0, "i8", parent, factor)
            streams.append(offsets)
            offsets.code = "n"
            return Size()
        if info.role == _PLAIN and info.type_name in _PRIMITIVES:
            code = _PRIMITIVES[info.type_name]
            streams.append(self._stream(field, 0, code, parent, factor))
            return Primitive(code)
        if info.role == _PLAIN and len(children) == 1:  # an enum, an atomic
            return self._node(children[0], parent, factor, streams, depth + 1)
        msg = f"{info.type_name or 'a type without a name'} is not of a type that is read from an RNTuple"
        raise _Unreadable(msg)

    def _fixed(self, field: int, parent: _Stream | None, factor: int, streams: list[_Stream], depth: int) -> Node:
        info = self._fields[field]
        number = info.repetitions
        if not 0 < number < 1 << 31 or factor * number >= 1 << 31:
            msg = f"an array of {number} items"
            raise _Unreadable(msg)
        if self._children[field]:
            return Fixed(number, self._node(self._children[field][0], parent, factor * number, streams, depth + 1))
        streams.append(self._stream(field, 0, "b1", parent, factor * number))  # std::bitset
        return Fixed(number, Primitive("b1"))

    def _list(self, field: int, parent: _Stream | None, factor: int, streams: list[_Stream], depth: int) -> Node:
        info = self._fields[field]
        offsets = self._stream(field, 0, "i8", parent, factor)
        streams.append(offsets)
        if _CONTAINER.match(info.type_name):
            offsets.code = "n"
            return Size()
        before = len(streams)
        item = self._node(self._children[field][0], offsets, 1, streams, depth + 1)
        if len(streams) == before:
            offsets.code = "n"
            return Size()
        offsets.child, offsets.child_factor = streams[before], streams[before].factor
        if info.type_name.startswith(_OPTIONS):
            return Maybe(item)
        return ListOf(item, is_set=info.type_name.startswith(("std::set", "std::multiset")))

    def _members(
        self, field: int, parent: _Stream | None, factor: int, streams: list[_Stream], depth: int
    ) -> Iterator[tuple[str, Node]]:
        """Names and nodes of the members of a record, those of its base classes first."""
        for child in self._children[field]:
            node = self._node(child, parent, factor, streams, depth + 1)
            if _BASE.search(self._fields[child].name) and isinstance(node, RecordOf):
                yield from node.fields
            else:
                yield self._fields[child].name, node

    def _stream(self, field: int, position: int, code: str, parent: _Stream | None, factor: int) -> _Stream:
        """The columns of all representations at a position of a field."""
        columns = self._columns_of[field]
        if all(not self._columns[c].representation for c in columns):
            found = {0: columns[position]} if position < len(columns) else {}
        else:
            by_representation: dict[int, list[int]] = {}
            for column in columns:
                by_representation.setdefault(self._columns[column].representation, []).append(column)
            found = {r: its[position] for r, its in by_representation.items() if position < len(its)}
        info = self._fields[field]
        if not found:
            msg = f"{info.type_name} has no data where it should have"
            raise _Unreadable(msg)
        if any(
            (self._columns[c].type in _INDICES) != (code == "i8" and info.type_name not in _PRIMITIVES)
            for c in found.values()
        ):
            msg = f"{info.type_name} is stored in an unknown way"
            raise _Unreadable(msg)
        return _Stream(found, code, parent, factor)


# ---------------------------------------------------------------------------------------------------------------- pages


class _Tables(NamedTuple):
    rows: tuple[ManifestColumn, ...]
    first: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    pages: StreamPages


class _Piece(NamedTuple):
    """Pages of a stream one after the other: those of a column, or elements that are not stored."""

    first: NDArray[np.int64]
    offset: NDArray[np.int64]
    size: NDArray[np.int64]
    elements: NDArray[np.int64]
    checksum: NDArray[np.bool_]
    cluster: NDArray[np.int64]
    kind: NDArray[np.int32]


_NOT_STORED = -1
_CHECKSUM_BYTES = 8


class _Pages:
    """The pages of all columns, ordered by column, then by cluster."""

    def __init__(self, name: str, lists: list[Any], columns: Sequence[_Column]) -> None:
        self._name = name
        self._columns = columns
        number = len(columns)

        def joined(key: str, kind: Any) -> NDArray[Any]:
            return np.concatenate([np.empty(0, kind), *(pages[key] for pages in lists)])

        self._begin = joined("first_element", np.int64).reshape(-1, number)  # of each column in each cluster
        self._compression = joined("compression", np.uint32).reshape(-1, number)
        counts = np.concatenate([np.empty(0, np.int64), *(np.diff(pages["first_page"]) for pages in lists)])
        clusters = len(self._begin)
        column = np.repeat(np.tile(np.arange(number), clusters), counts)
        cluster = np.repeat(np.repeat(np.arange(clusters), number), counts)
        order = np.argsort(column, kind="stable")
        self._cluster = cluster[order]
        self._elements = joined("elements", np.int64)[order]
        self._checksum = joined("has_checksum", np.uint8)[order].astype(np.bool_)
        self._offset = joined("offset", np.int64)[order]
        self._size = joined("bytes", np.int64)[order] + np.where(self._checksum, _CHECKSUM_BYTES, 0)
        # Where the pages of each column in each cluster begin among all, and how many elements they have.
        self._counts = counts.reshape(-1, number)
        by_column = self._counts.T.ravel()
        ends = np.cumsum(by_column)
        groups = np.concatenate(([0], ends)).astype(np.int64)
        total = np.concatenate(([0], np.cumsum(self._elements)))
        self._first_page = groups[:-1].reshape(number, -1)
        self._last_page = groups[1:].reshape(number, -1)
        self._sum = (total[groups[1:]] - total[groups[:-1]]).reshape(number, -1)
        before = np.repeat(total[groups[:-1]] - self._begin.T.ravel(), by_column)
        self._first = total[:-1] - before

    def of(self, streams: Sequence[_Stream], clusters: NDArray[np.int64]) -> _Tables:
        """The tables of streams; `clusters` are the first entries, and the number of entries."""
        starts, plain = self._all_starts(streams, clusters)
        number = len(streams)
        pages = np.zeros(number, dtype=np.int64)
        first_page = np.zeros(number, dtype=np.int64)
        # Those of a single column that is there from the beginning, all at once.
        column = np.array([next(iter(s.columns.values())) for s in streams], dtype=np.int64)[plain]
        begin = self._first_page[column, 0] if len(clusters) > 1 else np.zeros(len(column), dtype=np.int64)
        end = self._last_page[column, -1] if len(clusters) > 1 else begin
        pages[plain] = end - begin
        first_page[plain] = np.cumsum(end - begin) - (end - begin)
        at = np.repeat(begin - first_page[plain], end - begin) + np.arange(int((end - begin).sum()))
        pieces = [self._piece(np.repeat(column, end - begin), at)]
        total = len(at)
        for i in np.flatnonzero(~plain).tolist():
            piece = self._stream_pages(streams[i], starts[i])
            pieces.append(piece)
            pages[i], first_page[i] = len(piece.first), total
            total += len(piece.first)
        first, offset, size, elements, checksum, cluster, kind = map(np.concatenate, zip(*pieces, strict=True))
        bits = np.array([c.bits for c in self._columns] or [0], dtype=np.int64)
        sums = [np.concatenate(([0], np.cumsum(x))) for x in (np.where(kind < 0, 0, elements * bits[kind]), size)]
        rows = self._rows(streams, first_page, pages, *sums)
        base = np.zeros(total, dtype=np.int64)
        position = {id(stream): i for i, stream in enumerate(streams)}
        lists = [i for i, stream in enumerate(streams) if stream.child is not None]
        items = [position[id(streams[i].child)] for i in lists]
        factors = [streams[i].child_factor for i in lists]
        counts = pages[lists]
        of_list = np.repeat(first_page[lists] - (np.cumsum(counts) - counts), counts) + np.arange(int(counts.sum()))
        base[of_list] = starts[np.repeat(items, counts), cluster[of_list]] // np.repeat(factors, counts)
        used = np.unique(kind[kind >= 0])
        kinds = tuple(PageKind(c.type, c.bits, c.low, c.high) for c in (self._columns[i] for i in used.tolist()))
        kind = np.where(kind < 0, kind, np.searchsorted(used, kind)).astype(np.int32)
        return _Tables(rows, first, offset, size, StreamPages(kinds, kind, elements, checksum, base, starts))

    def _all_starts(
        self, streams: Sequence[_Stream], clusters: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """With which element each stream begins in each cluster, and whether it is a column without gaps."""
        column = np.array([next(iter(s.columns.values())) for s in streams], dtype=np.int64)
        begin, count = self._begin.T[column], self._sum[column]
        there = ((begin >= 0) & (begin < _core.NOT_YET)).all(axis=1)
        there &= np.array([len(s.columns) == 1 for s in streams], dtype=np.bool_)
        starts = np.zeros((len(streams), len(clusters)), dtype=np.int64)
        if len(clusters) > 1:
            starts[:, :-1] = np.where(there[:, None], begin, 0)
            starts[:, -1] = np.where(there, begin[:, -1] + count[:, -1], 0)
        top = np.array([s.parent is None for s in streams], dtype=np.bool_)
        factor = np.array([s.factor for s in streams], dtype=np.int64)
        starts[top] = clusters * factor[top, None]
        for i in np.flatnonzero(~there & ~top).tolist():
            starts[i] = self._starts(streams[i], len(clusters) - 1)
        plain = there & (begin == starts[:, :-1]).all(axis=1) & (begin + count == starts[:, 1:]).all(axis=1)
        return starts, plain

    def _rows(
        self, streams: Sequence[_Stream], first_page: NDArray[np.int64], pages: NDArray[np.int64],
        bits: NDArray[np.int64], size: NDArray[np.int64],
    ) -> tuple[ManifestColumn, ...]:  # fmt: skip
        """The rows of streams; `bits` and `size` are sums over all pages before each."""
        last = first_page + pages
        uncompressed = ((bits[last] - bits[first_page]) // 8).tolist()
        compressed = (size[last] - size[first_page]).tolist()
        numbers = zip(streams, first_page.tolist(), pages.tolist(), uncompressed, compressed, strict=True)
        settings = self._compression[-1].tolist() if len(self._compression) else [0] * len(self._columns)
        return tuple(
            ManifestColumn(
                "", "", "", "", s.code, "", (), settings[next(iter(s.columns.values()))], whole, stored, first, number
            )
            for s, first, number, whole, stored in numbers
        )

    def _primary(self, stream: _Stream, cluster: int) -> int | None:
        """The column whose pages hold a stream in a cluster; None where there is none yet."""
        found = [c for c in stream.columns.values() if 0 <= self._begin[cluster, c] < _core.NOT_YET]
        if len(found) > 1:
            msg = f"{self._name}: cluster {cluster} has two representations of a field; copy the file again"
            raise CorruptDataError(msg)
        return found[0] if found else None

    def _starts(self, stream: _Stream, clusters: int) -> NDArray[np.int64]:
        """The same for a stream of items that is not there from the beginning, or in one column."""
        out = [0]
        for cluster in range(clusters):
            column = self._primary(stream, cluster)
            if column is not None:
                out[-1] = int(self._begin[cluster, column])
            out.append(out[-1] + (0 if column is None else int(self._sum[column, cluster])))
        return np.array(out, dtype=np.int64)

    def _stream_pages(self, stream: _Stream, starts: NDArray[np.int64]) -> _Piece:
        """The pages of a stream, and what is not stored between them."""
        parts = []
        for cluster, (start, stop) in enumerate(pairwise(starts.tolist())):
            column = self._primary(stream, cluster)
            begin = stop if column is None else int(self._begin[cluster, column])
            end = begin if column is None else begin + int(self._sum[column, cluster])
            if not start <= begin <= end == stop:
                msg = (
                    f"{self._name}: cluster {cluster} has elements {begin} to {end} of a field where it should have "
                    f"{start} to {stop}; copy the file again"
                )
                raise CorruptDataError(msg)
            if begin > start:  # of a field that was added later
                parts.append(_not_stored(start, begin, cluster))
            if column is not None:
                at = np.arange(self._first_page[column, cluster], self._last_page[column, cluster])
                parts.append(self._piece(np.full(len(at), column), at))
        return _Piece(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))) if parts else _nothing()

    def _piece(self, column: NDArray[np.int64], at: NDArray[np.int64]) -> _Piece:
        return _Piece(
            self._first[at], self._offset[at], self._size[at], self._elements[at], self._checksum[at],
            self._cluster[at], column.astype(np.int32),
        )  # fmt: skip


def _not_stored(start: int, stop: int, cluster: int) -> _Piece:
    one = np.array([0], dtype=np.int64)
    return _Piece(
        one + start, one, one, one + (stop - start), np.array([False]), one + cluster,
        np.array([_NOT_STORED], dtype=np.int32),
    )  # fmt: skip


def _nothing() -> _Piece:
    empty = np.empty(0, dtype=np.int64)
    return _Piece(empty, empty, empty, empty, empty.astype(np.bool_), empty, empty.astype(np.int32))
