"""TTree to Manifest: which branches are columns, and how each is encoded."""

from __future__ import annotations

import functools
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from physlite import _core
from physlite.collecting import without_cycle_collection
from physlite.formats import cpptypes
from physlite.formats.encoding import (
    Encoding,
    Fixed,
    Member,
    Node,
    Primitive,
    Ranged,
    RecordOf,
    Size,
    Text,
    ToEnd,
    Truncated,
    group_encoding,
)
from physlite.formats.manifest import HOLDS_NOTHING, IN_ITS_MEMBERS, Manifest, ManifestColumn
from physlite.formats.rootfile import ClassDescription, Key, RootFile, naming
from physlite.formats.rootfile import Member as ClassMember

__all__ = ["read_manifest"]

# TBranchElement::fType (TBranchElement.h).
_TCLONES, _STL = 3, 4
_TCLONES_MEMBER, _STL_MEMBER = 31, 41

# The EDM's classes have bases four deep; a damaged file could make them endless.
_DEEPEST_BASE = 10

# TVirtualStreamerInfo::EReadWrite: an element that is a base class.
_BASE = 0

# Byte count and version, before a std::string that is a member of a split class.
_STRING_HEADER = 6

# A branch of interface objects tells how many there are; what they hold is in the auxiliary store.
_SIZE = Encoding(0, Size())
_CONTAINER = re.compile(r"^DataVector<|^xAOD::MissingET(?:Container|AssociationMap)_v\d+$")

_LEAF_CODES = {
    "TLeafO": "b1", "TLeafB": "i1", "TLeafS": "i2", "TLeafI": "i4", "TLeafL": "i8", "TLeafG": "i8",
    "TLeafF": "f4", "TLeafD": "f8",
}  # fmt: skip
_LEAF_NAMES = {
    "b1": "bool", "i1": "char", "u1": "unsigned char", "i2": "short", "u2": "unsigned short", "i4": "int",
    "u4": "unsigned int", "i8": "long", "u8": "unsigned long", "f4": "float", "f8": "double",
}  # fmt: skip
_PACKED = {"Double32_t": "f8", "Float16_t": "f4"}
_PACKED_LEAVES = {"TLeafD32": "Double32_t", "TLeafF16": "Float16_t"}
_DIMENSION = re.compile(r"\[(\w+)\]")
_MOST_DIGITS = 9
# The title of a leaf has its name and its dimensions in front of the range.
_LEAF_RANGE = re.compile(r"^.*/[df](\[[^\[\]]*\])$")
_DEFAULT_FLOAT16_BITS = 12  # TBufferFile::WriteFloat16, when the text says nothing
_FEWEST_BITS, _MOST_BITS = 2, 32
_MOST_TRUNCATED_BITS = 14
# What sscanf takes of a text for %lg and %d, as far as ranges are written.
_REAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_OTHER_REAL = re.compile(r"[+-]?(?:0x|inf|nan)")
_INTEGER = re.compile(r"\s*[+-]?\d{1,9}")
# The first that stands in the text counts.
_PI = {"2pi": 2.0, "2*pi": 2.0, "twopi": 2.0, "pi/2": 0.5, "pi/4": 0.25, "pi": 1.0}


class _Leaf(NamedTuple):
    class_name: str
    name: str
    title: str
    length: int
    is_unsigned: bool
    count_leaf: str


class _Branch(NamedTuple):
    path: str
    title: str
    branch_class: str
    class_name: str
    problem: str
    parent: int
    type: int
    streamer_type: int
    element: int
    compression: int
    has_offsets: bool
    entries: int
    uncompressed_bytes: int
    compressed_bytes: int
    first_basket: int
    baskets: int
    leaves: list[tuple[str, str, str, int, bool, str]]


class _Resolved(NamedTuple):
    type_name: str
    encoding: Encoding | None


def read_manifest(file: RootFile, key: Key) -> Manifest:
    """Scans the tree behind `key` in one pass; reads no basket.

    Raises:
        CorruptDataError: the tree object is damaged.
        UnsupportedFormatError: it has a version or a branch class that is not known here.
    """
    data = file.object(key)
    with naming(f"{file.name}, tree {key.name}"), without_cycle_collection():
        scan = _core.scan_tree(data, key.key_bytes)
        columns = _Columns(list(map(_Branch._make, scan["branches"])), scan["entries"], file).build()
    return Manifest(
        format="TTree",
        tree=key.name,
        uuid=file.uuid,
        file_bytes=file.source.size(),
        compression=file.compression,
        num_entries=scan["entries"],
        clusters=_clusters(scan),
        columns=columns,
        page_first_entry=scan["basket_first_entry"],
        page_offset=scan["basket_offset"],
        page_size=scan["basket_bytes"],
        inline=scan["embedded"],
    )


def _clusters(scan: _core.ScannedTree) -> NDArray[np.int64]:
    """First entries of the clusters, and the number of entries: ranges that share no basket with each other.

    ROOT keeps them as ranges of equal size (TTree::fClusterRangeEnd, fClusterSize), the last one being fAutoFlush.
    """
    entries = scan["entries"]
    ends = [int(e) + 1 for e in scan["cluster_range_end"]] + [entries]
    sizes = [int(s) for s in scan["cluster_size"]] + [scan["auto_flush"]]
    first = 0
    parts = []
    for range_end, size in zip(ends, sizes, strict=False):
        end = min(range_end, entries)
        if size > 0 and end > first:
            parts.append(np.arange(first, end, size, dtype=np.int64))
        elif end > first:
            parts.append(np.array([first], dtype=np.int64))
        first = max(first, end)
    parts.append(np.array([entries], dtype=np.int64))
    return np.concatenate(parts)


class _Columns:
    """The columns among the branches of a tree."""

    def __init__(self, branches: list[_Branch], entries: int, file: RootFile) -> None:
        self._branches = branches
        self._entries = entries
        self._file = file
        self._children: dict[int, list[int]] = {}
        for i, branch in enumerate(branches):
            if branch.parent >= 0:
                self._children.setdefault(branch.parent, []).append(i)
        # Split objects hold no data of their own: their members are the columns.
        self._kept = [i for i, b in enumerate(branches) if i not in self._children or b.type in (_TCLONES, _STL)]
        self._position = {branch: column for column, branch in enumerate(self._kept)}
        # Hundreds of branches share a class.
        self._whole = functools.cache(functools.partial(_resolve_whole, streamers=file.streamers))
        self._is_hollow = functools.cache(functools.partial(_holds_nothing, classes=file.streamers))

    def build(self) -> tuple[ManifestColumn, ...]:
        """The columns, in the file's order."""
        last = [self._branches[i].path.rpartition("/")[2] for i in self._kept]
        repeated = {name for name, n in Counter(last).items() if n > 1}
        names = [self._branches[i].path if name in repeated else name for i, name in zip(self._kept, last, strict=True)]
        resolved = [self._resolve(self._branches[i]) for i in self._kept]
        columns = [self._column(i, names, resolved) for i in range(len(self._kept))]
        known = set(names)
        members: list[ManifestColumn] = []
        for i, column in enumerate(columns):
            if column.encoding or column.problem:
                continue
            own = [c for c in _members_of_unsplit(column, self._file) if c.name not in known]
            if own:
                columns[i] = column._replace(problem=IN_ITS_MEMBERS)
                members.extend(own)
            elif self._is_hollow(column.type_name):
                columns[i] = column._replace(problem=f"{HOLDS_NOTHING}: {column.type_name} has no members of its own")
        return (*columns, *members)

    def _column(self, column: int, names: list[str], resolved: list[_Resolved]) -> ManifestColumn:
        number = self._kept[column]
        branch = self._branches[number]
        type_name, encoding = resolved[column]
        members: tuple[int, ...] = ()
        problem = branch.problem
        if number in self._children:
            members = tuple(self._position[i] for i in self._children[number] if i in self._position)
            encoding = group_encoding(names[column], [(names[m], resolved[m].encoding) for m in members])
        elif not problem and branch.entries != self._entries:
            problem = f"it has {branch.entries} entries, the tree {self._entries}"
        return ManifestColumn(
            names[column], branch.path, branch.title, type_name, "" if encoding is None else encoding.text, problem,
            members if encoding is not None else (), branch.compression, branch.uncompressed_bytes,
            branch.compressed_bytes, branch.first_basket, branch.baskets,
        )  # fmt: skip

    def _resolve(self, branch: _Branch) -> _Resolved:
        if branch.branch_class == "TBranchElement":
            if branch.element < 0:
                return self._whole(branch.class_name)
            title = branch.leaves[0][2] if branch.leaves else ""
            # In a collection the title has the counter's name, and the branch's name the dimensions.
            texts = _DIMENSION.findall(branch.path.rpartition("/")[2]) or _DIMENSION.findall(title)
            return _resolve_member(branch, _fixed_sizes(texts), self._file)
        return _resolve_leaves([_Leaf(*leaf) for leaf in branch.leaves])


def _resolve_member(branch: _Branch, dimensions: tuple[int, ...], file: RootFile) -> _Resolved:
    """A member of a split class: its type stands in the class's description."""
    known = file.streamers.get(branch.class_name)
    if known is None or branch.element >= len(known.members):
        return _Resolved(branch.class_name, None)
    member = known.members[branch.element]
    if member.type == _BASE:
        if member.name == "ElementLinkBase":
            return _Resolved(branch.class_name, cpptypes.alone(branch.class_name))
        return _Resolved(member.name, None)
    number = _number(member)
    type_name = member.type_name + "".join(f"[{n}]" for n in dimensions)
    if math.prod(dimensions) != max(member.array_length, 1) or (dimensions and number is None):
        return _Resolved(type_name, None)
    in_collection = branch.type in (_TCLONES_MEMBER, _STL_MEMBER)
    if number is not None:
        node = _array_of(number, dimensions)
        return _Resolved(type_name + "[]" * in_collection, Encoding(0, ToEnd(node) if in_collection else node))
    if in_collection:
        return _Resolved(type_name + "[]", cpptypes.member_of_collection(member.type_name))
    if member.element_class == "TStreamerSTLstring":
        return _Resolved(type_name, Encoding(_STRING_HEADER, Text()))
    return _Resolved(type_name, cpptypes.alone(member.type_name))


def _number(member: ClassMember) -> Primitive | Ranged | Truncated | None:
    """The item of a member that is a number, or an array of numbers; None for others."""
    name = cpptypes.normalize(member.type_name)
    return _packed(_PACKED[name], member.title) if name in _PACKED else cpptypes.primitive(name)


def _resolve_whole(class_name: str, streamers: Mapping[str, ClassDescription]) -> _Resolved:
    """A branch that holds objects unsplit."""
    if _CONTAINER.match(class_name):
        return _Resolved(class_name, _SIZE)
    encoding = cpptypes.alone(class_name)
    if encoding is None and "<" not in class_name:
        encoding = _plain_record(streamers.get(class_name))
    return _Resolved(class_name, encoding)


def _holds_nothing(class_name: str, classes: Mapping[str, ClassDescription], depth: int = 0) -> bool:
    """Whether a class, as the file describes it, has no members, nor have its base classes."""
    known = classes.get(class_name)
    if known is None or depth > _DEEPEST_BASE:
        return False
    return all(
        member.element_class == "TStreamerBase" and _holds_nothing(member.name, classes, depth + 1)
        for member in known.members
    )


def _members_of_unsplit(column: ManifestColumn, file: RootFile) -> list[ManifestColumn]:
    """The members of a store that is streamed whole (release 22 wrote static stores so), as columns of its baskets.

    The baskets are counted with the store's own column, not with its members.
    """
    if not column.name.endswith("."):
        return []
    known = file.streamers.get(column.type_name)
    out = []
    skips: list[int | None] = []
    for member in known.members if known else ():
        encoding = cpptypes.alone(member.type_name)
        plain = member.array_length == 0 and isinstance(encoding.node if encoding else None, Primitive)
        if encoding is not None and (plain or encoding.is_list) and member.array_length == 0:
            whole = Encoding(0, Member(tuple(skips), encoding.header, encoding.node))
            name = column.name + member.name
            out.append(
                column._replace(
                    name=name,
                    path=f"{column.path}/{name}",
                    title=f"member of {column.name}",
                    type_name=member.type_name,
                    encoding=whole.text,
                    uncompressed_bytes=0,
                    compressed_bytes=0,
                )
            )
        number = cpptypes.primitive(member.type_name)
        skips.append(None if number is None else number.stored_bytes * max(member.array_length, 1))
    return out


def _plain_record(known: ClassDescription | None) -> Encoding | None:
    """A class of numbers only: ROOT streams its members one after the other, without a header."""
    if known is None or not known.members:
        return None
    fields = []
    for member in known.members:
        number = _number(member)
        if number is None or member.element_class != "TStreamerBasicType" or member.array_length:
            return None
        fields.append((member.name, number))
    return Encoding(0, RecordOf(0, tuple(fields)))


def _resolve_leaves(leaves: list[_Leaf]) -> _Resolved:
    """A branch of plain numbers."""
    if len(leaves) != 1:
        return _Resolved("; ".join(leaf.title for leaf in leaves) or "nothing", None)
    leaf = leaves[0]
    if leaf.class_name == "TLeafC":
        return _Resolved("char*", Encoding(0, Text()))
    item = _leaf_item(leaf)
    if item is None:
        return _Resolved(leaf.class_name, None)
    dimensions = _DIMENSION.findall(leaf.title)
    name = _PACKED_LEAVES.get(leaf.class_name) or _LEAF_NAMES[item.code]
    type_name = name + "".join(f"[{d}]" for d in dimensions)
    fixed = _fixed_sizes(dimensions)
    if leaf.count_leaf:
        return _Resolved(type_name, Encoding(0, ToEnd(_array_of(item, fixed))))
    return _Resolved(type_name, Encoding(0, _array_of(item, fixed)))


def _leaf_item(leaf: _Leaf) -> Primitive | Ranged | Truncated | None:
    code = _LEAF_CODES.get(leaf.class_name)
    if code is not None:
        return Primitive(code.replace("i", "u") if leaf.is_unsigned else code)
    name = _PACKED_LEAVES.get(leaf.class_name)
    return None if name is None else _packed(_PACKED[name], _LEAF_RANGE.sub(r"\1", leaf.title))


class _Range(NamedTuple):
    low: float
    high: float
    bits: int


def _packed(code: str, text: str) -> Primitive | Ranged | Truncated | None:
    """A Double32_t or Float16_t as ROOT writes it (TBufferFile::WriteDouble32); range and bits stand in the text."""
    default = Primitive("d4") if code == "f8" else Truncated(code, _DEFAULT_FLOAT16_BITS)
    found = _range_text(text)
    if found is None:
        return default
    range_ = _range(found)
    if range_ is None:
        return None
    if range_.low < range_.high:
        return Ranged(code, *range_)
    # ROOT keeps so few bits in the place of the lower bound, and else takes the bound for the number of bits.
    bits = range_.bits if range_.bits <= _MOST_TRUNCATED_BITS else int(range_.low)
    if bits == 0:
        return default
    return Truncated(code, bits) if _FEWEST_BITS <= bits <= _MOST_TRUNCATED_BITS else None


def _range_text(text: str) -> str | None:
    """What stands in the first brackets, or, when there is no comma in them, in the second (TStreamerElement)."""
    end = -1
    for _ in range(2):
        begin = text.find("[", end + 1)
        end = text.find("]", begin)
        if begin < 0 or end < 0:
            return None
        if "," in text[begin:end]:
            return text[begin + 1 : end]
    return None


def _range(text: str) -> _Range | None:
    """The bounds and the number of bits, as GetRange of TStreamerElement reads them."""
    low_text, high_text, *more = text.split(",", 2)
    low, high = _bound(low_text), _bound(high_text)
    if low is None or high is None:
        return None
    number = _INTEGER.match(more[0]) if more else None
    bits = int(number[0]) if number else _MOST_BITS
    return _Range(low, high, bits if _FEWEST_BITS <= bits <= _MOST_BITS else _MOST_BITS)


def _bound(text: str) -> float | None:
    text = text.lower().replace(" ", "")
    for name, times in _PI.items():
        if name in text:
            return -times * math.pi if "-" in text else times * math.pi
    if _OTHER_REAL.match(text):
        return None
    number = _REAL.match(text)
    value = float(number[0]) if number else 0.0
    return value if math.isfinite(value) else None


def _fixed_sizes(texts: list[str]) -> tuple[int, ...]:
    """Of dimensions those that are numbers, and not names of counters."""
    return tuple(int(text) for text in texts if text.isdecimal() and len(text) <= _MOST_DIGITS)


def _array_of(item: Node, dimensions: tuple[int, ...]) -> Node:
    for number in reversed(dimensions):
        item = Fixed(number, item)
    return item
