"""The fields and columns of an RNTuple, from encodings; and what columns hold, from arrays.

Names and types are those that Athena writes: `AnalysisElectronsAuxDyn:pt` for `AnalysisElectronsAuxDyn.pt`, a record
`xTrigDecisionAux:` with the members of a static store, a collection of empty objects for an interface object. What a
std::pair of a tree holds is written as a record of `first` and `second`, as it was read, since the members of one in an
RNTuple have no names. Format: ROOT's "RNTuple Binary Format Specification" 1.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from awkward.contents import Content
from numpy.typing import NDArray

from physlite.exceptions import ConversionError
from physlite.formats.cpptypes import normalize
from physlite.formats.encoding import (
    Encoding,
    Fixed,
    ListOf,
    Maybe,
    Member,
    Node,
    Objects,
    Primitive,
    Ranged,
    RecordOf,
    Size,
    Text,
    ToEnd,
    Truncated,
    is_put_together,
)

__all__ = ["ColumnKind", "Field", "FieldColumn", "NtupleSchema", "problem_of", "streams"]

# Structural roles of fields.
_PLAIN, _COLLECTION, _RECORD = 0, 1, 2

_ITEM, _BASE = "_0", ":_0"


class Field(NamedTuple):
    """A field: `parent` is its own number at the top; `repetitions` is 0 for all but arrays of fixed size."""

    parent: int
    role: int
    name: str
    type_name: str
    repetitions: int


class ColumnKind(NamedTuple):
    """A type of columns: its number in the format, bits on file, and its elements in memory.

    `packing` says how they are on file: `bits`, `split` (all first bytes, then all second ones, and so on), `zigzag`
    (split, with the sign as the lowest bit), `delta` (split, each less the one before), or as they are.
    """

    number: int
    bits: int
    dtype: str
    packing: str


_INDEX = ColumnKind(0x1B, 64, "<i8", "delta")
_CHARACTER = ColumnKind(0x02, 8, "u1", "")

_KINDS = {
    "b1": ColumnKind(0x00, 1, "?", "bits"),
    "i1": ColumnKind(0x03, 8, "i1", ""),
    "u1": ColumnKind(0x04, 8, "u1", ""),
    "i2": ColumnKind(0x11, 16, "<i2", "zigzag"),
    "u2": ColumnKind(0x12, 16, "<u2", "split"),
    "i4": ColumnKind(0x13, 32, "<i4", "zigzag"),
    "u4": ColumnKind(0x14, 32, "<u4", "split"),
    "i8": ColumnKind(0x15, 64, "<i8", "zigzag"),
    "u8": ColumnKind(0x16, 64, "<u8", "split"),
    "f4": ColumnKind(0x18, 32, "<f4", "split"),
    "f8": ColumnKind(0x19, 64, "<f8", "split"),
    "d4": ColumnKind(0x19, 64, "<f8", "split"),
}

_TYPES = {
    "b1": "bool", "f4": "float", "f8": "double", "d4": "double",
    **{f"i{n}": f"std::int{8 * n}_t" for n in (1, 2, 4, 8)},
    **{f"u{n}": f"std::uint{8 * n}_t" for n in (1, 2, 4, 8)},
}  # fmt: skip

_WITH_ITEMS = (ListOf, ToEnd, Objects, Fixed, Maybe, Member)

_TEMPLATE = re.compile(r"^(?P<name>[\w:]+)<(?P<arguments>.*)>$")
_STORE = re.compile(r"^(?P<store>.+?Aux)(?::?\.|:)(?P<member>[^.:]+)$")
# Left of the branches of base classes, which say nothing.
_OF_BASE_CLASS = re.compile(r"[.:]\.?xAOD::")
# ROOT refuses these in the names of fields.
_FORBIDDEN = re.compile(r"[./\\\s\x00-\x1f\x7f]|^$")
# Of an interface object the class of its objects: xAOD::Jet_v1 of DataVector<xAOD::Jet_v1>, xAOD::MissingET_v1 of
# xAOD::MissingETContainer_v1.
_INTERFACE = re.compile(r"^DataVector<(?P<object>.*)>$|^(?P<name>xAOD::\w+?)(?:Container|Map)(?P<version>_v\d+)$")


class FieldColumn(NamedTuple):
    """A column of a field."""

    field: int
    kind: ColumnKind


class NtupleSchema:
    """The fields of some columns.

    Args:
        columns: of each the name and the C++ type, of a tree or an RNTuple, and the encoding.
        listed: names and types of objects without values of their own, which say of what class others are.

    Attributes:
        fields: all fields, each behind its parent.
        columns: all columns of fields.
        order: places of `columns` as they were given, in the order of their fields: the members of a store, which are
            one field, stand together.

    Raises:
        ConversionError: two columns would have the same name.
    """

    def __init__(self, columns: Sequence[tuple[str, str, Encoding]], listed: Iterable[tuple[str, str]]) -> None:
        self.fields: list[Field] = []
        self.columns: list[FieldColumn] = []
        self.order: list[int] = []
        classes = {_field_name(name): type_name for name, type_name in listed if not _OF_BASE_CLASS.search(name)}
        stores: dict[str, list[int]] = {}
        matches = [_STORE.match(name) for name, _, _ in columns]
        for i, match in enumerate(matches):
            stores.setdefault(f"{match['store']}:" if match else "", []).append(i)
        for i, (name, type_name, encoding) in enumerate(columns):
            match = matches[i]
            if match is None:
                self._add(None, _field_name(name), type_name, encoding.node)
                self.order.append(i)
                continue
            store = f"{match['store']}:"
            if stores[store][0] != i:
                continue
            own = self._field(None, _RECORD, store, classes.pop(store, ""))
            for place in stores[store]:
                found = matches[place]
                assert found is not None  # noqa: S101  # it is in a store
                _, its_type, its_encoding = columns[place]
                self._add(own, found["member"], its_type, its_encoding.node)
                self.order.append(place)
        there = self._names()
        for name, type_name in classes.items():
            if name not in there and _is_class(type_name):
                self._field(None, _RECORD, name, _as_root_spells(type_name))

    def _names(self) -> set[str]:
        """The names of the fields at the top and in stores, which are all different."""
        names: dict[tuple[int, str], int] = {}
        for i, field in enumerate(self.fields):
            key = (-1 if field.parent == i else field.parent, field.name)
            if names.setdefault(key, i) != i:
                msg = f"two columns would be the field {field.name} of an RNTuple: leave one of them out (columns=)"
                raise ConversionError(msg)
        return {name for parent, name in names if parent == -1}

    def _field(self, parent: int | None, role: int, name: str, type_name: str, repetitions: int = 0) -> int:
        number = len(self.fields)
        self.fields.append(Field(number if parent is None else parent, role, name, type_name, repetitions))
        return number

    def _add(self, parent: int | None, name: str, type_name: str, node: Node) -> str:
        """Adds a field with all that is in it, and returns its type."""
        own_type = normalize(type_name)
        number = self._field(parent, _PLAIN, name, "")
        role, repetitions = _PLAIN, 0
        if isinstance(node, Member):
            self.fields.pop()
            return self._add(parent, name, type_name, node.item)
        if isinstance(node, Primitive | Ranged | Truncated):
            own_type = self._number(number, node, own_type)
        elif isinstance(node, Text):
            own_type = "std::string"
            self.columns += [FieldColumn(number, _INDEX), FieldColumn(number, _CHARACTER)]
        elif isinstance(node, Size):
            role, own_type = self._interface(number, own_type)
        elif isinstance(node, Fixed):
            repetitions = node.number
            own_type = f"std::array<{self._add(number, _ITEM, _argument(own_type), node.item)},{node.number}>"
        elif isinstance(node, ListOf | ToEnd | Objects | Maybe):
            role = _COLLECTION
            self.columns.append(FieldColumn(number, _INDEX))
            item = self._add(number, _ITEM, _argument(own_type), node.item)
            template = "optional" if isinstance(node, Maybe) else "vector"
            if isinstance(node, ListOf) and node.is_set:
                template = "set"
            own_type = f"std::{template}<{item}>" if item else ""
        elif isinstance(node, RecordOf):
            role = _RECORD
            own_type = self._record(number, node, own_type)
        self.fields[number] = self.fields[number]._replace(role=role, type_name=own_type, repetitions=repetitions)
        return own_type

    def _number(self, field: int, node: Primitive | Ranged | Truncated, own_type: str) -> str:
        # ROOT's char is a type of its own, which numbers of eight bits are not.
        is_char = own_type in ("char", "Char_t") and node.code == "i1"
        self.columns.append(FieldColumn(field, _KINDS[node.code]))
        return "char" if is_char else _TYPES[node.code]

    def _interface(self, field: int, own_type: str) -> tuple[int, str]:
        """An interface object, as a collection of objects without members; or a number of items as it is."""
        self.columns.append(FieldColumn(field, _INDEX))
        if "RNTupleCardinality<" in own_type:
            return _PLAIN, "ROOT::RNTupleCardinality<std::uint64_t>"
        match = _INTERFACE.match(own_type)
        item = "" if match is None else match["object"] or f"{match['name']}{match['version']}"
        self._field(field, _RECORD, _ITEM, item)
        return _COLLECTION, _as_root_spells(own_type)

    def _record(self, field: int, node: RecordOf, own_type: str) -> str:
        members = _arguments(own_type) if own_type.startswith(("pair<", "tuple<")) else []
        types = []
        if own_type.startswith("ElementLink<"):  # the members are those of its base class
            field = self._field(field, _RECORD, _BASE, "ElementLinkBase")
        for i, (name, item) in enumerate(node.fields):
            types.append(self._add(field, name, members[i] if i < len(members) else "", item))
        if members:
            nameless = [name for name, _ in node.fields] == [f"_{i}" for i in range(len(members))]
            return f"std::{own_type.partition('<')[0]}<{','.join(types)}>" if nameless and all(types) else ""
        return _as_root_spells(own_type) if _is_class(own_type) else ""


def problem_of(name: str, type_name: str, encoding: Encoding) -> str:
    """Why a column cannot be a field of an RNTuple; empty when it can."""
    if is_put_together(encoding.text):
        return f"{type_name} can be of several types, which is not written to RNTuples"
    if _is_nameless(encoding.node):
        return f"{type_name} has optional records, or sets of them, which are not written to RNTuples"
    wrong = next((part for part in [_field_name(name), *_members(encoding.node)] if _FORBIDDEN.search(part)), None)
    return "" if wrong is None else f"no field of an RNTuple can have the name {wrong!r}"


def _members(node: Node) -> Iterator[str]:
    """The names of all members in a field."""
    if isinstance(node, RecordOf):
        for name, item in node.fields:
            yield name
            yield from _members(item)
    elif isinstance(node, _WITH_ITEMS):
        yield from _members(node.item)


def _is_nameless(node: Node) -> bool:
    """Whether there is an option or a set that its type alone tells, and that has none, since it holds records."""
    if isinstance(node, RecordOf):
        return any(_is_nameless(item) for _, item in node.fields)
    if not isinstance(node, _WITH_ITEMS):
        return False
    needs_type = isinstance(node, Maybe) or (isinstance(node, ListOf) and node.is_set)
    return (needs_type and any(True for _ in _members(node.item))) or _is_nameless(node.item)


def streams(node: Node, layout: Content) -> Iterator[NDArray[Any]]:
    """What is in the columns of a field, in their order: numbers, and the ends of lists, which count from 0.

    Args:
        node: of the field, as its `NtupleSchema` had it.
        layout: its values, packed: lists begin with item 0 and have no gaps.
    """
    if isinstance(node, Member):
        yield from streams(node.item, layout)
    elif isinstance(node, Primitive | Ranged | Truncated):
        yield np.asarray(layout.data, dtype=_KINDS[node.code].dtype)
    elif isinstance(node, Size):
        yield np.cumsum(np.asarray(layout.data), dtype=np.int64)
    elif isinstance(node, Fixed):
        yield from streams(node.item, layout.to_RegularArray().content)
    elif isinstance(node, Maybe):
        option = layout.to_IndexedOptionArray64()
        there = np.asarray(option.index.data) >= 0
        yield np.cumsum(there, dtype=np.int64)
        yield from streams(node.item, option.project().to_packed())  # which may leave gaps
    elif isinstance(node, RecordOf):
        for (_, item), content in zip(node.fields, layout.contents, strict=True):
            yield from streams(item, content)
    else:
        yield np.asarray(layout.offsets.data, dtype=np.int64)[1:]
        if isinstance(node, Text):
            yield np.asarray(layout.content.data)
        elif isinstance(node, ListOf | ToEnd | Objects):
            yield from streams(node.item, layout.content)


# -------------------------------------------------------------------------------------------------------------- names


def _field_name(name: str) -> str:
    """`AnalysisElectronsAuxDyn:pt` for `AnalysisElectronsAuxDyn.pt`: a field has no dots in its name."""
    return name.replace(":.", ".").replace(".", ":")


def _arguments(type_name: str) -> list[str]:
    """The arguments of a template: `float` and `vector<int>` of `pair<float,vector<int>>`."""
    match = _TEMPLATE.match(type_name)
    if match is None:
        return []
    parts, depth, begin = [], 0, 0
    text = match["arguments"]
    for i, character in enumerate(text):
        depth += (character == "<") - (character == ">")
        if character == "," and depth == 0:
            parts.append(text[begin:i])
            begin = i + 1
    return [*parts, text[begin:]]


def _argument(type_name: str) -> str:
    """The first argument of a template, or what is before the brackets of an array; empty where there is neither."""
    return next(iter(_arguments(type_name)), type_name.partition("[")[0] if "[" in type_name else "")


def _is_class(type_name: str) -> bool:
    """Whether a type is a class of the event data model, whose name says more than its members do."""
    return type_name.startswith(("xAOD::", "DataVector<", "ElementLink"))


def _as_root_spells(type_name: str) -> str:
    """With the blanks between brackets that ROOT leaves in names of classes."""
    return normalize(type_name).replace(">>", "> >")
