"""How the entries of a column are laid out in bytes, and which array they become.

An encoding is a small tree. Its text form is what a manifest stores; its integers are what the core decodes by
(src/core/program.hpp). Text forms, with `N|` in front for N bytes of header before each entry:

========================  ===========================================================================================
`i1 … u8 f4 f8 b1`        a value of that type; `d4`: a Double32_t, 4 bytes on file and 8 in memory
`[3]f4`                   3 of it
`*f4`                     a list: its length (4 bytes), then its items; `#f4`: the same for a std::set
`~u4`                     a list that fills the rest of the entry
`n`                       the number of objects in a streamed collection, whatever they are
`.(-,4)6|*f4`             a member of an object streamed whole, behind one object and 4 bytes, with 6 bytes of header
`s`                       a string
`?f4`                     one of it, or None (in an RNTuple)
`(i4/s)`                  one of several, as std::variant has it (in an RNTuple)
`{20;a=u4,b=u4}`          a record behind 20 bytes of object headers
`@{20;a=u4,b=u4}`         a vector of records with its own header, streamed object by object or member by member
`R(f8,-1.0,1.0,16)`       a Double32_t or Float16_t with range and bits;  `T(f4,12)`: with a number of bits only
========================  ===========================================================================================

So `6|*f4` is `vector<float>`, and `6|**{20;m_persKey=u4,m_persIndex=u4}` a vector of vectors of ElementLinks.
"""

from __future__ import annotations

import functools
import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import awkward as ak
import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.exceptions import StaleManifestError

__all__ = [
    "Encoding",
    "Fixed",
    "Indexes",
    "ListOf",
    "Maybe",
    "Member",
    "Node",
    "Objects",
    "OneOf",
    "Primitive",
    "Ranged",
    "RecordOf",
    "Size",
    "Text",
    "ToEnd",
    "Truncated",
    "compiled",
    "fixed_items",
    "group_encoding",
    "is_put_together",
    "number_of_streams",
    "parse_encoding",
    "value_number",
]


class Indexes:
    """Offsets as Awkward takes them: those that columns have in common are one index."""

    def __init__(self) -> None:
        self._known: dict[int, ak.index.Index64] = {}  # which keep the arrays, so that no other has their id

    def of(self, offsets: NDArray[np.int64]) -> ak.index.Index64:
        """The index of an array."""
        found = self._known.get(id(offsets))
        if found is None:
            found = self._known[id(offsets)] = ak.index.Index64(offsets)
        return found


class Buffers:
    """The buffers of a column, one after the other."""

    def __init__(self, arrays: Iterable[NDArray[Any]], indexes: Indexes) -> None:
        self._next = iter(arrays).__next__
        self._indexes = indexes

    def values(self) -> NDArray[Any]:
        """The next one."""
        return self._next()

    def index(self) -> ak.index.Index64:
        """The next one, which are offsets."""
        return self._indexes.of(self._next())


# Codes of physlite::Value, in its order.
_VALUES = ("b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8", "d4")
_DTYPES = {code: np.dtype("f8" if code == "d4" else code) for code in _VALUES}
_NAMES = {code: dtype.name for code, dtype in _DTYPES.items()}  # which NumPy puts together each time


def value_number(code: str) -> int:
    """The number of a type of values for the core."""
    return _VALUES.index(code)


@dataclass(frozen=True)
class Primitive:
    """One number or boolean."""

    code: str

    def text(self) -> str:
        return self.code

    def program(self) -> list[int]:
        return [1, _VALUES.index(self.code)]

    @property
    def dtype(self) -> np.dtype[Any]:
        """In memory."""
        return _DTYPES[self.code]

    @property
    def stored_bytes(self) -> int:
        """On file."""
        return int(self.code[1])

    def form(self, key: Keys) -> ak.forms.Form:
        return ak.forms.NumpyForm(_NAMES[self.code], form_key=key.next())

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return ak.contents.NumpyArray(buffers.values())


@dataclass(frozen=True)
class Fixed:
    """A fixed number of items."""

    number: int
    item: Node

    def text(self) -> str:
        return f"[{self.number}]{self.item.text()}"

    def program(self) -> list[int]:
        return [2, self.number, *self.item.program()]

    def form(self, key: Keys) -> ak.forms.Form:
        return ak.forms.RegularForm(self.item.form(key), self.number)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return ak.contents.RegularArray(self.item.layout(buffers), self.number)


def _list_layout(item: Node, buffers: Buffers, parameters: dict[str, Any] | None = None) -> ak.contents.Content:
    offsets = buffers.index()
    return ak.contents.ListOffsetArray(offsets, item.layout(buffers), parameters=parameters)


def _list_form(item: Node, key: Keys, parameters: dict[str, Any] | None = None) -> ak.forms.Form:
    own = key.next()
    return ak.forms.ListOffsetForm("i64", item.form(key), parameters=parameters, form_key=own)


@dataclass(frozen=True)
class ListOf:
    """A list that begins with its length."""

    item: Node
    is_set: bool = False

    def text(self) -> str:
        return ("#" if self.is_set else "*") + self.item.text()

    def program(self) -> list[int]:
        return [3, *self.item.program()]

    @property
    def _parameters(self) -> dict[str, Any] | None:
        return {"__array__": "set"} if self.is_set else None  # as uproot has it

    def form(self, key: Keys) -> ak.forms.Form:
        return _list_form(self.item, key, self._parameters)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return _list_layout(self.item, buffers, self._parameters)


@dataclass(frozen=True)
class Maybe:
    """One item or none, as std::optional has it; RNTuples only."""

    item: Node

    def text(self) -> str:
        return "?" + self.item.text()

    def program(self) -> list[int]:
        msg = "optional items are not of a tree"
        raise NotImplementedError(msg)

    def form(self, key: Keys) -> ak.forms.Form:
        own = key.next()
        # An option of an option is one option then, that of alternatives one of each alternative.
        return ak.forms.IndexedOptionForm.simplified("i64", self.item.form(key), form_key=own)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        index = buffers.index()
        return ak.contents.IndexedOptionArray.simplified(index, self.item.layout(buffers))


@dataclass(frozen=True)
class OneOf:
    """One of several alternatives, as std::variant has it; RNTuples only. Its buffers are first which, then where.

    Which is -1 for a variant without a value. It becomes None, and the type an option then, as it can be rarely.
    """

    items: tuple[Node, ...]

    def text(self) -> str:
        return "(" + "/".join(item.text() for item in self.items) + ")"

    def program(self) -> list[int]:
        msg = "alternatives are not of a tree"
        raise NotImplementedError(msg)

    def form(self, key: Keys) -> ak.forms.Form:
        own, _ = key.next(), key.next()
        # Numbers of different types are one type then.
        return ak.forms.UnionForm.simplified("i8", "i64", [item.form(key) for item in self.items], form_key=own)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        tags, index = buffers.values(), buffers.values()
        contents = [item.layout(buffers) for item in self.items]
        there = tags >= 0
        union = ak.contents.UnionArray.simplified(
            ak.index.Index8(tags[there]), ak.index.Index64(index[there]), contents
        )
        if there.all():
            return union
        place = np.where(there, np.cumsum(there) - 1, -1)
        return ak.contents.IndexedOptionArray.simplified(ak.index.Index64(place), union)


@dataclass(frozen=True)
class ToEnd:
    """A list that fills its entry: a member of a split collection, or a leaf of variable length."""

    item: Node

    def text(self) -> str:
        return "~" + self.item.text()

    def program(self) -> list[int]:
        return [4, *self.item.program()]

    def form(self, key: Keys) -> ak.forms.Form:
        return _list_form(self.item, key)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return _list_layout(self.item, buffers)


@dataclass(frozen=True)
class RecordOf:
    """An object: headers of its own and its base classes, then its members."""

    skip: int
    fields: tuple[tuple[str, Node], ...]

    def text(self) -> str:
        return f"{{{self.skip};" + ",".join(f"{_escaped(name)}={node.text()}" for name, node in self.fields) + "}"

    def program(self) -> list[int]:
        return [5, self.skip, len(self.fields), *(n for _, node in self.fields for n in node.program())]

    @property
    def _names(self) -> list[str] | None:
        """None for std::pair and std::tuple as an RNTuple has them, which are tuples."""
        names = [name for name, _ in self.fields]
        return None if names and names == [f"_{i}" for i in range(len(names))] else names

    def form(self, key: Keys) -> ak.forms.Form:
        return ak.forms.RecordForm([node.form(key) for _, node in self.fields], self._names)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        contents = [node.layout(buffers) for _, node in self.fields]
        return ak.contents.RecordArray(contents, self._names)


@dataclass(frozen=True)
class Objects:
    """A vector of objects that carries its own header, which says how the objects are streamed."""

    item: RecordOf

    def text(self) -> str:
        return "@" + self.item.text()

    def program(self) -> list[int]:
        return [7, *self.item.program()]

    def form(self, key: Keys) -> ak.forms.Form:
        return _list_form(self.item, key)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return _list_layout(self.item, buffers)


@dataclass(frozen=True)
class Size:
    """The number of objects in a streamed collection; the objects are passed over."""

    def text(self) -> str:
        return "n"

    def program(self) -> list[int]:
        return [10]

    def form(self, key: Keys) -> ak.forms.Form:
        return Primitive("u4").form(key)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return Primitive("u4").layout(buffers)


@dataclass(frozen=True)
class Member:
    """One member of an object that is streamed whole.

    `skips` are the members before it: their bytes, or None for what has a byte count of its own.
    """

    skips: tuple[int | None, ...]
    header: int
    item: Node

    def text(self) -> str:
        skips = ",".join("-" if skip is None else str(skip) for skip in self.skips)
        return f".({skips}){self.header}|{self.item.text()}"

    def program(self) -> list[int]:
        skips = [-1 if skip is None else skip for skip in self.skips]
        return [11, len(skips), *skips, self.header, *self.item.program()]

    def form(self, key: Keys) -> ak.forms.Form:
        return self.item.form(key)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return self.item.layout(buffers)


@dataclass(frozen=True)
class Text:
    """A string."""

    def text(self) -> str:
        return "s"

    def program(self) -> list[int]:
        return [6]

    def form(self, key: Keys) -> ak.forms.Form:
        own = key.next()
        chars = ak.forms.NumpyForm("uint8", parameters={"__array__": "char"}, form_key=key.next())
        return ak.forms.ListOffsetForm("i64", chars, parameters={"__array__": "string"}, form_key=own)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        offsets = buffers.index()
        chars = ak.contents.NumpyArray(buffers.values(), parameters={"__array__": "char"})
        return ak.contents.ListOffsetArray(offsets, chars, parameters={"__array__": "string"})


@dataclass(frozen=True)
class Ranged:
    """A Double32_t or Float16_t stored as an integer between two bounds."""

    code: str
    low: float
    high: float
    bits: int

    def text(self) -> str:
        return f"R({self.code},{self.low!r},{self.high!r},{self.bits})"

    def program(self) -> list[int]:
        low, high = struct.unpack("<2q", struct.pack("<2d", self.low, self.high))
        return [8, _VALUES.index(self.code), low, high, self.bits]

    def form(self, key: Keys) -> ak.forms.Form:
        return Primitive(self.code).form(key)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return Primitive(self.code).layout(buffers)


@dataclass(frozen=True)
class Truncated:
    """A Double32_t or Float16_t stored with fewer bits of mantissa."""

    code: str
    bits: int

    def text(self) -> str:
        return f"T({self.code},{self.bits})"

    def program(self) -> list[int]:
        return [9, _VALUES.index(self.code), self.bits]

    def form(self, key: Keys) -> ak.forms.Form:
        return Primitive(self.code).form(key)

    def layout(self, buffers: Buffers) -> ak.contents.Content:
        return Primitive(self.code).layout(buffers)


Node = (
    Primitive | Fixed | ListOf | Maybe | OneOf | ToEnd | RecordOf | Objects | Size | Member | Text | Ranged | Truncated
)


@dataclass
class Keys:
    """Hands out the form keys `prefix@0`, `prefix@1`, …: one an output buffer, in the core's order."""

    prefix: str
    used: int = 0

    def next(self) -> str:
        self.used += 1
        return f"{self.prefix}@{self.used - 1}"


@dataclass(frozen=True)
class Encoding:
    """A node and the bytes of header before each entry."""

    header: int
    node: Node

    @functools.cached_property
    def text(self) -> str:
        """The form a manifest stores; `parse_encoding` reads it."""
        return (f"{self.header}|" if self.header else "") + self.node.text()

    @functools.cached_property
    def program(self) -> NDArray[np.int64]:
        """The integers that the core reads."""
        return np.array([self.header, *self.node.program()], dtype=np.int64)

    def form(self, prefix: str = "node") -> ak.forms.Form:
        """The Awkward form of the column, its keys numbered from `prefix@0`."""
        return self.node.form(Keys(prefix))

    def item_form(self, prefix: str) -> ak.forms.Form:
        """The form of the items, where an entry `is_list`: `form` without the list."""
        if not isinstance(self._outer, ListOf | ToEnd | Objects):
            msg = f"an entry is no list: {self.text}"
            raise TypeError(msg)
        return self._outer.item.form(Keys(prefix, used=1))

    def layout(self, buffers: list[NDArray[Any]], indexes: Indexes | None = None) -> ak.contents.Content:
        """The Awkward layout of decoded buffers; columns that are read together have their `indexes` in common."""
        return self.node.layout(Buffers(buffers, indexes or Indexes()))

    @functools.cached_property
    def type(self) -> str:
        """Awkward's name for the type of an entry, as `var * float32`."""
        return str(self.form().type)

    @functools.cached_property
    def is_list(self) -> bool:
        """Whether an entry is a list, whose length is part of the column."""
        return isinstance(self._outer, ListOf | ToEnd | Objects)

    @property
    def _outer(self) -> Node:
        return self.node.item if isinstance(self.node, Member) else self.node


def group_encoding(name: str, members: Iterable[tuple[str, Encoding | None]]) -> Encoding | None:
    """A collection split into its members, put together again: a list of records. None when a member is no list."""
    fields = []
    for member, encoding in members:
        if encoding is None or not isinstance(encoding.node, ToEnd):
            return None
        fields.append((member.removeprefix(f"{name}."), encoding.node.item))
    return Encoding(0, ToEnd(RecordOf(0, tuple(fields)))) if fields else None


def number_of_streams(node: Node) -> int:
    """How many streams a column of an RNTuple with this node has; -1 for a node that is none of an RNTuple's."""
    if isinstance(node, Primitive | Size):
        return 1
    if isinstance(node, Text):
        return 2
    if isinstance(node, Fixed | ListOf | Maybe):
        parts, own = [node.item], 0 if isinstance(node, Fixed) else 1
    elif isinstance(node, OneOf):
        parts, own = list(node.items), 2
    elif isinstance(node, RecordOf):
        parts, own = [item for _, item in node.fields], 0
    else:
        return -1
    numbers = [number_of_streams(part) for part in parts]
    return -1 if -1 in numbers else own + sum(numbers)


def fixed_items(node: Node) -> int:
    """How many elements of the first stream an entry is: 1, or more in arrays of fixed size."""
    if isinstance(node, Fixed):
        return node.number * fixed_items(node.item)
    return fixed_items(node.fields[0][1]) if isinstance(node, RecordOf) else 1


_TOKEN = re.compile(
    r"(?P<value>b1|i1|u1|i2|u2|i4|u4|i8|u8|f4|f8|d4)"
    r"|\[(?P<fixed>\d+)\]"
    r"|(?P<mark>[*#~@?sn])"
    r"|\.\((?P<skips>[-\d,]*)\)(?P<header>\d+)\|"
    r"|\{(?P<skip>\d+);"
    r"|(?P<one>\()"
    r"|R\((?P<ranged>f4|f8),(?P<low>[^,()]+),(?P<high>[^,()]+),(?P<bits>\d+)\)"
    r"|T\((?P<truncated>f4|f8),(?P<few>\d+)\)"
)
_HEADER = re.compile(r"(\d+)\|")
_FIELD = re.compile(r"(?P<name>[^=,;{}]*)=")
_SPECIAL = re.compile(r"[%=,;{}?(]")


def _escaped(name: str) -> str:
    """A name without what means something in an encoding."""
    return _SPECIAL.sub(lambda match: f"%{ord(match[0]):02x}", name)


def _unescaped(text: str) -> str:
    return re.sub("%(..)", lambda match: chr(int(match[1], 16)), text)


# A file has a hundred different ones; damaged ones can have any.
_ENCODINGS_KEPT = 1024


@functools.lru_cache(maxsize=_ENCODINGS_KEPT)
def parse_encoding(text: str) -> Encoding:
    """Reads the text form.

    Raises:
        StaleManifestError: the text is not an encoding (it comes from a damaged manifest).
    """
    header = _HEADER.match(text)
    try:
        return Encoding(int(header[1]), _parse_all(text[header.end() :])) if header else Encoding(0, _parse_all(text))
    except (ValueError, RecursionError) as error:
        msg = f"the manifest names an unknown encoding, {text[:80]!r}"
        raise StaleManifestError(msg) from error


@functools.lru_cache(maxsize=_ENCODINGS_KEPT)
def compiled(text: str) -> _core.Program:
    """What the core decodes an encoding of a tree by.

    Raises:
        StaleManifestError: as `parse_encoding`.
        CorruptData: the core does not take it.
    """
    return _core.Program(parse_encoding(text).program)


# Options of options, and alternatives: their buffers are not those of Awkward's arrays, but what these are made of.
_PUT_TOGETHER = re.compile(r"\?\?|(?<![RT.])\(")


@functools.lru_cache(maxsize=_ENCODINGS_KEPT)
def is_put_together(text: str) -> bool:
    """Whether the array of an encoding can only be made as a whole, of all its buffers."""
    return _PUT_TOGETHER.search(text) is not None


def _parse_all(text: str) -> Node:
    node, end = _parse_node(text, 0)
    if end != len(text):
        raise ValueError(text)
    return node


def _parse_node(text: str, at: int) -> tuple[Node, int]:
    match = _TOKEN.match(text, at)
    if match is None:
        raise ValueError(text)
    end = match.end()
    if match["value"]:
        return Primitive(match["value"]), end
    if match["ranged"]:
        return Ranged(match["ranged"], float(match["low"]), float(match["high"]), int(match["bits"])), end
    if match["truncated"]:
        return Truncated(match["truncated"], int(match["few"])), end
    if match["mark"] == "s":
        return Text(), end
    if match["mark"] == "n":
        return Size(), end
    if match["skip"]:
        return _parse_record(text, end, int(match["skip"]))
    if match["one"]:
        return _parse_alternatives(text, end)
    item, end = _parse_node(text, end)
    if match["skips"] is not None:
        skips = [None if skip == "-" else int(skip) for skip in match["skips"].split(",") if skip]
        return Member(tuple(skips), int(match["header"]), item), end
    if match["fixed"]:
        return Fixed(int(match["fixed"]), item), end
    if match["mark"] == "@":
        if not isinstance(item, RecordOf):
            raise ValueError(text)
        return Objects(item), end
    if match["mark"] == "~":
        return ToEnd(item), end
    if match["mark"] == "?":
        return Maybe(item), end
    return ListOf(item, is_set=match["mark"] == "#"), end


def _parse_record(text: str, at: int, skip: int) -> tuple[RecordOf, int]:
    fields: list[tuple[str, Node]] = []
    while True:
        match = _FIELD.match(text, at)
        if match is None:
            raise ValueError(text)
        node, at = _parse_node(text, match.end())
        fields.append((_unescaped(match["name"]), node))
        if text[at : at + 1] == "}":
            return RecordOf(skip, tuple(fields)), at + 1
        if text[at : at + 1] != ",":
            raise ValueError(text)
        at += 1


def _parse_alternatives(text: str, at: int) -> tuple[OneOf, int]:
    items: list[Node] = []
    while True:
        item, at = _parse_node(text, at)
        items.append(item)
        if text[at : at + 1] == ")":
            return OneOf(tuple(items)), at + 1
        if text[at : at + 1] != "/":
            raise ValueError(text)
        at += 1
