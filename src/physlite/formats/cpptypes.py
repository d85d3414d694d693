"""C++ type names to encodings: what ROOT writes for a type that stands alone in a branch."""

from __future__ import annotations

import functools
import re

from physlite.formats.encoding import Encoding, ListOf, Node, Objects, Primitive, RecordOf, Text, ToEnd

__all__ = ["LINK", "alone", "member_of_collection", "normalize", "primitive"]

_PRIMITIVES = {
    "bool": "b1", "Bool_t": "b1",
    "char": "i1", "signed char": "i1", "Char_t": "i1", "int8_t": "i1",
    "unsigned char": "u1", "UChar_t": "u1", "uint8_t": "u1",
    "short": "i2", "Short_t": "i2", "int16_t": "i2",
    "unsigned short": "u2", "UShort_t": "u2", "uint16_t": "u2",
    "int": "i4", "Int_t": "i4", "int32_t": "i4",
    "unsigned int": "u4", "unsigned": "u4", "UInt_t": "u4", "uint32_t": "u4",
    # ROOT writes a long as 8 bytes on every platform.
    "long": "i8", "long long": "i8", "Long_t": "i8", "Long64_t": "i8", "int64_t": "i8",
    "unsigned long": "u8", "unsigned long long": "u8", "ULong_t": "u8", "ULong64_t": "u8", "uint64_t": "u8",
    "size_t": "u8",
    "float": "f4", "Float_t": "f4",
    "double": "f8", "Double_t": "f8",
    "Double32_t": "d4",
}  # fmt: skip

_LINK_MEMBERS = (("m_persKey", Primitive("u4")), ("m_persIndex", Primitive("u4")))
_OBJECT_HEADER = 10  # byte count, version 0, checksum: of a class that has no version of its own

# An ElementLink inside a vector: its own header and that of its base class ElementLinkBase.
LINK = RecordOf(2 * _OBJECT_HEADER, _LINK_MEMBERS)
# Alone in a branch the branch's class has no header, only the base class has.
_LINK_ALONE = RecordOf(_OBJECT_HEADER, _LINK_MEMBERS)

_VECTOR_HEADER = 6  # byte count and version
_SEQUENCES = frozenset({"vector", "deque", "list"})
_SETS = frozenset({"set", "multiset", "unordered_set", "unordered_multiset"})
_STRINGS = frozenset({"string", "TString"})
_DEFAULT_ARGUMENT = re.compile(r",\s*(?:allocator|less|hash|equal_to)<(?:[^<>]|<[^<>]*>)*>\s*")
_TEMPLATE = re.compile(r"^(?P<name>\w+)<(?P<argument>.*)>$")


@functools.cache
def normalize(name: str) -> str:
    """The type name without `std::`, default allocators, and stray blanks: `vector<vector<float>>`."""
    name = re.sub(r"\bstd::", "", name)
    removed = 1
    while removed:  # those inside of others first
        name, removed = _DEFAULT_ARGUMENT.subn("", name)
    return re.sub(r"\s*([<>,*])\s*", r"\1", name).strip()


def primitive(name: str) -> Primitive | None:
    """The encoding of a number type, or None."""
    code = _PRIMITIVES.get(normalize(name))
    return None if code is None else Primitive(code)


def _is_link(name: str) -> bool:
    return name == "ElementLinkBase" or name.startswith("ElementLink<")


def _inner(name: str) -> Node | None:
    """A type inside a container: no header of its own, save for links."""
    if (number := primitive(name)) is not None:
        return number
    if name in _STRINGS:
        return Text()
    if _is_link(name):
        return LINK
    match = _TEMPLATE.match(name)
    if match is None or match["name"] not in _SEQUENCES | _SETS:
        return None
    item = _inner(match["argument"])
    return None if item is None else ListOf(item, is_set=match["name"] in _SETS)


@functools.cache
def alone(name: str) -> Encoding | None:
    """The encoding of a type that a branch holds unsplit, or None when it is none of those known here."""
    name = normalize(name)
    if (number := primitive(name)) is not None:
        return Encoding(0, number)
    if name in _STRINGS:
        return Encoding(0, Text())
    if _is_link(name):
        return Encoding(0, _LINK_ALONE)
    node = _inner(name)
    if not isinstance(node, ListOf):
        return None
    if node.item is LINK:
        return Encoding(0, Objects(LINK))
    return Encoding(_VECTOR_HEADER, node)


@functools.cache
def member_of_collection(name: str) -> Encoding | None:
    """The encoding of a member of a split collection: all objects' values of it, one after the other."""
    name = normalize(name)
    if (number := primitive(name)) is not None:
        return Encoding(0, ToEnd(number))
    return Encoding(_VECTOR_HEADER, ToEnd(Text())) if name in _STRINGS else None
