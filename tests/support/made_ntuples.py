"""RNTuple files made from a description: what ROOT does not write, but the format allows or damage brings about.

    ntuple([items("v", value("_0"))], Cluster(2, [1, 3], [7, 8, 9]))

is a file of two entries, the lists [7] and [8, 9]: of each cluster it says how many entries it has, and the elements of
each column. Nothing is checked, so a description can contradict itself.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import uproot

from support.ntuples import Envelopes, placed, sealed

# Any file with an ntuple: its directory and the key of the ntuple are taken, the rest is dead bytes.
_FRAME = Path(__file__).parents[1] / "formats" / "data" / "ntuples" / "empty.root"

_HEADER, _FOOTER, _PAGE_LIST = 1, 2, 3
_PLAIN, _COLLECTION, _RECORD, _VARIANT = 0, 1, 2, 3
_REPEATED = 1  # flag of fields
_DEFERRED = 1  # flag of columns


@dataclass(frozen=True)
class Kind:
    """A type of columns: its number and bits in the format, and its elements in NumPy."""

    type: int
    bits: int
    dtype: object

    def stored(self, elements):
        array = np.array(elements, dtype=self.dtype)
        return np.packbits(array, bitorder="little").tobytes() if self.bits == 1 else array.tobytes()


BIT = Kind(0x00, 1, "?")
BYTE = Kind(0x03, 8, "i1")
INT = Kind(0x07, 32, "<i4")
LONG = Kind(0x09, 64, "<i8")
FLOAT = Kind(0x0C, 32, "<f4")
INDEX = Kind(0x0F, 64, "<u8")
SWITCH = Kind(0x10, 96, [("place", "<u8"), ("alternative", "<u4")])  # alternatives count from 1, 0 is none


@dataclass(frozen=True)
class Field:
    name: str
    type_name: str
    role: int = _PLAIN
    columns: tuple[Kind, ...] = ()
    children: tuple[Field, ...] = ()
    repetitions: int | None = None  # of arrays


def value(name, type_name="std::int32_t", kind=INT):
    return Field(name, type_name, _PLAIN, (kind,))


def items(name, item, type_name="std::vector"):
    """A list, or an option."""
    return Field(name, f"{type_name}<{item.type_name}>", _COLLECTION, (INDEX,), (item,))


def fixed(name, item, repetitions):
    return Field(name, f"std::array<{item.type_name},{repetitions}>", _PLAIN, (), (item,), repetitions)


def record(name, *members):
    return Field(name, "Record", _RECORD, (), members)


def variant(name, *alternatives):
    types = ",".join(a.type_name for a in alternatives)
    return Field(name, f"std::variant<{types}>", _VARIANT, (SWITCH,), alternatives)


class Pages:
    """The elements of a column in a cluster in several pages, or beginning with another element than it should."""

    def __init__(self, *pages, first=None):
        self.pages = pages
        self.first = first


class Cluster:
    """A number of entries, and of each column its elements, or Pages of them; the last columns may come later.

    `first` is the first entry, where that should not be the one that follows.
    """

    def __init__(self, entries, *columns, first=None):
        self.entries = entries
        self.columns = [c if isinstance(c, Pages) else Pages(*([c] if len(c) else [])) for c in columns]
        self.first = first


def ntuple(fields, *clusters, compressed=None, most=1 << 30):
    """The bytes of a file. Pages that are equal are stored once; `most` is the size of its largest record.

    Pages are compressed where `compressed` is one of uproot's compressions.
    """
    base = Envelopes.of(_FRAME)
    data = bytearray(base.content)
    columns = [kind for _, field in _numbered(fields) for kind in field.columns]
    summaries, cells, begins = _laid_out(data, clusters, columns, compressed)
    header = sealed(
        _envelope(_HEADER, bytes(8), *(_string(x) for x in ("EventData", "", "")), *_schema(fields, begins))
    )
    pages = sealed(_envelope(_PAGE_LIST, header[-8:], _list(map(_record, summaries)), _list(map(_list, cells))))
    entries = sum(cluster.entries for cluster in clusters)
    group = struct.pack("<QQI", 0, entries, len(clusters)) + struct.pack("<QiQ", len(pages), len(pages), len(data))
    data += pages
    nothing_later = _record(_list([]) * 4)
    footer = sealed(_envelope(_FOOTER, bytes(8), header[-8:], nothing_later, _list([_record(group)])))
    return placed(data, base.anchor_at, header, footer, most)


# --------------------------------------------------------------------------------------------------------- envelopes


def _envelope(kind, *parts):
    content = b"".join(parts)
    size = 8 + len(content) + 8  # its type and size, and its checksum
    return struct.pack("<Q", kind | size << 16) + content


def _record(content):
    return struct.pack("<q", 8 + len(content)) + content


def _list(parts, end=b""):
    parts = list(parts)
    content = b"".join(parts) + end
    return struct.pack("<qI", -(12 + len(content)), len(parts)) + content


def _string(text):
    return struct.pack("<I", len(text)) + text.encode()


def _numbered(fields):
    """All fields in the order that they are stored in, each with the number of its parent."""
    found = []

    def walk(field, parent):
        mine = len(found)
        found.append((mine if parent is None else parent, field))
        for child in field.children:
            walk(child, mine)

    for field in fields:
        walk(field, None)
    return found


def _schema(fields, begins):
    """The lists of fields, columns, aliases and information on types; `begins`: the first element of each column."""
    descriptions, columns = [], []
    for i, (parent, field) in enumerate(_numbered(fields)):
        flags = 0 if field.repetitions is None else _REPEATED
        texts = (field.name, field.type_name, "", "")
        more = b"" if field.repetitions is None else struct.pack("<Q", field.repetitions)
        numbers = struct.pack("<IIIHH", 0, 0, parent, field.role, flags)
        descriptions.append(_record(numbers + b"".join(map(_string, texts)) + more))
        for kind in field.columns:
            begin = begins[len(columns)]
            deferred = struct.pack("<q", begin) if begin else b""
            flags = _DEFERRED if begin else 0
            columns.append(_record(struct.pack("<HHIHH", kind.type, kind.bits, i, flags, 0) + deferred))
    return _list(descriptions), _list(columns), _list([]), _list([])


def _laid_out(data, clusters, columns, compressed):
    """Adds the pages to the file: summaries of clusters, what is said of the columns of each, and their beginnings."""
    known = {}
    ends = [0] * len(columns)
    begins = [0] * len(columns)
    seen = set()
    summaries, cells = [], []
    entry = 0
    for cluster in clusters:
        first = entry if cluster.first is None else cluster.first
        summaries.append(struct.pack("<QQ", first, cluster.entries))
        entry = first + cluster.entries
        cells.append([])
        for i, its in enumerate(cluster.columns):
            begin = ends[i] if its.first is None else its.first
            if i not in seen:
                seen.add(i)
                begins[i] = begin
            locators = []
            for elements in its.pages:
                page = columns[i].stored(elements)
                page = uproot.compression.compress(page, compressed) if compressed else page
                at = known.setdefault(page, len(data))
                if at == len(data):
                    data += page
                locators.append(struct.pack("<iiQ", len(elements), len(page), at))
            ends[i] = begin + sum(map(len, its.pages))
            cells[-1].append(_list(locators, struct.pack("<qI", begin, 0)))
    return summaries, cells, begins
