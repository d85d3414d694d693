"""The manifest of an RNTuple: its fields as columns, and the pages of what they are made of.

A field of the top level is a column, and so is each member of the static stores of xAOD, `xTrigDecisionAux:.smk`. The
arrays that a column consists of (offsets of lists, values) are its *streams*; in the manifest they are columns without
a name, the members of the column that they are of, in the order of its encoding. Columns answer to the names that they
have in a tree too. Format: ROOT's "RNTuple Binary Format Specification" 1.0.
"""

from __future__ import annotations

import functools
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.collecting import without_cycle_collection
from physlite.exceptions import CorruptDataError
from physlite.formats.encoding import Fixed, ListOf, Maybe, Node, OneOf, Primitive, RecordOf, Size, Text, value_number
from physlite.formats.manifest import HOLDS_NOTHING, IN_ITS_MEMBERS, PLACES, Manifest, ManifestColumn
from physlite.formats.ntuplepages import NtupleColumn, NtuplePages, Stream
from physlite.formats.rootfile import Key, RootFile, naming
from physlite.storage import Range

__all__ = ["read_manifest"]

# Structural roles of fields.
_PLAIN, _COLLECTION, _RECORD, _VARIANT, _STREAMED = 0, 1, 2, 3, 4
_REPEATED = 1  # flag of fields

# Column types that hold the offsets of lists, and that of alternatives.
_INDICES = frozenset({0x0E, 0x0F, 0x1A, 0x1B})
_SWITCHES = frozenset({0x10})

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
    repetitions: int


class _Unreadable(Exception):  # noqa: N818  # never leaves this module
    """A field whose type is not known here."""


def read_manifest(file: RootFile, key: Key) -> Manifest:
    """Reads what describes the ntuple behind `key`; reads no page.

    Raises:
        CorruptDataError: it is damaged.
        UnsupportedFormatError: it has features of the format that are not known here.
    """
    with naming(f"{file.name}, ntuple {key.name}"):
        header, footer, limit = _core.ntuple_anchor(file.object(key))
        most = limit or sys.maxsize  # uproot writes 0
        described, rest = _envelopes(file, [header, footer], most)
        checksum, extension, groups = _core.ntuple_footer(rest)
        with without_cycle_collection():
            schema = _schema(described, extension)
        if checksum != schema.checksum:
            msg = "a footer that belongs to another header"
            raise _core.CorruptData(msg)
        lists = [
            _core.ntuple_pages(content, clusters, len(schema.columns), checksum)
            for content, (clusters, _) in zip(_envelopes(file, [link for _, link in groups], most), groups, strict=True)
        ]
    clusters = _clusters(file.name, [cluster for pages in lists for cluster in pages["clusters"]])
    with without_cycle_collection():
        return _manifest(file, key.name, schema, clusters, NtuplePages(lists, schema.columns, most))


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


def _as_in_a_tree(name: str) -> str:
    """`AnalysisElectronsAuxDyn.pt` for `AnalysisElectronsAuxDyn:pt`: programs name columns so."""
    return name.replace(":.", ".").replace(":", ".")


class _Draft(NamedTuple):
    """A column, before its streams have places."""

    name: str
    type_name: str
    encoding: str
    problem: str
    streams: list[Stream]


def _without_faults(draft: _Draft, faults: Mapping[int, str]) -> _Draft:
    """A column, or what remains of it when one of its streams cannot be read."""
    problem = next((faults[id(stream)] for stream in draft.streams if id(stream) in faults), "")
    return draft._replace(encoding="", problem=problem, streams=[]) if problem else draft


@functools.cache
def _fits(kind: int, bits: int, code: str, is_primitive: bool) -> bool:
    """Whether columns of this type can be the stream of such values; `is_primitive`: of the field's own."""
    wanted = _SWITCHES if code in ("alternatives", PLACES) else _INDICES
    is_special = wanted is _SWITCHES or (code == "i8" and not is_primitive)
    fits = kind in wanted if is_special else kind not in _INDICES and kind not in _SWITCHES
    return fits and _core.gives_value(kind, bits, value_number({"alternatives": "i1", PLACES: "i8"}.get(code, code)))


# Files of the same kind have the same header, and one of several thousand fields takes milliseconds.
@functools.lru_cache(maxsize=4)
def _schema(header: bytes, extension: bytes) -> _Schema:
    return _Schema(_core.ntuple_schema(header, extension))


def _manifest(file: RootFile, name: str, schema: _Schema, clusters: NDArray[np.int64], pages: NtuplePages) -> Manifest:
    drafts: Sequence[_Draft] = schema.drafts
    tables = pages.of(schema.streams, clusters)
    if tables.faults:
        drafts = [_without_faults(draft, tables.faults) for draft in drafts]
        tables = pages.of([stream for draft in drafts for stream in draft.streams], clusters)
    # Sums over all streams before each, so that those of a column are differences.
    uncompressed = list(accumulate((row.uncompressed_bytes for row in tables.rows), initial=0))
    compressed = list(accumulate((row.compressed_bytes for row in tables.rows), initial=0))
    named = []
    first = 0
    for draft in drafts:
        last = first + len(draft.streams)
        members = tuple(range(len(drafts) + first, len(drafts) + last))
        named.append(
            ManifestColumn(
                draft.name, _as_in_a_tree(draft.name), "", draft.type_name, draft.encoding, draft.problem, members,
                tables.rows[last - 1].compression if last > first else 0,
                uncompressed[last] - uncompressed[first], compressed[last] - compressed[first], 0, 0,
            )
        )  # fmt: skip
        first = last
    return Manifest(
        format="RNTuple",
        tree=name,
        uuid=file.uuid,
        file_bytes=file.source.size(),
        compression=file.compression,
        num_entries=int(clusters[-1]),
        clusters=clusters,
        columns=(*named, *tables.rows),
        page_first_entry=tables.first,
        page_offset=tables.offset,
        page_size=tables.size,
        streams=tables.pages,
    )


class _Schema:
    """Fields to columns and streams.

    Attributes:
        checksum: of the header.
        columns: those of the ntuple.
        drafts: the columns that its fields become.
        streams: what these are put together from.
    """

    def __init__(self, schema: Any) -> None:
        self.checksum: int = schema["checksum"]
        self._fields = list(map(_Field._make, schema["fields"]))
        self.columns = list(map(NtupleColumn._make, schema["columns"]))
        self._children: list[list[int]] = [[] for _ in self._fields]
        for i, field in enumerate(self._fields):
            if field.parent != i:
                self._children[field.parent].append(i)
        self._columns_of: list[list[int]] = [[] for _ in self._fields]
        for i, column in enumerate(self.columns):
            self._columns_of[column.field].append(i)
        for column, field in schema["aliases"]:
            self._columns_of[field].append(column)
        self._alternates = any(column.representation for column in self.columns)
        self.drafts = [draft for i, field in enumerate(self._fields) if field.parent == i for draft in self._drafts(i)]
        self.streams = [stream for draft in self.drafts for stream in draft.streams]

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
            yield _Draft(info.name, info.type_name, "", IN_ITS_MEMBERS, [])
        else:
            yield self._empty(info, info.name)

    def _draft(self, field: int, name: str) -> _Draft:
        info = self._fields[field]
        streams: list[Stream] = []
        try:
            node = self._node(field, None, 1, streams, 0)
        except _Unreadable as error:
            return _Draft(name, info.type_name, "", str(error), [])
        if not streams:
            return self._empty(info, name)
        return _Draft(name, info.type_name, node.text(), "", streams)

    @staticmethod
    def _empty(info: _Field, name: str) -> _Draft:
        return _Draft(name, info.type_name, "", f"{HOLDS_NOTHING}: {info.type_name} has no members of its own", [])

    def _node(self, field: int, parent: Stream | None, factor: int, streams: list[Stream], depth: int) -> Node:
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
        if info.role == _VARIANT and children:
            return self._one_of(field, parent, factor, streams, depth)
        if info.role == _STREAMED:
            msg = f"{info.type_name} is stored as ROOT streams it, which needs ROOT"
            raise _Unreadable(msg)
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

    def _fixed(self, field: int, parent: Stream | None, factor: int, streams: list[Stream], depth: int) -> Node:
        info = self._fields[field]
        number = info.repetitions
        if not 0 < number < 1 << 31 or factor * number >= 1 << 31:
            msg = f"an array of {number} items"
            raise _Unreadable(msg)
        if self._children[field]:
            return Fixed(number, self._node(self._children[field][0], parent, factor * number, streams, depth + 1))
        streams.append(self._stream(field, 0, "b1", parent, factor * number))  # std::bitset
        return Fixed(number, Primitive("b1"))

    def _list(self, field: int, parent: Stream | None, factor: int, streams: list[Stream], depth: int) -> Node:
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

    def _one_of(self, field: int, parent: Stream | None, factor: int, streams: list[Stream], depth: int) -> Node:
        """One column has both which alternative it is and where its item lies: it is two streams."""
        streams.append(self._stream(field, 0, "alternatives", parent, factor))
        places = self._stream(field, 0, PLACES, parent, factor)
        streams.append(places)
        items = []
        for child in self._children[field]:
            before = len(streams)
            items.append(self._node(child, places, 1, streams, depth + 1))
            if len(streams) == before:
                msg = f"{self._fields[child].type_name} has no values of its own"
                raise _Unreadable(msg)
        return OneOf(tuple(items))

    def _members(
        self, field: int, parent: Stream | None, factor: int, streams: list[Stream], depth: int
    ) -> Iterator[tuple[str, Node]]:
        """Names and nodes of the members of a record that hold something, those of its base classes first."""
        children = self._children[field]
        own = {self._fields[child].name for child in children}
        for child in children:
            before = len(streams)
            node = self._node(child, parent, factor, streams, depth + 1)
            if len(streams) == before:
                continue
            name = self._fields[child].name
            if _BASE.search(name) and isinstance(node, RecordOf):
                # A member that hides one of the base class has its name, as in C++.
                yield from ((f"{name}.{member}" if member in own else member, item) for member, item in node.fields)
            else:
                yield name, node

    def _stream(self, field: int, position: int, code: str, parent: Stream | None, factor: int) -> Stream:
        """The columns of all representations at a position of a field."""
        columns = self._columns_of[field]
        if self._alternates:
            by_representation: dict[int, list[int]] = {}
            for column in columns:
                by_representation.setdefault(self.columns[column].representation, []).append(column)
            found = tuple(its[position] for its in by_representation.values() if position < len(its))
        else:
            found = (columns[position],) if position < len(columns) else ()
        info = self._fields[field]
        if not found:
            msg = f"{info.type_name} has no data where it should have"
            raise _Unreadable(msg)
        for column in found:
            kind, bits = self.columns[column][:2]
            if not _fits(kind, bits, code, info.type_name in _PRIMITIVES):
                msg = f"{info.type_name} is stored in columns of type {kind} with {bits} bits, which is not known here"
                raise _Unreadable(msg)
        return Stream(found, code, parent, factor)
